//! Resident memory with 15,000 routes loaded and used, once what loading needed was given back.

use std::io;
use std::thread;
use std::time::Duration;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::proc;
use crate::routes::Catalogue;
use crate::verdict::Figure;
use crate::verdict::Measured;

/// Requests over as many routes, so that the tables were touched.
const REQUESTS: usize = 3000;

/// Between the last request and the measurement, for every lane alike: what a process holds for good is asked,
/// and allocators return what reading a configuration left free after a second or two.
const SETTLE: Duration = Duration::from_secs(4);

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let mut setup = run.setup(&origin);
    setup.catalogue = Catalogue::Market;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let running = lane.start(&run.workshop, &setup)?;
        let mut client = Client::connect(running.address)?;
        let mut answered = 0;
        for line in Catalogue::Market.requests().lines().take(REQUESTS) {
            let (host, path) = line.split_once(' ').unwrap_or(("", "/"));
            let reply = client.exchange("GET", host, path, "", b"")?;
            answered += usize::from(reply.status == 200);
        }
        if answered != REQUESTS {
            return Err(io::Error::other(format!(
                "{answered} of {REQUESTS} answered with 200"
            )));
        }
        thread::sleep(SETTLE);
        let memory = proc::memory(running.process.id())?;
        let megabytes = memory.resident as f64 / 1e6;
        let facts = vec![(
            "resident with 15,000 routes".to_owned(),
            format!("{megabytes:.1} MB"),
        )];
        run.report.found(&Case::Memory15000.name(), lane, facts);
        if lane == Lane::Silverback {
            let settled = SETTLE.as_secs();
            let detail = format!("resident set, {settled} s after the last of {REQUESTS} requests");
            run.report
                .measured
                .push(Measured::counted(Figure::RoutesMemory, megabytes, detail));
        }
    }
    Ok(())
}
