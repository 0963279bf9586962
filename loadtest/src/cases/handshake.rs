//! What a TLS handshake costs: a connection for each request, once with a full handshake and once resuming a session,
//! in interleaved rounds, beside plain connections. The cost of the connection and of its one small request is in all of
//! them; it is taken off where a resumed handshake is held against a full one.

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

/// What a connection begins with.
#[derive(Clone)]
enum Kind {
    /// No TLS: what the connection and its request cost without a handshake.
    Plain,
    Full(Arc<ClientConfig>),
    Resumed(Arc<ClientConfig>),
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Full(_) => "full",
            Self::Resumed(_) => "resumed",
        }
    }

    fn client(&self) -> Option<Arc<ClientConfig>> {
        match self {
            Self::Plain => None,
            Self::Full(client) | Self::Resumed(client) => Some(Arc::clone(client)),
        }
    }
}

struct Entry {
    label: String,
    running: Arc<Running>,
    kind: Kind,
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
        let plain = Arc::new(lane.start(&run.workshop, &run.setup(&origin))?);
        let running = Arc::new(lane.start(&run.workshop, &setup)?);
        for (running, kind) in [
            (plain, Kind::Plain),
            (Arc::clone(&running), Kind::Full(certificate.client(false)?)),
            (running, Kind::Resumed(certificate.client(true)?)),
        ] {
            entries.push(Entry {
                label: format!("{} {}", lane.name(), kind.name()),
                running,
                kind,
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
        tls: entry.kind.client(),
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
    let seen = outcome.connections;
    let (wanted, other) = match entry.kind {
        Kind::Plain => (seen.opened, 0),
        Kind::Full(_) => (seen.full, seen.resumed),
        Kind::Resumed(_) => (seen.resumed, seen.full),
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
    if let Some(ratio) = result.ratio("silverback full", "nginx full") {
        let measured = throughput::measured(Figure::HandshakeNginx, &ratio);
        run.report.measured.push(measured);
    }
    // What the connection and its request cost anyway is no part of a handshake.
    let rounds = |label: &str| {
        let found = entries.iter().find(|entry| entry.label == label);
        found.map_or(&[][..], |entry| &entry.rounds)
    };
    let [plain, full, resumed] =
        ["plain", "full", "resumed"].map(|kind| rounds(&format!("silverback {kind}")));
    let net = plain
        .iter()
        .zip(full)
        .zip(resumed)
        .map(|((plain, full), resumed)| {
            (resumed.cpu_us - plain.cpu_us) / (full.cpu_us - plain.cpu_us).max(1e-3)
        });
    if let Some(ratio) = Spread::of(net) {
        let measured = throughput::measured(Figure::HandshakeResumed, &ratio);
        run.report.measured.push(measured);
    }
    run.report.throughput.push(result);
}
