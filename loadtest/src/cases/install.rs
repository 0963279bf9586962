//! Compiling and installing 15,000 routes, and a change of one of them, seen from outside: the
//! time from the file's change until the acknowledged reload, and what the open-loop load of half
//! the proxy's capacity felt meanwhile.
//!
//! The process may use both CPUs here, as it would in production; its one worker is what is loaded.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::cases::reload;
use crate::compare::Run;
use crate::lane::Draft;
use crate::lane::Lane;
use crate::pace::Pace;
use crate::pace::Stretch;
use crate::routes::Catalogue;
use crate::stats::Spread;
use crate::verdict::Figure;
use crate::verdict::Measured;
use crate::wrk;
use crate::wrk::Load;
use crate::wrk::Requests;

/// A stretch of load: quiet, or with one install in its middle.
const STRETCH: Duration = Duration::from_millis(1000);
/// The install begins this long after the stretch.
const LEAD: Duration = Duration::from_millis(200);

/// One install.
struct Install {
    took: Duration,
    felt: Stretch,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let repeats = run.pick(5, 2);
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.catalogue = Catalogue::One;
        setup.cpus = "0,1";
        let mut running = lane.start(&run.workshop, &setup)?;
        let Some(admin) = running.admin else { continue };
        let lines = Catalogue::One.requests();
        let file = run.workshop.directory.join("requests-install");
        fs::write(&file, &lines)?;
        let load = Load {
            connections: 64,
            path: "/".to_owned(),
            arguments: Vec::new(),
            tls: false,
            requests: Requests::List(file),
        };
        let full = wrk::run(&load, &running.authority(), 2, &run.workshop.directory)?;
        let rate = full.requests as f64 * 1e6 / full.duration_us.max(1) as f64 / 2.0;
        let mut pace = Pace::new(running.address, &lines, rate);
        quiet(&mut pace)?;
        let mut all = Vec::new();
        let mut one = Vec::new();
        let mut calm = Vec::new();
        for repeat in 0..repeats {
            calm.push(quiet(&mut pace)?);
            let market = running.text(|setup| setup.catalogue = Catalogue::Market)?;
            all.push(install(&mut pace, admin, running.draft(&market)?)?);
            let changed = format!("/v9/changed-{repeat}");
            let market = market.replacen("/v9/weather-00008", &changed, 1);
            one.push(install(&mut pace, admin, running.draft(&market)?)?);
            running.rewrite(|setup| setup.catalogue = Catalogue::One)?;
            reload::acknowledge(admin)?;
        }
        add(run, lane, rate, &all, &one, &calm);
    }
    Ok(())
}

fn quiet(pace: &mut Pace) -> io::Result<Stretch> {
    let end = Instant::now() + STRETCH;
    pace.run(|| Instant::now() >= end)
}

/// The clock starts when the new file takes the old one's place: the gateway also watches it.
fn install(pace: &mut Pace, admin: SocketAddrV4, draft: Draft) -> io::Result<Install> {
    let reloading = thread::spawn(move || {
        thread::sleep(LEAD);
        let begin = Instant::now();
        draft.publish()?;
        reload::acknowledge(admin).map(|()| begin.elapsed())
    });
    let end = Instant::now() + STRETCH;
    let felt = pace.run(|| Instant::now() >= end && reloading.is_finished())?;
    let took = reloading
        .join()
        .map_err(|_| io::Error::other("the reloading thread panicked"))??;
    Ok(Install { took, felt })
}

fn add(run: &mut Run, lane: Lane, rate: f64, all: &[Install], one: &[Install], calm: &[Stretch]) {
    let took = |installs: &[Install]| {
        Spread::of(
            installs
                .iter()
                .map(|install| install.took.as_secs_f64() * 1e3),
        )
    };
    let slowest = |stretches: &mut dyn Iterator<Item = &Stretch>| {
        stretches
            .map(|stretch| stretch.latency.max())
            .max()
            .unwrap_or(0) as f64
            / 1e3
    };
    let quiet = slowest(&mut calm.iter());
    let loud = slowest(&mut all.iter().chain(one).map(|install| &install.felt));
    let failed: u64 = all
        .iter()
        .chain(one)
        .map(|install| install.felt.failed)
        .sum();
    let (Some(all), Some(one)) = (took(all), took(one)) else {
        return;
    };
    let text = |spread: &Spread| {
        let Spread {
            median, min, max, ..
        } = spread;
        format!("{median:.0} ms ({min:.0} to {max:.0})")
    };
    let facts = vec![
        (
            "load".to_owned(),
            format!("{rate:.0} requests/s, half of the capacity, open loop"),
        ),
        ("15,000 routes acknowledged after".to_owned(), text(&all)),
        (
            "one route changed, acknowledged after".to_owned(),
            text(&one),
        ),
        ("requests failed meanwhile".to_owned(), failed.to_string()),
        (
            "slowest request, quiet".to_owned(),
            format!("{quiet:.2} ms"),
        ),
        (
            "slowest request, installing".to_owned(),
            format!("{loud:.2} ms"),
        ),
    ];
    run.report.found(&Case::Install15000.name(), lane, facts);
    let slower = format!("slowest {loud:.2} ms installing, {quiet:.2} ms quiet");
    for (figure, value, detail) in [
        (Figure::InstallAll, all.max, text(&all)),
        (Figure::InstallOne, one.max, text(&one)),
        (
            Figure::InstallFailed,
            failed as f64,
            format!("at {rate:.0} requests/s"),
        ),
        (Figure::InstallSlower, (loud - quiet).max(0.0), slower),
    ] {
        run.report
            .measured
            .push(Measured::counted(figure, value, detail));
    }
}
