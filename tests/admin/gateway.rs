//! The Admin API of a gateway that is not there: entities in memory, control by heart.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use silverback::admin;
use silverback::admin::Backend;
use silverback::admin::LogLevel;
use silverback::admin::Memory;
use silverback::admin::Setup;
use silverback::base::ids::Generation;
use silverback::cache::Question;
use silverback::cache::Target;
use silverback::cache::Told;
use silverback::config;
use silverback::config::Diff;
use silverback::config::Loaded;
use silverback::config::model::AdminToken;
use silverback::control::Handle;
use silverback::control::Request;
use silverback::control::Server;
use silverback::control::Status;
use silverback::control::reload::Outcome;
use silverback::entity::Entities;
use silverback::plugin::registry::Registry;
use silverback::store::Keeper;
use tokio::sync::mpsc;
use tracing::level_filters::LevelFilter;

/// Starts one with a store in memory and says where it listens. It ends with the process.
pub(crate) fn start(tokens: Vec<AdminToken>) -> SocketAddr {
    let (store, _) = Keeper::in_memory(&Registry).unwrap().spawn().unwrap();
    serve(store, tokens)
}

/// One that has no store.
pub(crate) fn start_without_store() -> SocketAddr {
    let (store, _) = Keeper::without_store(&Registry).spawn().unwrap();
    serve(store, Vec::new())
}

/// One whose clock goes by operations.
pub(crate) fn start_with_a_clock_of_its_own() -> SocketAddr {
    // A second passes with each operation, so that no two entities are of the same one, and times have all their
    // digits.
    let mut now_ms = 1_700_000_000_123;
    let clock = move || {
        now_ms += 1_000;
        now_ms
    };
    serve(
        Memory::spawn(Entities::new(&Registry), clock).unwrap(),
        Vec::new(),
    )
}

fn serve(backend: impl Backend, tokens: Vec<AdminToken>) -> SocketAddr {
    let (address, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let (control, requests) = Handle::new();
            tokio::spawn(stand_in(requests));
            let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(socket.local_addr().unwrap()).unwrap();
            let setup = Setup {
                backend,
                control,
                plugins: &Registry,
                tokens,
                log: &Silent,
            };
            admin::serve(socket, setup).await;
        });
    });
    told.recv().unwrap()
}

/// A log whose level is always the same.
#[derive(Debug)]
struct Silent;

impl LogLevel for Silent {
    fn level(&self) -> LevelFilter {
        LevelFilter::INFO
    }

    fn set(&self, _: LevelFilter) {}
}

async fn stand_in(mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        match request {
            Request::Status(to) => _ = to.send(status()),
            Request::Metrics(to) => _ = to.send("# no metrics\n".to_owned()),
            Request::Reload(_, to) => {
                _ = to.send(Outcome::Unchanged(Generation(1), Diff::default()));
            }
            Request::Running(to) => _ = to.send(loaded().model.into()),
            Request::Placed(to) => {
                let loaded = loaded();
                _ = to.send((loaded.model.into(), loaded.places));
            }
            Request::Addresses(hosts, to) => {
                _ = to.send(vec![Default::default(); hosts.len()]);
            }
            Request::Health(_, to) => _ = to.send(None),
            Request::Mark(_, to) => _ = to.send(false),
            Request::Cache(question, to) => _ = to.send(cache(&question)),
            Request::MockLog(_, to) => _ = to.send(Some(Vec::new())),
            Request::Freed => {}
        }
    }
}

fn loaded() -> Loaded {
    let text = "[[services]]\nname = \"s\"\nhost = \"h\"\n[[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n\
                [[services]]\nname = \"unrouted\"\nhost = \"h\"\n";
    config::parse_str("gateway.toml", text).unwrap()
}

fn status() -> Status {
    Status {
        ready: true,
        draining: false,
        generation: Generation(1),
        hash: "0".to_owned(),
        uptime: Duration::from_secs(1),
        workers: Vec::new(),
        last_reload: None,
        names: (0, 0),
        server: Server::default(),
    }
}

/// One answer is stored, under this key; it can be removed and not be shown.
pub(crate) const CACHED: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn cache(question: &Question) -> Told {
    match question {
        Question::Purge(purge) => match &purge.target {
            Target::Digest(digest, _) => Told::Purged(usize::from(digest == CACHED.as_bytes())),
            _ => Told::Purged(1),
        },
        Question::Find(..) | Question::List(_) => Told::Found(Vec::new()),
    }
}
