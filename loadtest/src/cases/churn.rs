//! The marketplace with its plugins and keys in a store, under an open-loop load of 60 % of its capacity, while a route changes
//! over REST once a second: nothing may fail, nothing may wait, and every worker must serve the change in time.
//!
//! Each change adds a path to a route, and is installed once every one of many connections, which the kernel has spread over the
//! workers, is answered under that path.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Entities;
use crate::lane::Lane;
use crate::lane::Running;
use crate::pace::Pace;
use crate::pace::Stretch;
use crate::policies::Policies;
use crate::routes::Api;
use crate::routes::Catalogue;
use crate::stats::Spread;
use crate::verdict::Figure;
use crate::verdict::Measured;
use crate::wrk;
use crate::wrk::Load;
use crate::wrk::Requests;

/// One, so that on two CPUs, which load and origin share with it, what builds has one that is not the worker's; more where there are
/// more CPUs.
const WORKERS: u32 = 1;
/// Part of the capacity that the load takes.
const SHARE: f64 = 0.6;
/// Changes in a stretch, one a second; a quiet stretch is as long.
const CHANGES: u64 = 5;
/// Connections that look whether a change is there: one worker has none once in 32,768 runs.
const PROBES: usize = 16;
/// How long a change may take before it counts as lost.
const INSTALLED_MAX: Duration = Duration::from_secs(5);
/// The route that changes, by its number.
const ROUTE: usize = 8;

/// Who changes the route, and sees when everybody serves the change.
struct Changer {
    admin: Client,
    probes: Vec<Client>,
    api: Api,
    key: String,
    changes: u64,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let rounds = run.pick(6, 2);
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.catalogue = Catalogue::Market;
        setup.policies = Policies::EachService;
        setup.entities = Entities::Store;
        (setup.workers, setup.cpus) = (WORKERS, "0,1");
        let running = lane.start(&run.workshop, &setup)?;
        let lines = Policies::EachService.requests(&Catalogue::Market.apis());
        let mut changer = Changer::new(&running)?;
        let rate = SHARE * capacity(run, &running, &lines)?;
        let mut pace = Pace::new(running.address, &lines, rate);
        quiet(&mut pace)?;
        let (mut calm, mut churned, mut installs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            calm.push(quiet(&mut pace)?);
            let stretch = churn(&mut pace, changer)?;
            churned.push(stretch.0);
            installs.extend(stretch.1);
            changer = stretch.2;
        }
        add(run, lane, rate, &calm, &churned, &installs);
    }
    Ok(())
}

/// Requests per second that it serves when it has nothing else to do.
fn capacity(run: &Run, running: &Running, lines: &str) -> io::Result<f64> {
    let file = run.workshop.directory.join("requests-churn");
    fs::write(&file, lines)?;
    let load = Load {
        connections: 64,
        path: "/".to_owned(),
        arguments: Vec::new(),
        tls: false,
        requests: Requests::List(file),
    };
    let full = wrk::run(&load, &running.authority(), 3, &run.workshop.directory)?;
    Ok(full.requests as f64 * 1e6 / full.duration_us.max(1) as f64)
}

fn quiet(pace: &mut Pace) -> io::Result<Stretch> {
    let end = Instant::now() + Duration::from_secs(CHANGES);
    pace.run(|| Instant::now() >= end)
}

/// A stretch with a change in each second; how long each took.
fn churn(pace: &mut Pace, mut changer: Changer) -> io::Result<(Stretch, Vec<Duration>, Changer)> {
    let changing = thread::spawn(move || {
        let mut took = Vec::new();
        for _ in 0..CHANGES {
            let next = Instant::now() + Duration::from_secs(1);
            took.push(changer.change()?);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok::<_, io::Error>((took, changer))
    });
    let stretch = pace.run(|| changing.is_finished())?;
    let (took, changer) = changing
        .join()
        .map_err(|_| io::Error::other("the changing thread panicked"))??;
    Ok((stretch, took, changer))
}

impl Changer {
    fn new(running: &Running) -> io::Result<Self> {
        let no_admin = || io::Error::other("there is no admin listener");
        let key = Policies::EachService
            .keys()
            .flat_map(|(_, keys)| keys)
            .next();
        let mut changer = Self {
            admin: Client::connect(running.admin.ok_or_else(no_admin)?)?,
            probes: Vec::new(),
            api: Catalogue::Market.apis().swap_remove(ROUTE),
            key: format!("apikey: {}\r\n", key.unwrap_or_default()),
            changes: 0,
        };
        for _ in 0..PROBES {
            changer
                .probes
                .push(served(running.address, &changer.api, &changer.key)?);
        }
        Ok(changer)
    }

    /// Adds a path to the route; how long until every worker serves it.
    fn change(&mut self) -> io::Result<Duration> {
        self.changes += 1;
        let added = format!("/changed-{}", self.changes);
        let body = serde_json::json!({ "paths": [self.api.path, added] }).to_string();
        let path = format!("/routes/api-{ROUTE:05}");
        let fields = "Content-Type: application/json\r\n";
        let begin = Instant::now();
        let reply = self
            .admin
            .exchange("PATCH", "localhost", &path, fields, body.as_bytes())?;
        if reply.status != 200 {
            let why = String::from_utf8_lossy(&reply.body).into_owned();
            return Err(io::Error::other(format!(
                "{path} got {}: {why}",
                reply.status
            )));
        }
        for probe in &mut self.probes {
            while probe
                .exchange("GET", &self.api.host, &added, &self.key, b"")?
                .status
                != 200
            {
                if begin.elapsed() > INSTALLED_MAX {
                    return Err(io::Error::other(format!("{added} is not served in time")));
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(begin.elapsed())
    }
}

/// A connection on which the API is answered: the listener is open before the store's entities are served.
fn served(address: SocketAddrV4, api: &Api, key: &str) -> io::Result<Client> {
    let mut client = Client::connect(address)?;
    let end = Instant::now() + INSTALLED_MAX;
    while client
        .exchange("GET", &api.host, &api.path, key, b"")?
        .status
        != 200
    {
        if Instant::now() > end {
            return Err(io::Error::other("the marketplace is not served in time"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(client)
}

fn add(
    run: &mut Run,
    lane: Lane,
    rate: f64,
    calm: &[Stretch],
    churned: &[Stretch],
    installs: &[Duration],
) {
    let failed: u64 = calm
        .iter()
        .chain(churned)
        .map(|stretch| stretch.failed)
        .sum();
    let p999 = |stretch: &Stretch| stretch.latency.value_at_quantile(0.999).max(1) as f64;
    let ratios = calm
        .iter()
        .zip(churned)
        .map(|(calm, churned)| p999(churned) / p999(calm));
    let slower = Spread::of(ratios);
    let took = Spread::of(installs.iter().map(|took| took.as_secs_f64() * 1e3));
    let quiet = Spread::of(calm.iter().map(p999));
    let loud = Spread::of(churned.iter().map(p999));
    let (Some(slower), Some(took), Some(quiet), Some(loud)) = (slower, took, quiet, loud) else {
        return;
    };
    let (calm_us, loud_us) = (quiet.median, loud.median);
    let changes = installs.len();
    let times = format!("{:.0} ms ({:.0} to {:.0})", took.median, took.min, took.max);
    let facts = vec![
        (
            "load".to_owned(),
            format!("{rate:.0} requests/s, 60 % of the capacity, open loop"),
        ),
        ("changes, one a second".to_owned(), changes.to_string()),
        ("served by every worker after".to_owned(), times.clone()),
        ("requests failed".to_owned(), failed.to_string()),
        ("p99.9, quiet".to_owned(), format!("{calm_us:.0} µs")),
        ("p99.9, changing".to_owned(), format!("{loud_us:.0} µs")),
    ];
    run.report.found(&Case::Churn15000.name(), lane, facts);
    let failing = format!("{changes} changes at {rate:.0} requests/s");
    for (figure, value, detail) in [
        (Figure::ChurnFailed, failed as f64, failing),
        (Figure::ChurnInstalled, took.max, times),
    ] {
        run.report
            .measured
            .push(Measured::counted(figure, value, detail));
    }
    run.report.measured.push(Measured {
        figure: Figure::ChurnSlower,
        value: slower.median,
        middle: Some((slower.low, slower.high)),
        detail: format!("{loud_us:.0} µs changing, {calm_us:.0} µs quiet"),
    });
}
