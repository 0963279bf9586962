//! The sums over all cores and all time since the start, kept on control.
//!
//! Sums do not depend on how the counting was cut into deltas or in which order the cores' deltas came;
//! gauges are each core's last word, and the longest turn is a maximum over a moving window.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::base::tier::Tier;
use crate::http::Cause;

use super::counter::Counter;
use super::counter::Gauge;
use super::latency::Latencies;
use super::local::Delta;
use super::refusals::Refusals;
use super::refusals::Refused;
use super::series::Line;
use super::series::Series;
use super::sheds::Reason;
use super::sheds::Sheds;

/// Half the time that a long turn stays visible: every scraper that comes at least this often sees it.
pub const TURN_WINDOW: Duration = Duration::from_secs(30);

/// The names under which a route's requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteName<'a> {
    /// The service's name, or empty for a route without one.
    pub service: &'a str,
    /// The route's name, or its id where it has none.
    pub route: &'a str,
}

/// Everything counted, merged.
#[derive(Debug)]
pub struct Totals {
    cores: Vec<CoreTotals>,
    latencies: Latencies<u64>,
    failures: [u64; Cause::ALL.len()],
    refusals: Refusals,
    sheds: Sheds<u64>,
    series: Series,
}

impl Totals {
    /// Nothing counted.
    pub fn new() -> Self {
        Self {
            cores: Vec::new(),
            latencies: Latencies::default(),
            failures: [0; Cause::ALL.len()],
            refusals: Refusals::default(),
            sheds: Sheds::default(),
            series: Series::new(),
        }
    }

    /// Adds what `core` counted. `names` tells the names of a generation's
    /// route, asked once per route and generation in the usual case; without an answer the counts go to
    /// `_other`.
    pub fn merge<'a>(
        &mut self,
        core: CoreId,
        now: Instant,
        delta: Delta,
        names: impl Fn(Generation, RouteIndex) -> Option<RouteName<'a>>,
    ) {
        for section in &delta.sections {
            self.series.merge(section, &names);
        }
        if let Some(latencies) = delta.latencies {
            self.latencies.merge(&latencies);
        }
        for (cause, count) in delta.failures {
            self.failures[cause as usize] += u64::from(count);
        }
        self.refusals.merge(&delta.refused);
        let sheds = self.sheds.as_flattened_mut().iter_mut();
        for (sum, more) in sheds.zip(delta.sheds.as_flattened()) {
            *sum += more;
        }
        let at = usize::from(core.0);
        if at >= self.cores.len() {
            self.cores.resize_with(at + 1, CoreTotals::default);
        }
        let of_core = &mut self.cores[at];
        for (sum, more) in of_core.counters.iter_mut().zip(delta.counters) {
            *sum = sum.wrapping_add(more);
        }
        of_core.gauges = delta.gauges;
        of_core.turns.note(now, delta.longest_turn_ns);
    }

    /// A counter's sum over the cores.
    pub fn counter(&self, counter: Counter) -> u64 {
        let values = self.cores.iter().map(|core| core.counter(counter));
        values.fold(0, u64::wrapping_add)
    }

    /// A gauge's sum over the cores' last words.
    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.cores.iter().map(|core| core.gauge(gauge)).sum()
    }

    /// How many exchanges ended for `cause`.
    pub fn failures(&self, cause: Cause) -> u64 {
        self.failures[cause as usize]
    }

    /// What plugins have refused, by name.
    pub fn refused(&self) -> Vec<Refused> {
        self.refusals.sorted()
    }

    /// How many requests of a tier were shed for a reason.
    pub fn shed(&self, reason: Reason, tier: Tier) -> u64 {
        self.sheds[reason as usize][tier as usize]
    }

    /// The distributions, for buckets and quantiles.
    pub fn latencies(&self) -> &Latencies<u64> {
        &self.latencies
    }

    /// Each core's own numbers; the place is the core's number.
    pub fn cores(&self) -> &[CoreTotals] {
        &self.cores
    }

    /// Moves the counts of every (service, route) that `present` denies to `_other`. Control calls it
    /// after an install that removed routes.
    pub fn fold_absent(&mut self, present: impl Fn(RouteName<'_>) -> bool) {
        self.series.fold_absent(present);
    }

    pub(super) fn lines(&self) -> &[Line] {
        self.series.lines()
    }
}

impl Default for Totals {
    fn default() -> Self {
        Self::new()
    }
}

/// One core's share.
#[derive(Clone, Debug)]
pub struct CoreTotals {
    counters: [u64; Counter::COUNT],
    gauges: [i64; Gauge::COUNT],
    turns: Turns,
}

impl Default for CoreTotals {
    fn default() -> Self {
        Self {
            counters: [0; Counter::COUNT],
            gauges: [0; Gauge::COUNT],
            turns: Turns::default(),
        }
    }
}

impl CoreTotals {
    /// A counter of this core.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// A gauge of this core, as last reported.
    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.gauges[gauge as usize]
    }

    /// The longest turn of the loop within the last one to two [`TURN_WINDOW`]s, in nanoseconds.
    pub fn longest_turn_ns(&self, now: Instant) -> u64 {
        self.turns.longest(now)
    }
}

/// A maximum over a moving window, from two fixed ones: the present and the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    window: u64,
    present: u64,
    before: u64,
}

impl Turns {
    fn note(&mut self, now: Instant, nanos: u64) {
        *self = self.at(now);
        self.present = self.present.max(nanos);
    }

    fn longest(&self, now: Instant) -> u64 {
        let at = self.at(now);
        at.present.max(at.before)
    }

    /// The same maximum, moved on to the window of `now`.
    fn at(self, now: Instant) -> Self {
        let window = now.0 / (TURN_WINDOW.as_nanos() as u64);
        let (before, present) = match window.saturating_sub(self.window) {
            0 => return self,
            1 => (self.present, 0),
            _ => (0, 0),
        };
        Self {
            window,
            present,
            before,
        }
    }
}
