//! Consistent hashing: equal keys meet the same target, and a target that comes or goes moves no keys
//! but its own.
//!
//! Each target owns points on a ring of 32-bit hashes, 160 on average and in proportion to its weight; a
//! key belongs to the first point at or after its hash. The points follow from names and weights alone,
//! so that all cores and all nodes agree. A key whose target cannot take it walks on along the ring.

use xxhash_rust::xxh32::xxh32;

use crate::balance::Ask;
use crate::balance::TargetView;
use crate::base::rng::Rng;

/// Points of a target of average weight, as in Kong and ketama.
const POINTS: u64 = 160;

/// The points of an upstream's targets; built once and shared.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// Hashes of the points, rising.
    hashes: Box<[u32]>,
    /// Which target owns each point.
    owners: Box<[u16]>,
}

impl Ring {
    /// The ring of targets with these names and weights. `slots` bounds the points of all together, but
    /// that each target with weight has one;
    /// beyond 65,536 targets the rest get none.
    pub fn new(slots: u32, targets: &[(&str, u16)]) -> Self {
        let total: u64 = targets.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let all = (POINTS * targets.len() as u64).min(u64::from(slots));
        let mut points = Vec::new();
        for (owner, (name, weight)) in (0..=u16::MAX).zip(targets) {
            let share = match u64::from(*weight) {
                0 => 0,
                weight => (all * weight / total).max(1),
            };
            // One long hash of the name per point: its number is the seed.
            points.extend((0..share).map(|point| (xxh32(name.as_bytes(), point as u32), owner)));
        }
        // Where hashes collide, names decide and not the order in which targets were given.
        points.sort_by_key(|&(hash, owner)| (hash, targets[usize::from(owner)].0));
        points.dedup_by_key(|(hash, _)| *hash);
        let (hashes, owners): (Vec<u32>, Vec<u16>) = points.into_iter().unzip();
        Self {
            hashes: hashes.into(),
            owners: owners.into(),
        }
    }

    /// The target for the request's key; for a request without one, that of a random key.
    pub(crate) fn pick(
        &self,
        targets: &[TargetView],
        ask: &Ask<'_>,
        rng: &mut Rng,
    ) -> Option<usize> {
        let key = ask.key.map_or_else(|| rng.next_u64() as u32, |key| key.0);
        let first = self.hashes.partition_point(|&hash| hash < key);
        let (before, after) = self.owners.split_at(first);
        let mut owners = after.iter().chain(before).map(|&owner| usize::from(owner));
        owners.find(|&owner| {
            let target = targets.get(owner);
            target.is_some_and(|target| ask.takes(owner, target))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::HashKey;

    const NAMES: [&str; 5] = ["a:80", "b:80", "c:80", "d:80", "e:80"];

    fn owners(names: &[&str], targets: &[TargetView]) -> Vec<String> {
        let named: Vec<(&str, u16)> = names.iter().map(|name| (*name, 100)).collect();
        let ring = Ring::new(10_000, &named);
        let owner = |number: u32| {
            let key = Some(HashKey::of(&number.to_le_bytes()));
            let ask = Ask {
                key,
                ..Ask::default()
            };
            let index = ring.pick(targets, &ask, &mut Rng::seeded(0)).unwrap();
            names[index].to_owned()
        };
        (0..20_000).map(owner).collect()
    }

    #[test]
    fn a_target_that_leaves_moves_only_its_own_keys() {
        let targets = [100; 5].map(TargetView::new);
        let before = owners(&NAMES, &targets);
        let after = owners(&NAMES[..4], &targets[..4]);
        let moved = before.iter().zip(&after).filter(|(a, b)| a != b);
        assert!(moved.clone().all(|(a, _)| a == "e:80"));
        let moved = moved.count() as f64 / before.len() as f64;
        assert!((0.12..0.28).contains(&moved), "{moved}");
    }

    #[test]
    fn a_target_that_fails_moves_only_its_own_keys_and_spreads_them() {
        let mut targets = [100; 5].map(TargetView::new);
        let before = owners(&NAMES, &targets);
        targets[1].usable = false;
        let after = owners(&NAMES, &targets);
        let moved = before.iter().zip(&after).filter(|(a, b)| a != b);
        assert!(moved.clone().all(|(a, _)| a == "b:80"));
        let heirs: std::collections::HashSet<_> = moved.map(|(_, b)| b).collect();
        assert_eq!(heirs.len(), 4);
    }

    #[test]
    fn the_order_in_which_targets_are_given_does_not_matter() {
        let targets = [100; 5].map(TargetView::new);
        let mut reversed = NAMES;
        reversed.reverse();
        assert_eq!(owners(&NAMES, &targets), owners(&reversed, &targets));
    }

    #[test]
    fn slots_bound_the_points() {
        let ring = Ring::new(10, &[("a", 1), ("b", 1), ("c", 0)]);
        assert!(ring.hashes.len() <= 10);
        assert!(!ring.owners.contains(&2));
    }
}
