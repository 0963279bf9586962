//! The bound under any sequence of operations, and what the two queues are for.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::prop_oneof;
use proptest::proptest;

use super::Place;
use super::Queues;

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u8, u16),
    Touch(u8),
    Remove(u8),
    Bound(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), 1..2_000_u16).prop_map(|(key, weight)| Step::Insert(key, weight)),
        4 => any::<u8>().prop_map(Step::Touch),
        1 => any::<u8>().prop_map(Step::Remove),
        1 => (0..20_000_u16).prop_map(Step::Bound),
    ]
}

/// Each list leads from its oldest to its newest and back, and weighs what its nodes weigh.
fn check(queues: &Queues<u8>) {
    for (list, in_main) in [(&queues.small, false), (&queues.main, true)] {
        let (mut at, mut before) = (list.oldest, super::NOWHERE);
        let (mut weight, mut length) = (0, 0);
        while at != super::NOWHERE {
            let node = &queues.nodes[at as usize];
            assert_eq!(node.previous, before);
            assert_eq!(node.in_main, in_main);
            assert!(node.thing.is_some());
            (weight, length) = (weight + node.weight, length + 1);
            (before, at) = (at, node.next);
        }
        assert_eq!(list.newest, before);
        assert_eq!((list.weight, list.length), (weight, length));
    }
    assert_eq!(queues.places(), queues.len() + queues.free.len());
}

proptest! {
    #[test]
    fn the_bound_holds_under_any_operations(steps in vec(step(), 1..400)) {
        let mut queues = Queues::default();
        let mut model: HashMap<u8, (Place, usize)> = HashMap::new();
        let mut most = 10_000;
        for step in steps {
            match step {
                Step::Insert(key, weight) => {
                    if let Some((place, _)) = model.remove(&key) {
                        prop_assert_eq!(queues.remove(place), Some(key));
                    }
                    let weight = usize::from(weight);
                    let hash = u64::from(key) << 40 | u64::from(key);
                    let place = queues.insert(key, hash, weight);
                    model.insert(key, (place, weight));
                }
                Step::Touch(key) => {
                    if let Some((place, _)) = model.get(&key) {
                        queues.touch(*place);
                        prop_assert_eq!(queues.at(*place), Some(&key));
                    }
                }
                Step::Remove(key) => {
                    if let Some((place, _)) = model.remove(&key) {
                        prop_assert_eq!(queues.remove(place), Some(key));
                        prop_assert_eq!(queues.remove(place), None);
                    }
                }
                Step::Bound(new) => most = usize::from(new),
            }
            queues.shrink(most, |key, _, place| {
                let (known, _) = model.remove(&key).expect("what falls out was in");
                assert_eq!(known, place);
            });
            prop_assert!(queues.weight() <= most);
            prop_assert_eq!(queues.weight(), model.values().map(|(_, weight)| weight).sum::<usize>());
            prop_assert_eq!(queues.len(), model.len());
            check(&queues);
        }
    }
}

#[test]
fn what_is_asked_for_again_survives_a_scan() {
    let mut queues = Queues::default();
    let hash = |key: u32| u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let wanted: Vec<Place> = (0..50)
        .map(|key| queues.insert(key, hash(key), 1))
        .collect();
    for place in &wanted {
        queues.touch(*place);
    }
    for key in 1_000..10_000 {
        queues.insert(key, hash(key), 1);
        queues.shrink(100, |_, _, _| {});
    }
    for (place, key) in wanted.iter().zip(0..) {
        assert_eq!(queues.at(*place), Some(&key));
    }
}

#[test]
fn what_comes_back_soon_goes_to_the_main_queue() {
    let mut queues = Queues::default();
    queues.insert('a', 7 << 32 | 7, 1);
    queues.shrink(0, |_, _, _| {});
    let place = queues.insert('a', 7 << 32 | 7, 1);
    assert!(queues.nodes[place as usize].in_main);
    let other = queues.insert('b', 8 << 32 | 8, 1);
    assert!(!queues.nodes[other as usize].in_main);
}
