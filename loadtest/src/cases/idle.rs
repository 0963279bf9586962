//! User memory of an idle keep-alive connection: 10,000 of them, each after one request.

use std::io;
use std::thread;
use std::time::Duration;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::machine;
use crate::proc;
use crate::verdict::Figure;
use crate::verdict::Measured;

const CONNECTIONS: u64 = 10_000;
/// Requests before the first look at memory, so that it is not the first ones' pages we count.
const WARM_UP: usize = 200;
/// Descriptors kept for everything else.
const SPARE: u64 = 500;
/// Time for the proxy to give back what the last exchange used.
const SETTLE: Duration = Duration::from_secs(1);

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    // The proxies inherit our limit, so it bounds both ends alike.
    let wanted = CONNECTIONS.min(machine::raise_descriptor_limit().saturating_sub(SPARE));
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let running = lane.start(&run.workshop, &run.setup(&origin))?;
        let id = running.process.id();
        let mut first = Client::connect(running.address)?;
        for _ in 0..WARM_UP {
            first.get("/")?;
        }
        let before = proc::memory(id)?;
        let mut clients = Vec::new();
        for number in 0..wanted {
            let mut client = Client::connect(running.address)?;
            let reply = client.get("/")?;
            if reply.status != 200 || reply.close {
                let text = format!(
                    "connection {number}: {} close {}",
                    reply.status, reply.close
                );
                return Err(io::Error::other(text));
            }
            clients.push(client);
        }
        thread::sleep(SETTLE);
        let after = proc::memory(id)?;
        // They count only if they are still served.
        let alive = clients
            .iter_mut()
            .step_by(97)
            .filter_map(|client| client.get("/").ok());
        let (alive, asked) = (alive.count(), clients.len().div_ceil(97));
        let grown = after.proportional.saturating_sub(before.proportional);
        let each = grown as f64 / wanted as f64;
        let facts = vec![
            ("idle connections".to_owned(), wanted.to_string()),
            (
                "still served, of a sample".to_owned(),
                format!("{alive} of {asked}"),
            ),
            ("user memory each".to_owned(), format!("{each:.0} bytes")),
            (
                "resident before".to_owned(),
                format!("{} KiB", before.resident / 1024),
            ),
            (
                "resident after".to_owned(),
                format!("{} KiB", after.resident / 1024),
            ),
        ];
        run.report.found(&Case::Idle10000.name(), lane, facts);
        if lane == Lane::Silverback && wanted == CONNECTIONS && alive == asked {
            let detail = format!("{wanted} connections, growth of the proportional set size");
            run.report
                .measured
                .push(Measured::counted(Figure::IdleMemory, each, detail));
        }
    }
    Ok(())
}
