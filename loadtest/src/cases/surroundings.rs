//! What is around the gateway fails it: the disk of its log is full, the wall clock jumps by a day. Requests must not
//! notice.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::cases::Case;
use crate::cases::bench;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::open::Outcome;
use crate::open::fact;
use crate::policies::Limit;
use crate::policies::Policies;
use crate::verdict::Figure;

const RATE: f64 = 1000.0;
const STRETCH: Duration = Duration::from_secs(5);
/// The counter of lines that were not written.
const DROPPED: &str = "silverback_access_log_dropped_total";
/// Where Debian puts it.
const LIBFAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
/// What the clock is moved by, one after the other.
const JUMPS: [&str; 5] = ["+1d", "-1d", "+0", "-2s", "+0"];

/// The access log goes to a device that is always full; beside it, to one that takes everything.
pub(super) fn full(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut both = Vec::new();
        let mut dropped = 0.0;
        for device in ["/dev/null", "/dev/full"] {
            let mut setup = run.setup(&origin);
            setup.custom.sections = format!("\n[access_log]\npath = \"{device}\"\n");
            let running = lane.start(&run.workshop, &setup)?;
            both.push(bench::steady(running.address, RATE, STRETCH).run()?);
            // The log's own thread may still be trying.
            thread::sleep(Duration::from_secs(1));
            dropped = metric(&running, DROPPED)?;
        }
        let [before, full] = &both[..] else { continue };
        let times = |outcome: &Outcome| outcome.response().map(|times| bench::p99_ms(&times));
        let (before, slow) = (times(before)?, times(full)?);
        let counts = full.counts();
        let facts = vec![
            fact(
                "p99",
                format!("{slow:.2} ms with a full disk, {before:.2} ms with a log"),
            ),
            fact(
                "lines dropped by the counter",
                format!("{dropped} of {}", counts.offered),
            ),
        ];
        let failed = (counts.failed() + counts.shed) as f64;
        let detail = format!("{}; {dropped} lines dropped", counts.text());
        bench::count(run, Figure::LogFull, failed, detail);
        bench::note(run, Case::LogFull, lane, facts, full)?;
    }
    Ok(())
}

fn metric(running: &Running, name: &str) -> io::Result<f64> {
    let Some(admin) = running.admin else {
        return Ok(0.0);
    };
    let reply = Client::connect(admin)?.get("/metrics")?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let lines = text.lines().filter(|line| line.starts_with(name));
    Ok(lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}

pub(super) fn clock(run: &mut Run) -> io::Result<()> {
    if !Path::new(LIBFAKETIME).exists() {
        run.skip(
            Case::ClockJumps,
            "libfaketime is missing (apt-get install libfaketime)",
        );
        return Ok(());
    }
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let file = run.workshop.directory.join("clock");
        fs::write(&file, "+0")?;
        let mut setup = run.setup(&origin);
        // A limit that is never reached: a window that a jump leaves or repeats must refuse nobody.
        setup.policies = Policies::Limited(Limit {
            consumers: 1,
            requests: 1_000_000,
            period: "minute",
            seconds: 60,
        });
        setup.custom.environment = vec![
            format!("LD_PRELOAD={LIBFAKETIME}"),
            format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        let running = lane.start(&run.workshop, &setup)?;
        let key = setup
            .policies
            .keys()
            .flat_map(|(_, keys)| keys)
            .next()
            .unwrap_or_default();
        let time = STRETCH * (1 + JUMPS.len() as u32);
        let mut load = bench::steady(running.address, RATE / 2.0, time);
        load.streams = vec![bench::keyed("all", 1, &key)];
        let load = load.spawn();
        let mut dates = Vec::new();
        for jump in JUMPS {
            thread::sleep(STRETCH);
            fs::write(&file, jump)?;
            thread::sleep(Duration::from_millis(500));
            dates.push(date(&running)?);
        }
        let outcome = load.finish()?;
        let counts = outcome.counts();
        dates.dedup();
        let moved = dates.len() > 1;
        let facts = vec![fact("jumps", format!("{JUMPS:?}; Date said {dates:?}"))];
        if moved {
            let failed = (counts.failed() + counts.shed) as f64;
            bench::count(run, Figure::ClockJumps, failed, counts.text());
        } else {
            run.skip(Case::ClockJumps, "the clock did not move for the gateway");
        }
        bench::note(run, Case::ClockJumps, lane, facts, &outcome)?;
    }
    Ok(())
}

/// The day that the gateway believes it is, from an answer of its own.
fn date(running: &Running) -> io::Result<String> {
    let reply = Client::connect(running.address)?.get("/")?;
    Ok(reply.date.get(..16).unwrap_or_default().to_owned())
}
