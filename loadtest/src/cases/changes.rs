//! Changes under load: 200 reloads by file, signal and REST in turn, 20 upgrades of the binary; requests go on at an even
//! rate over kept and over new connections, and WebSockets stay open.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use crate::cases::Case;
use crate::cases::bench;
use crate::cases::reload;
use crate::cases::tunnels::Tunnels;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::open::Counts;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::fact;
use crate::process;
use crate::verdict::Figure;

/// Requests a second over kept connections, and as many over new ones.
const RATE: f64 = 300.0;
const TUNNELS: usize = 100;
/// Answer bytes of configuration 0; configuration k answers k more.
const BASE: u64 = 1000;
/// How long a change may take to be served.
const SERVED_MAX: Duration = Duration::from_secs(5);
/// Between two changes.
const GAP: Duration = Duration::from_millis(50);
/// How long an upgrade may take.
const UPGRADE_MAX: Duration = Duration::from_secs(30);
/// The longest that a load goes on; it is stopped when the changes are done.
const LOAD_MAX: Duration = Duration::from_secs(1200);

pub(super) fn reloads(run: &mut Run) -> io::Result<()> {
    let reloads = run.pick(200, 40);
    let origin = run.scripted(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.prefix = prefix(0);
        let mut running = lane.start(&run.workshop, &setup)?;
        let mut tunnels = Tunnels::open(running.address, TUNNELS)?;
        let (kept, fresh) = loads(running.address);
        let mut slowest = Duration::ZERO;
        let mut done = Ok(());
        for version in 1..=reloads {
            match reload_once(&mut running, version) {
                Ok(took) => slowest = slowest.max(took),
                Err(error) => {
                    done = Err(error);
                    break;
                }
            }
            thread::sleep(GAP);
        }
        let (kept, fresh) = (kept.stop()?, fresh.stop()?);
        done?;
        let alive = tunnels.alive();
        let counts = kept.counts().plus(&fresh.counts());
        let facts = vec![
            fact(
                "reloads",
                format!("{reloads}: by file, SIGHUP and REST in turn; slowest {slowest:?}"),
            ),
            fact(
                "WebSockets",
                format!("{alive} of {} stayed", tunnels.count()),
            ),
            fact("requests over new connections", fresh.counts().text()),
        ];
        let detail = format!("{reloads} reloads; {}", counts.text());
        bench::count(run, Figure::ChangesFailed, bad(&counts), detail);
        let lost = (tunnels.count() - alive) as f64;
        bench::count(
            run,
            Figure::ChangesTunnels,
            lost,
            format!("of {}", tunnels.count()),
        );
        bench::note(run, Case::Reload200, lane, facts, &kept)?;
    }
    Ok(())
}

/// What was not answered well: nothing here may be refused either.
fn bad(counts: &Counts) -> f64 {
    (counts.failed() + counts.shed) as f64
}

fn prefix(version: u64) -> String {
    format!("/bytes/{}/", BASE + version)
}

/// A load over kept connections and one over new ones.
fn loads(address: SocketAddrV4) -> (crate::open::Running, crate::open::Running) {
    let kept = bench::steady(address, RATE, LOAD_MAX);
    let fresh = Load {
        keep: false,
        ..kept.clone()
    };
    (kept.spawn(), fresh.spawn())
}

/// Changes the configuration, in one of the three ways, and waits until it is served.
fn reload_once(running: &mut Running, version: u64) -> io::Result<Duration> {
    running.rewrite(|setup| setup.prefix = prefix(version))?;
    let begin = Instant::now();
    match (version % 3, running.admin) {
        (0, Some(admin)) => reload::acknowledge(admin)?,
        (1, _) => running.process.signal(Signal::HUP),
        // The file's change alone must do.
        _ => {}
    }
    let mut client = Client::connect(running.address)?;
    while client.get("/")?.body.len() as u64 != BASE + version {
        if begin.elapsed() > SERVED_MAX {
            return Err(io::Error::other(format!("change {version} is not served")));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(begin.elapsed())
}

pub(super) fn upgrades(run: &mut Run) -> io::Result<()> {
    if !run.workshop.has_verb("upgrade") {
        run.skip(Case::Upgrade20, "this Silverback has no `upgrade`");
        return Ok(());
    }
    let upgrades = run.pick(20, 4);
    let origin = run.scripted(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let running = lane.start(&run.workshop, &run.setup(&origin))?;
        // The first process is a child that ends at the first upgrade; its heirs are found by their configuration.
        let heirs = Heirs(running.config.display().to_string());
        let (kept, fresh) = loads(running.address);
        thread::sleep(Duration::from_millis(500));
        let mut slowest = Duration::ZERO;
        let mut done = Ok(());
        for number in 1..=upgrades {
            match upgrade_once(run, &heirs.0, &[]) {
                Ok(took) => slowest = slowest.max(took),
                Err(error) => {
                    done = Err(io::Error::other(format!("upgrade {number}: {error}")));
                    break;
                }
            }
            thread::sleep(GAP);
        }
        let done = done.and_then(|()| failing(run, &heirs.0));
        let (kept, fresh) = (kept.stop()?, fresh.stop()?);
        done?;
        add_upgrades(run, lane, upgrades, slowest, &kept, &fresh)?;
        drop(heirs);
    }
    Ok(())
}

fn upgrade_once(run: &Run, config: &str, more: &[&str]) -> io::Result<Duration> {
    let begin = Instant::now();
    let limit = UPGRADE_MAX.as_secs().to_string();
    let output = Command::new("timeout")
        .arg(&limit)
        .arg(&run.workshop.silverback)
        .args(["upgrade", "--config", config, "--wait"])
        .args(more)
        .output()?;
    if output.status.success() {
        return Ok(begin.elapsed());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!(
        "{}: {}",
        output.status,
        text.trim()
    )))
}

/// Programs that end at once, or never become ready, are refused, and the old process serves on, as the load sees.
fn failing(run: &Run, config: &str) -> io::Result<()> {
    let hangs = run.workshop.directory.join("hangs");
    fs::write(&hangs, "#!/bin/sh\nexec sleep 10\n")?;
    fs::set_permissions(&hangs, Permissions::from_mode(0o755))?;
    for program in ["/bin/false", &hangs.display().to_string()] {
        if upgrade_once(run, config, &["--binary", program, "--timeout", "1"]).is_ok() {
            return Err(io::Error::other(format!(
                "{program} was taken for a new gateway"
            )));
        }
    }
    Ok(())
}

fn add_upgrades(
    run: &mut Run,
    lane: Lane,
    upgrades: u64,
    slowest: Duration,
    kept: &Outcome,
    fresh: &Outcome,
) -> io::Result<()> {
    let counts = kept.counts().plus(&fresh.counts());
    let facts = vec![
        fact("upgrades", format!("{upgrades}, slowest {slowest:?}")),
        fact(
            "programs that end at once, or hang",
            "refused while the old process served on",
        ),
        fact("requests over new connections", fresh.counts().text()),
    ];
    let detail = format!("{upgrades} upgrades; {}", counts.text());
    bench::count(run, Figure::UpgradesFailed, bad(&counts), detail.clone());
    bench::count(run, Figure::UpgradesRefused, counts.connect as f64, detail);
    bench::note(run, Case::Upgrade20, lane, facts, kept)
}

/// Processes that serve a configuration, which end with this: nobody else is their parent.
struct Heirs(String);

impl Drop for Heirs {
    fn drop(&mut self) {
        for id in serving(&self.0) {
            process::signal_to(id, Signal::TERM);
        }
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end && !serving(&self.0).is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
        for id in serving(&self.0) {
            process::signal_to(id, Signal::KILL);
        }
    }
}

/// Ids of the processes whose command line names that file, whose path is the kit's own.
fn serving(config: &str) -> Vec<u32> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        *id != own
            && line
                .split(|byte| *byte == 0)
                .any(|word| word == config.as_bytes())
    })
    .collect()
}
