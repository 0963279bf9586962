//! Process-wide state on one thread: reload, names, merged totals, lifecycle.
//!
//! [`Control`] owns all of it and runs one loop. Whatever takes long (reading and compiling a configuration,
//! looking names up) runs beside the loop and comes back as an event; workers are told by directives
//! and heard by reports. No request ever waits for anything here.

mod cached;
mod crew;
pub mod dns;
mod handle;
mod health;
mod history;
mod install;
pub mod lifecycle;
mod metrics;
mod mocks;
mod questions;
pub mod quotas;
pub mod reload;
mod status;
#[cfg(test)]
mod tests;
pub mod tidy;
mod watch;

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use tokio::sync::mpsc;
use tokio::sync::watch::Receiver as Latest;
use tokio::task::JoinError;
use tokio::time::sleep;
use uuid::Uuid;

pub use cached::CacheAnswer;
pub use cached::CacheQuestion;
pub use crew::Crew;
pub use crew::Hire;
pub use handle::Handle;
pub use handle::Mark;
pub use handle::Request;
pub use handle::Until;
pub use health::View as HealthView;
pub use status::LastReload;
pub use status::Server;
pub use status::Status;
pub use status::WorkerStatus;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::ids::Generation;
use crate::bus::Driver;
use crate::bus::Report;
use crate::cache;
use crate::config;
use crate::config::Model;
use crate::config::Places;
use crate::control::crew::Loss;
use crate::control::dns::Dns;
use crate::control::health::Health;
use crate::control::history::History;
use crate::control::install::Stage;
use crate::control::install::Waiters;
use crate::control::lifecycle::Ended;
use crate::control::lifecycle::Order;
use crate::control::questions::Questions;
use crate::control::quotas::Quotas;
use crate::control::reload::Builder;
use crate::control::reload::Built;
use crate::control::reload::Refusal;
use crate::control::tidy::Tidy;
use crate::control::watch::Watch;
use crate::plugin::mock;
use crate::ratelimit::Pools;
use crate::snapshot::Addresses;
use crate::snapshot::Marks;
use crate::store;
use crate::telemetry::LogThread;
use crate::telemetry::Totals;

/// Time between two looks at the reports while an acknowledgement is waited for.
const PACE_WAITING: Duration = Duration::from_millis(1);
/// The same while workers drain or a directive is owed.
const PACE_BUSY: Duration = Duration::from_millis(10);
/// The same while workers report; the channel holds what many workers say in this time.
const PACE_USUAL: Duration = Duration::from_millis(100);
/// The same while nothing happens.
const PACE_IDLE: Duration = Duration::from_millis(500);

/// How long the end of the process waits for an access log whose sink blocks.
const LOG_WAIT: Duration = Duration::from_secs(2);

/// What control is given at the start.
pub struct Setup {
    /// The configuration to begin with, as generation 1.
    pub first: Built,
    /// Builds the configurations that follow.
    pub builder: Builder,
    /// Whether its files are watched for changes.
    pub watched: bool,
    /// The workers, hired and waiting.
    pub crew: Crew,
    /// What workers say.
    pub reports: Receiver<Report>,
    /// What signals ask for.
    pub orders: mpsc::Receiver<Order>,
    /// What the Admin API asks for.
    pub requests: mpsc::Receiver<Request>,
    /// Entities that are written over REST, and their file.
    pub store: store::Handle,
    /// The shared counters of rate limits and quotas.
    pub pools: Arc<Pools>,
    /// What the workers' stored answers take.
    pub stored: Arc<cache::Accounts>,
    /// The access log, if there is one.
    pub log: Option<LogThread>,
    /// Called once, when every worker serves, with the drivers in use and the number of workers on each.
    pub greet: Greet,
}

/// What is done when the gateway is ready.
pub type Greet = Box<dyn FnOnce(&[(Driver, usize)])>;

/// The owner of everything that is not one core's own.
pub struct Control {
    /// Away while it builds.
    builder: Option<Builder>,
    crew: Crew,
    reports: Receiver<Report>,
    orders: mpsc::Receiver<Order>,
    requests: mpsc::Receiver<Request>,
    store: store::Handle,
    quotas: Quotas,
    revisions: Latest<store::Revision>,
    log: Option<LogThread>,
    greet: Option<Greet>,
    dns: Dns,
    health: Health,
    watch: Option<Watch>,
    // The configuration.
    running: Arc<Model>,
    /// Where what of it stands in files stands.
    places: Places,
    /// The hash of `running`.
    hash: OnceCell<String>,
    /// What the last installed generation changed.
    brought: config::Diff,
    history: History,
    stage: Stage,
    waiters: Waiters,
    reloads: metrics::Reloads,
    tidy: Tidy,
    // What workers are asked.
    caches: Questions<cache::Told>,
    mocks: Questions<Vec<mock::Entry>>,
    stored: Arc<cache::Accounts>,
    /// The mocks that workers were last told to keep logs of.
    logging: Arc<[Uuid]>,
    // The process.
    started: Instant,
    /// The first configuration was installed, or given up on.
    begun: bool,
    ready: bool,
    draining: Option<Instant>,
    totals: Totals,
    heard: bool,
}

#[expect(
    clippy::large_enum_variant,
    reason = "an event lives for one turn of the loop"
)]
enum Event {
    Order(Order),
    Request(Request),
    FilesChanged,
    Written,
    Built(Result<(Builder, Result<Built, Refusal>), JoinError>),
    Resolved(Arc<Addresses>),
    Marked(Arc<Marks>),
    Tick,
}

impl Control {
    /// Takes everything over. Nothing happens before [`run`](Self::run).
    pub fn new(setup: Setup) -> Self {
        let now = clock::now();
        let Built {
            model,
            files,
            places,
            ..
        } = &setup.first;
        let mut watch = None;
        if setup.watched {
            match Watch::new(files.iter().cloned()) {
                Ok(new) => watch = Some(new),
                Err(error) => tracing::warn!("files are not watched, use SIGHUP: {error}"),
            }
        }
        Self {
            builder: Some(setup.builder),
            crew: setup.crew,
            reports: setup.reports,
            orders: setup.orders,
            requests: setup.requests,
            revisions: setup.store.revisions(),
            quotas: Quotas::new(setup.pools, setup.store.clone(), now),
            store: setup.store,
            log: setup.log,
            greet: Some(setup.greet),
            dns: Dns::new(&model.dns),
            health: Health::default(),
            watch,
            running: Arc::new(model.clone()),
            places: Arc::clone(places),
            hash: OnceCell::new(),
            brought: config::Diff::default(),
            history: History::default(),
            stage: Stage::first(setup.first, now),
            waiters: Waiters::default(),
            reloads: metrics::Reloads::default(),
            tidy: Tidy::default(),
            caches: Questions::default(),
            mocks: Questions::default(),
            stored: setup.stored,
            logging: Arc::default(),
            started: now,
            begun: false,
            ready: false,
            draining: None,
            totals: Totals::new(),
            heard: false,
        }
    }

    /// Runs until the process should end, and until the access log is written.
    pub async fn run(mut self) -> Ended {
        self.adopt_names();
        let ended = self.attend().await;
        self.quotas.finish().await;
        if let Some(log) = self.log.take() {
            log.stop(LOG_WAIT);
        }
        ended
    }

    async fn attend(&mut self) -> Ended {
        loop {
            let event = self.next().await;
            if let Some(ended) = self.take(event) {
                return ended;
            }
            if let Some(ended) = self.turn(clock::now()) {
                return ended;
            }
        }
    }

    async fn next(&mut self) -> Event {
        let pace = self.pace();
        tokio::select! {
            Some(order) = self.orders.recv() => Event::Order(order),
            Some(request) = self.requests.recv() => Event::Request(request),
            () = changed(self.watch.as_mut()) => Event::FilesChanged,
            () = written(&mut self.revisions) => Event::Written,
            built = self.stage.built() => Event::Built(built),
            addresses = self.dns.changed() => Event::Resolved(addresses),
            marks = self.health.changed() => Event::Marked(marks),
            () = sleep(pace) => Event::Tick,
        }
    }

    fn pace(&self) -> Duration {
        if self.stage.waits() || self.caches.wait() || self.mocks.wait() {
            PACE_WAITING
        } else if self.draining.is_some() || self.crew.owes() {
            PACE_BUSY
        } else if self.heard {
            PACE_USUAL
        } else {
            PACE_IDLE
        }
    }

    fn take(&mut self, event: Event) -> Option<Ended> {
        match event {
            Event::Order(Order::Reload) => {
                tracing::info!("asked to reload by SIGHUP");
                self.reload(None);
            }
            Event::Order(Order::Leave) => return self.leave(),
            Event::Order(Order::Reopen) => {
                tracing::info!("opening the log files again");
                self.log.iter().for_each(LogThread::reopen);
            }
            Event::Request(request) => self.answer(request),
            Event::FilesChanged => {
                tracing::info!("the configuration's files changed");
                self.reload(None);
            }
            Event::Written => self.follow_store(),
            Event::Built(built) => {
                let built = match built {
                    Ok((builder, built)) => {
                        self.builder = Some(builder);
                        built
                    }
                    Err(error) => Err(Refusal::Internal(error.to_string())),
                };
                self.built(built);
            }
            Event::Resolved(addresses) => {
                self.crew.resolve(&addresses);
                self.look_after_targets();
            }
            Event::Marked(marks) => self.crew.mark(&marks),
            Event::Tick => {}
        }
        None
    }

    /// What is done after every event, whichever it was.
    fn turn(&mut self, now: Instant) -> Option<Ended> {
        self.hear(now);
        self.crew.pay();
        for loss in self.crew.replace_lost(now) {
            match loss {
                Loss::Replaced(core, why) => {
                    tracing::error!("worker {} ended ({why}) and was replaced", core.0);
                }
                Loss::Fatal(core, why) => {
                    tracing::error!("worker {} ended: {why}", core.0);
                    return Some(Ended::Broken);
                }
            }
        }
        self.advance(now);
        self.caches.turn(now);
        self.mocks.turn(now);
        self.check_ready();
        if self.history.free(now) {
            self.tidy.freed(now);
        }
        self.tidy.turn(now);
        self.quotas.turn(now);
        let until = self.draining?;
        if self.crew.drained() {
            // The last counts came before the word that all is drained.
            self.hear(now);
            tracing::info!("drained");
            return Some(Ended::Drained);
        }
        if now >= until {
            tracing::warn!("the drain timeout has passed, what is in flight is cut");
            return Some(Ended::TimedOut);
        }
        None
    }

    /// Takes all reports that have come.
    fn hear(&mut self, now: Instant) {
        self.heard = false;
        while let Ok(report) = self.reports.try_recv() {
            self.crew.hear(&report);
            match report {
                Report::Counted(core, delta) => {
                    let history = &self.history;
                    let names = |generation, route| history.name(generation, route);
                    self.totals.merge(core, now, *delta, names);
                    self.heard = true;
                }
                Report::Cached(core, messages) => {
                    self.crew.spread(core, &messages.into());
                    self.heard = true;
                }
                Report::Noticed(core, notices) => {
                    self.health.hear(core, &notices, now);
                    self.heard = true;
                }
                Report::Started(core, _) => self.health.forget_core(core),
                Report::Installed(..) | Report::Drained(_) | Report::Failed(..) => {}
            }
        }
    }

    fn leave(&mut self) -> Option<Ended> {
        if self.draining.is_some() {
            tracing::warn!("asked to leave twice: leaving at once");
            return Some(Ended::Forced);
        }
        let patience = self.running.gateway.drain_timeout;
        tracing::info!("draining for at most {patience:?}");
        self.draining = Some(clock::now().plus(patience));
        self.ready = false;
        self.abandon();
        self.crew.drain();
        None
    }

    fn answer(&mut self, request: Request) {
        // Whoever asked may have gone.
        match request {
            Request::Status(to) => {
                self.hear(clock::now());
                let _ = to.send(self.status());
            }
            Request::Metrics(to) => {
                self.hear(clock::now());
                let _ = to.send(self.metrics());
            }
            Request::Reload(until, to) => self.reload(Some((until, to))),
            Request::Placed(to) => {
                let _ = to.send((Arc::clone(&self.running), Arc::clone(&self.places)));
            }
            Request::Running(to) => {
                let _ = to.send(Arc::clone(&self.running));
            }
            Request::Addresses(hosts, to) => {
                let known = hosts.iter().map(|host| self.dns.known(host));
                let _ = to.send(known.collect());
            }
            Request::Health(upstream, to) => {
                let _ = to.send(self.health.view(upstream));
            }
            Request::Mark(mark, to) => {
                let known = self
                    .health
                    .mark(mark.upstream, &mark.addresses, mark.healthy);
                let _ = to.send(known);
            }
            Request::Cache(question, to) => {
                let question = Arc::new(question);
                let asked = Arc::clone(&question);
                let workers = self.crew.len();
                let answer = self.caches.ask(clock::now(), move |heard| {
                    let _ = to.send(cached::merge(&asked, heard, workers));
                });
                self.crew.order(&cache::Order::Ask(question, answer));
            }
            Request::MockLog(plugin, to) => self.show_log(plugin, to),
            Request::Freed => self.tidy.freed(clock::now()),
        }
    }

    fn generation(&self) -> Generation {
        self.crew.acknowledged()
    }

    /// Computed when somebody asks: for 15,000 routes it takes as long as a fifth of a reload.
    fn hash(&self) -> &str {
        self.hash.get_or_init(|| self.running.content_hash())
    }
}

async fn written(revisions: &mut Latest<store::Revision>) {
    if revisions.changed().await.is_err() {
        // The store has ended, and with it what could be written.
        std::future::pending::<()>().await;
    }
}

async fn changed(watch: Option<&mut Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
