//! What plugins cost: key authentication, a rate limit and a correlation id beside bare proxying, beside nginx, and
//! beside nginx with Lua that does the first two; the same for a marketplace; and a cached answer beside a proxied one.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::cases::throughput;
use crate::cases::throughput::Entry;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Setup;
use crate::policies::Policies;
use crate::proc;
use crate::routes::Catalogue;
use crate::verdict::Figure;
use crate::verdict::Measured;
use crate::wrk::Load;
use crate::wrk::Requests;

/// Between the start and the measurement of memory: what reading the configuration needed is given back by then.
const SETTLE: Duration = Duration::from_secs(4);

/// The same requests, with keys, through every contender.
pub(super) fn cost(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let plain = run.setup(&origin);
    let policed = Setup {
        policies: Policies::Everything,
        ..plain.clone()
    };
    let load = load(run, "requests-keys", &Policies::Everything.requests(&[]))?;
    let mut entries = Vec::new();
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx]) {
        let name = lane.name();
        let with = match lane {
            Lane::Nginx => "nginx lua",
            _ => "silverback plugins",
        };
        entries.push(throughput::entry(run, lane, with, &policed, load.clone())?);
        entries.push(throughput::entry(run, lane, name, &plain, load.clone())?);
    }
    let figures = [
        ("silverback", Figure::PluginsPlain),
        ("nginx", Figure::PluginsNginx),
        ("nginx lua", Figure::PluginsLua),
    ];
    compare(
        run,
        Case::Plugins64,
        &mut entries,
        "silverback plugins",
        &figures,
    )
}

/// 15,000 services with a set each against one set for everything; memory and start of the large configuration.
pub(super) fn market(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let small = Setup {
        policies: Policies::Everything,
        ..run.setup(&origin)
    };
    let large = Setup {
        catalogue: Catalogue::Market,
        policies: Policies::EachService,
        ..small.clone()
    };
    let apis = Catalogue::Market.apis();
    let few = load(run, "requests-few", &Policies::Everything.requests(&[]))?;
    let many = load(run, "requests-many", &Policies::EachService.requests(&apis))?;
    let mut entries = Vec::new();
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let label = "silverback small";
        entries.push(throughput::entry(run, lane, label, &small, few.clone())?);
        let begin = Instant::now();
        let entry = throughput::entry(run, lane, "silverback 15000", &large, many.clone())?;
        wait_until_served(&entry, &Policies::EachService.requests(&apis))?;
        let started = begin.elapsed();
        thread::sleep(SETTLE);
        let memory = proc::memory(entry.running.process.id())?;
        let ms = started.as_secs_f64() * 1e3;
        let detail = "from the process's start to its first answer";
        run.report
            .measured
            .push(Measured::counted(Figure::MarketStart, ms, detail));
        let megabytes = memory.resident as f64 / 1e6;
        let detail = "resident set, 15,000 services, routes and plugin sets, 60,000 keys";
        run.report
            .measured
            .push(Measured::counted(Figure::MarketMemory, megabytes, detail));
        entries.push(entry);
    }
    let figures = [("silverback small", Figure::MarketCost)];
    compare(
        run,
        Case::Plugins15000,
        &mut entries,
        "silverback 15000",
        &figures,
    )
}

/// A stored answer against the same answer fetched.
pub(super) fn cache(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let plain = run.setup(&origin);
    let cached = Setup {
        policies: Policies::Cache,
        ..plain.clone()
    };
    let load = Load {
        connections: 64,
        path: "/".to_owned(),
        arguments: Vec::new(),
        tls: false,
        requests: Requests::Get,
    };
    let mut entries = Vec::new();
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let label = "silverback hit";
        entries.push(throughput::entry(run, lane, label, &cached, load.clone())?);
        entries.push(throughput::entry(
            run,
            lane,
            lane.name(),
            &plain,
            load.clone(),
        )?);
    }
    let figures = [("silverback", Figure::CacheHit)];
    compare(
        run,
        Case::CacheHit,
        &mut entries,
        "silverback hit",
        &figures,
    )
}

fn load(run: &Run, name: &str, requests: &str) -> io::Result<Load> {
    let file = run.workshop.directory.join(name);
    fs::write(&file, requests)?;
    Ok(Load {
        connections: 64,
        path: "/".to_owned(),
        arguments: Vec::new(),
        tls: false,
        requests: Requests::List(file),
    })
}

fn compare(
    run: &mut Run,
    case: Case,
    entries: &mut [Entry],
    subject: &str,
    figures: &[(&str, Figure)],
) -> io::Result<()> {
    throughput::measure(run, entries)?;
    let result = throughput::summary(case.name(), entries, None);
    for (other, figure) in figures {
        if let Some(spread) = result.ratio(subject, other) {
            run.report
                .measured
                .push(throughput::measured(*figure, &spread));
        }
    }
    run.report.throughput.push(result);
    Ok(())
}

/// The listener is open before the configuration is installed on every worker; an answer says that it is.
fn wait_until_served(entry: &Entry, requests: &str) -> io::Result<()> {
    let line = requests.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (host, path, key) = (words.next(), words.next(), words.next());
    let mut client = Client::connect(entry.running.address)?;
    let fields = format!("apikey: {}\r\n", key.unwrap_or_default());
    let reply = client.exchange(
        "GET",
        host.unwrap_or_default(),
        path.unwrap_or("/"),
        &fields,
        b"",
    )?;
    if reply.status == 200 {
        return Ok(());
    }
    Err(io::Error::other(format!("answered {}", reply.status)))
}
