//! Ten tasks panic while 10,000 requests are in flight: nobody else's is lost.

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;

use crate::cases::Case;
use crate::cases::bench;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::machine;
use crate::open::Load;
use crate::open::fact;
use crate::verdict::Figure;

const REQUESTS: u64 = 10_000;
const PANICS: usize = 10;
/// What each request takes at the origin: all are in flight together for a while.
const DELAY_US: u64 = 4_000_000;
/// In which they are sent.
const TIME: Duration = Duration::from_secs(2);
/// Descriptors kept for everything else.
const SPARE: u64 = 1500;

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    // The proxy inherits our limit, and needs two descriptors for each.
    let limit = machine::raise_descriptor_limit().saturating_sub(SPARE);
    let size = REQUESTS.min(limit / 2);
    let origin = run.scripted(&[&format!("--delay-us={DELAY_US}")])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.custom.environment = vec!["SILVERBACK_FAULTS=1".to_owned()];
        let running = lane.start(&run.workshop, &setup)?;
        if !panics(running.address)? {
            run.skip(
                Case::Panic,
                "this Silverback was built without faults on demand",
            );
            continue;
        }
        let load = Load {
            connections: size as usize,
            patience: Duration::from_secs(30),
            ..bench::plain(running.address, size as f64 / TIME.as_secs_f64(), TIME)
        }
        .spawn();
        thread::sleep(TIME + TIME / 4);
        let mut ended = 0;
        for _ in 0..PANICS {
            ended += usize::from(panics(running.address)?);
        }
        let outcome = load.finish()?;
        let counts = outcome.counts();
        let together = bench::tell(origin.address, "")?.in_flight_max;
        let facts = vec![
            fact(
                "panics",
                format!("{ended} of {PANICS} ended their request and no more"),
            ),
            fact("requests in flight together", together.to_string()),
        ];
        let lost = (counts.failed() + counts.shed) as f64;
        bench::count(
            run,
            Figure::PanicOthers,
            lost,
            format!("{together} in flight; {}", counts.text()),
        );
        bench::note(run, Case::Panic, lane, facts, &outcome)?;
    }
    Ok(())
}

/// Lets a task panic: a 500 if nothing was sent yet, or the end of the connection; anything else says that it went on.
fn panics(address: SocketAddrV4) -> io::Result<bool> {
    let mut client = Client::connect(address)?;
    let field = "X-Silverback-Fault: panic\r\n";
    let reply = client.exchange("GET", "localhost", "/", field, b"");
    Ok(reply.map_or(true, |reply| reply.status == 500))
}
