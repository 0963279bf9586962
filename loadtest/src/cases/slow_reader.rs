//! A client asks for 200 MiB and stops reading: how much does the proxy pull from the origin,
//! keep in memory, write to disk?

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
/// The pull counts as over when nothing moved for this long.
const QUIET: Duration = Duration::from_millis(1500);
const LIMIT: Duration = Duration::from_secs(15);

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let origin = run.origin(&[SEND_BUFFER])?;
        let running = lane.start(&run.workshop, &run.setup(&origin))?;
        let id = running.process.id();
        let mut warm = Client::connect(running.address)?;
        for _ in 0..100 {
            warm.get("/bytes/65536")?;
        }
        let mut control = Client::connect(origin.address)?;
        let before = (
            stats(&mut control)?,
            proc::memory(id)?,
            proc::disk_written(id)?,
        );
        let stream = Client::connect(running.address)?.send_only(ANSWER)?;
        let after = settle(&mut control)?;
        let memory = proc::memory(id)?;
        let disk = proc::disk_written(id)?.saturating_sub(before.2);
        drop(stream);
        let pulled = after.bytes_sent.saturating_sub(before.0.bytes_sent);
        let pulled = pulled as f64 / f64::from(1 << 20);
        let grown = memory.proportional.saturating_sub(before.1.proportional) as f64 / 1024.0;
        let facts = vec![
            (
                "pulled from the origin".to_owned(),
                format!("{pulled:.2} MiB of 200"),
            ),
            ("user memory grown".to_owned(), format!("{grown:.0} KiB")),
            ("written to disk".to_owned(), format!("{disk} bytes")),
        ];
        run.report.found(&Case::SlowReader.name(), lane, facts);
        if lane == Lane::Silverback {
            let detail = "kernel socket buffers included, the origin's own at most 256 KiB";
            for (figure, value, detail) in [
                (Figure::SlowReaderPulled, pulled, detail),
                (
                    Figure::SlowReaderMemory,
                    grown,
                    "growth of the proportional set size",
                ),
                (Figure::SlowReaderDisk, disk as f64, "/proc/PID/io"),
            ] {
                let detail = detail.to_owned();
                run.report.measured.push(Measured {
                    figure,
                    value,
                    detail,
                });
            }
        }
    }
    Ok(())
}

fn settle(control: &mut Client) -> io::Result<Stats> {
    let end = Instant::now() + LIMIT;
    let mut last = stats(control)?;
    let mut moved = Instant::now();
    while moved.elapsed() < QUIET && Instant::now() < end {
        thread::sleep(Duration::from_millis(50));
        let now = stats(control)?;
        if now.bytes_sent != last.bytes_sent {
            moved = Instant::now();
        }
        last = now;
    }
    Ok(last)
}

/// Asks the origin what it saw.
pub(super) fn stats(control: &mut Client) -> io::Result<Stats> {
    let reply = control.get("/_stats")?;
    serde_json::from_slice(&reply.body).map_err(io::Error::other)
}
