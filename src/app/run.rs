//! Putting the gateway together and running it to its end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::admin;
use crate::app::bind::Bound;
use crate::app::bind::Sockets;
use crate::app::cli::DriverChoice;
use crate::app::cli::Exit;
use crate::app::log::Log;
use crate::app::privileges;
use crate::app::upgrade;
use crate::app::upgrade::Doorway;
use crate::app::upgrade::Given;
use crate::app::upgrade::Predecessor;
use crate::app::upgrade::Succession;
use crate::base::clock;
use crate::base::cores::Cores;
use crate::base::ids::Generation;
use crate::bus;
use crate::bus::Crossing;
use crate::bus::Driver;
use crate::cache::Accounts;
use crate::config;
use crate::config::Loader;
use crate::config::Model;
use crate::config::model::Workers;
use crate::control::Control;
use crate::control::Crew;
use crate::control::Greet;
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
use crate::net::Addresses;
use crate::plugin::Shared;
use crate::plugin::registry::Registry;
use crate::ratelimit::Pools;
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
    /// The configuration's file, which is watched for changes.
    file: Option<PathBuf>,
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
        let file = path.clone();
        Self::new(Box::new(move || loader.load(&path)), Some(file))
    }

    /// By a configuration that is in no file.
    pub fn of_text(name: &'static str, text: String) -> Self {
        Self::new(Box::new(move || config::parse_str(name, &text)), None)
    }

    fn new(load: Load, file: Option<PathBuf>) -> Self {
        Self {
            load,
            file,
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
        privileges::raise_open_files();
        let plan = match self.step_down() {
            Ok(plan) => plan,
            Err(error) => {
                tracing::error!("{error}");
                return Exit::Refused;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_keep_alive(BLOCKING_THREAD_IDLE)
            .build();
        let ended = runtime.and_then(|runtime| runtime.block_on(plan.serve()));
        match ended {
            Ok(Ended::Drained) => Exit::Fine,
            Ok(Ended::TimedOut | Ended::Forced | Ended::Broken) => Exit::Refused,
            Err(error) => {
                tracing::error!("{error}");
                Exit::Refused
            }
        }
    }

    /// Becomes the configured user, if this is root. An identity belongs to a thread, so this comes before there is a
    /// second one: the one that reads the configuration has ended then (see `control::tidy` for why there is one).
    fn step_down(mut self) -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(self);
        }
        let mut load = self.load;
        let reader = thread::spawn(move || (load(), load));
        let gone = || io::Error::other("the thread that reads configurations is gone");
        let (first, mut load) = reader.join().map_err(|_| gone())?;
        if let Ok(loaded) = &first {
            let gateway = &loaded.model.gateway;
            if let Some(user) = &gateway.user {
                privileges::become_user(user, gateway.group.as_deref())?;
            }
        }
        let mut first = Some(first);
        self.load = Box::new(move || first.take().unwrap_or_else(&mut load));
        Ok(self)
    }

    async fn serve(self) -> io::Result<Ended> {
        let (predecessor, given) = upgrade::inherit()?;
        let ended = self.take_place(predecessor.clone(), given).await;
        if let (Err(error), Some(predecessor)) = (&ended, predecessor) {
            predecessor.fail(&error.to_string());
        }
        ended
    }

    async fn take_place(
        self,
        predecessor: Option<Arc<Predecessor>>,
        given: Given,
    ) -> io::Result<Ended> {
        let (orders, signals) = (lifecycle::listen()?, signal(SignalKind::user_defined2())?);
        let cores = Cores::read();
        let (load, usable) = (self.load, cores.usable());
        let before = predecessor.clone();
        // On a thread of its own, as every later one: see `control::tidy`.
        let begun = spawn_blocking(move || begin(load, usable, before.as_deref())).await;
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
        let mut sockets = Sockets {
            given,
            ..Sockets::default()
        };
        let bound = sockets.listeners(&model, count)?;
        let mut running = Running {
            listeners: bound.addresses(),
            ..Running::default()
        };
        let stored = Arc::<Accounts>::default();
        let shared = Shared {
            pools: Arc::clone(&pools),
            stored: Arc::clone(&stored),
            cores: count,
        };
        let roads = Roads::new(shared, log.is_some().then_some(road), count)?;
        let hire = hire(bound, cores.allowed, roads, self.force_epoll);
        let crew = Crew::hire(count, sender, hire)?;
        let (handle, requests) = Handle::new();
        let mut admin = None;
        if let Some(wanted) = &model.admin {
            let socket = sockets.admin(wanted.address).await?;
            running.admin = Some(socket.local_addr()?);
            admin = Some((socket, admin_setup(wanted, &store, &handle)));
        }
        let place = Place {
            admin,
            file: self.file.clone(),
            signals,
            succession: Succession::new(sockets.held(), store.clone(), handle)?,
        };
        let control = Control::new(Setup {
            first,
            builder,
            watched: self.file.is_some(),
            crew,
            reports,
            orders,
            requests,
            store,
            pools,
            stored,
            log,
            greet: greeting(running, self.welcome, place, predecessor),
        });
        let ended = control.run().await;
        // The Admin API may hold on to the store for as long as a request takes.
        let _ = timeout(STORE_WAIT, spawn_blocking(move || keeping.join())).await;
        Ok(ended)
    }
}

fn admin_setup(
    wanted: &config::model::Admin,
    store: &store::Handle,
    control: &Handle,
) -> admin::Setup<store::Handle> {
    admin::Setup {
        backend: store.clone(),
        control: control.clone(),
        plugins: &Registry,
        tokens: wanted.tokens.clone(),
        log: &Log,
    }
}

/// What is done when every worker serves.
fn greeting(
    mut running: Running,
    welcome: Option<Welcome>,
    place: Place,
    predecessor: Option<Arc<Predecessor>>,
) -> Greet {
    Box::new(move |drivers| {
        running.drivers = drivers.to_vec();
        if let Some(welcome) = welcome {
            welcome(&running);
        }
        place.take(predecessor);
    })
}

/// What one process at a time does: to answer for the Admin API, and whoever asks for the process after this one.
struct Place {
    admin: Option<(tokio::net::TcpListener, admin::Setup<store::Handle>)>,
    file: Option<PathBuf>,
    signals: Signal,
    succession: Succession,
}

impl Place {
    /// Takes it: at once, or when the process before this one has left it.
    fn take(self, predecessor: Option<Arc<Predecessor>>) {
        let Some(predecessor) = predecessor else {
            return self.attend();
        };
        tokio::spawn(async {
            if let Err(error) = spawn_blocking(move || predecessor.take_over()).await {
                tracing::error!("the process before this one was not told: {error}");
            }
            self.attend();
        });
    }

    fn attend(self) {
        let admin = self.admin;
        let admin = admin.map(|(socket, setup)| tokio::spawn(admin::serve(socket, setup)));
        let admin = admin.map(|admin| admin.abort_handle());
        let doorway = Doorway::open(self.file.as_deref(), self.signals, self.succession, admin);
        tokio::spawn(doorway.attend());
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

/// Builds the first configuration from files and store, which the process before this one closes first.
fn begin(mut load: Load, usable: usize, before: Option<&Predecessor>) -> io::Result<Begun> {
    let loaded = load().map_err(|faults| io::Error::other(faults.render_text(false)))?;
    let workers = match loaded.model.gateway.workers {
        Workers::Auto => u16::try_from(usable).unwrap_or(u16::MAX),
        Workers::Count(count) => count,
    };
    if let Some(before) = before {
        before.take_store()?;
    }
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
            .field("file", &self.file)
            .field("force_epoll", &self.force_epoll)
            .finish_non_exhaustive()
    }
}

/// What all workers share.
struct Roads {
    shared: Shared,
    log: Option<LogRoad>,
    crossing: Crossing,
    addresses: Arc<Addresses>,
}

impl Roads {
    fn new(shared: Shared, log: Option<LogRoad>, workers: u16) -> io::Result<Self> {
        Ok(Self {
            shared,
            log,
            crossing: Crossing::new(workers)?,
            addresses: Arc::default(),
        })
    }
}

/// How a worker's thread is started, also one that takes a lost worker's place: with the same sockets.
fn hire(bound: Bound, allowed: Vec<usize>, roads: Roads, force_epoll: bool) -> Hire {
    Box::new(move |core, link| {
        let own = bound
            .sockets
            .get(usize::from(core.0))
            .ok_or(io::ErrorKind::NotFound)?;
        let copies = own
            .iter()
            .map(|(socket, number)| Ok((socket.try_clone()?, *number)));
        let settings = worker::Settings {
            core,
            cpu: allowed
                .get(usize::from(core.0) % allowed.len().max(1))
                .copied(),
            force_epoll,
            seed: clock::unix_micros() ^ u64::from(core.0).rotate_left(48),
            sockets: copies.collect::<io::Result<_>>()?,
            listeners: bound.listeners.clone(),
            shared: roads.shared.clone(),
            side: roads.crossing.side(core),
            addresses: Arc::clone(&roads.addresses),
            log: roads
                .log
                .as_ref()
                .map(|road| AccessLogSender::new(core, road.clone())),
        };
        worker::spawn(settings, link)
    })
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
