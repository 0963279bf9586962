//! Half of the capacity for some minutes, while everything around changes: the configuration is read again, an origin
//! fails and comes back, keys come and go over REST. Memory, descriptors and latency must stay flat.

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;
use rustix::process::Signal;

use crate::cases::Case;
use crate::cases::bench;
use crate::cases::bench::Sample;
use crate::cases::bench::Watch;
use crate::client::Client;
use crate::compare::Origin;
use crate::compare::Run;
use crate::lane::Entities;
use crate::lane::Lane;
use crate::lane::Running;
use crate::lane::Setup;
use crate::open::Draft;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::Request;
use crate::open::Schedule;
use crate::open::Stream;
use crate::open::fact;
use crate::policies::Limit;
use crate::policies::Policies;
use crate::verdict::Figure;

/// Part of the capacity that is used.
const SHARE: f64 = 0.5;
const TARGETS: usize = 2;
/// Connections of the clients: few enough that pools are full after the warm-up.
const CONNECTIONS: usize = 128;
/// How often the configuration is read again, and an origin fails, and for how long.
const RELOAD_EACH: u64 = 10;
const FLAP_EACH: u64 = 15;
const FLAP: u64 = 2;
/// Memory is still being warmed up in that part of the time.
const WARM_UP: f64 = 1.0 / 3.0;
/// A shorter soak is no measure of what is gained in ten minutes.
const JUDGED: Duration = Duration::from_secs(300);
const TEN_MINUTES: f64 = 600.0;
/// How long a store's entities may take to be served.
const SERVED_MAX: Duration = Duration::from_secs(10);
/// Consumers with a key each and a limit that is never reached.
const CONSUMERS: Policies = Policies::Limited(Limit {
    consumers: 100,
    requests: 1_000_000_000,
    period: "minute",
    seconds: 60,
});

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let minutes = run
        .options
        .minutes
        .unwrap_or_else(|| run.pick(10, 1))
        .clamp(1, 120);
    let time = Duration::from_secs(60 * minutes);
    let mut origins = Vec::new();
    for _ in 0..TARGETS {
        origins.push(run.scripted(&[])?);
    }
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let running = lane.start(&run.workshop, &setup(run, &origins))?;
        let Some(admin) = running.admin else { continue };
        let load = load(running.address);
        served(&running)?;
        let rate = SHARE * bench::capacity(run, &load)?;
        let watch = Watch::start(running.process.id(), Some(admin), Duration::from_secs(1));
        let soak = Load {
            schedule: Schedule::constant(rate, time),
            ..load
        }
        .spawn();
        let churned = churn(&running, admin, &origins, || soak.is_over());
        let outcome = soak.finish()?;
        let samples = watch.finish()?;
        let (changes, keys) = churned?;
        let facts = vec![
            fact(
                "load",
                format!("{rate:.0} requests/s, half of the capacity, for {minutes} minutes"),
            ),
            fact(
                "meanwhile",
                format!("{changes} reloads and failing origins, {keys} keys made and deleted"),
            ),
        ];
        add(run, lane, time, &samples, facts, &outcome)?;
    }
    Ok(())
}

fn setup(run: &Run, origins: &[Origin]) -> Setup {
    let mut setup = run.setup(&origins[0]);
    setup.custom.targets = origins.iter().map(|origin| origin.address).collect();
    setup.policies = CONSUMERS;
    setup.entities = Entities::Store;
    setup
}

fn load(address: SocketAddrV4) -> Load {
    let request = |key: &str, method, body| {
        Request::new(&Draft {
            method,
            fields: &format!("apikey: {key}\r\n"),
            body,
            ..Draft::get("/")
        })
    };
    let keys: Vec<String> = CONSUMERS.keys().flat_map(|(_, keys)| keys).collect();
    let stream = |name: &str, share, method: &'static str, body| Stream {
        name: name.to_owned(),
        share,
        requests: keys.iter().map(|key| request(key, method, body)).collect(),
    };
    Load {
        connections: CONNECTIONS,
        streams: vec![stream("GET", 4, "GET", 0), stream("POST", 1, "POST", 1000)],
        ..Load::plain(address, Schedule::default())
    }
}

/// Waits until the store's entities are served.
fn served(running: &Running) -> io::Result<()> {
    let key = CONSUMERS
        .keys()
        .flat_map(|(_, keys)| keys)
        .next()
        .unwrap_or_default();
    let field = format!("apikey: {key}\r\n");
    let end = Instant::now() + SERVED_MAX;
    loop {
        let mut client = Client::connect(running.address)?;
        if client
            .exchange("GET", "localhost", "/", &field, b"")?
            .status
            == 200
        {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(io::Error::other(
                "the store's entities are not served in time",
            ));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Changes something every second until it is over; how many reloads and flaps, and how many keys.
fn churn(
    running: &Running,
    admin: SocketAddrV4,
    origins: &[Origin],
    over: impl Fn() -> bool,
) -> io::Result<(u64, u64)> {
    let (mut second, mut changes, mut keys) = (0u64, 0, 0);
    while !over() {
        second += 1;
        if second.is_multiple_of(RELOAD_EACH) {
            running.process.signal(Signal::HUP);
            changes += 1;
        }
        match second % FLAP_EACH {
            0 => {
                bench::tell(origins[0].address, "mode=reset")?;
                changes += 1;
            }
            FLAP => drop(bench::tell(origins[0].address, "mode=good")?),
            _ => {}
        }
        key(admin, second)?;
        keys += 1;
        thread::sleep(Duration::from_secs(1));
    }
    Ok((changes, keys))
}

/// Makes a key, and deletes it.
fn key(admin: SocketAddrV4, number: u64) -> io::Result<()> {
    let mut client = Client::connect(admin)?;
    let body = format!("{{\"key\": \"soak-{number}\"}}");
    let fields = "Content-Type: application/json\r\n";
    let path = "/consumers/consumer-00000/key-auth";
    let made = client.exchange("POST", "localhost", path, fields, body.as_bytes())?;
    let gone = client.exchange(
        "DELETE",
        "localhost",
        &format!("{path}/soak-{number}"),
        "",
        b"",
    )?;
    if made.status == 201 && gone.status == 204 {
        return Ok(());
    }
    let text = format!(
        "a key was made with {} and deleted with {}",
        made.status, gone.status
    );
    Err(io::Error::other(text))
}

fn add(
    run: &mut Run,
    lane: Lane,
    time: Duration,
    samples: &[Sample],
    mut facts: Vec<(String, String)>,
    outcome: &Outcome,
) -> io::Result<()> {
    let late = samples
        .iter()
        .filter(|sample| sample.at > time.mul_f64(WARM_UP));
    let seconds = |sample: &Sample| sample.at.as_secs_f64();
    let memory = bench::slope(
        late.clone()
            .map(|sample| (seconds(sample), sample.resident as f64)),
    );
    let descriptors = bench::slope(late.map(|sample| (seconds(sample), sample.descriptors as f64)));
    let (memory, descriptors) = (memory * TEN_MINUTES / 1024.0, descriptors * TEN_MINUTES);
    let first = bench::p99_ms(&between(outcome, Duration::ZERO, time / 3)?);
    let last = bench::p99_ms(&between(outcome, time * 2 / 3, time)?);
    let ends = |value: fn(&Sample) -> u64| {
        let of = |sample: Option<&Sample>| sample.map_or(0, value);
        format!(
            "{} at first, {} at last",
            of(samples.first()),
            of(samples.last())
        )
    };
    let (kib, open) = (
        ends(|sample| sample.resident / 1024),
        ends(|sample| sample.descriptors as u64),
    );
    let health = samples.iter().filter_map(|sample| sample.health).max();
    facts.extend([
        fact(
            "resident KiB",
            format!("{kib}; {memory:.0} gained in ten minutes, after a third of the time"),
        ),
        fact(
            "descriptors",
            format!("{open}; {descriptors:.1} gained in ten minutes"),
        ),
        fact(
            "p99",
            format!("{first:.2} ms in the first third, {last:.2} ms in the last"),
        ),
        fact("the admin listener's slowest answer", format!("{health:?}")),
    ]);
    if time >= JUDGED {
        bench::count(run, Figure::SoakMemory, memory, kib);
        bench::count(run, Figure::SoakDescriptors, descriptors, open);
        bench::count(
            run,
            Figure::SoakSlower,
            last / first.max(1e-3),
            format!("{first:.2} ms, then {last:.2} ms"),
        );
    }
    bench::note(run, Case::Soak, lane, facts, outcome)
}

fn between(outcome: &Outcome, from: Duration, to: Duration) -> io::Result<Histogram<u64>> {
    let none = || io::Error::other("a load without streams");
    let mut all: Option<Histogram<u64>> = None;
    for (_, tally) in &outcome.streams {
        let (_, response) = tally.between(from, to)?;
        match &mut all {
            Some(all) => all.add(&response).map_err(io::Error::other)?,
            None => all = Some(response),
        }
    }
    all.ok_or_else(none)
}
