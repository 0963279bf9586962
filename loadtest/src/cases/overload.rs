//! Twice the capacity, evenly, for a while: what is still served well, how fast the rest is refused, whether the operator
//! still gets an answer.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use crate::cases::Case;
use crate::cases::bench;
use crate::cases::bench::Sample;
use crate::cases::bench::Watch;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::Draft;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::Request;
use crate::open::Schedule;
use crate::open::Stream;
use crate::open::fact;
use crate::open::profile;
use crate::verdict::Figure;

const TIMES: f64 = 2.0;
/// How long each stretch is: at the capacity, then beyond it.
const STRETCH: Duration = Duration::from_secs(10);
/// The beginning of a stretch is not judged.
const WARM_UP: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(2);
/// How often memory and health are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a lane made of it.
struct Felt {
    knee: f64,
    peak: f64,
    outcome: Outcome,
    samples: Vec<Sample>,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let running = lane.start(&run.workshop, &run.setup(&origin))?;
        let load = load(running.address);
        let steps = bench::staircase(run, &load)?;
        let Some(knee) = profile::knee(&steps) else {
            let text = format!("overload: {}: no rate is served", lane.name());
            run.report.failures.push(text);
            continue;
        };
        let peak = steps.iter().map(|step| step.good).fold(0.0, f64::max);
        let watch = Watch::start(running.process.id(), running.admin, LOOK);
        let outcome = Load {
            schedule: Schedule::constant(TIMES * peak, STRETCH),
            ..load
        }
        .run()?;
        let felt = Felt {
            knee,
            peak,
            outcome,
            samples: watch.finish()?,
        };
        felt.add(run, lane)?;
    }
    Ok(())
}

/// A connection for each request: so the load costs the proxy more than the generator.
fn load(address: SocketAddrV4) -> Load {
    Load {
        keep: false,
        connections: CONNECTIONS,
        patience: PATIENCE,
        streams: vec![Stream {
            name: "all".to_owned(),
            share: 1,
            requests: vec![Request::new(&Draft {
                fields: "Connection: close\r\n",
                ..Draft::get("/")
            })],
        }],
        ..Load::plain(address, Schedule::default())
    }
}

impl Felt {
    fn add(&self, run: &mut Run, lane: Lane) -> io::Result<()> {
        let Self {
            knee,
            peak,
            outcome,
            samples,
        } = self;
        let good: f64 = outcome
            .streams
            .iter()
            .map(|(_, tally)| tally.goodput(WARM_UP, STRETCH))
            .sum();
        let health = samples
            .iter()
            .filter_map(|sample| sample.health)
            .max()
            .unwrap_or_default();
        let silent = samples
            .iter()
            .filter(|sample| sample.health.is_none())
            .count();
        let memory = samples
            .iter()
            .map(|sample| sample.resident)
            .max()
            .unwrap_or(0)
            / 1024;
        let share = 100.0 * good / peak;
        let mut facts = vec![
            fact(
                "knee",
                format!("{knee:.0}/s; the most good answers {peak:.0}/s"),
            ),
            fact(
                "good at twice of that",
                format!("{good:.0}/s, {share:.0} % of the peak"),
            ),
            fact("resident, at most", format!("{memory} KiB")),
        ];
        if lane == Lane::Silverback {
            let text = format!("{health:?}, {silent} without one");
            facts.push(fact("the admin listener's slowest answer", text));
        }
        if lane == Lane::Silverback {
            self.judge(run, share, good, health);
        }
        bench::note(run, Case::Overload, lane, facts, outcome)
    }

    /// Holds it against its bars; a generator that was late proves nothing against a proxy.
    fn judge(&self, run: &mut Run, share: f64, good: f64, health: Duration) {
        if self.outcome.invalid().is_some() {
            return;
        }
        let lost = (100.0 - share).max(0.0);
        let detail = format!("{good:.0}/s of {:.0}/s", self.peak);
        bench::count(run, Figure::OverloadGoodput, lost, detail);
        let detail = format!("{} looks", self.samples.len());
        bench::count(
            run,
            Figure::OverloadHealth,
            health.as_secs_f64() * 1e3,
            detail,
        );
        let tallies = self.outcome.streams.iter().map(|(_, tally)| tally);
        let refusal = tallies
            .map(|tally| bench::p99_ms(&tally.shed))
            .fold(0.0, f64::max);
        let shed = self.outcome.counts().shed;
        if shed > 0 {
            bench::count(
                run,
                Figure::OverloadRefusal,
                refusal,
                format!("{shed} refused"),
            );
        }
    }
}
