//! Twice the capacity, evenly, for a while: what is still served well, how fast the rest is refused, whether the operator
//! still gets an answer.

use std::io;
use std::time::Duration;

use crate::cases::Case;
use crate::cases::bench;
use crate::cases::bench::Watch;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::Draft;
use crate::open::Load;
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

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let running = lane.start(&run.workshop, &run.setup(&origin))?;
        // A connection for each request: the load costs the proxy more than the generator.
        let load = Load {
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
            ..Load::plain(running.address, Schedule::default())
        };
        let steps = bench::staircase(run, &load)?;
        let Some(knee) = profile::knee(&steps) else {
            run.report
                .failures
                .push(format!("overload: {}: no rate is served", lane.name()));
            continue;
        };
        let peak = steps.iter().map(|step| step.good).fold(0.0, f64::max);
        let watch = Watch::start(running.process.id(), running.admin, LOOK);
        let outcome = Load {
            schedule: Schedule::constant(TIMES * knee, STRETCH),
            ..load
        }
        .run()?;
        let samples = watch.finish()?;
        let good = outcome.streams[0].1.goodput(WARM_UP, STRETCH);
        let refusal = bench::p99_ms(&outcome.streams[0].1.shed);
        let health = samples
            .iter()
            .filter_map(|sample| sample.health)
            .max()
            .unwrap_or_default();
        let unanswered = samples
            .iter()
            .filter(|sample| sample.health.is_none())
            .count();
        let memory = samples
            .iter()
            .map(|sample| sample.resident)
            .max()
            .unwrap_or(0)
            / 1024;
        let facts = vec![
            fact(
                "knee",
                format!("{knee:.0}/s; the most good answers {peak:.0}/s"),
            ),
            fact(
                "good at twice the knee",
                format!("{good:.0}/s, {:.0} % of the peak", 100.0 * good / peak),
            ),
            fact("resident, at most", format!("{memory} KiB")),
            fact(
                "the admin listener's slowest answer",
                format!("{health:?}, {unanswered} without one"),
            ),
        ];
        if lane == Lane::Silverback && outcome.invalid().is_none() {
            let lost = (100.0 * (1.0 - good / peak)).max(0.0);
            bench::count(
                run,
                Figure::OverloadGoodput,
                lost,
                format!("{good:.0}/s of {peak:.0}/s"),
            );
            bench::count(
                run,
                Figure::OverloadHealth,
                health.as_secs_f64() * 1e3,
                format!("{} looks", samples.len()),
            );
            if outcome.counts().shed > 0 {
                bench::count(
                    run,
                    Figure::OverloadRefusal,
                    refusal,
                    format!("{} refused", outcome.counts().shed),
                );
            }
        }
        bench::note(run, Case::Overload, lane, facts, &outcome)?;
    }
    Ok(())
}
