//! One core's instance of a snapshot: the shared, immutable part, and the state that this core keeps for it.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::base::ids::CoreId;
use crate::base::ids::UpstreamIndex;
use crate::plugin::Chain;
use crate::snapshot::Addresses;
use crate::snapshot::Snapshot;
use crate::upstream::Group;
use crate::upstream::Peers;

/// A snapshot as one core serves by it. Requests clone the `Rc` around it, never the `Arc` within.
#[derive(Debug)]
pub struct Instance {
    /// The configuration, shared by all cores.
    pub snapshot: Arc<Snapshot>,
    /// What the snapshot's names resolve to.
    pub addresses: Arc<Addresses>,
    /// The plugins that every request meets.
    pub chain: Chain,
    /// Each upstream's balancer and peers, made when it is first used: most of 15,000 are not, and a place for
    /// one is a word, so that an install neither clears nor keeps megabytes on every core.
    groups: Vec<OnceCell<Box<Group>>>,
}

impl Instance {
    pub(super) fn new(core: CoreId, snapshot: Arc<Snapshot>, addresses: Arc<Addresses>) -> Self {
        let chain = Chain::instantiate(&snapshot.plugins, core);
        let groups = snapshot.upstreams.iter().map(|_| OnceCell::new()).collect();
        Self {
            snapshot,
            addresses,
            chain,
            groups,
        }
    }

    /// The group of an upstream on this core.
    #[inline]
    pub fn group(&self, upstream: UpstreamIndex, peers: &Peers) -> &Group {
        self.groups[upstream.0 as usize].get_or_init(|| {
            let plan = self.snapshot.upstream(upstream);
            Box::new(Group::new(plan, &self.addresses, peers))
        })
    }
}
