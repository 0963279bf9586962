//! 15,000 services, each with a route and a plugin, posted one by one over one connection into a store: each answer says that the
//! entity is on disk.

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Entities;
use crate::lane::Lane;
use crate::routes::Catalogue;
use crate::verdict::Figure;
use crate::verdict::Measured;

/// Entities of each service: itself, its route, its plugin.
const ENTITIES: u64 = 3;
/// How long the last of them may take to be served.
const SERVED_MAX: Duration = Duration::from_secs(10);

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let services = run.pick(15_000, 1_500);
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.entities = Entities::Nowhere;
        setup.cpus = "0,1";
        let running = lane.start(&run.workshop, &setup)?;
        let Some(admin) = running.admin else { continue };
        let mut poster = Poster {
            client: Client::connect(admin)?,
            origin: origin.address,
        };
        let begin = Instant::now();
        for (number, api) in Catalogue::Market
            .apis()
            .iter()
            .take(services as usize)
            .enumerate()
        {
            poster.service(number, &api.host, &api.path)?;
        }
        let took = begin.elapsed().as_secs_f64();
        let last = Catalogue::Market.apis().swap_remove(services as usize - 1);
        let begin = Instant::now();
        served(running.address, &last.host, &last.path)?;
        let lag = begin.elapsed();
        let entities = services * ENTITIES;
        let facts = vec![
            (
                "services, each with a route and a plugin".to_owned(),
                services.to_string(),
            ),
            (
                "services per second".to_owned(),
                format!("{:.0}", services as f64 / took),
            ),
            (
                "entities per second".to_owned(),
                format!("{:.0}", entities as f64 / took),
            ),
            ("the last one served after".to_owned(), format!("{lag:?}")),
        ];
        run.report.found(&Case::Posts15000.name(), lane, facts);
        let detail = format!(
            "{entities} entities in {took:.1} s: {:.0} per second",
            entities as f64 / took
        );
        let ms = took * 1e3 / entities as f64;
        run.report
            .measured
            .push(Measured::counted(Figure::PostsEntity, ms, detail));
    }
    Ok(())
}

/// One connection to the admin listener.
struct Poster {
    client: Client,
    origin: SocketAddrV4,
}

impl Poster {
    fn service(&mut self, number: usize, host: &str, path: &str) -> io::Result<()> {
        let (name, origin) = (format!("api-{number:05}"), self.origin);
        let service = serde_json::json!({ "name": name, "url": format!("http://{origin}") });
        self.post("/services", &service)?;
        let route = serde_json::json!({ "name": name, "hosts": [host], "paths": [path], "strip_path": false });
        self.post(&format!("/services/{name}/routes"), &route)?;
        let plugin = serde_json::json!({ "name": "correlation-id" });
        self.post(&format!("/services/{name}/plugins"), &plugin)
    }

    fn post(&mut self, path: &str, body: &serde_json::Value) -> io::Result<()> {
        let fields = "Content-Type: application/json\r\n";
        let body = body.to_string();
        let reply = self
            .client
            .exchange("POST", "localhost", path, fields, body.as_bytes())?;
        if reply.status == 201 {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&reply.body).into_owned();
        Err(io::Error::other(format!(
            "{path} got {}: {why}",
            reply.status
        )))
    }
}

/// Waits until an API answers.
fn served(address: SocketAddrV4, host: &str, path: &str) -> io::Result<()> {
    let end = Instant::now() + SERVED_MAX;
    let mut client = Client::connect(address)?;
    while client.exchange("GET", host, path, "", b"")?.status != 200 {
        if Instant::now() > end {
            return Err(io::Error::other(format!("{host} is not served in time")));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
