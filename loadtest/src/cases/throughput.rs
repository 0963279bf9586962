//! CPU per request of every lane, in interleaved rounds: A B C D, A B C D, ... so that whatever
//! else the machine does meanwhile falls on all of them; the ratios are taken round by round.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use crate::cases::Case;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::lane::Setup;
use crate::open::tls::Certificate;
use crate::proc;
use crate::report::LaneResult;
use crate::report::Round;
use crate::report::Throughput;
use crate::routes::Catalogue;
use crate::stats::Spread;
use crate::verdict::Figure;
use crate::verdict::Measured;
use crate::wrk;
use crate::wrk::Load;
use crate::wrk::Requests;

/// After a run, the proxy may still be closing connections; that work belongs to the round.
const SETTLE: Duration = Duration::from_millis(50);

/// One contender of a case with its load.
pub(super) struct Entry {
    label: String,
    pub(super) running: Running,
    load: Load,
    rounds: Vec<Round>,
}

/// Every throughput case whose lanes differ only in the program.
pub(super) fn plain(run: &mut Run, case: Case) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let mut setup = run.setup(&origin);
    setup.bulk = matches!(case, Case::Body64k | Case::Body1m);
    let load = load_of(case);
    let mut entries = Vec::new();
    for lane in run.lanes_among(&[Lane::Floor, Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        entries.push(entry(run, lane, lane.name(), &setup, load.clone())?);
    }
    let mib = match case {
        Case::Body64k => Some(1.0 / 16.0),
        Case::Body1m => Some(1.0),
        _ => None,
    };
    measure(run, &mut entries)?;
    let result = summary(case.name(), &entries, mib);
    for (other, figure) in figures_of(case) {
        if let Some(spread) = result.ratio(Lane::Silverback.name(), other.name()) {
            run.report.measured.push(measured(*figure, &spread));
        }
    }
    run.report.throughput.push(result);
    Ok(())
}

/// Keep-alive under TLS 1.3, with the same certificate and cipher everywhere.
pub(super) fn tls(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let mut setup = run.setup(&origin);
    setup.custom.tls = Some(Certificate::new(&run.workshop.directory)?);
    let mut lanes = run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]);
    if !run.takes(Case::TlsKeepalive, &setup)? {
        lanes.retain(|lane| *lane != Lane::Silverback);
    }
    let load = Load {
        tls: true,
        ..load_of(Case::Keepalive64)
    };
    let mut entries = Vec::new();
    for lane in lanes {
        entries.push(entry(run, lane, lane.name(), &setup, load.clone())?);
    }
    measure(run, &mut entries)?;
    let result = summary(Case::TlsKeepalive.name(), &entries, None);
    let figures = [
        (Lane::Nginx, Figure::TlsNginx),
        (Lane::Haproxy, Figure::TlsHaproxy),
    ];
    for (other, figure) in figures {
        if let Some(spread) = result.ratio(Lane::Silverback.name(), other.name()) {
            run.report.measured.push(measured(figure, &spread));
        }
    }
    run.report.throughput.push(result);
    Ok(())
}

/// Each lane with 15,000 routes and with one, in the same rounds; the floor has no routes.
pub(super) fn routes(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let mut entries = Vec::new();
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        for (catalogue, name) in [(Catalogue::One, "1"), (Catalogue::Market, "15000")] {
            let mut setup = run.setup(&origin);
            setup.catalogue = catalogue;
            let file = run.workshop.directory.join(format!("requests-{name}"));
            fs::write(&file, catalogue.requests())?;
            let load = load(64, "/", Requests::List(file));
            entries.push(entry(
                run,
                lane,
                &format!("{} {name}", lane.name()),
                &setup,
                load,
            )?);
        }
    }
    measure(run, &mut entries)?;
    let result = summary(Case::Routes15000.name(), &entries, None);
    if let Some(spread) = result.ratio("silverback 15000", "silverback 1") {
        run.report
            .measured
            .push(measured(Figure::Routes15000, &spread));
    }
    run.report.throughput.push(result);
    Ok(())
}

pub(super) fn measured(figure: Figure, spread: &Spread) -> Measured {
    let Spread {
        median,
        min,
        max,
        low,
        high,
        rounds,
    } = *spread;
    let detail = format!("{min:.3} to {max:.3} in {rounds} rounds");
    Measured {
        figure,
        value: median,
        middle: Some((low, high)),
        detail,
    }
}

fn figures_of(case: Case) -> &'static [(Lane, Figure)] {
    match case {
        Case::Keepalive64 => &[
            (Lane::Floor, Figure::Keepalive64Floor),
            (Lane::Nginx, Figure::Keepalive64Nginx),
            (Lane::Haproxy, Figure::Keepalive64Haproxy),
        ],
        Case::Keepalive4 => &[(Lane::Nginx, Figure::Keepalive4Nginx)],
        Case::Keepalive1000 => &[(Lane::Nginx, Figure::Keepalive1000Nginx)],
        Case::NewConnection => &[(Lane::Nginx, Figure::NewConnectionNginx)],
        Case::Body1m => &[(Lane::Nginx, Figure::Body1mNginx)],
        _ => &[],
    }
}

fn load(connections: u32, path: &str, requests: Requests) -> Load {
    Load {
        connections,
        path: path.to_owned(),
        arguments: Vec::new(),
        tls: false,
        requests,
    }
}

fn load_of(case: Case) -> Load {
    match case {
        Case::Keepalive4 => load(4, "/", Requests::Get),
        Case::Keepalive1000 => load(1000, "/", Requests::Get),
        Case::NewConnection => {
            let arguments = vec!["-H".to_owned(), "Connection: close".to_owned()];
            Load {
                arguments,
                ..load(64, "/", Requests::Get)
            }
        }
        Case::Body64k => load(64, "/bytes/65536", Requests::Get),
        Case::Body1m => load(64, "/bytes/1048576", Requests::Get),
        Case::Post4k => load(64, "/", Requests::Post(4096)),
        _ => load(64, "/", Requests::Get),
    }
}

pub(super) fn entry(
    run: &Run,
    lane: Lane,
    label: &str,
    setup: &Setup,
    load: Load,
) -> io::Result<Entry> {
    let running = lane.start(&run.workshop, setup)?;
    Ok(Entry {
        label: label.to_owned(),
        running,
        load,
        rounds: Vec::new(),
    })
}

pub(super) fn measure(run: &Run, entries: &mut [Entry]) -> io::Result<()> {
    for entry in entries.iter() {
        // Warm-up: pools, page tables, branch predictors.
        wrk::run(
            &entry.load,
            &entry.running.authority(),
            1,
            &run.workshop.directory,
        )?;
    }
    for number in 1..=run.options.rounds {
        for entry in entries.iter_mut() {
            let round = round(run, entry)?;
            eprintln!(
                "round {number} {:>16}: {:>8.2} us CPU/request, {:>7.0} requests/s, {} errors",
                entry.label,
                round.cpu_us,
                round.per_second,
                round.outcome.errors()
            );
            entry.rounds.push(round);
        }
    }
    Ok(())
}

fn round(run: &Run, entry: &Entry) -> io::Result<Round> {
    let id = entry.running.process.id();
    let before = proc::cpu_ns(id)?;
    let authority = entry.running.authority();
    let directory = &run.workshop.directory;
    let outcome = wrk::run(&entry.load, &authority, run.options.seconds, directory)?;
    thread::sleep(SETTLE);
    let cpu_ns = proc::cpu_ns(id)?.saturating_sub(before);
    if outcome.requests == 0 {
        return Err(io::Error::other(format!(
            "{} answered nothing",
            entry.label
        )));
    }
    Ok(Round {
        cpu_us: cpu_ns as f64 / 1000.0 / outcome.requests as f64,
        busy: cpu_ns as f64 / 1000.0 / outcome.duration_us.max(1) as f64,
        per_second: outcome.requests as f64 * 1e6 / outcome.duration_us.max(1) as f64,
        outcome,
    })
}

pub(super) fn summary(case: String, entries: &[Entry], mib: Option<f64>) -> Throughput {
    let lanes = entries.iter().filter_map(|entry| {
        let of = |figure: fn(&Round) -> f64| Spread::of(entry.rounds.iter().map(figure));
        let per_mib =
            mib.and_then(|mib| Spread::of(entry.rounds.iter().map(|round| round.cpu_us / mib)));
        Some(LaneResult {
            label: entry.label.clone(),
            cpu_us: of(|round| round.cpu_us)?,
            cpu_us_per_mib: per_mib,
            busy: of(|round| round.busy)?,
            per_second: of(|round| round.per_second)?,
            p50_us: of(|round| round.outcome.p50_us)?,
            p99_us: of(|round| round.outcome.p99_us)?,
            p999_us: of(|round| round.outcome.p999_us)?,
            errors: entry
                .rounds
                .iter()
                .map(|round| round.outcome.errors())
                .sum(),
            rounds: entry.rounds.clone(),
        })
    });
    Throughput::new(case, lanes.collect())
}
