//! A burst of ten times the capacity for five seconds: what is still served well during it, how long those wait that are
//! let in, and how long it takes until all is as before.
//!
//! The capacity is the origin's, which has a few workers and a fixed time for each request: so it is the same for every
//! lane, and known. A client gives up after two seconds; what an origin has read by then is worked on in vain.

use std::io;
use std::time::Duration;

use crate::cases::Case;
use crate::cases::bench;
use crate::compare::Origin;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::node;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::Schedule;
use crate::open::Tally;
use crate::open::fact;
use crate::verdict::Figure;

/// The origin's workers, and how long each takes for a request.
const SLOTS: usize = 8;
const DELAY_US: u64 = 8000;
/// How long the gateway lets requests wait for the origin.
const WAIT: &str = "25ms";
/// Requests a second that it can serve.
const CAPACITY: f64 = SLOTS as f64 * 1e6 / DELAY_US as f64;
/// Part of it before and after the burst.
const SHARE: f64 = 0.5;
const TIMES: f64 = 10.0;
const LEAD: Duration = Duration::from_secs(6);
const HIGH: Duration = Duration::from_secs(5);
const TAIL: Duration = Duration::from_secs(10);
/// What the beginning of a run costs is not looked at.
const WARM_UP: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections of the clients, all together.
const CONNECTIONS: usize = 4096;
/// A 99th percentile over time is that of this long, seen this often.
const SPAN: Duration = Duration::from_millis(500);
const SIGHT: Duration = Duration::from_millis(50);
/// How far from the time before the time after may be.
const LIKE_BEFORE: f64 = 1.10;

/// What a lane made of it.
struct Felt {
    goodput: f64,
    base_ms: f64,
    admitted_ms: f64,
    recovery: Option<Duration>,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let (slots, delay) = (format!("--slots={SLOTS}"), format!("--delay-us={DELAY_US}"));
    let origin = run.scripted(&[&slots, &delay])?;
    let peak = peak(&origin)?;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy, Lane::Node]) {
        if lane == Lane::Node
            && let Err(why) = node::install(&run.workshop)
        {
            run.skip(Case::Burst, &why);
            continue;
        }
        let mut setup = run.setup(&origin);
        setup.custom.sections = bench::adaptive(WAIT);
        if lane == Lane::Silverback && !run.takes(Case::Burst, &setup)? {
            // Without it, it does what it does by default.
            setup.custom.sections.clear();
        }
        let running = lane.start(&run.workshop, &setup)?;
        let outcome = Load {
            connections: CONNECTIONS,
            patience: PATIENCE,
            window: SIGHT,
            ..Load::plain(running.address, schedule())
        }
        .run()?;
        let felt = felt(&outcome)?;
        add(run, lane, peak, &felt, &outcome)?;
        drop(running);
        // What the origin still has in line is none of the next one's business.
        while bench::tell(origin.address, "")?.in_flight > 0 {
            std::thread::sleep(SIGHT);
        }
    }
    Ok(())
}

fn schedule() -> Schedule {
    Schedule::burst(SHARE * CAPACITY, TIMES * CAPACITY, LEAD, HIGH, TAIL)
}

/// What the origin serves in a second when it always has enough to do.
fn peak(origin: &Origin) -> io::Result<f64> {
    let time = Duration::from_secs(3);
    let outcome = Load {
        connections: 4 * SLOTS,
        patience: PATIENCE,
        window: SIGHT,
        ..bench::plain(origin.address, 1.5 * CAPACITY, time)
    }
    .run()?;
    let goodput = outcome
        .streams
        .iter()
        .map(|(_, tally)| tally.goodput(WARM_UP, time));
    Ok(goodput.sum())
}

fn felt(outcome: &Outcome) -> io::Result<Felt> {
    let none = || io::Error::other("a load without a stream");
    let (_, tally) = outcome.streams.first().ok_or_else(none)?;
    let (_, base) = tally.between(WARM_UP, LEAD)?;
    let (_, admitted) = tally.between(LEAD, LEAD + HIGH)?;
    Ok(Felt {
        goodput: tally.goodput(LEAD, LEAD + HIGH),
        base_ms: bench::p99_ms(&base),
        admitted_ms: bench::p99_ms(&admitted),
        recovery: recovery(tally, WARM_UP, LEAD, LEAD + HIGH, LEAD + HIGH + TAIL)?,
    })
}

/// How long after `over` the 99th percentile of a span, and the share of it that is served, are those of the worst span
/// before the burst, but for a tenth.
fn recovery(
    tally: &Tally,
    from: Duration,
    until: Duration,
    over: Duration,
    end: Duration,
) -> io::Result<Option<Duration>> {
    let span = |at: Duration| -> io::Result<(f64, bool)> {
        let (counts, response) = tally.between(at, at + SPAN)?;
        Ok((bench::p99_ms(&response), counts.good == counts.offered))
    };
    let mut worst = 0.0f64;
    let mut at = from;
    while at + SPAN <= until {
        worst = worst.max(span(at)?.0);
        at += SIGHT;
    }
    let mut at = over;
    while at + SPAN <= end {
        let (p99, whole) = span(at)?;
        if whole && p99 <= LIKE_BEFORE * worst {
            return Ok(Some(at - over));
        }
        at += SIGHT;
    }
    Ok(None)
}

fn add(run: &mut Run, lane: Lane, peak: f64, felt: &Felt, outcome: &Outcome) -> io::Result<()> {
    let Felt {
        goodput,
        base_ms,
        admitted_ms,
        recovery,
    } = felt;
    let again = recovery.map_or_else(|| "not seen".to_owned(), |time| format!("{time:?}"));
    let facts = vec![
        fact("the origin's peak", format!("{peak:.0}/s")),
        fact(
            "good answers during the burst",
            format!(
                "{goodput:.0}/s, {:.0} % of the peak",
                100.0 * goodput / peak
            ),
        ),
        fact("p99 before", format!("{base_ms:.2} ms")),
        fact("p99 of what was admitted", format!("{admitted_ms:.2} ms")),
        fact("as before again after", again.clone()),
    ];
    if lane == Lane::Silverback {
        let lost = 100.0 * (1.0 - goodput / peak);
        let slower = admitted_ms / base_ms.max(1e-3);
        let time = recovery.unwrap_or(TAIL).as_secs_f64() * 1e3;
        bench::count(
            run,
            Figure::BurstGoodput,
            lost.max(0.0),
            format!("{goodput:.0}/s of {peak:.0}/s"),
        );
        let detail = format!("{admitted_ms:.2} ms, {base_ms:.2} ms before");
        bench::count(run, Figure::BurstSlower, slower, detail);
        bench::count(run, Figure::BurstRecovery, time, again);
    }
    bench::note(run, Case::Burst, lane, facts, outcome)
}

#[cfg(test)]
mod tests {
    use super::recovery;
    use crate::open::Tally;
    use crate::open::tally::End;
    use crate::open::tally::Moments;
    use std::time::Duration;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn recovery_is_when_a_span_is_like_before() {
        let mut tally = Tally::new(ms(50)).expect("bounds");
        for due in (0..6000).step_by(10) {
            tally.offer(ms(due)).expect("bounds");
            // From 2 to 3.4 s everything takes ten times as long.
            let took = if (2000..3400).contains(&due) { 40 } else { 4 };
            let moments = Moments {
                due: ms(due),
                sent: ms(due),
                done: ms(due + took),
            };
            tally.end(End::Good, moments).expect("bounds");
        }
        let found = recovery(&tally, ms(0), ms(2000), ms(3000), ms(6000));
        assert_eq!(found.expect("bounds"), Some(ms(400)));
        let never = recovery(&tally, ms(0), ms(2000), ms(2000), ms(3000));
        assert_eq!(never.expect("bounds"), None);
    }
}
