//! Everything one core owns. It is reached through `&Shard` from that core alone, so plain cells do.

mod instance;
mod overload;

use std::cell::Cell;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

pub use instance::Instance;
pub use overload::InFlight;
pub use overload::Overload;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::rng::Rng;
use crate::http::date::DateCache;
use crate::http::date::DateText;
use crate::http::request_id::RequestId;
use crate::http::request_id::request_id;
use crate::net::Deadlines;
use crate::net::Pool;
use crate::net::tls::Pace;
use crate::plugin;
use crate::plugin::Shared;
use crate::router;
use crate::snapshot::Addresses;
use crate::snapshot::Snapshot;
use crate::telemetry::AccessLogSender;
use crate::telemetry::CoreMetrics;
use crate::upstream::Peers;
use crate::upstream::Wards;

/// A listener as its connections see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The address it is bound to.
    pub address: SocketAddr,
    /// Connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Its place among the listeners, if clients speak TLS there.
    pub tls: Option<u16>,
}

/// Sets the plugins' random numbers apart from those of balancers.
const PLUGIN_SEED: u64 = 0x5117_e2ba_c4b1_0661;

/// One core's state.
#[derive(Debug)]
pub struct Shard {
    /// Which core.
    pub core: CoreId,
    /// Buffers.
    pub pool: Rc<Pool>,
    /// What handshakes of TLS may take.
    pub pace: Pace,
    /// Deadlines of all connections.
    pub deadlines: Rc<Deadlines>,
    /// Where this core connects to.
    pub peers: Peers,
    /// How the targets are, as far as anything looks after them.
    pub wards: Wards,
    /// What this core counts.
    pub metrics: CoreMetrics,
    /// For choices that need speed and not secrecy.
    pub rng: RefCell<Rng>,
    /// Where access records go, if they are wanted.
    pub log: Option<AccessLogSender>,
    /// No more than what is open is served.
    pub draining: Cell<bool>,
    /// Open client connections.
    pub connections: Cell<usize>,
    /// Housekeeping, while it sleeps long because there are none.
    pub sleeper: RefCell<Option<Waker>>,
    /// How much this core has to do.
    pub overload: Overload,
    /// What plugins remember.
    pub plugins: plugin::Core,
    /// Memory of the router's expressions.
    pub routing: RefCell<router::Scratch>,
    instance: RefCell<Rc<Instance>>,
    date: RefCell<DateCache>,
    /// The last reading of the monotonic clock.
    lately: Cell<Instant>,
    /// The wall clock at a moment of the monotonic one.
    epoch: Cell<(Instant, u64)>,
}

impl Shard {
    /// The state of a core that serves by `snapshot` first, and shares this with others.
    pub fn new(
        core: CoreId,
        seed: u64,
        shared: Shared,
        log: Option<AccessLogSender>,
        snapshot: Arc<Snapshot>,
        addresses: Arc<Addresses>,
    ) -> Self {
        let metrics = CoreMetrics::new();
        metrics.install(snapshot.generation, snapshot.routes.len());
        Self {
            core,
            pool: Rc::default(),
            pace: Pace::default(),
            deadlines: Rc::default(),
            peers: Peers::of(core),
            wards: Wards::new(core),
            metrics,
            rng: RefCell::new(Rng::seeded(seed)),
            log,
            draining: Cell::new(false),
            connections: Cell::new(0),
            sleeper: RefCell::default(),
            overload: Overload::default(),
            plugins: plugin::Core::new(core, seed ^ PLUGIN_SEED, shared),
            routing: RefCell::default(),
            instance: RefCell::new(Rc::new(Instance::new(snapshot, addresses))),
            date: RefCell::default(),
            lately: Cell::new(clock::now()),
            epoch: Cell::new((clock::now(), clock::unix_micros())),
        }
    }

    /// What requests are served by now. An exchange keeps the instance that it began with.
    #[inline]
    pub fn instance(&self) -> Rc<Instance> {
        Rc::clone(&self.instance.borrow())
    }

    /// Serves by another snapshot from now on; returns what was served by before.
    pub fn install(&self, snapshot: Arc<Snapshot>, addresses: Arc<Addresses>) -> Rc<Instance> {
        self.metrics
            .install(snapshot.generation, snapshot.routes.len());
        self.instance
            .replace(Rc::new(Instance::new(snapshot, addresses)))
    }

    /// Serves the same snapshot by other addresses from now on; returns what was served by before. Upstreams
    /// whose addresses did not change keep their balancers' state.
    pub fn resolve(&self, addresses: Arc<Addresses>) -> Rc<Instance> {
        let resolved = self.instance.borrow().resolved(addresses);
        self.instance.replace(Rc::new(resolved))
    }

    /// Reads the monotonic clock.
    #[inline]
    pub fn now(&self) -> Instant {
        let now = clock::now();
        self.lately.set(now);
        now
    }

    /// The last reading of the clock on this core, a few microseconds old while it is busy.
    #[inline]
    pub fn lately(&self) -> Instant {
        self.lately.get()
    }

    /// Notes the wall clock anew; the housekeeping does so, so that the request path need not.
    pub fn synchronise(&self) {
        self.epoch.set((self.now(), clock::unix_micros()));
    }

    /// The wall clock at a moment, in microseconds since the Unix epoch.
    pub fn unix_micros_at(&self, moment: Instant) -> u64 {
        let (then, micros) = self.epoch.get();
        let later = micros + moment.nanos_since(then) / 1_000;
        later - then.nanos_since(moment) / 1_000
    }

    /// The value of a `Date` field.
    pub fn date(&self) -> DateText {
        *self
            .date
            .borrow_mut()
            .at(self.unix_micros_at(self.lately()) / 1_000_000)
    }

    /// An id for a request.
    pub fn request_id(&self) -> RequestId {
        request_id(&mut self.rng.borrow_mut())
    }
}
