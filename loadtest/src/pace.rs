//! The open-loop load of the older cases: GETs at an even rate over few connections, in stretches that end when a case says so.

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::open::Draft;
use crate::open::Load;
use crate::open::Note;
use crate::open::Request;
use crate::open::Schedule;

/// Connections of the load.
const CONNECTIONS: usize = 64;
/// The longest stretch; a case ends it earlier.
const STRETCH_MAX: Duration = Duration::from_secs(3600);
/// How often a case is asked whether its stretch is over.
const ASKED: Duration = Duration::from_millis(1);

/// What a stretch of load saw.
pub(crate) struct Stretch {
    /// Microseconds from when a request was due to the last byte of its answer.
    pub(crate) latency: Histogram<u64>,
    pub(crate) failed: u64,
    /// Each answer, if they are noted.
    pub(crate) notes: Vec<Note>,
}

/// A load that can run again and again.
pub(crate) struct Pace {
    load: Load,
    /// Answers of this status are no failures.
    refusal: Option<u16>,
}

impl Pace {
    /// A load of `lines`, which are `HOST PATH` or `HOST PATH KEY`, one after the other.
    pub(crate) fn new(address: SocketAddrV4, lines: &str, per_second: f64) -> Self {
        let schedule = Schedule::constant(per_second.max(1.0), STRETCH_MAX);
        let mut load = Load {
            connections: CONNECTIONS,
            ..Load::plain(address, schedule)
        };
        for stream in &mut load.streams {
            stream.requests = lines.lines().filter_map(request).collect();
        }
        Self {
            load,
            refusal: None,
        }
    }

    /// Takes answers of this status for good ones, and notes each answer.
    pub(crate) fn noting(mut self, refusal: u16) -> Self {
        self.refusal = Some(refusal);
        self.load.noted = true;
        self
    }

    /// Runs until `over` says so, and until what is in flight then is answered.
    pub(crate) fn run(&mut self, mut over: impl FnMut() -> bool) -> io::Result<Stretch> {
        let running = self.load.clone().spawn();
        while !over() && !running.is_over() {
            thread::sleep(ASKED);
        }
        let outcome = running.stop()?;
        let counts = outcome.counts();
        let asked_for = |note: &&Note| self.refusal == Some(note.status);
        let refused = outcome.notes.iter().filter(asked_for).count() as u64;
        Ok(Stretch {
            latency: outcome.response()?,
            failed: counts.failed() + counts.shed - refused.min(counts.shed),
            notes: outcome.notes,
        })
    }
}

fn request(line: &str) -> Option<Request> {
    let mut words = line.split(' ');
    let (host, path) = (words.next()?, words.next()?);
    let key = words.next().map(|key| format!("apikey: {key}\r\n"));
    Some(Request::new(&Draft {
        host,
        fields: &key.unwrap_or_default(),
        ..Draft::get(path)
    }))
}
