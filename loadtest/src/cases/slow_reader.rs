//! A client asks for 200 MiB and stops reading: how much does the proxy pull from the origin,
//! keep in memory, write to disk? The worst of a few tries counts, each with a fresh proxy.
//!
//! What is pulled includes the kernel's buffers of the proxy's own two sockets, because it is the
//! proxy that chooses (or leaves to the kernel) how large they may grow.

use std::io;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::origin::Stats;
use crate::proc;
use crate::verdict::Figure;
use crate::verdict::Measured;

const ANSWER: &str = "/bytes/209715200";
/// The origin's send buffer, so that what waits in it is not taken for what the proxy pulled.
const SEND_BUFFER: &str = "--send-buffer=131072";
/// What the proxy served before: small answers, where the first large body still costs its first
/// buffers; and larger ones, after which the kernel has widened the pooled connection's window.
const WARM_UPS: [&str; 3] = ["/", "/", "/bytes/65536"];
/// The pull counts as over when nothing moved for this long.
const QUIET: Duration = Duration::from_millis(1500);
const LIMIT: Duration = Duration::from_secs(15);

/// One try.
struct Pull {
    mebibytes: f64,
    memory_kib: f64,
    disk: u64,
}

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let mut pulls = Vec::new();
        for warm_up in WARM_UPS {
            pulls.push(pull(run, lane, warm_up)?);
        }
        let list =
            |text: fn(&Pull) -> String| pulls.iter().map(text).collect::<Vec<_>>().join(", ");
        let facts = vec![
            (
                "MiB of 200 pulled".to_owned(),
                list(|pull| format!("{:.2}", pull.mebibytes)),
            ),
            (
                "KiB of memory grown".to_owned(),
                list(|pull| format!("{:.0}", pull.memory_kib)),
            ),
            (
                "bytes written to disk".to_owned(),
                list(|pull| pull.disk.to_string()),
            ),
        ];
        if lane == Lane::Silverback {
            let worst = |value: fn(&Pull) -> f64| pulls.iter().map(value).fold(0.0, f64::max);
            let pulled = worst(|pull| pull.mebibytes);
            let memory = worst(|pull| pull.memory_kib);
            let disk = worst(|pull| pull.disk as f64);
            let sockets =
                "worst of 3, the proxy's socket buffers and <= 256 KiB of the origin's in";
            run.report.measured.extend([
                Measured::counted(Figure::SlowReaderPulled, pulled, sockets),
                Measured::counted(
                    Figure::SlowReaderMemory,
                    memory,
                    "worst of 3, growth of PSS",
                ),
                Measured::counted(Figure::SlowReaderDisk, disk, "worst of 3, /proc/PID/io"),
            ]);
        }
        run.report.found(&Case::SlowReader.name(), lane, facts);
    }
    Ok(())
}

fn pull(run: &Run, lane: Lane, warm_up: &str) -> io::Result<Pull> {
    let origin = run.origin(&[SEND_BUFFER])?;
    let running = lane.start(&run.workshop, &run.setup(&origin))?;
    let id = running.process.id();
    let mut warm = Client::connect(running.address)?;
    for _ in 0..100 {
        warm.get(warm_up)?;
    }
    let mut control = Client::connect(origin.address)?;
    let before = stats(&mut control)?;
    let memory = proc::memory(id)?.proportional;
    let disk = proc::disk_written(id)?;
    let stream = Client::connect(running.address)?.send_only(ANSWER)?;
    let after = settle(&mut control)?;
    let grown = proc::memory(id)?.proportional.saturating_sub(memory);
    let disk = proc::disk_written(id)?.saturating_sub(disk);
    drop(stream);
    let pulled = after.bytes_sent.saturating_sub(before.bytes_sent);
    Ok(Pull {
        mebibytes: pulled as f64 / f64::from(1 << 20),
        memory_kib: grown as f64 / 1024.0,
        disk,
    })
}

fn settle(control: &mut Client) -> io::Result<Stats> {
    let end = Instant::now() + LIMIT;
    let mut last = stats(control)?;
    let mut bulk = last.bytes_sent;
    let mut moved = Instant::now();
    while moved.elapsed() < QUIET && Instant::now() < end {
        thread::sleep(Duration::from_millis(50));
        last = stats(control)?;
        // The answers to these very questions are bytes sent, too, but small ones.
        if last.bytes_sent > bulk + 16 * 1024 {
            bulk = last.bytes_sent;
            moved = Instant::now();
        }
    }
    Ok(last)
}

/// Asks the origin what it saw.
pub(super) fn stats(control: &mut Client) -> io::Result<Stats> {
    let reply = control.get("/_stats")?;
    serde_json::from_slice(&reply.body).map_err(io::Error::other)
}
