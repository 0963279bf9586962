//! A limit under four times the load that it admits, over eight workers: never more than the limit in a window, and nearly
//! all of it.
//!
//! The gateway decides at some moment between the sending of a request and its answer. What was sent and answered
//! within a window was decided in it, so an excess that is found here is one, whatever the clocks of others say; it is looked
//! for in each window and in each run of windows.

use std::io;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::Note;
use crate::pace::Pace;
use crate::policies::Limit;
use crate::policies::Policies;
use crate::verdict::Figure;
use crate::verdict::Measured;

/// Workers of the gateway, on however many CPUs there are.
const WORKERS: u32 = 8;
/// How much is asked for of what is admitted.
const OVERLOAD: u64 = 4;
/// How far before a request's sending the gateway's clock may have been read, in microseconds.
const EARLY_US: u64 = 2_000;

/// A thousand a second each: one consumer's, a hundred's, ten thousand's.
const LIMITS: [Limit; 3] = [
    Limit {
        consumers: 1,
        requests: 1_000,
        period: "second",
        seconds: 1,
    },
    Limit {
        consumers: 100,
        requests: 10,
        period: "second",
        seconds: 1,
    },
    Limit {
        consumers: 10_000,
        requests: 6,
        period: "minute",
        seconds: 60,
    },
];

/// What a load found out about a limit.
#[derive(Debug, Default, PartialEq)]
struct Found {
    /// Requests beyond the limit, in the worst run of windows.
    beyond: u64,
    /// Of what the windows that were under load from end to end allow, the share that was not admitted, in percent.
    unused: f64,
    admitted: u64,
    windows: u64,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let seconds = run.pick(60, 10);
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let (mut facts, mut beyond, mut unused) = (Vec::new(), 0, 0.0_f64);
        for limit in LIMITS {
            let mut setup = run.setup(&origin);
            (setup.workers, setup.cpus) = (WORKERS, "0,1");
            setup.policies = Policies::Limited(limit);
            let running = lane.start(&run.workshop, &setup)?;
            let lines = lines(limit);
            let rate = OVERLOAD * limit.requests * limit.consumers as u64 / limit.seconds;
            let mut pace = Pace::new(running.address, &lines, rate as f64).noting(429);
            let end = Instant::now() + span(limit, seconds);
            let stretch = pace.run(|| Instant::now() >= end)?;
            if stretch.failed > 0 {
                let text = format!("{} requests got neither 200 nor 429", stretch.failed);
                return Err(io::Error::other(text));
            }
            let found = find(limit, &stretch.notes);
            facts.push((
                format!(
                    "{} consumers, {} a {}",
                    limit.consumers, limit.requests, limit.period
                ),
                format!(
                    "{} of {} requests admitted, {} whole windows, {} beyond, {:.2} % unused",
                    found.admitted,
                    stretch.notes.len(),
                    found.windows,
                    found.beyond,
                    found.unused
                ),
            ));
            beyond += found.beyond;
            unused = unused.max(found.unused);
        }
        run.report.found(&Case::Limit1000.name(), lane, facts);
        let detail = "in the worst window, or run of windows, of each consumer count";
        for (figure, value) in [
            (Figure::LimitBeyond, beyond as f64),
            (Figure::LimitUnused, unused),
        ] {
            run.report
                .measured
                .push(Measured::counted(figure, value, detail));
        }
    }
    Ok(())
}

/// Every consumer in turn.
fn lines(limit: Limit) -> String {
    let keys = Policies::Limited(limit).keys().flat_map(|(_, keys)| keys);
    keys.map(|key| format!("localhost /items {key}\n"))
        .collect()
}

/// Long enough for one whole window, wherever in one it begins.
fn span(limit: Limit, seconds: u64) -> Duration {
    let whole = Duration::from_secs(limit.seconds * 2) + Duration::from_millis(500);
    Duration::from_secs(seconds).max(whole)
}

fn find(limit: Limit, notes: &[Note]) -> Found {
    let length = limit.seconds * 1_000_000;
    let first = notes.iter().map(|note| note.sent).min().unwrap_or(0);
    let last = notes.iter().map(|note| note.sent).max().unwrap_or(0);
    let (from, to) = (first.div_ceil(length), last / length);
    let admitted = notes.iter().filter(|note| note.status == 200);
    let mut found = Found {
        windows: to.saturating_sub(from),
        ..Found::default()
    };
    // By consumer: the windows that each admitted request was certainly decided in.
    let mut decided = vec![Vec::new(); limit.consumers];
    let mut used = 0;
    for note in admitted {
        found.admitted += 1;
        used += u64::from((from..to).contains(&(note.sent / length)));
        let earliest = note.sent.saturating_sub(EARLY_US) / length;
        decided[note.request % limit.consumers].push((earliest, note.answered / length));
    }
    let allowed = limit.requests * limit.consumers as u64 * found.windows;
    if allowed > 0 {
        found.unused = 100.0 * (1.0 - used.min(allowed) as f64 / allowed as f64);
    }
    found.beyond = decided
        .iter()
        .map(|decided| worst(limit.requests, decided))
        .max()
        .unwrap_or(0);
    found
}

/// How far any run of windows passes its limit.
fn worst(limit: u64, decided: &[(u64, u64)]) -> u64 {
    let first = decided.iter().map(|(earliest, _)| *earliest).min();
    let last = decided.iter().map(|(_, latest)| *latest).max();
    let (Some(first), Some(last)) = (first, last) else {
        return 0;
    };
    let starts = first..=last;
    let runs = starts.flat_map(|start| (start..=last).map(move |end| (start, end)));
    let beyond = runs.map(|(start, end)| {
        let within = decided
            .iter()
            .filter(|(earliest, latest)| *earliest >= start && *latest <= end);
        (within.count() as u64).saturating_sub(limit * (end - start + 1))
    });
    beyond.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::LIMITS;
    use super::Note;
    use super::find;
    use super::worst;

    #[test]
    fn an_excess_is_one_wherever_the_windows_end() {
        assert_eq!(worst(2, &[(5, 5), (5, 5)]), 0);
        assert_eq!(
            worst(2, &[(5, 5), (5, 5), (5, 6)]),
            0,
            "the last may be of the next window"
        );
        assert_eq!(worst(2, &[(5, 5), (5, 5), (5, 5)]), 1);
        assert_eq!(
            worst(1, &[(5, 6), (5, 6), (5, 6)]),
            1,
            "two windows allow two"
        );
    }

    #[test]
    fn what_is_left_of_whole_windows_is_unused() {
        let note = |sent: u64, status| Note {
            request: 0,
            sent,
            answered: sent + 100,
            status,
        };
        let second = 1_000_000;
        // A part of a window, a whole one of which a tenth is not admitted, a part of one.
        let mut notes = vec![note(second / 2, 200)];
        notes.extend((0..900).map(|number| note(second + 10_000 + number, 200)));
        notes.extend((0..99).map(|number| note(second + 500_000 + number, 429)));
        notes.push(note(2 * second + 50_000, 200));
        let found = find(LIMITS[0], &notes);
        assert_eq!((found.beyond, found.admitted, found.windows), (0, 902, 1));
        assert!((found.unused - 10.0).abs() < 1e-9, "{found:?}");
    }
}
