//! Shapes of load, and the command that runs one by hand.

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;
use serde::Serialize;

use super::Draft;
use super::Load;
use super::Outcome;
use super::Request;
use super::Schedule;
use super::tls;
use crate::machine;

/// Requests per second, at most: more is no measurement on loopback.
const RATE_MAX: f64 = 1_000_000.0;
/// Steps of a staircase, at most.
const STEPS_MAX: u32 = 40;
/// How often a step may break its bounds before it counts.
const TRIES: usize = 3;
/// Part of a step at its beginning that is not judged: connections are made in it.
const SETTLING: f64 = 0.2;

/// A shape of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// The same rate all the time.
    Constant,
    /// From nothing evenly up to the rate.
    Ramp,
    /// The rate rises by half from step to step, until the 99th percentile or the failures break their bound.
    Step,
    /// A third of the time at the rate, a third at ten times the rate, a third at the rate.
    Burst,
    /// The same rate, a new connection for each request.
    Churn,
}

/// The generator by hand.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Where to send requests; loopback only.
    #[arg(long)]
    to: SocketAddrV4,
    /// The shape.
    #[arg(long, default_value = "constant")]
    profile: Shape,
    /// Requests per second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Seconds in all, or of each step.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections at a time, at most.
    #[arg(long, default_value_t = 1024)]
    connections: usize,
    /// Milliseconds that an answer may take.
    #[arg(long, default_value_t = 10_000)]
    patience_ms: u64,
    /// The method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// The path.
    #[arg(long, default_value = "/")]
    path: String,
    /// The host.
    #[arg(long, default_value = "localhost")]
    host: String,
    /// A field, `Name: value`; may be repeated.
    #[arg(long)]
    header: Vec<String>,
    /// Bytes of a body.
    #[arg(long, default_value_t = 0)]
    body: usize,
    /// Speak TLS, and trust the certificates in this PEM file; the server must be `localhost` by name.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Resume no session.
    #[arg(long)]
    full: bool,
    /// Where a step ends the staircase: the 99th percentile in milliseconds.
    #[arg(long, default_value_t = 20.0)]
    p99_ms: f64,
}

/// What a step of a staircase must not exceed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) p99: Duration,
    /// The part of the requests that may fail or be refused.
    pub(crate) failed: f64,
}

/// One step of a staircase.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) rate: f64,
    /// Good answers per second.
    pub(crate) good: f64,
    pub(crate) p99_ms: f64,
    pub(crate) failed: u64,
    /// Why it is over the knee.
    pub(crate) broke: Option<String>,
}

impl Bounds {
    /// What cases use to look for a capacity: one in a thousand may fail.
    pub(crate) const fn p99(p99: Duration) -> Self {
        Self { p99, failed: 0.001 }
    }
}

/// Rises from `first` by `factor` until a bound breaks; the last step is the one that broke it, if any did.
pub(crate) fn staircase(
    load: &Load,
    first: f64,
    factor: f64,
    each: Duration,
    bounds: Bounds,
) -> io::Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rate = first;
    while steps.len() < STEPS_MAX as usize && rate <= RATE_MAX {
        let mut load = load.clone();
        load.schedule = Schedule::constant(rate, each);
        load.window = each.mul_f64(SETTLING).max(Duration::from_millis(1));
        // A machine has its moments: only what breaks again and again is over the knee.
        let mut step = judge(rate, &load.clone().run()?, each, bounds)?;
        for _ in 1..TRIES {
            if step.broke.is_some() {
                step = judge(rate, &load.clone().run()?, each, bounds)?;
            }
        }
        let broke = step.broke.is_some();
        steps.push(step);
        if broke {
            break;
        }
        rate *= factor;
    }
    Ok(steps)
}

/// The highest rate that kept its bounds.
pub(crate) fn knee(steps: &[Step]) -> Option<f64> {
    let kept = steps.iter().rev().find(|step| step.broke.is_none());
    kept.map(|step| step.rate)
}

fn judge(rate: f64, outcome: &Outcome, each: Duration, bounds: Bounds) -> io::Result<Step> {
    let from = each.mul_f64(SETTLING);
    let (mut offered, mut failed, mut good, mut p99) = (0, 0, 0.0, 0);
    for (_, tally) in &outcome.streams {
        let (counts, response) = tally.between(from, each)?;
        offered += counts.offered;
        failed += counts.failed() + counts.shed;
        good += tally.goodput(from, each);
        p99 = p99.max(response.value_at_quantile(0.99));
    }
    let broke = if Duration::from_micros(p99) > bounds.p99 {
        Some(format!("p99 over {:?}", bounds.p99))
    } else if failed as f64 > bounds.failed * offered as f64 {
        Some(format!("{failed} of {offered} failed or were refused"))
    } else {
        outcome.invalid()
    };
    Ok(Step {
        rate,
        good,
        p99_ms: p99 as f64 / 1e3,
        failed,
        broke,
    })
}

/// Runs a load by hand; `true` when it says something.
pub(crate) fn run(options: &Options) -> io::Result<bool> {
    machine::raise_descriptor_limit();
    let load = options.load()?;
    let each = Duration::from_secs(options.seconds.clamp(1, 3600));
    let rate = options.rate;
    if options.profile == Shape::Step {
        let bounds = Bounds::p99(Duration::from_secs_f64(options.p99_ms.max(0.001) / 1e3));
        let steps = staircase(&load, rate, 1.5, each, bounds)?;
        for step in &steps {
            println!(
                "{:>9.0}/s: {:>9.0}/s good, p99 {:.2} ms, {} failed {}",
                step.rate,
                step.good,
                step.p99_ms,
                step.failed,
                step.broke.as_deref().unwrap_or("")
            );
        }
        println!("knee: {:.0} requests/s", knee(&steps).unwrap_or(0.0));
        return Ok(true);
    }
    let third = each / 3;
    let schedule = match options.profile {
        Shape::Ramp => Schedule::ramp(0.0, rate, each),
        Shape::Burst => Schedule::burst(rate, 10.0 * rate, third, third, third),
        Shape::Constant | Shape::Churn | Shape::Step => Schedule::constant(rate, each),
    };
    let outcome = Load { schedule, ..load }.run()?;
    for (name, value) in outcome.facts()? {
        println!("{name}: {value}");
    }
    over_time(&outcome);
    Ok(outcome.invalid().is_none())
}

fn over_time(outcome: &Outcome) {
    println!("second: due, good in it, refused, failed, p50 and p99 in ms");
    for (_, tally) in &outcome.streams {
        for (number, window) in tally.windows.iter().enumerate() {
            let ms = |quantile| window.response.value_at_quantile(quantile) as f64 / 1e3;
            println!(
                "{number:>5}: {:>7} {:>7} {:>6} {:>6} {:>9.2} {:>9.2}",
                window.counts.offered,
                window.done,
                window.counts.shed,
                window.counts.failed(),
                ms(0.5),
                ms(0.99)
            );
        }
    }
}

impl Options {
    fn load(&self) -> io::Result<Load> {
        if !(self.rate > 0.0 && self.rate <= RATE_MAX) {
            return Err(io::Error::other(format!(
                "a rate of at most {RATE_MAX:.0} is needed"
            )));
        }
        let fields: String = self
            .header
            .iter()
            .map(|line| format!("{line}\r\n"))
            .collect();
        let mut load = Load::plain(self.to, Schedule::default());
        load.connections = self.connections;
        load.patience = Duration::from_millis(self.patience_ms);
        if let Some(file) = &self.ca {
            load.tls = Some(tls::client_of(file, !self.full)?);
        }
        load.keep = self.profile != Shape::Churn;
        for stream in &mut load.streams {
            let close = if load.keep {
                ""
            } else {
                "Connection: close\r\n"
            };
            stream.requests = vec![Request::new(&Draft {
                method: &self.method,
                host: &self.host,
                path: &self.path,
                fields: &format!("{fields}{close}"),
                body: self.body,
                ..Draft::get("/")
            })];
        }
        Ok(load)
    }
}
