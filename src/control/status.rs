//! What control says of itself when asked; the Admin API decides how it is spelled.

use std::time::Duration;

use crate::base::clock;
use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::bus::Driver;
use crate::telemetry::Counter;
use crate::telemetry::Gauge;

use super::Control;
use super::reload::Outcome;

/// The gateway at one moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whether every worker serves and none is told to leave.
    pub ready: bool,
    /// Whether the gateway is on its way out.
    pub draining: bool,
    /// The configuration that every worker has acknowledged.
    pub generation: Generation,
    /// Its hash.
    pub hash: String,
    /// Since the start.
    pub uptime: Duration,
    /// One entry for each worker.
    pub workers: Vec<WorkerStatus>,
    /// The last attempt at a reload after the first install.
    pub last_reload: Option<LastReload>,
    /// Names that resolve, and names that do not.
    pub names: (usize, usize),
    /// Clients' connections and requests.
    pub server: Server,
}

/// One worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerStatus {
    /// Which.
    pub core: CoreId,
    /// What carries its I/O, once it runs.
    pub driver: Option<Driver>,
    /// Requests it answered.
    pub requests: u64,
    /// Client connections open on it.
    pub connections: u64,
}

/// Sums over all workers, as of their last reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Server {
    /// Client connections accepted since the start.
    pub accepted: u64,
    /// Client connections open.
    pub active: u64,
    /// Those of them that wait for a request.
    pub waiting: u64,
    /// Requests since the start.
    pub requests: u64,
}

/// A reload and how it ended.
#[derive(Clone, Debug)]
pub struct LastReload {
    /// When, in microseconds since the Unix epoch.
    pub at: u64,
    /// How.
    pub outcome: Outcome,
}

impl Control {
    /// How everything is.
    pub(super) fn status(&self) -> Status {
        let of_core = |core: usize| self.totals.cores().get(core);
        let workers = self.crew.drivers().map(|(core, driver)| {
            let totals = of_core(usize::from(core.0));
            let connections = totals.map_or(0, |core| core.gauge(Gauge::ConnectionsActive));
            WorkerStatus {
                core,
                driver,
                requests: totals.map_or(0, |core| core.counter(Counter::Requests)),
                connections: u64::try_from(connections).unwrap_or(0),
            }
        });
        let gauge = |gauge| u64::try_from(self.totals.gauge(gauge)).unwrap_or(0);
        Status {
            ready: self.ready,
            draining: self.draining.is_some(),
            generation: self.generation(),
            hash: self.hash().to_owned(),
            uptime: Duration::from_nanos(clock::now().nanos_since(self.started)),
            workers: workers.collect(),
            last_reload: self.reloads.last.clone(),
            names: self.dns.tally(),
            server: Server {
                accepted: self.totals.counter(Counter::ConnectionsAccepted),
                active: gauge(Gauge::ConnectionsActive),
                waiting: gauge(Gauge::ConnectionsWaiting),
                requests: self.totals.counter(Counter::Requests),
            },
        }
    }
}
