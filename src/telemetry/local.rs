//! What one core counts, in plain memory of its own: per request one call of [`CoreMetrics::record`], per
//! tick one [`CoreMetrics::take_delta`] that moves the counts out.
//!
//! Routes are counted in a dense table by their index in the installed snapshot. An exchange keeps the
//! snapshot that it began with, so its outcome names the generation: counts of an older generation travel
//! in a section of their own, and control looks their names up in the right snapshot.

use std::cell::Cell;
use std::cell::RefCell;

use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::base::tier::Tier;
use crate::http::Cause;

use super::counter::Counter;
use super::counter::Gauge;
use super::latency::Latencies;
use super::refusals::Refusals;
use super::refusals::Refused;
use super::sheds::Reason;
use super::sheds::Sheds;

/// How one exchange ended; everything that the metrics want to know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The snapshot that `route` is an index into.
    pub generation: Generation,
    /// The route that won, if any did.
    pub route: Option<RouteIndex>,
    /// The status sent downstream, or zero if none was.
    pub status: u16,
    /// Why the gateway itself ended or answered the exchange.
    pub cause: Option<Cause>,
    /// What the gateway added, in nanoseconds.
    pub overhead_ns: u64,
    /// What the upstream took, if it was asked.
    pub upstream_ns: Option<u64>,
    /// The whole exchange.
    pub total_ns: u64,
    /// Bytes received from the client.
    pub bytes_in: u64,
    /// Bytes sent to the client.
    pub bytes_out: u64,
    /// Bytes received from the origin.
    pub upstream_bytes_in: u64,
    /// Bytes sent to the origin.
    pub upstream_bytes_out: u64,
    /// Whether the upstream connection came from the pool.
    pub reused: bool,
    /// Attempts beyond the first.
    pub retries: u32,
}

/// Exchanges by the first digit of their status; index 0 is no answer at all.
pub type Classes = [u32; 6];

/// Counts of one route: where it stands in its table (0 is "no route", else index + 1) and its classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteCount {
    pub(super) slot: u32,
    pub(super) classes: Classes,
}

/// Counts of the routes of one generation; a route may stand in it more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) generation: Generation,
    pub(super) counts: Vec<RouteCount>,
}

/// What one core counted since the last delta, on its way to control.
#[derive(Debug)]
pub struct Delta {
    pub(super) sections: Vec<Section>,
    /// Absent when no exchange ended.
    pub(super) latencies: Option<Box<Latencies<u32>>>,
    pub(super) counters: [u64; Counter::COUNT],
    /// Present values, not differences.
    pub(super) gauges: [i64; Gauge::COUNT],
    pub(super) failures: Vec<(Cause, u32)>,
    pub(super) refused: Vec<Refused>,
    pub(super) sheds: Sheds<u64>,
    pub(super) longest_turn_ns: u64,
}

/// One core's metrics. Everything goes through `&self`; nothing is shared with another thread.
#[derive(Debug)]
pub struct CoreMetrics {
    counters: [Cell<u64>; Counter::COUNT],
    gauges: [Cell<i64>; Gauge::COUNT],
    longest_turn_ns: Cell<u64>,
    recorded: RefCell<Recorded>,
    refusals: RefCell<Refusals>,
    sheds: Sheds<Cell<u64>>,
}

impl CoreMetrics {
    /// Metrics of a core that has no snapshot yet.
    pub fn new() -> Self {
        Self {
            counters: std::array::from_fn(|_| Cell::new(0)),
            gauges: std::array::from_fn(|_| Cell::new(0)),
            longest_turn_ns: Cell::new(0),
            recorded: RefCell::new(Recorded::new()),
            refusals: RefCell::default(),
            sheds: Sheds::default(),
        }
    }

    /// Counts one exchange. Called once per exchange, whatever became of it.
    pub fn record(&self, outcome: &Outcome) {
        self.recorded.borrow_mut().record(outcome);
        self.count(Counter::Requests, 1);
        self.count(Counter::BytesReceived, outcome.bytes_in);
        self.count(Counter::BytesSent, outcome.bytes_out);
        self.count(Counter::UpstreamBytesReceived, outcome.upstream_bytes_in);
        self.count(Counter::UpstreamBytesSent, outcome.upstream_bytes_out);
        self.count(Counter::UpstreamReused, u64::from(outcome.reused));
        self.count(Counter::Retries, u64::from(outcome.retries));
    }

    /// Adds to a counter.
    #[inline]
    pub fn count(&self, counter: Counter, more: u64) {
        let cell = &self.counters[counter as usize];
        cell.set(cell.get().wrapping_add(more));
    }

    /// Counts a request that a plugin has refused, or would have refused if it does more than observe.
    pub fn refuse(&self, plugin: &'static str, observed: bool) {
        self.refusals.borrow_mut().count(plugin, observed);
    }

    /// Counts a request that was shed.
    pub fn shed(&self, reason: Reason, tier: Tier) {
        let cell = &self.sheds[reason as usize][tier as usize];
        cell.set(cell.get().wrapping_add(1));
    }

    /// Moves a gauge up or down.
    #[inline]
    pub fn adjust(&self, gauge: Gauge, by: i64) {
        let cell = &self.gauges[gauge as usize];
        cell.set(cell.get().wrapping_add(by));
    }

    /// Sets a gauge to a value known otherwise.
    pub fn set(&self, gauge: Gauge, value: i64) {
        self.gauges[gauge as usize].set(value);
    }

    /// A gauge's present value.
    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.gauges[gauge as usize].get()
    }

    /// Notes by how much the loop's timer was late, in nanoseconds: what is known of how long a turn took.
    #[inline]
    pub fn turned(&self, nanos: u64) {
        if nanos > self.longest_turn_ns.get() {
            self.longest_turn_ns.set(nanos);
        }
    }

    /// From now on `generation`, which has `routes` routes, is the usual one. Counts of the one before are
    /// kept for the next delta.
    pub fn install(&self, generation: Generation, routes: usize) {
        self.recorded.borrow_mut().install(generation, routes);
    }

    /// Moves everything counted since the last delta out. Take one only when it can be sent, or keep it until
    /// it can: a delta thrown away is lost to the totals. Once a second is often enough.
    pub fn take_delta(&self) -> Delta {
        let mut recorded = self.recorded.borrow_mut();
        let failures = recorded.take_failures();
        let latencies = recorded.take_latencies();
        Delta {
            sections: recorded.take_sections(),
            latencies,
            counters: std::array::from_fn(|at| self.counters[at].take()),
            gauges: std::array::from_fn(|at| self.gauges[at].get()),
            failures,
            refused: self.refusals.borrow_mut().take(),
            sheds: std::array::from_fn(|reason| {
                std::array::from_fn(|tier| self.sheds[reason][tier].take())
            }),
            longest_turn_ns: self.longest_turn_ns.take(),
        }
    }
}

impl Default for CoreMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// One route's counts since the last delta, half a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct Row {
    classes: Classes,
    all: u32,
}

/// What [`CoreMetrics::record`] writes under one borrow.
#[derive(Debug)]
struct Recorded {
    generation: Generation,
    /// "No route" first, then the routes of `generation`.
    rows: Vec<Row>,
    /// Slots whose row is not zero.
    dirty: Vec<u32>,
    /// Counts of generations before `generation`.
    older: Vec<Section>,
    latencies: Box<Latencies<u32>>,
    failures: [u32; Cause::ALL.len()],
}

impl Recorded {
    fn new() -> Self {
        Self {
            generation: Generation(0),
            rows: vec![Row::default()],
            dirty: Vec::new(),
            older: Vec::new(),
            latencies: Box::default(),
            failures: [0; Cause::ALL.len()],
        }
    }

    #[inline]
    fn record(&mut self, outcome: &Outcome) {
        let class = usize::from(outcome.status / 100).min(5);
        let slot = slot_of(outcome.route);
        match self.rows.get_mut(slot as usize) {
            Some(row) if outcome.generation == self.generation => {
                if row.all == 0 {
                    self.dirty.push(slot);
                }
                row.all = row.all.saturating_add(1);
                row.classes[class] = row.classes[class].saturating_add(1);
            }
            _ => self.record_older(outcome.generation, slot, class),
        }
        self.latencies.total.record(outcome.total_ns);
        self.latencies.overhead.record(outcome.overhead_ns);
        if let Some(nanos) = outcome.upstream_ns {
            self.latencies.upstream.record(nanos);
        }
        if let Some(cause) = outcome.cause {
            let count = &mut self.failures[cause as usize];
            *count = count.saturating_add(1);
        }
    }

    /// At most as many as exchanges were in flight at an install: not worth a table.
    #[cold]
    fn record_older(&mut self, generation: Generation, slot: u32, class: usize) {
        let mut classes = Classes::default();
        classes[class] = 1;
        let count = RouteCount { slot, classes };
        let known = self.older.iter_mut().find(|s| s.generation == generation);
        match known {
            Some(section) => section.counts.push(count),
            None => self.older.push(Section {
                generation,
                counts: vec![count],
            }),
        }
    }

    fn install(&mut self, generation: Generation, routes: usize) {
        if let Some(section) = self.take_current() {
            self.older.push(section);
        }
        self.generation = generation;
        self.rows.clear();
        self.rows.resize(routes + 1, Row::default());
        self.rows.shrink_to(2 * (routes + 1));
    }

    /// The dirty rows of the present generation, zeroed in the table.
    fn take_current(&mut self) -> Option<Section> {
        if self.dirty.is_empty() {
            return None;
        }
        let mut counts = Vec::with_capacity(self.dirty.len());
        for slot in self.dirty.drain(..) {
            if let Some(row) = self.rows.get_mut(slot as usize) {
                let classes = std::mem::take(row).classes;
                counts.push(RouteCount { slot, classes });
            }
        }
        Some(Section {
            generation: self.generation,
            counts,
        })
    }

    fn take_sections(&mut self) -> Vec<Section> {
        let mut sections = std::mem::take(&mut self.older);
        sections.extend(self.take_current());
        sections
    }

    fn take_latencies(&mut self) -> Option<Box<Latencies<u32>>> {
        if self.latencies.total.count() == 0 {
            return None;
        }
        Some(std::mem::take(&mut self.latencies))
    }

    fn take_failures(&mut self) -> Vec<(Cause, u32)> {
        let counts = std::mem::replace(&mut self.failures, [0; Cause::ALL.len()]);
        let named = Cause::ALL.into_iter().zip(counts);
        named.filter(|(_, count)| *count > 0).collect()
    }
}

/// Where a route stands in the table; [`route_of`] is the way back.
fn slot_of(route: Option<RouteIndex>) -> u32 {
    route.map_or(0, |index| index.0.saturating_add(1))
}

/// The route that stands in a slot.
pub(super) fn route_of(slot: u32) -> Option<RouteIndex> {
    slot.checked_sub(1).map(RouteIndex)
}

#[cfg(test)]
pub(super) mod tests;
