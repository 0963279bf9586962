//! One core's instance of a snapshot: the shared, immutable part, and the state that this core keeps for it.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::base::ids::UpstreamIndex;
use crate::snapshot::Addresses;
use crate::snapshot::Snapshot;
use crate::upstream::Group;
use crate::upstream::Peers;
use crate::upstream::Wards;

/// A snapshot as one core serves by it. Requests clone the `Rc` around it, never the `Arc` within.
#[derive(Debug)]
pub struct Instance {
    /// The configuration, shared by all cores.
    pub snapshot: Arc<Snapshot>,
    /// What the snapshot's names resolve to.
    pub addresses: Arc<Addresses>,
    /// Each upstream's balancer and peers, made when it is first used: most of 15,000 are not, and a place for
    /// one is a word, so that an install neither clears nor keeps megabytes on every core.
    groups: Vec<OnceCell<Rc<Group>>>,
}

impl Instance {
    pub(super) fn new(snapshot: Arc<Snapshot>, addresses: Arc<Addresses>) -> Self {
        let groups = snapshot.upstreams.iter().map(|_| OnceCell::new()).collect();
        Self {
            snapshot,
            addresses,
            groups,
        }
    }

    /// The same snapshot by other addresses. The groups whose addresses are the same in both are shared: their
    /// state goes on.
    pub(super) fn resolved(&self, addresses: Arc<Addresses>) -> Self {
        let groups = self.snapshot.upstreams.iter().zip(&self.groups);
        let groups = groups.map(|(plan, group)| {
            if plan.is_alike(&self.addresses, &addresses) {
                group.clone()
            } else {
                OnceCell::new()
            }
        });
        Self {
            snapshot: Arc::clone(&self.snapshot),
            groups: groups.collect(),
            addresses,
        }
    }

    /// The group of an upstream on this core.
    #[inline]
    pub fn group(&self, upstream: UpstreamIndex, peers: &Peers, wards: &Wards) -> &Group {
        self.groups[upstream.0 as usize].get_or_init(|| {
            let plan = self.snapshot.upstream(upstream);
            Rc::new(Group::new(plan, &self.addresses, peers, wards))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Generation;
    use crate::config;
    use crate::snapshot;
    use crate::snapshot::Address;
    use crate::snapshot::Resolved;

    /// Two names, each at the address that ends in its byte.
    fn addresses(ends: [u8; 2]) -> Arc<Addresses> {
        let names = ends.map(|end| {
            Resolved::Addresses(vec![Address {
                ip: [127, 0, 0, end].into(),
                port: None,
                weight: None,
            }])
        });
        Arc::new(Addresses {
            generation: Generation(1),
            names: names.into(),
        })
    }

    #[test]
    fn other_addresses_renew_the_groups_they_belong_to_alone() {
        let text = "[[services]]\nname = \"a\"\nurl = \"http://a.test\"\n\
            [[services]]\nname = \"b\"\nurl = \"http://b.test\"\n\
            [[services]]\nname = \"c\"\nurl = \"http://127.0.0.9\"\n";
        let model = config::parse_str("test", text).unwrap().model;
        let snapshot = Arc::new(snapshot::compile(&model, Generation(1), 1).unwrap());
        let peers = Peers::default();
        let wards = Wards::new(crate::base::ids::CoreId(0));
        let before = Instance::new(snapshot, addresses([1, 2]));
        let of = |instance: &Instance, index: u32| -> *const Group {
            instance.group(UpstreamIndex(index), &peers, &wards)
        };
        let groups = [0, 1, 2].map(|index| of(&before, index));
        let after = before.resolved(addresses([1, 3]));
        assert_eq!(of(&after, 0), groups[0]);
        assert_ne!(of(&after, 1), groups[1]);
        assert_eq!(of(&after, 2), groups[2]);
        let renewed = after.group(UpstreamIndex(1), &peers, &wards);
        assert_eq!(
            renewed.members[0].peer.address.ip().to_string(),
            "127.0.0.3"
        );
    }
}
