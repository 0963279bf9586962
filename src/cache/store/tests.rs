//! One core's store, and several that hear of each other in any order.

use std::sync::Arc;

use crossbeam::channel::bounded;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::proptest;
use uuid::Uuid;

use super::Store;
use crate::base::limits;
use crate::cache::Accounts;
use crate::cache::Content;
use crate::cache::Entry;
use crate::cache::Message;
use crate::cache::Micros;
use crate::cache::Order;
use crate::cache::Purge;
use crate::cache::Question;
use crate::cache::Target;
use crate::cache::Told;
use crate::cache::Variants;
use crate::cache::testing::DICTIONARY;
use crate::cache::testing::digest;
use crate::cache::testing::entry;

const SECOND: Micros = 1_000_000;

fn variants(key: &str, vary: &str, now: Micros, number: u64) -> Entry {
    let names = Variants::names([vary.as_bytes()].into_iter()).unwrap();
    Entry {
        content: Content::Variants(Variants::new(names, now, number)),
        ..entry(key, now, 0, usize::MAX)
    }
}

fn purge(target: Target, until: Micros) -> Arc<Purge> {
    Arc::new(Purge { target, until })
}

fn ask(store: &Store, question: Question, now: Micros) -> Told {
    let (answers, told) = bounded(1);
    store.obey(Order::Ask(Arc::new(question), answers), now);
    told.try_recv().unwrap()
}

#[test]
fn what_is_stored_is_found_until_it_is_over() {
    let store = Store::default();
    assert!(store.add(entry("a", SECOND, 10, 10_000)));
    assert!(store.find(DICTIONARY, b"a", 2 * SECOND).is_some());
    assert!(
        store.find(2, b"a", 2 * SECOND).is_none(),
        "another dictionary"
    );
    assert!(store.find(DICTIONARY, b"a", 61 * SECOND).is_none());
    assert_eq!(store.size().1, 0);
    store.add(entry("b", SECOND, 10, 10_000));
    store.tidy(61 * SECOND);
    assert_eq!(store.size(), (0, 0));
}

#[test]
fn a_body_is_shared_by_the_cores_that_hear_of_it() {
    let (one, two) = (Store::default(), Store::default());
    one.add(entry("a", SECOND, 1_000, 10_000));
    let messages = one.take_messages();
    assert_eq!(messages.len(), 1);
    two.obey(Order::Learn(messages.into()), SECOND);
    let body = |store: &Store| {
        let slot = store.find(DICTIONARY, b"a", SECOND).unwrap();
        slot.answer.as_ref().unwrap().body().as_ptr()
    };
    assert_eq!(body(&one), body(&two));
    assert!(!two.has_messages(), "what was heard is not told again");
}

#[test]
fn each_kind_of_purge_takes_what_it_names() {
    let targets = [
        (Target::Everything, 3),
        (Target::Digest(digest("a"), None), 1),
        (Target::Digest(digest("a"), Some(Uuid::from_u128(1))), 1),
        (Target::Digest(digest("a"), Some(Uuid::from_u128(9))), 0),
        (Target::Key((*b"b").into()), 1),
        (Target::Plugin(Uuid::from_u128(1)), 3),
        (Target::Plugin(Uuid::from_u128(2)), 0),
        (Target::Route(Uuid::from_u128(2)), 3),
        (Target::Tag((*b"tag-c").into()), 1),
        (Target::Tag((*b"tag-d").into()), 0),
    ];
    for (target, count) in targets {
        let store = Store::default();
        for key in ["a", "b", "c"] {
            store.add(entry(key, SECOND, 10, 10_000));
        }
        let question = Question::Purge(purge(target.clone(), 2 * SECOND));
        let told = ask(&store, question, 2 * SECOND);
        assert!(
            matches!(told, Told::Purged(purged) if purged == count),
            "{target:?}"
        );
        assert_eq!(store.size().1, 3 - count);
    }
}

#[test]
fn what_was_on_its_way_during_a_purge_is_not_stored() {
    let store = Store::default();
    ask(
        &store,
        Question::Purge(purge(Target::Route(Uuid::from_u128(2)), 5 * SECOND)),
        0,
    );
    assert!(
        !store.add(entry("a", 5 * SECOND, 10, 10_000)),
        "asked before"
    );
    assert!(
        store.add(entry("a", 5 * SECOND + 1, 10, 10_000)),
        "asked after"
    );
    for time in 0..limits::CACHE_PURGES as Micros {
        let target = Target::Tag((*b"other").into());
        ask(&store, Question::Purge(purge(target, time)), 0);
    }
    assert!(
        !store.add(entry("b", 4 * SECOND, 10, 10_000)),
        "of what is forgotten all counts as purged"
    );
}

#[test]
fn questions_are_answered_with_what_is_there() {
    let store = Store::default();
    for key in ["a", "b"] {
        store.add(entry(key, SECOND, 10, 10_000));
    }
    let count = |question| match ask(&store, question, SECOND) {
        Told::Found(found) => found.len(),
        Told::Purged(_) | Told::Late => panic!("nothing was to be purged"),
    };
    assert_eq!(count(Question::List(None)), 2);
    assert_eq!(count(Question::List(Some(Uuid::from_u128(9)))), 0);
    assert_eq!(count(Question::Find(digest("b"), None)), 1);
    assert_eq!(count(Question::Find(digest("c"), None)), 0);
}

#[test]
fn too_many_outdated_things_become_everything() {
    let store = Store::default();
    for number in 0..=limits::CACHE_MESSAGES {
        store.add(entry("kept", SECOND, 1, 10_000));
        store.invalidate(Target::Key(number.to_le_bytes().into()), 0);
    }
    let messages = store.take_messages();
    assert!(messages.len() < limits::CACHE_MESSAGES);
    let everything = |message: &Message| match message {
        Message::Purged(purge) => purge.target == Target::Everything,
        Message::Stored(_) => false,
    };
    assert!(messages.iter().any(everything));
}

/// Every order in which cores hear of these ends in the same.
#[test]
fn cores_that_hear_in_any_order_agree() {
    let said = || {
        [
            variants("u", "accept", 3, 8),
            variants("u", "accept, origin", 5, 2),
            entry("u", 4, 10, usize::MAX),
            variants("u", "origin", 3, 7),
        ]
        .map(|entry| Message::Stored(Arc::new(entry)))
    };
    let expected = Variants::new(
        Variants::names([&b"accept,origin"[..]].into_iter()).unwrap(),
        3,
        7,
    );
    let mut order = [0, 1, 2, 3];
    let mut tried = 0;
    permute(&mut order, 0, &mut |order| {
        let store = Store::default();
        for &at in order {
            store.obey(Order::Learn([said()[at].clone()].into()), 5);
        }
        let slot = store.find(DICTIONARY, b"u", 5).unwrap();
        assert_eq!(slot.entry.variants(), Some(&expected), "{order:?}");
        tried += 1;
    });
    assert_eq!(tried, 24);
}

fn permute(order: &mut [usize; 4], at: usize, act: &mut impl FnMut(&[usize; 4])) {
    if at == order.len() {
        return act(order);
    }
    for other in at..order.len() {
        order.swap(at, other);
        permute(order, at + 1, act);
        order.swap(at, other);
    }
}

proptest! {
    /// Entries that differ in size come and go on two cores; none ever exceeds its bound, and the newest answer wins.
    #[test]
    fn no_core_exceeds_its_bound(
        steps in vec((any::<u8>(), 0..3_000_usize, any::<bool>(), 0..20_u8), 1..200),
    ) {
        let bytes_max = 20_000;
        let cores = [Store::default(), Store::default()];
        for (now, (key, body, second, act)) in steps.into_iter().enumerate() {
            let now = now as Micros;
            let key = format!("k{}", key % 40);
            let core = &cores[usize::from(second)];
            match act {
                0 => core.invalidate(Target::Tag(format!("tag-{key}").into_bytes().into()), now),
                1..5 => drop(core.find(DICTIONARY, key.as_bytes(), now)),
                _ => {
                    core.add(entry(&key, now + 1, body, bytes_max));
                }
            }
            for (from, to) in [(0, 1), (1, 0)] {
                let messages = cores[from].take_messages();
                cores[to].obey(Order::Learn(messages.into()), now);
            }
            for core in &cores {
                prop_assert!(core.size().0 <= bytes_max);
            }
            let times = |core: &Store| {
                let slot = core.find(DICTIONARY, key.as_bytes(), now)?;
                Some(slot.entry.filed()?.times.stored)
            };
            if let (Some(one), Some(two)) = (times(&cores[0]), times(&cores[1])) {
                prop_assert_eq!(one, two);
            }
        }
    }
}

/// Cores that share a bound, and hear of each other at their ticks.
struct Crew {
    accounts: Arc<Accounts>,
    cores: [Store; 3],
    now: Micros,
}

impl Crew {
    fn new() -> Self {
        let accounts = Arc::<Accounts>::default();
        let core = || Store::new(Arc::clone(&accounts), 3);
        Self {
            cores: [core(), core(), core()],
            accounts,
            now: SECOND,
        }
    }

    fn tick(&mut self, hear: bool) {
        self.now += 1;
        for from in 0..3 {
            let messages: Arc<[Message]> = self.cores[from].take_messages().into();
            for (to, core) in self.cores.iter().enumerate() {
                if hear && to != from {
                    core.obey(Order::Learn(Arc::clone(&messages)), self.now);
                }
            }
        }
        for core in &self.cores {
            core.tidy(self.now);
        }
    }

    fn held(&self) -> usize {
        self.accounts.size().0
    }
}

const BOUND: usize = 300_000;

#[test]
fn cores_that_hold_the_same_have_the_whole_bound() {
    let mut crew = Crew::new();
    for number in 0..2_000_u32 {
        let core = &crew.cores[number as usize % 3];
        core.add(entry(&format!("k{number}"), crew.now, 1_000, BOUND));
        if number % 4 == 0 {
            crew.tick(true);
        }
    }
    crew.tick(true);
    for _ in 0..20 {
        crew.tick(true);
    }
    assert!(crew.held() <= BOUND);
    for core in &crew.cores {
        assert!(core.size().0 > BOUND * 8 / 10, "{}", core.size().0);
    }
    let purge = Question::Purge(purge(Target::Everything, crew.now + 1));
    let purge = Arc::new(purge);
    for core in &crew.cores {
        let (answers, _told) = bounded(1);
        core.obey(Order::Ask(Arc::clone(&purge), answers), crew.now);
    }
    assert_eq!(crew.accounts.size(), (0, 0));
}

#[test]
fn cores_that_hold_nothing_in_common_have_a_part_each() {
    let mut crew = Crew::new();
    for number in 0..3_000_u32 {
        let core = &crew.cores[number as usize % 3];
        core.add(entry(&format!("k{number}"), crew.now, 1_000, BOUND));
        assert!(core.size().0 <= BOUND);
    }
    assert!(crew.held() > BOUND, "until they look at it");
    for _ in 0..10 {
        crew.tick(false);
    }
    assert!(crew.held() <= BOUND, "{}", crew.held());
    assert!(crew.cores[0].take_fallen() > 0);
    for core in &crew.cores {
        assert!(core.size().0 > BOUND / 3 - 5_000, "{}", core.size().0);
    }
}

proptest! {
    /// Whatever cores store and are asked for, all are within the bound together soon after they have stopped, and the
    /// account is what is there.
    #[test]
    fn a_crew_comes_to_keep_its_bound(
        steps in vec((0..60_u8, 0..3_000_usize, 0..3_usize, 0..20_u8), 1..200),
    ) {
        let bytes_max = 20_000;
        let mut crew = Crew::new();
        for (key, body, core, act) in steps {
            crew.now += 1;
            let (key, core) = (format!("k{key}"), &crew.cores[core]);
            match act {
                0 => core.invalidate(Target::Tag(format!("tag-{key}").into_bytes().into()), crew.now),
                1..8 => drop(core.find(DICTIONARY, key.as_bytes(), crew.now)),
                8..11 => crew.tick(act != 8),
                _ => {
                    core.add(entry(&key, crew.now + 1, body, bytes_max));
                }
            }
        }
        for _ in 0..40 {
            crew.tick(true);
        }
        prop_assert!(crew.held() <= bytes_max, "{}", crew.held());
        let sum: usize = crew.cores.iter().map(|core| core.size().0).sum();
        let most = crew.cores.iter().map(|core| core.size().0).max().unwrap_or_default();
        prop_assert!((most..=sum).contains(&crew.held()));
    }
}
