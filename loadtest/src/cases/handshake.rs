//! What a TLS handshake costs: a connection for each request, once with a full handshake and once resuming a session,
//! in interleaved rounds. The cost of the one small request is in all of them.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;

use crate::cases::Case;
use crate::cases::throughput;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::open::Draft;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::Request;
use crate::open::Schedule;
use crate::open::Stream;
use crate::open::fact;
use crate::open::tls::Certificate;
use crate::proc;
use crate::report::LaneResult;
use crate::report::Round;
use crate::report::Throughput;
use crate::stats::Spread;
use crate::verdict::Figure;
use crate::wrk;

/// Handshakes a second: a part of what one core does, so that nothing queues.
const RATE: f64 = 400.0;
/// Handshakes of a round, at least.
const SECONDS_MIN: u64 = 2;
/// After a round, for what closes late.
const SETTLE: Duration = Duration::from_millis(100);
/// Of a round's handshakes, those that may be of the other kind: a session is not there at first.
const OTHER_KIND: f64 = 0.05;

struct Entry {
    label: String,
    running: Arc<Running>,
    resume: bool,
    client: Arc<ClientConfig>,
    rounds: Vec<Round>,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let certificate = Certificate::new(&run.workshop.directory)?;
    let origin = run.origin(&[])?;
    let mut setup = run.setup(&origin);
    setup.custom.tls = Some(certificate.clone());
    let mut lanes = run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]);
    if !run.takes(Case::TlsHandshake, &setup)? {
        lanes.retain(|lane| *lane != Lane::Silverback);
    }
    let mut entries = Vec::new();
    for lane in lanes {
        let running = Arc::new(lane.start(&run.workshop, &setup)?);
        for (resume, kind) in [(false, "full"), (true, "resumed")] {
            entries.push(Entry {
                label: format!("{} {kind}", lane.name()),
                running: Arc::clone(&running),
                resume,
                client: certificate.client(resume)?,
                rounds: Vec::new(),
            });
        }
    }
    for number in 1..=run.options.rounds {
        for entry in &mut entries {
            let round = round(run, entry)?;
            eprintln!(
                "round {number} {:>18}: {:.1} us CPU each",
                entry.label, round.cpu_us
            );
            entry.rounds.push(round);
        }
    }
    add(run, &entries);
    Ok(())
}

fn round(run: &mut Run, entry: &Entry) -> io::Result<Round> {
    let seconds = run.options.seconds.max(SECONDS_MIN);
    let time = Duration::from_secs(seconds);
    let id = entry.running.process.id();
    let before = proc::cpu_ns(id)?;
    let outcome = Load {
        keep: false,
        tls: Some(Arc::clone(&entry.client)),
        streams: vec![Stream {
            name: "all".to_owned(),
            share: 1,
            requests: vec![Request::new(&Draft {
                fields: "Connection: close\r\n",
                ..Draft::get("/")
            })],
        }],
        ..Load::plain(entry.running.address, Schedule::constant(RATE, time))
    }
    .run()?;
    thread::sleep(SETTLE);
    let cpu_us = proc::cpu_ns(id)?.saturating_sub(before) as f64 / 1e3;
    let (wanted, other) = match (entry.resume, outcome.connections) {
        (true, seen) => (seen.resumed, seen.full),
        (false, seen) => (seen.full, seen.resumed),
    };
    let good = outcome.counts().good;
    if good == 0 || wanted == 0 {
        let text = outcome.counts().text();
        return Err(io::Error::other(format!(
            "{}: no such handshakes: {text}",
            entry.label
        )));
    }
    if other as f64 > OTHER_KIND * wanted as f64 {
        let text = format!("{}: {other} of the other kind beside {wanted}", entry.label);
        run.report
            .failures
            .push(format!("{}: {text}", Case::TlsHandshake.name()));
    }
    Ok(Round {
        cpu_us: cpu_us / good as f64,
        busy: cpu_us / 1e6 / seconds as f64,
        per_second: good as f64 / seconds as f64,
        outcome: as_wrk(&outcome)?,
    })
}

/// The same figures in the shape of the other throughput cases.
fn as_wrk(outcome: &Outcome) -> io::Result<wrk::Outcome> {
    let response = outcome.response()?;
    let micros = |quantile| response.value_at_quantile(quantile) as f64;
    let counts = outcome.counts();
    Ok(wrk::Outcome {
        requests: counts.good,
        duration_us: u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX),
        connect_errors: counts.connect,
        status_errors: counts.failed() - counts.connect + counts.shed,
        p50_us: micros(0.5),
        p99_us: micros(0.99),
        p999_us: micros(0.999),
        max_us: response.max() as f64,
        ..wrk::Outcome::default()
    })
}

fn add(run: &mut Run, entries: &[Entry]) {
    let lanes = entries.iter().filter_map(|entry| {
        let of = |figure: fn(&Round) -> f64| Spread::of(entry.rounds.iter().map(figure));
        Some(LaneResult {
            label: entry.label.clone(),
            cpu_us: of(|round| round.cpu_us)?,
            cpu_us_per_mib: None,
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
    let result = Throughput::new(Case::TlsHandshake.name(), lanes.collect());
    let rows = [
        (Figure::HandshakeNginx, "silverback full", "nginx full"),
        (
            Figure::HandshakeResumed,
            "silverback resumed",
            "silverback full",
        ),
    ];
    for (figure, of, to) in rows {
        if let Some(ratio) = result.ratio(of, to) {
            run.report
                .measured
                .push(throughput::measured(figure, &ratio));
        }
    }
    run.report.throughput.push(result);
    let facts = vec![fact(
        "rate",
        format!("{RATE:.0} connections/s, a request each"),
    )];
    run.report
        .found(&Case::TlsHandshake.name(), Lane::Silverback, facts);
}
