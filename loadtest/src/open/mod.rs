//! An open-loop load: requests leave when their time has come, whether or not earlier ones were answered, and latency
//! counts from that time. A proxy that stalls cannot hide it, and neither can the generator: it accounts for its own
//! lateness, and calls a run invalid in which it was late itself.

mod answer;
mod engine;
pub(crate) mod profile;
mod schedule;
pub(crate) mod series;
pub(crate) mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod wire;

use std::fmt::Write;
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
use rustls::ClientConfig;

pub(crate) use self::answer::Expect;
use self::answer::ID_DIGITS;
pub(crate) use self::schedule::Schedule;
pub(crate) use self::tally::Counts;
pub(crate) use self::tally::Tally;

/// The field that carries a request's number; the kit's origins count and echo it.
pub(crate) const NUMBER: &str = "X-Ledger-Id";
/// Later than that after its time, the 99th percentile of the requests makes a run invalid: latencies would be the
/// generator's own.
const LATE_MAX: Duration = Duration::from_millis(10);
/// The part of what was due that must have been handled, or the run is invalid.
const HANDLED_MIN: f64 = 0.99;
/// Which CPU the generator runs on, beside the origin; the proxies have CPU 0.
const CPU: usize = 1;

/// A request, ready to be sent but for its number.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Where the number goes.
    number_at: Option<usize>,
    expect: Expect,
}

/// A request in words.
#[derive(Clone, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    /// Whole lines, each with its CRLF.
    pub(crate) fields: &'a str,
    /// Bytes of its body.
    pub(crate) body: usize,
    pub(crate) expect: Expect,
}

/// Requests of one kind, accounted for apart from others.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) name: String,
    /// Its part of the arrivals, relative to the others'.
    pub(crate) share: u32,
    /// Sent one after the other, again and again.
    pub(crate) requests: Vec<Request>,
}

/// What to send where, when, over how many connections.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddrV4,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Whether a connection serves more than one request.
    pub(crate) keep: bool,
    /// Connections at a time, at most; a request that finds none waits for one.
    pub(crate) connections: usize,
    /// How long an answer may take, and how long a request waits for a connection.
    pub(crate) patience: Duration,
    /// The unit of the account over time.
    pub(crate) window: Duration,
    /// Whether each answer is noted.
    pub(crate) noted: bool,
    pub(crate) streams: Vec<Stream>,
    pub(crate) schedule: Schedule,
}

/// What was done with connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connections {
    pub(crate) opened: u64,
    /// Handshakes that were full, and that resumed a session.
    pub(crate) full: u64,
    pub(crate) resumed: u64,
    /// Open at a time.
    pub(crate) most: usize,
    /// Closed by the other side while nothing was asked.
    pub(crate) closed_idle: u64,
    /// Requests that had to wait because all connections were busy.
    pub(crate) waited: u64,
}

/// A whole run.
pub(crate) struct Outcome {
    /// When the schedule began.
    pub(crate) began: Instant,
    /// What the schedule wanted, what was handled, in requests.
    pub(crate) wanted: u64,
    pub(crate) took: Duration,
    pub(crate) streams: Vec<(String, Tally)>,
    /// Microseconds from when a request was due until the generator looked at it.
    pub(crate) lateness: Histogram<u64>,
    pub(crate) connections: Connections,
    /// Part of its CPU that the generator used.
    pub(crate) busy: f64,
    /// Stopped before the schedule's end.
    pub(crate) stopped: bool,
    /// Each answer, if that was asked for.
    pub(crate) notes: Vec<Note>,
}

/// One answer; times are microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    /// Which of its stream's requests it answers.
    pub(crate) request: usize,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) status: u16,
}

/// A load that runs in a thread of its own.
pub(crate) struct Running {
    thread: JoinHandle<io::Result<Outcome>>,
    stop: Arc<AtomicBool>,
}

impl Request {
    /// Writes it out; it gets a number if its answer is to echo one, or if it is a POST.
    pub(crate) fn new(draft: &Draft<'_>) -> Self {
        let Draft {
            method,
            host,
            path,
            fields,
            body,
            expect,
        } = draft;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}");
        if *body > 0 {
            let _ = write!(head, "Content-Length: {body}\r\n");
        }
        let numbered = expect.echo || *method == "POST";
        let number_at = numbered.then(|| {
            let at = head.len() + NUMBER.len() + 2;
            let zero = "0".repeat(ID_DIGITS);
            let _ = write!(head, "{NUMBER}: {zero}\r\n");
            at
        });
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.resize(bytes.len() + body, b'x');
        Self {
            bytes,
            number_at,
            expect: *expect,
        }
    }

    /// A GET of a path whose answer has any length.
    pub(crate) fn get(path: &str) -> Self {
        Self::new(&Draft::get(path))
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            host: "localhost",
            path,
            fields: "",
            body: 0,
            expect: Expect::default(),
        }
    }
}

impl Load {
    /// Plain keep-alive GETs of `/`, over as many connections as are needed up to 1,024.
    pub(crate) fn plain(address: SocketAddrV4, schedule: Schedule) -> Self {
        Self {
            address,
            tls: None,
            keep: true,
            connections: 1024,
            patience: Duration::from_secs(10),
            window: Duration::from_secs(1),
            noted: false,
            streams: vec![Stream {
                name: "all".to_owned(),
                share: 1,
                requests: vec![Request::get("/")],
            }],
            schedule,
        }
    }

    /// Starts it in a thread of its own.
    pub(crate) fn spawn(self) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            pin();
            engine::run(&self, &told)
        });
        Running { thread, stop }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> io::Result<Outcome> {
        self.spawn().finish()
    }
}

impl Running {
    /// Waits for the schedule's end.
    pub(crate) fn finish(self) -> io::Result<Outcome> {
        let ended = self.thread.join();
        ended.map_err(|_| io::Error::other("the generator panicked"))?
    }

    /// Ends the schedule now, and waits for what is in flight.
    pub(crate) fn stop(self) -> io::Result<Outcome> {
        self.stop.store(true, Ordering::Relaxed);
        self.finish()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Outcome {
    /// All streams together.
    pub(crate) fn counts(&self) -> Counts {
        let each = self.streams.iter().map(|(_, tally)| &tally.counts);
        each.fold(Counts::default(), |sum, counts| sum.plus(counts))
    }

    /// The account of a stream.
    pub(crate) fn stream(&self, name: &str) -> Option<&Tally> {
        let found = self.streams.iter().find(|(found, _)| found == name);
        found.map(|(_, tally)| tally)
    }

    /// Response times of all streams' good answers.
    pub(crate) fn response(&self) -> io::Result<Histogram<u64>> {
        let mut all = tally::histogram(3)?;
        for (_, tally) in &self.streams {
            all.add(&tally.response).map_err(io::Error::other)?;
        }
        Ok(all)
    }

    /// Why the run says nothing, if so.
    pub(crate) fn invalid(&self) -> Option<String> {
        let late = Duration::from_micros(self.lateness.value_at_quantile(0.99));
        let handled = self.counts().offered as f64;
        if late > LATE_MAX {
            return Some(format!("the generator was late itself: p99 {late:?}"));
        }
        if !self.stopped && handled < HANDLED_MIN * self.wanted as f64 {
            return Some(format!(
                "of {} requests {handled} were handled",
                self.wanted
            ));
        }
        None
    }

    /// The figures that every run reports, for people.
    pub(crate) fn facts(&self) -> io::Result<Vec<(String, String)>> {
        let counts = self.counts();
        let seconds = self.took.as_secs_f64().max(1e-9);
        let Connections {
            opened,
            full,
            resumed,
            most,
            closed_idle,
            waited,
        } = self.connections;
        let mut facts = vec![
            fact("requests", counts.text()),
            fact(
                "rate",
                format!(
                    "{:.0}/s wanted, {:.0}/s handled, {:.0}/s good",
                    self.wanted as f64 / seconds,
                    counts.offered as f64 / seconds,
                    counts.good as f64 / seconds
                ),
            ),
            fact(
                "response time, from when it was due",
                quantiles(&self.response()?),
            ),
            fact(
                "connections",
                format!(
                    "{opened} opened, {most} at a time, {closed_idle} closed while idle; {waited} requests waited for one"
                ),
            ),
            fact(
                "the generator",
                format!(
                    "{:.0} % busy, late by {}",
                    self.busy * 100.0,
                    quantiles(&self.lateness)
                ),
            ),
        ];
        if full + resumed > 0 {
            facts.push(fact(
                "handshakes",
                format!("{full} full, {resumed} resumed"),
            ));
        }
        for (name, tally) in &self.streams {
            let label = |text: &str| format!("{name}: {text}");
            if self.streams.len() > 1 {
                facts.push((label("requests"), tally.counts.text()));
                facts.push((label("response time"), quantiles(&tally.response)));
            }
            facts.push((
                label("service time, from when it was sent"),
                quantiles(&tally.service),
            ));
            if tally.counts.shed > 0 {
                facts.push((label("refusals"), quantiles(&tally.shed)));
            }
        }
        if let Some(why) = self.invalid() {
            facts.push(fact("INVALID", why));
        }
        Ok(facts)
    }
}

/// A line of a report.
pub(crate) fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// The quantiles that matter, for people.
pub(crate) fn quantiles(histogram: &Histogram<u64>) -> String {
    if histogram.is_empty() {
        return "none".to_owned();
    }
    let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    format!(
        "p50 {:.2} ms, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2}",
        ms(0.5),
        ms(0.9),
        ms(0.99),
        ms(0.999),
        histogram.max() as f64 / 1e3
    )
}

/// Keeps this thread off the proxies' CPU, where there are two.
fn pin() {
    let mut set = rustix::thread::CpuSet::new();
    set.set(CPU);
    let _ = rustix::thread::sched_setaffinity(None, &set);
}
