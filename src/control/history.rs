//! Snapshots that some worker may still use, and their names for counts that come late.
//!
//! A worker lets go of a snapshot when the last exchange that began with it ends. Control keeps every
//! snapshot until it holds the only reference, so the memory is freed here and not on a core, and a little
//! longer, until the last counts by its route numbers have come.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::snapshot::Snapshot;
use crate::telemetry::RouteName;

/// Counts of a snapshot that nobody uses any more arrive within this time; a worker reports every second.
const COUNTS_WAIT: Duration = Duration::from_secs(5);
/// Unused snapshots that are kept for their names; many quick reloads must not pile up memory.
const UNUSED_MAX: usize = 2;

/// The running snapshot, last, and those before it.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    snapshot: Arc<Snapshot>,
    unused_since: Option<Instant>,
}

impl History {
    /// Adds the snapshot that is being installed.
    pub(super) fn push(&mut self, snapshot: Arc<Snapshot>) {
        self.kept.push(Kept {
            snapshot,
            unused_since: None,
        });
    }

    /// The newest.
    pub(super) fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.kept.last().map(|kept| &kept.snapshot)
    }

    /// How many are alive.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Under which names requests of this route are counted.
    pub(super) fn name(&self, generation: Generation, route: RouteIndex) -> Option<RouteName<'_>> {
        let mut newest_first = self.kept.iter().rev();
        let kept = newest_first.find(|kept| kept.snapshot.generation == generation)?;
        name(&kept.snapshot, route)
    }

    /// Frees what nobody uses any more, and says whether there was anything.
    pub(super) fn free(&mut self, now: Instant) -> bool {
        let before = self.kept.len();
        let Some((newest, older)) = self.kept.split_last_mut() else {
            return false;
        };
        let newest = newest.snapshot.generation;
        for kept in older {
            if Arc::strong_count(&kept.snapshot) == 1 {
                kept.unused_since.get_or_insert(now);
            }
        }
        let wait = u64::try_from(COUNTS_WAIT.as_nanos()).unwrap_or(u64::MAX);
        let mut unused = self
            .kept
            .iter()
            .filter(|kept| kept.unused_since.is_some())
            .count();
        self.kept.retain(|kept| {
            let Some(since) = kept
                .unused_since
                .filter(|_| kept.snapshot.generation != newest)
            else {
                return true;
            };
            let keep = unused <= UNUSED_MAX && now.nanos_since(since) < wait;
            unused -= usize::from(!keep);
            keep
        });
        self.kept.len() < before
    }
}

/// All pairs of service and route names that a snapshot counts under.
pub(super) fn names(snapshot: &Snapshot) -> HashSet<(&str, &str)> {
    let routes = (0..snapshot.routes.len()).filter_map(|at| u32::try_from(at).ok());
    let names = routes.filter_map(|at| name(snapshot, RouteIndex(at)));
    names.map(|name| (name.service, name.route)).collect()
}

/// A route's names in a snapshot.
fn name(snapshot: &Snapshot, route: RouteIndex) -> Option<RouteName<'_>> {
    let plan = snapshot.routes.get(usize::try_from(route.0).ok()?)?;
    let service = match plan.service() {
        Some(index) => &snapshot.service(index).label,
        None => "",
    };
    Some(RouteName {
        service,
        route: &plan.named.label,
    })
}
