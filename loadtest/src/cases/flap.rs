//! One of four targets fails under load, in four ways: it is killed, it hangs, it resets, it answers 500. It comes back
//! after a while. What counts is what clients saw: in all of it for GETs, from a second after for everything.

use std::io;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use crate::cases::Case;
use crate::cases::bench;
use crate::compare::Origin;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Setup;
use crate::open::Counts;
use crate::open::Draft;
use crate::open::Expect;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::Request;
use crate::open::Schedule;
use crate::open::Stream;
use crate::open::fact;
use crate::verdict::Figure;

const TARGETS: usize = 4;
/// Requests a second, and the parts of them that are GETs and POSTs.
const RATE: f64 = 1000.0;
const GETS: u32 = 4;
const POSTS: u32 = 1;
/// Well, then with the fault, then well again.
const BEFORE: Duration = Duration::from_secs(2);
const FAULTY: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(4);
/// What a target's failure may cost is over by then.
const GRACE: Duration = Duration::from_secs(1);

/// What an operator would write for targets that may fail: checks of both kinds, a breaker, repeats within a budget.
const CHECKED: &str = "retry_on = [\"connect\", \"reset\", \"timeout\", \"500\"]
active_checks = { path = \"/health\", interval = \"500ms\", unhealthy_interval = \"500ms\", timeout = \"200ms\", http_failures = 1, tcp_failures = 1, timeouts = 1 }
passive_checks = { http_failures = 2, tcp_failures = 1, timeouts = 1 }
circuit_breaker = {}
retry_budget = {}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Killed,
    Hangs,
    Resets,
    Answers500,
}

const KINDS: [Kind; 4] = [Kind::Killed, Kind::Hangs, Kind::Resets, Kind::Answers500];

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let (mut idempotent, mut share) = (0, 0.0f64);
    let mut measured = false;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        for kind in KINDS {
            let mut origins = Vec::new();
            for _ in 0..TARGETS {
                origins.push(run.scripted(&[])?);
            }
            let Some(setup) = setup(run, &origins)? else {
                return Ok(());
            };
            let running = lane.start(&run.workshop, &setup)?;
            let load = load(running.address).spawn();
            thread::sleep(BEFORE);
            let begin = Instant::now();
            fail(&mut origins[0], kind)?;
            thread::sleep(FAULTY.saturating_sub(begin.elapsed()));
            mend(run, &mut origins[0], kind)?;
            let outcome = load.finish()?;
            let since = begin.saturating_duration_since(outcome.began);
            let (gets, late) = felt(&outcome, since + GRACE)?;
            let part = 100.0 * late.failed() as f64 / late.offered.max(1) as f64;
            idempotent += gets.failed() + gets.shed;
            share = share.max(part);
            measured = true;
            let facts = vec![
                fact("one of four targets", format!("{kind:?} for {FAULTY:?}")),
                fact("GETs in all", gets.text()),
                fact(
                    "from a second after the failure",
                    format!("{}; {part:.3} % failed", late.text()),
                ),
            ];
            bench::note(run, Case::Flap, lane, facts, &outcome)?;
        }
    }
    if measured {
        bench::count(
            run,
            Figure::FlapFailed,
            share,
            "killed, hangs, resets, answers 500",
        );
        bench::count(
            run,
            Figure::FlapIdempotent,
            idempotent as f64,
            "the same, from the first moment on",
        );
    }
    Ok(())
}

fn setup(run: &mut Run, origins: &[Origin]) -> io::Result<Option<Setup>> {
    let mut setup = run.setup(&origins[0]);
    setup.custom.targets = origins.iter().map(|origin| origin.address).collect();
    setup.custom.service = "connect_timeout = \"200ms\"\nread_timeout = \"300ms\"".to_owned();
    setup.custom.upstream = CHECKED.to_owned();
    Ok(run.takes(Case::Flap, &setup)?.then_some(setup))
}

fn load(address: std::net::SocketAddrV4) -> Load {
    let expect = Expect {
        body: Some(128),
        echo: true,
    };
    let stream = |method, share, body| Stream {
        name: method,
        share,
        requests: vec![body],
    };
    let get = Request::new(&Draft {
        expect,
        ..Draft::get("/")
    });
    let post = Request::new(&Draft {
        method: "POST",
        body: 100,
        expect,
        ..Draft::get("/")
    });
    Load {
        window: Duration::from_millis(100),
        streams: vec![
            stream("GET".to_owned(), GETS, get),
            stream("POST".to_owned(), POSTS, post),
        ],
        ..Load::plain(address, Schedule::constant(RATE, BEFORE + FAULTY + AFTER))
    }
}

fn fail(origin: &mut Origin, kind: Kind) -> io::Result<()> {
    match kind {
        Kind::Killed => {
            origin.process.signal(Signal::KILL);
            origin.process.wait(Duration::from_secs(2)).map(|_| ())
        }
        // The whole process stands still, so its kernel still accepts connections.
        Kind::Hangs => {
            origin.process.signal(Signal::STOP);
            Ok(())
        }
        Kind::Resets => bench::tell(origin.address, "mode=reset").map(|_| ()),
        Kind::Answers500 => bench::tell(origin.address, "mode=error").map(|_| ()),
    }
}

fn mend(run: &Run, origin: &mut Origin, kind: Kind) -> io::Result<()> {
    match kind {
        Kind::Killed => *origin = run.origin_at(origin.address, "scripted", &[])?,
        Kind::Hangs => origin.process.signal(Signal::CONT),
        Kind::Resets | Kind::Answers500 => {
            bench::tell(origin.address, "mode=good")?;
        }
    }
    Ok(())
}

/// The GETs of the whole time, and everything from a time on.
fn felt(outcome: &Outcome, from: Duration) -> io::Result<(Counts, Counts)> {
    let end = BEFORE + FAULTY + AFTER + GRACE;
    let mut late = Counts::default();
    for (_, tally) in &outcome.streams {
        late = late.plus(&tally.between(from, end)?.0);
    }
    let gets = outcome
        .stream("GET")
        .map_or_else(Counts::default, |gets| gets.counts);
    Ok((gets, late))
}
