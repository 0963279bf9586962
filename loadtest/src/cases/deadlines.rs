//! Every deadline of the configuration, provoked again and again beside a load: how late each ends what it has to end.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::cases::bench;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::fact;
use crate::stats::Spread;
use crate::verdict::Figure;

/// Requests a second of the load.
const RATE: f64 = 500.0;
/// Each is provoked so often, that many at a time.
const ROUNDS: u64 = 5;
const TOGETHER: usize = 20;
/// The longest that one may take.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// The load's longest time; it is stopped when all is done.
const LOAD_MAX: Duration = Duration::from_secs(600);
/// Between two bytes of what drips.
const DRIP: Duration = Duration::from_millis(100);
/// An end that comes earlier than that before its time is none by the deadline.
const EARLY_MS: f64 = -20.0;

/// A deadline, the bytes that run into it, and when their answer or end must come.
struct Deadline {
    name: &'static str,
    time: Duration,
    bytes: &'static str,
    /// A whole answer comes first, from which on the time counts.
    after_answer: bool,
    /// The connection's end counts, not the answer's beginning.
    until_end: bool,
    /// A byte more is sent every now and then.
    drips: bool,
}

const TIMEOUTS: &str = "client_header = \"600ms\"
client_body_idle = \"700ms\"
keep_alive = \"800ms\"";
const SERVICE: &str =
    "read_timeout = \"500ms\"\nidle_timeout = \"900ms\"\ntotal_timeout = \"1500ms\"";

const DEADLINES: [Deadline; 6] = [
    Deadline {
        name: "client_header",
        time: Duration::from_millis(600),
        bytes: "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        after_answer: false,
        until_end: false,
        drips: false,
    },
    Deadline {
        name: "client_body_idle",
        time: Duration::from_millis(700),
        bytes: "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx",
        after_answer: false,
        until_end: false,
        drips: false,
    },
    Deadline {
        name: "keep_alive",
        time: Duration::from_millis(800),
        bytes: "GET /bytes/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        after_answer: true,
        until_end: true,
        drips: false,
    },
    Deadline {
        name: "read_timeout",
        time: Duration::from_millis(500),
        bytes: "POST / HTTP/1.1\r\nHost: localhost\r\nX-Fault: hang\r\nContent-Length: 1\r\n\r\nx",
        after_answer: false,
        until_end: false,
        drips: false,
    },
    Deadline {
        name: "idle_timeout",
        time: Duration::from_millis(900),
        bytes: "GET /bytes/100 HTTP/1.1\r\nHost: localhost\r\nX-Fault: stall-body\r\n\r\n",
        after_answer: false,
        until_end: true,
        drips: false,
    },
    Deadline {
        name: "total_timeout",
        time: Duration::from_millis(1500),
        bytes: "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
        after_answer: false,
        until_end: false,
        drips: true,
    },
];

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let rounds = run.pick(ROUNDS, 1);
    let origin = run.scripted(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.custom.timeouts = TIMEOUTS.to_owned();
        setup.custom.service = SERVICE.to_owned();
        let running = lane.start(&run.workshop, &setup)?;
        let load = bench::steady(running.address, RATE, LOAD_MAX).spawn();
        let (mut facts, mut worst) = (Vec::new(), f64::MIN);
        for deadline in &DEADLINES {
            let mut late = Vec::new();
            for _ in 0..rounds {
                late.extend(provoke(running.address, deadline)?);
            }
            let Some(spread) = Spread::of(late) else {
                continue;
            };
            let text = format!(
                "{:.0} ms late ({:.0} to {:.0})",
                spread.median, spread.min, spread.max
            );
            if spread.min < EARLY_MS {
                run.report
                    .failures
                    .push(format!("deadlines: {} came early: {text}", deadline.name));
            }
            worst = worst.max(spread.max);
            facts.push(fact(deadline.name, format!("{:?}: {text}", deadline.time)));
        }
        let outcome = load.stop()?;
        let detail = format!(
            "{} deadlines, {} times each",
            DEADLINES.len(),
            rounds * TOGETHER as u64
        );
        bench::count(run, Figure::DeadlineLate, worst, detail);
        bench::note(run, Case::Deadlines, lane, facts, &outcome)?;
    }
    Ok(())
}

/// Runs into it many times at once; how many milliseconds late each end was.
fn provoke(address: SocketAddrV4, deadline: &'static Deadline) -> io::Result<Vec<f64>> {
    let all: Vec<_> = (0..TOGETHER)
        .map(|_| thread::spawn(move || once(address, deadline)))
        .collect();
    let each = all.into_iter().map(|one| {
        one.join()
            .map_err(|_| io::Error::other("a provoking thread panicked"))?
    });
    each.collect()
}

fn once(address: SocketAddrV4, deadline: &Deadline) -> io::Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.write_all(deadline.bytes.as_bytes())?;
    let mut begin = Instant::now();
    let mut space = [0; 4096];
    if deadline.after_answer {
        // A few hundred bytes, which come together.
        if stream.read(&mut space)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        begin = Instant::now();
    }
    if deadline.drips {
        stream.set_read_timeout(Some(DRIP))?;
    }
    while begin.elapsed() < WAIT_MAX {
        match stream.read(&mut space) {
            Ok(0) => break,
            Ok(_) if deadline.until_end => {}
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) if deadline.drips && error.kind() == io::ErrorKind::WouldBlock => {
                // Too late is seen by the reading.
                let _ = stream.write(b"x");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((begin.elapsed().as_secs_f64() - deadline.time.as_secs_f64()) * 1e3)
}
