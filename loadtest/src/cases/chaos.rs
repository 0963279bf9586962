//! Random faults of an origin, one request after the other, drawn from a seed: nothing may hang, no answer may reach
//! another request, none may be cut short and look complete, no POST may be sent twice.
//!
//! The origin is the kit's own scripted one, beside a target that nobody listens on; it closes idle connections after 20 ms.
//! A part of the requests names a fault; what becomes of the others beside them is counted apart. A run is told by its seed, which is printed.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::time::Duration;
use std::time::SystemTime;

use crate::cases::Case;
use crate::cases::bench;
use crate::compare::Run;
use crate::lane::Lane;
use crate::net;
use crate::open::Counts;
use crate::open::Draft;
use crate::open::Expect;
use crate::open::Load;
use crate::open::Request;
use crate::open::Schedule;
use crate::open::Stream;
use crate::open::fact;
use crate::scripted::script;
use crate::scripted::script::FAULTS;
use crate::verdict::Figure;

/// Different requests of a stream before it begins again; a prime, so that streams do not fall into step.
const DRAWN: usize = 9973;
/// The gateway's own deadlines, in milliseconds, and how long a client waits before it calls that a hang: so long that no
/// busy machine is taken for one. That deadlines are kept in time is another case's business.
const DEADLINE_MS: u64 = 500;
const HANG: Duration = Duration::from_millis(20 * DEADLINE_MS);
/// The origin closes connections just as they may be used again.
const IDLE_CLOSE: &str = "--idle-close-ms=20";
/// Several times what is in flight at a time; more would only make a queue of a starved machine's look like a hang.
const CONNECTIONS: usize = 512;
/// Of a hundred requests, those that name a fault, and those that are POSTs.
const FAULTY: u32 = 30;
const POSTS: u64 = 30;

/// A small generator of random numbers (xorshift64*), so that a seed means the same everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let requests = run
        .options
        .requests
        .unwrap_or_else(|| run.pick(1_000_000, 40_000));
    let seed = run.options.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(1, |now| u64::from(now.subsec_nanos()))
    });
    eprintln!("seed {seed}, {requests} requests");
    let origin = run.scripted(&[IDLE_CLOSE])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        // Every other first attempt finds nobody, which costs a request nothing.
        let nobody = SocketAddrV4::new(Ipv4Addr::LOCALHOST, net::free_port()?);
        setup.custom.targets = vec![origin.address, nobody];
        let deadlines = ["connect", "write", "read", "idle"];
        let lines = deadlines.map(|name| format!("{name}_timeout = \"{DEADLINE_MS}ms\"\n"));
        setup.custom.service = lines.concat();
        let running = lane.start(&run.workshop, &setup)?;
        let rate = run.options.rate;
        let time = Duration::from_secs_f64(requests as f64 / rate);
        let outcome = Load {
            patience: HANG,
            connections: CONNECTIONS,
            streams: streams(seed),
            ..Load::plain(running.address, Schedule::constant(rate, time))
        }
        .run()?;
        let stats = bench::tell(origin.address, "")?;
        let counts = outcome.counts();
        let clean = outcome
            .stream("clean")
            .map_or_else(Counts::default, |clean| clean.counts);
        let crossed = counts.crossed.saturating_sub(stats.excused);
        let hanging = counts.timeout;
        if counts.dropped > 0 {
            let text = format!(
                "chaos: {} requests never sent: too many for this machine",
                counts.dropped
            );
            run.report.failures.push(text);
        }
        let violations = hanging + crossed + counts.length + stats.posts_repeated;
        let facts = vec![
            fact("seed", seed.to_string()),
            fact("hanging", hanging.to_string()),
            fact(
                "crossed",
                format!(
                    "{crossed}, and {} that the origin provoked beyond help; requests that came long behind an answer \
                     that nobody asked for: {}",
                    stats.excused, stats.unnoticed
                ),
            ),
            fact("cut short, and looking complete", counts.length.to_string()),
            fact(
                "POSTs sent twice",
                format!("{} of {}", stats.posts_repeated, stats.posts),
            ),
            fact(
                "failed without a fault of their own",
                clean.failed().to_string(),
            ),
        ];
        let detail = format!("seed {seed}, {} requests", counts.offered);
        bench::count(run, Figure::ChaosViolations, violations as f64, detail);
        bench::note(run, Case::Chaos, lane, facts, &outcome)?;
    }
    Ok(())
}

fn streams(seed: u64) -> Vec<Stream> {
    let mut dice = Dice::new(seed);
    let mut stream = |name: &str, share, faulty| Stream {
        name: name.to_owned(),
        share,
        requests: (0..DRAWN).map(|_| draw(&mut dice, faulty)).collect(),
    };
    vec![
        stream("clean", 100 - FAULTY, false),
        stream("faulty", FAULTY, true),
    ]
}

fn draw(dice: &mut Dice, faulty: bool) -> Request {
    let size = match dice.below(10) {
        0 => dice.below(200_000),
        1..=3 => dice.below(20_000),
        _ => dice.below(1000),
    };
    // Half of a body that is hardly one would be none, and no fault.
    let size = size + 2;
    let post = dice.below(100) < POSTS;
    let fault = FAULTS[dice.below(FAULTS.len() as u64) as usize].name;
    let fields = if faulty {
        format!("{}: {fault}\r\n", script::FIELD)
    } else {
        String::new()
    };
    Request::new(&Draft {
        method: if post { "POST" } else { "GET" },
        host: "localhost",
        path: &format!("/bytes/{size}"),
        fields: &fields,
        body: if post {
            1 + dice.below(10_000) as usize
        } else {
            0
        },
        expect: Expect {
            body: Some(size),
            echo: true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_draws_the_same_again_and_every_face_comes_up() {
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (0..1000).map(|_| dice.below(25)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!((0..25).all(|face| draw(0).contains(&face)));
    }
}
