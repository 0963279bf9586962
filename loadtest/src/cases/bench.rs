//! What the cases under stress share: asking the origins, watching a process, taking what a load says into the report.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::Draft;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::Request;
use crate::open::Schedule;
use crate::open::Stream;
use crate::open::profile;
use crate::open::profile::Bounds;
use crate::open::profile::Step;
use crate::open::series::Series;
use crate::origin::Stats;
use crate::proc;
use crate::report::OverTime;
use crate::verdict::Figure;
use crate::verdict::Measured;

/// What an operator would write against overload: each upstream's limit follows what it can take, and requests wait for their
/// turn no longer than a few of its answers take.
pub(super) fn adaptive(wait: &str) -> String {
    format!("\n[overload]\nupstream_adaptive = true\nupstream_wait = \"{wait}\"\n")
}

/// Changes the scripted origin, or only asks it; what it has seen.
pub(super) fn tell(origin: SocketAddrV4, query: &str) -> io::Result<Stats> {
    let reply = Client::connect(origin)?.get(&format!("/_set?{query}"))?;
    serde_json::from_slice(&reply.body).map_err(io::Error::other)
}

/// The rate up to which a proxy keeps the 99th percentile under 20 ms, by a staircase of the open loop.
pub(super) fn capacity(run: &Run, load: &Load) -> io::Result<f64> {
    let steps = staircase(run, load)?;
    let knee = profile::knee(&steps);
    knee.ok_or_else(|| io::Error::other(format!("no rate keeps its bounds: {steps:?}")))
}

/// Rises until a bound breaks.
pub(super) fn staircase(run: &Run, load: &Load) -> io::Result<Vec<Step>> {
    let each = Duration::from_millis(run.pick(1500, 500));
    let bounds = Bounds::p99(Duration::from_millis(20));
    profile::staircase(load, 500.0, 1.25, each, bounds)
}

/// Plain requests for that long.
pub(super) fn plain(address: SocketAddrV4, rate: f64, time: Duration) -> Load {
    Load::plain(address, Schedule::constant(rate, time))
}

/// GETs of a consumer.
pub(super) fn keyed(name: &str, share: u32, key: &str) -> Stream {
    Stream {
        name: name.to_owned(),
        share,
        requests: vec![Request::new(&Draft {
            fields: &format!("apikey: {key}\r\n"),
            ..Draft::get("/")
        })],
    }
}

/// An even load, for those who only want to see that all goes well.
pub(super) fn steady(address: SocketAddrV4, rate: f64, time: Duration) -> Load {
    Load {
        window: Duration::from_millis(100),
        connections: 256,
        ..Load::plain(address, Schedule::constant(rate, time))
    }
}

/// The 99th percentile in milliseconds.
pub(super) fn p99_ms(histogram: &Histogram<u64>) -> f64 {
    histogram.value_at_quantile(0.99) as f64 / 1e3
}

/// Notes what a load said of a lane; the facts of the case come first.
pub(super) fn note(
    run: &mut Run,
    case: Case,
    lane: Lane,
    mut facts: Vec<(String, String)>,
    outcome: &Outcome,
) -> io::Result<()> {
    facts.extend(outcome.facts()?);
    run.report.found(&case.name(), lane, facts);
    let streams = outcome
        .streams
        .iter()
        .map(|(name, tally)| Series::of(name, tally));
    run.report.over_time.push(OverTime {
        case: case.name(),
        lane,
        streams: streams.collect::<io::Result<_>>()?,
    });
    if let Some(why) = outcome.invalid() {
        run.report
            .failures
            .push(format!("{}: {}: {why}", case.name(), lane.name()));
    }
    Ok(())
}

/// Holds a counted figure against its bar.
pub(super) fn count(run: &mut Run, figure: Figure, value: f64, detail: impl Into<String>) {
    run.report
        .measured
        .push(Measured::counted(figure, value, detail));
}

/// What a process used at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Duration,
    pub(super) resident: u64,
    pub(super) descriptors: usize,
    /// How long the admin listener took to answer, where it was asked.
    pub(super) health: Option<Duration>,
}

/// Looks at a process every second, or more often.
pub(super) struct Watch {
    thread: JoinHandle<Vec<Sample>>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    /// Looks at `process` until it is told to stop, and asks `admin` for its health.
    pub(super) fn start(process: u32, admin: Option<SocketAddrV4>, each: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let mut samples = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let begin = Instant::now();
                samples.push(Sample {
                    at: began.elapsed(),
                    resident: proc::memory(process).map_or(0, |memory| memory.resident),
                    descriptors: proc::descriptors(process).unwrap_or(0),
                    health: admin.and_then(|admin| healthy(admin).ok()),
                });
                thread::sleep(each.saturating_sub(begin.elapsed()));
            }
            samples
        });
        Self { thread, stop }
    }

    pub(super) fn finish(self) -> io::Result<Vec<Sample>> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.map_err(|_| io::Error::other("the watching thread panicked"))
    }
}

fn healthy(admin: SocketAddrV4) -> io::Result<Duration> {
    let begin = Instant::now();
    let reply = Client::connect(admin)?.get("/status")?;
    if reply.status == 200 {
        Ok(begin.elapsed())
    } else {
        Err(io::Error::other(format!("status {}", reply.status)))
    }
}

/// By how much a value grows in a second, by least squares.
pub(super) fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = points.clone().count().max(1) as f64;
    let sum = points
        .clone()
        .fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
    let (mean_x, mean_y) = (sum.0 / count, sum.1 / count);
    let (over, under) = points.fold((0.0, 0.0), |(over, under), (x, y)| {
        let away = x - mean_x;
        (over + away * (y - mean_y), under + away * away)
    });
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_has_its_slope_and_a_flat_one_none() {
        let line = (0..10).map(|x| (f64::from(x), 3.0 + 2.0 * f64::from(x)));
        assert!((slope(line) - 2.0).abs() < 1e-9);
        assert!(slope((0..10).map(|x| (f64::from(x), 5.0))).abs() < 1e-9);
        assert!(slope(std::iter::empty()).abs() < 1e-9);
    }
}
