//! SIGTERM with 1,000 WebSockets open and requests in flight: every request is answered, every WebSocket goes on until
//! the declared time is over, and then the process is gone.

use std::io;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use crate::cases::Case;
use crate::cases::bench;
use crate::cases::tunnels::Tunnels;
use crate::compare::Run;
use crate::lane::Lane;
use crate::open::fact;
use crate::verdict::Figure;

const TUNNELS: usize = 1000;
/// The declared time.
const DRAIN: Duration = Duration::from_secs(5);
/// What each request takes at the origin, and so how many are in flight.
const DELAY_US: u64 = 500_000;
const RATE: f64 = 400.0;
const LOAD: Duration = Duration::from_millis(1500);
/// How long after the signal the WebSockets are asked whether they still live.
const LOOK: Duration = Duration::from_secs(1);
/// The longest that the end may take.
const END_MAX: Duration = Duration::from_secs(20);

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.scripted(&[&format!("--delay-us={DELAY_US}")])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.custom.gateway = format!("drain_timeout = \"{}s\"", DRAIN.as_secs());
        let mut running = lane.start(&run.workshop, &setup)?;
        let mut tunnels = Tunnels::open(running.address, TUNNELS)?;
        let load = bench::steady(running.address, RATE, LOAD).spawn();
        // All requests have been sent, the last half second's are in flight.
        thread::sleep(LOAD + Duration::from_millis(50));
        let begin = Instant::now();
        running.process.signal(Signal::TERM);
        thread::sleep(LOOK);
        let alive = tunnels.alive();
        let seen = begin.elapsed();
        let outcome = load.finish()?;
        let ended = running.process.wait(END_MAX)?;
        let took = begin.elapsed();
        let counts = outcome.counts();
        let facts = vec![
            fact(
                "WebSockets",
                format!("{alive} of {TUNNELS} lived {seen:?} after the signal"),
            ),
            fact(
                "the end",
                format!("{took:?} after the signal, {DRAIN:?} declared; ended: {ended}"),
            ),
        ];
        let lost = (counts.failed() + counts.shed) as f64;
        bench::count(run, Figure::DrainLost, lost, counts.text());
        // Those whose turn to be asked came after the declared time are none of its losses.
        if seen < DRAIN {
            bench::count(
                run,
                Figure::DrainTunnels,
                (TUNNELS - alive) as f64,
                format!("after {seen:?}"),
            );
        }
        let late = took.saturating_sub(DRAIN).as_secs_f64() * 1e3;
        bench::count(run, Figure::DrainLate, late, format!("{took:?} in all"));
        bench::note(run, Case::Drain, lane, facts, &outcome)?;
    }
    Ok(())
}
