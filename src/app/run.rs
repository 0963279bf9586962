//! Putting the gateway together and running it to its end.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::admin;
use crate::app::cli::DriverChoice;
use crate::app::cli::Exit;
use crate::app::log::Log;
use crate::base::clock;
use crate::base::cores::Cores;
use crate::base::ids::Generation;
use crate::bus;
use crate::bus::Driver;
use crate::cache::Accounts;
use crate::config;
use crate::config::Loader;
use crate::config::Model;
use crate::config::model::Workers;
use crate::control::Control;
use crate::control::Crew;
use crate::control::Handle;
use crate::control::Hire;
use crate::control::Setup;
use crate::control::lifecycle;
use crate::control::lifecycle::Ended;
use crate::control::quotas;
use crate::control::reload::Builder;
use crate::control::reload::Built;
use crate::control::reload::Load;
use crate::control::reload::Refusal;
use crate::control::tidy::BLOCKING_THREAD_IDLE;
use crate::net::listener;
use crate::plugin::Shared;
use crate::plugin::registry::Registry;
use crate::ratelimit::Pools;
use crate::shard::Listening;
use crate::store;
use crate::store::Keeper;
use crate::telemetry::AccessLogSender;
use crate::telemetry::Format;
use crate::telemetry::LogThread;
use crate::telemetry::log_sender;
use crate::telemetry::log_sender::LogRoad;
use crate::telemetry::log_thread;
use crate::worker;

/// What is to run, and how.
pub struct Plan {
    load: Load,
    /// Whether the configuration's files are watched for changes.
    watched: bool,
    /// Use epoll even where io_uring works.
    force_epoll: bool,
    welcome: Option<Welcome>,
}

/// Says hello when the gateway is ready: drivers in use, workers, listeners, admin listener.
type Welcome = Box<dyn FnOnce(&Running)>;

/// What is known when the gateway is ready.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Drivers in use, and how many workers run on each.
    pub drivers: Vec<(Driver, usize)>,
    /// The listeners' addresses.
    pub listeners: Vec<SocketAddr>,
    /// The admin listener's address.
    pub admin: Option<SocketAddr>,
}

impl Plan {
    /// By the configuration at `path`; changes of it are watched.
    pub fn of_file(path: PathBuf) -> Self {
        let mut loader = Loader::default();
        Self::new(Box::new(move || loader.load(&path)), true)
    }

    /// By a configuration that is in no file.
    pub fn of_text(name: &'static str, text: String) -> Self {
        Self::new(Box::new(move || config::parse_str(name, &text)), false)
    }

    fn new(load: Load, watched: bool) -> Self {
        Self {
            load,
            watched,
            force_epoll: false,
            welcome: None,
        }
    }

    /// With the driver that the command line asks for.
    pub fn driver(mut self, choice: DriverChoice) -> Self {
        self.force_epoll = match choice {
            DriverChoice::Auto => false,
            DriverChoice::Epoll => true,
        };
        self
    }

    /// With something to say when it is ready.
    pub fn welcome(mut self, welcome: impl FnOnce(&Running) + 'static) -> Self {
        self.welcome = Some(Box::new(welcome));
        self
    }

    /// Runs to the end.
    pub fn run(self) -> Exit {
        // The allocator asks for huge pages, and every part of one that is touched makes all of it resident:
        // it costs an idle connection more than half of its own memory again. A refusal costs just that.
        let _ = rustix::thread::disable_transparent_huge_pages(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_keep_alive(BLOCKING_THREAD_IDLE)
            .build();
        let ended = runtime.and_then(|runtime| runtime.block_on(self.serve()));
        match ended {
            Ok(Ended::Drained) => Exit::Fine,
            Ok(Ended::TimedOut | Ended::Forced | Ended::Broken) => Exit::Refused,
            Err(error) => {
                tracing::error!("{error}");
                Exit::Refused
            }
        }
    }

    async fn serve(self) -> io::Result<Ended> {
        let orders = lifecycle::listen()?;
        let cores = Cores::read();
        let (load, usable) = (self.load, cores.usable());
        // On a thread of its own, as every later one: see `control::tidy`.
        let begun = spawn_blocking(move || begin(load, usable)).await;
        let Begun {
            builder,
            first,
            workers: count,
            store,
            pools,
            keeping,
        } = begun.map_err(io::Error::other)??;
        let model = first.model.clone();
        let (sender, reports) = bus::reports();
        let (road, queue) = log_sender::road();
        let log = open_log(&model, queue)?;
        let (sockets, listeners) = bind(&model, count)?;
        let road = log.is_some().then_some(road);
        let stored = Arc::<Accounts>::default();
        let shared = Shared {
            pools: Arc::clone(&pools),
            stored: Arc::clone(&stored),
            cores: count,
        };
        let hire = hire(sockets, cores.allowed, shared, road, self.force_epoll);
        let crew = Crew::hire(count, sender, hire)?;
        let (handle, requests) = Handle::new();
        let mut running = Running {
            listeners,
            ..Running::default()
        };
        if let Some(admin) = &model.admin {
            let socket = bind_admin(admin.address).await?;
            running.admin = Some(socket.local_addr()?);
            tracing::info!("admin on {}", socket.local_addr()?);
            let setup = admin::Setup {
                backend: store.clone(),
                control: handle,
                plugins: &Registry,
                tokens: admin.tokens.clone(),
                log: &Log,
            };
            tokio::spawn(admin::serve(socket, setup));
        }
        let welcome = self.welcome;
        let control = Control::new(Setup {
            first,
            builder,
            watched: self.watched,
            crew,
            reports,
            orders,
            requests,
            store,
            pools,
            stored,
            log,
            greet: Box::new(move |drivers| {
                running.drivers = drivers.to_vec();
                if let Some(welcome) = welcome {
                    welcome(&running);
                }
            }),
        });
        let ended = control.run().await;
        // The Admin API may hold on to the store for as long as a request takes.
        let _ = timeout(STORE_WAIT, spawn_blocking(move || keeping.join())).await;
        Ok(ended)
    }
}

/// How long the end of the process waits for the store's file to be closed.
const STORE_WAIT: Duration = Duration::from_millis(500);

/// What there is before anything runs.
struct Begun {
    builder: Builder,
    first: Built,
    workers: u16,
    store: store::Handle,
    pools: Arc<Pools>,
    keeping: store::Thread,
}

/// Builds the first configuration from files and store.
fn begin(mut load: Load, usable: usize) -> io::Result<Begun> {
    let loaded = load().map_err(|faults| io::Error::other(faults.render_text(false)))?;
    let workers = match loaded.model.gateway.workers {
        Workers::Auto => u16::try_from(usable).unwrap_or(u16::MAX),
        Workers::Count(count) => count,
    };
    let keeper = match &loaded.model.store {
        Some(path) => Keeper::open(path, &Registry).map_err(io::Error::other),
        None => Ok(Keeper::without_store(&Registry)),
    };
    let mut keeper = keeper?;
    let rows = loaded.rows();
    let shown = keeper.replace_file_rows(rows);
    shown.map_err(|clashes| io::Error::other(Refusal::Clash(clashes).to_string()))?;
    let mut builder = Builder::new(load, workers.into());
    let first = builder.begin(loaded, keeper.take_changes(), Generation(1));
    let first = first.map_err(|refusal| io::Error::other(refusal.to_string()))?;
    let counters = keeper.counters();
    let counters = counters.map_err(|error| io::Error::other(error.message))?;
    let pools = Arc::new(quotas::restore(&counters));
    let (store, keeping) = keeper.spawn()?;
    Ok(Begun {
        builder,
        first,
        workers,
        store,
        pools,
        keeping,
    })
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("watched", &self.watched)
            .field("force_epoll", &self.force_epoll)
            .finish_non_exhaustive()
    }
}

/// How a worker's thread is started, also one that takes a lost worker's place: with the same sockets.
fn hire(
    sockets: Sockets,
    allowed: Vec<usize>,
    shared: Shared,
    road: Option<LogRoad>,
    force_epoll: bool,
) -> Hire {
    Box::new(move |core, link| {
        let own = sockets
            .get(usize::from(core.0))
            .ok_or(io::ErrorKind::NotFound)?;
        let copies = own
            .iter()
            .map(|(socket, listening)| Ok((socket.try_clone()?, *listening)));
        let settings = worker::Settings {
            core,
            cpu: allowed
                .get(usize::from(core.0) % allowed.len().max(1))
                .copied(),
            force_epoll,
            seed: clock::unix_micros() ^ u64::from(core.0).rotate_left(48),
            listeners: copies.collect::<io::Result<_>>()?,
            shared: shared.clone(),
            log: road
                .as_ref()
                .map(|road| AccessLogSender::new(core, road.clone())),
        };
        worker::spawn(settings, link)
    })
}

async fn bind_admin(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let bound = tokio::net::TcpListener::bind(address).await;
    bound.map_err(|error| {
        let said = format!("cannot listen on {address} for the Admin API: {error}");
        io::Error::other(said)
    })
}

/// Each worker's own sockets, by worker.
type Sockets = Vec<Vec<(TcpListener, Listening)>>;

/// Each worker's own listening sockets; all of a group are bound before any is used.
fn bind(model: &Model, workers: u16) -> io::Result<(Sockets, Vec<SocketAddr>)> {
    let mut sockets: Sockets = (0..workers).map(|_| Vec::new()).collect();
    let mut addresses = Vec::with_capacity(model.listeners.len());
    for (place, entry) in (0..).zip(&model.listeners) {
        let mut address: SocketAddr = entry.address;
        for own in &mut sockets {
            let backlog = i32::try_from(entry.backlog).unwrap_or(i32::MAX);
            let socket = listener::bind(address, backlog).map_err(|error| {
                io::Error::other(format!("cannot listen on {address}: {error}"))
            })?;
            address = socket.local_addr()?;
            own.push((
                socket,
                Listening {
                    address,
                    proxy_protocol: entry.proxy_protocol,
                    tls: entry.tls.as_ref().map(|_| place),
                },
            ));
        }
        tracing::info!("listening on {address}");
        addresses.push(address);
    }
    Ok((sockets, addresses))
}

fn open_log(model: &Model, queue: log_sender::LogQueue) -> io::Result<Option<LogThread>> {
    use crate::config::model::LogFormat;
    use crate::config::model::LogPath;
    let Some(log) = &model.access_log else {
        return Ok(None);
    };
    let target = match &log.path {
        LogPath::Stdout => log_thread::LogTarget::Stdout,
        LogPath::File(path) => log_thread::LogTarget::File(path.clone()),
    };
    let format = match &log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Logfmt => Format::Logfmt,
        LogFormat::Combined => Format::Combined,
        LogFormat::Template(text) => Format::parse(text)
            .map_err(|fault| io::Error::other(format!("access_log.format: {fault}")))?,
    };
    let config = log_thread::LogConfig {
        target,
        format,
        mask: crate::telemetry::mask::Mask::with(model.carriers()),
    };
    log_thread::spawn(config, queue).map(Some)
}
