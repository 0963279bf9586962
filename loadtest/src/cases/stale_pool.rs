//! An origin that closes its idle connections just as they are used, in two ways: it closes under
//! every tenth request on a reused connection, and it closes by a clock that the clients'
//! pauses are tuned to hit. Every GET must be answered; no POST may reach the origin twice.

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::cases::slow_reader::stats;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::origin::LEDGER_HEADER;
use crate::origin::Stats;
use crate::verdict::Figure;
use crate::verdict::Measured;

const CLIENTS: u32 = 16;
/// Idle time after which the origin closes, and around which the clients pause.
const IDLE_MS: u64 = 4;

/// What the clients saw.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    gets: u64,
    gets_unanswered: u64,
    posts: u64,
    posts_refused: u64,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let seconds = run.pick(4, 2);
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let on_reuse = one(run, lane, "--close-on-reuse=10", None, seconds)?;
        let idle = format!("--idle-close-ms={IDLE_MS}");
        let by_clock = one(run, lane, &idle, Some(IDLE_MS), seconds)?;
        let mut facts = Vec::new();
        let mut sums = (0, 0, 0, 0);
        for (name, (tally, seen)) in [("on reuse", on_reuse), ("by the clock", by_clock)] {
            let Tally {
                gets,
                gets_unanswered,
                posts,
                posts_refused,
            } = tally;
            let closed = seen.killed + seen.idle_closed;
            let twice = seen.posts_repeated;
            facts.push((
                format!("origin closes {name}"),
                format!(
                    "{closed} closed; {gets_unanswered} of {gets} GETs unanswered; \
                     {posts_refused} of {posts} POSTs refused, {twice} sent twice"
                ),
            ));
            sums.0 += gets_unanswered;
            sums.1 += gets;
            sums.2 += twice;
            sums.3 += posts;
        }
        run.report.found(&Case::StalePool.name(), lane, facts);
        if lane == Lane::Silverback {
            let gets = (Figure::StaleGets, sums.0, format!("of {} GETs", sums.1));
            let posts = (Figure::StalePosts, sums.2, format!("of {} POSTs", sums.3));
            for (figure, value, detail) in [gets, posts] {
                run.report
                    .measured
                    .push(Measured::counted(figure, value as f64, detail));
            }
        }
    }
    Ok(())
}

fn one(
    run: &Run,
    lane: Lane,
    mode: &str,
    pause_ms: Option<u64>,
    seconds: u64,
) -> io::Result<(Tally, Stats)> {
    let origin = run.origin(&[mode])?;
    let running = lane.start(&run.workshop, &run.setup(&origin))?;
    let address = running.address;
    let end = Instant::now() + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| thread::spawn(move || client(address, number, pause_ms, end)))
        .collect();
    let mut sum = Tally::default();
    for client in clients {
        let tally = client
            .join()
            .map_err(|_| io::Error::other("a client panicked"))?;
        sum.gets += tally.gets;
        sum.gets_unanswered += tally.gets_unanswered;
        sum.posts += tally.posts;
        sum.posts_refused += tally.posts_refused;
    }
    // A fresh connection is never closed under its first request.
    let seen = stats(&mut Client::connect(origin.address)?)?;
    Ok((sum, seen))
}

/// Three GETs to one POST, until the end.
fn client(address: SocketAddrV4, number: u32, pause_ms: Option<u64>, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    let mut request = 0u32;
    while Instant::now() < end {
        if let Some(pause) = pause_ms {
            // From one millisecond before to one after the origin's clock.
            let step = u64::from(request.wrapping_mul(7).wrapping_add(number) % 21);
            thread::sleep(Duration::from_micros(pause * 1000 - 1000 + step * 100));
        }
        request += 1;
        let post = request.is_multiple_of(4);
        let id = number << 24 | request;
        let answered = exchange(&mut connection, address, post, id);
        if post {
            tally.posts += 1;
            tally.posts_refused += u64::from(!answered);
        } else {
            tally.gets += 1;
            tally.gets_unanswered += u64::from(!answered);
        }
    }
    tally
}

fn exchange(connection: &mut Option<Client>, address: SocketAddrV4, post: bool, id: u32) -> bool {
    let mut client = match connection.take() {
        Some(client) => client,
        None => match Client::connect(address) {
            Ok(client) => client,
            Err(_) => return false,
        },
    };
    let fields = format!("{LEDGER_HEADER}: {id}\r\n");
    let (method, body): (&str, &[u8]) = if post {
        ("POST", b"0123456789abcdef")
    } else {
        ("GET", b"")
    };
    match client.exchange(method, "localhost", "/", &fields, body) {
        Ok(reply) => {
            if !reply.close {
                *connection = Some(client);
            }
            reply.status == 200
        }
        Err(_) => false,
    }
}
