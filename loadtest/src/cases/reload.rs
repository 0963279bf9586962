//! Reloads under load: 64 keep-alive clients that never stop, 100 changes of configuration.
//!
//! Each configuration sends requests to `/bytes/{n}` of the origin with another n, so the length
//! of an answer tells which configuration gave it. A request sent after a reload was acknowledged
//! must be answered by that configuration or a later one. nginx and HAProxy are reloaded by signal
//! and acknowledge nothing; for them only failures and unannounced closes are counted.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::verdict::Figure;
use crate::verdict::Measured;

const CLIENTS: usize = 64;
/// Answer bytes of configuration 0; configuration k answers k more.
const BASE: u64 = 1000;
/// Between two reloads by signal, and between two acknowledged ones.
const GAP: Duration = Duration::from_millis(50);
/// Every that many reloads comes a SIGHUP instead of a request to the admin listener.
const SIGNAL_EVERY: u64 = 4;
/// How long a signal may take to be obeyed before it counts as ignored.
const OBEYED_MAX: Duration = Duration::from_secs(5);

/// What clients and the reloading thread share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// The newest acknowledged configuration.
    acknowledged: AtomicU64,
    /// The newest configuration that answered anyone.
    seen: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    requests: u64,
    failed: u64,
    announced: u64,
    unannounced: u64,
    stale: u64,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let reloads = run.pick(100, 20);
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let mut setup = run.setup(&origin);
        setup.reloadable = true;
        setup.prefix = prefix(0);
        let mut running = lane.start(&run.workshop, &setup)?;
        let shared = Arc::new(Shared::default());
        let address = running.address;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| Arc::clone(&shared))
            .map(|shared| thread::spawn(move || client(address, &shared)))
            .collect();
        thread::sleep(Duration::from_millis(500));
        let slowest = reload_all(&mut running, &shared, reloads);
        thread::sleep(Duration::from_millis(500));
        shared.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for client in clients {
            let tally = client
                .join()
                .map_err(|_| io::Error::other("a client panicked"))?;
            sum.requests += tally.requests;
            sum.failed += tally.failed;
            sum.announced += tally.announced;
            sum.unannounced += tally.unannounced;
            sum.stale += tally.stale;
        }
        let last = shared.seen.load(Ordering::Relaxed);
        add(run, lane, reloads, &sum, last, slowest?);
    }
    Ok(())
}

fn add(run: &mut Run, lane: Lane, reloads: u64, sum: &Tally, last: u64, slowest: Duration) {
    let mut facts = vec![
        (
            "reloads".to_owned(),
            format!("{reloads}, newest configuration seen {last}"),
        ),
        ("requests".to_owned(), sum.requests.to_string()),
        ("failed".to_owned(), sum.failed.to_string()),
        ("unannounced closes".to_owned(), sum.unannounced.to_string()),
        ("announced closes".to_owned(), sum.announced.to_string()),
    ];
    if lane == Lane::Silverback {
        facts.push((
            "answers older than acknowledged".to_owned(),
            sum.stale.to_string(),
        ));
        facts.push(("slowest acknowledgement".to_owned(), format!("{slowest:?}")));
    }
    run.report.found(&Case::Reload100.name(), lane, facts);
    if lane != Lane::Silverback {
        return;
    }
    let detail = format!("{} requests during {reloads} reloads", sum.requests);
    for (figure, value) in [
        (Figure::ReloadFailed, sum.failed),
        (Figure::ReloadUnannounced, sum.unannounced),
        (Figure::ReloadStale, sum.stale),
    ] {
        run.report
            .measured
            .push(Measured::counted(figure, value as f64, detail.clone()));
    }
}

fn prefix(version: u64) -> String {
    format!("/bytes/{}/", BASE + version)
}

/// Reloads that many times; the longest acknowledgement.
fn reload_all(running: &mut Running, shared: &Shared, reloads: u64) -> io::Result<Duration> {
    let mut slowest = Duration::ZERO;
    for version in 1..=reloads {
        running.rewrite(|setup| setup.prefix = prefix(version))?;
        let begin = Instant::now();
        match running.admin {
            Some(admin) if !version.is_multiple_of(SIGNAL_EVERY) => {
                acknowledge(admin)?;
                shared.acknowledged.store(version, Ordering::SeqCst);
                slowest = slowest.max(begin.elapsed());
            }
            _ => {
                let signal = if running.lane == Lane::Haproxy {
                    Signal::USR2
                } else {
                    Signal::HUP
                };
                running.process.signal(signal);
                obeyed(shared, version)?;
            }
        }
        thread::sleep(GAP);
    }
    Ok(slowest)
}

/// Asks the admin listener to reload and waits for its word.
pub(super) fn acknowledge(admin: SocketAddrV4) -> io::Result<()> {
    let reply = Client::connect(admin)?.exchange("POST", "localhost", "/reload", "", b"")?;
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    Err(io::Error::other(format!(
        "reload refused with {}: {body}",
        reply.status
    )))
}

fn obeyed(shared: &Shared, version: u64) -> io::Result<()> {
    let end = Instant::now() + OBEYED_MAX;
    while shared.seen.load(Ordering::Relaxed) < version {
        if Instant::now() > end {
            return Err(io::Error::other(format!(
                "signal for reload {version} not obeyed"
            )));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn client(address: SocketAddrV4, shared: &Shared) -> Tally {
    let mut tally = Tally::default();
    let mut kept: Option<Client> = None;
    while !shared.stop.load(Ordering::Relaxed) {
        let reused = kept.is_some();
        let connection = kept.take().map_or_else(|| Client::connect(address), Ok);
        let floor = shared.acknowledged.load(Ordering::SeqCst);
        tally.requests += 1;
        let reply = connection.and_then(|mut client| Ok((client.get("/")?, client)));
        match reply {
            Ok((reply, client)) => {
                let version = (reply.body.len() as u64).wrapping_sub(BASE);
                if reply.status == 200 {
                    tally.stale += u64::from(version < floor);
                    shared.seen.fetch_max(version, Ordering::Relaxed);
                } else {
                    tally.failed += 1;
                }
                tally.announced += u64::from(reply.close);
                kept = (!reply.close).then_some(client);
            }
            Err(_) => {
                tally.failed += 1;
                tally.unannounced += u64::from(reused);
                // A refused connection must not become a spin.
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    tally
}
