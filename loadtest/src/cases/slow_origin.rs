//! An origin becomes ten times slower under load, and fast again: how many requests are let to it at a time, and whether
//! those of the first tier are served while it cannot serve all.

use std::io;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::cases::bench;
use crate::cases::bench::keyed;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::Load;
use crate::open::Schedule;
use crate::open::fact;
use crate::verdict::Figure;

/// The origin's workers: 4,000 requests a second at first, 400 when it is slow.
const SLOTS: usize = 16;
const DELAY_US: u64 = 4000;
const SLOWER: u64 = 10;
/// How long the gateway lets requests wait for the origin, in which a slow one has answered twice.
const WAIT: &str = "100ms";
/// Requests a second: a quarter of what the origin can do, then more than twice that. The first tier alone always fits.
const RATE: f64 = 1000.0;
const FIRST: u32 = 1;
const THIRD: u32 = 4;
const BEFORE: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(2);

/// Who is who: tags say which tier a consumer is in.
const CONSUMERS: &str = "
[[plugins]]
name = \"key-auth\"
config = {}

[[consumers]]
username = \"first\"
tags = [\"priority:high\"]
[[consumers.keyauth_credentials]]
key = \"first-key\"

[[consumers]]
username = \"third\"
tags = [\"priority:low\"]
[[consumers.keyauth_credentials]]
key = \"third-key\"
";

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let (slots, delay) = (format!("--slots={SLOTS}"), format!("--delay-us={DELAY_US}"));
    let origin = run.scripted(&[&slots, &delay])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.custom.sections = format!("{}{CONSUMERS}", bench::adaptive(WAIT));
        if !run.takes(Case::SlowOrigin, &setup)? {
            continue;
        }
        let running = lane.start(&run.workshop, &setup)?;
        let load = Load {
            connections: 4096,
            patience: PATIENCE,
            window: Duration::from_millis(100),
            streams: vec![
                keyed("first tier", FIRST, "first-key"),
                keyed("third tier", THIRD, "third-key"),
            ],
            ..Load::plain(
                running.address,
                Schedule::constant(RATE, BEFORE + SLOW + AFTER),
            )
        }
        .spawn();
        thread::sleep(BEFORE);
        let begin = Instant::now();
        bench::tell(
            origin.address,
            &format!("mark=1&delay_us={}", SLOWER * DELAY_US),
        )?;
        thread::sleep(SLOW);
        let most = bench::tell(origin.address, &format!("delay_us={DELAY_US}"))?.in_flight_max;
        let outcome = load.finish()?;
        let from = begin.saturating_duration_since(outcome.began);
        let mut facts = vec![fact(
            "at the origin at a time",
            format!("{most}, of {SLOTS} that it works on"),
        )];
        for (name, tally) in &outcome.streams {
            let (counts, response) = tally.between(from, from + SLOW)?;
            let lost = 100.0 * (1.0 - counts.good as f64 / counts.offered.max(1) as f64);
            let p99 = bench::p99_ms(&response);
            let text = format!("{}; {lost:.2} % not served, p99 {p99:.1} ms", counts.text());
            facts.push((format!("{name} while it was slow"), text.clone()));
            if name == "first tier" {
                bench::count(run, Figure::SlowOriginFirstTier, lost, text);
            }
        }
        bench::count(
            run,
            Figure::SlowOriginInFlight,
            most as f64,
            format!("{SLOTS} workers"),
        );
        bench::note(run, Case::SlowOrigin, lane, facts, &outcome)?;
    }
    Ok(())
}
