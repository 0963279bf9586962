//! What is saved is found again, and copies merge as sets do.

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::prop_assert_eq;
use proptest::proptest;

use super::*;
use crate::ratelimit::Class;
use crate::ratelimit::Saved;
use crate::ratelimit::SavedCounter;

fn counter(window: Window) -> impl Strategy<Value = SavedCounter> {
    let before = vec(0_u64..50, window.looks_back());
    (0_u64..14, 0_u64..50, before).prop_map(move |(frame, taken, before)| SavedCounter {
        key: [1, 2],
        class: Class::Known,
        period: Period::Month,
        window,
        frame,
        taken,
        before,
    })
}

fn three() -> impl Strategy<Value = [SavedCounter; 3]> {
    let window = proptest::sample::select(&Window::ALL[..]);
    window.prop_flat_map(|window| [counter(window), counter(window), counter(window)])
}

proptest! {
    #[test]
    fn merging_obeys_its_laws([a, b, c] in three()) {
        let merge = |one: &SavedCounter, other: &SavedCounter| one.clone().merge(other.clone());
        prop_assert_eq!(merge(&a, &a), a.clone());
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        prop_assert_eq!(merge(&merge(&a, &b), &b), merge(&a, &b));
    }
}

fn monthly(window: Window) -> [Rule; 2] {
    [
        rule(Period::Hour, window, 100),
        rule(Period::Month, window, 10),
    ]
}

#[test]
fn a_month_goes_on_in_the_next_process_and_an_hour_does_not() {
    for window in Window::ALL {
        let rules = monthly(window);
        let who = Who::address("192.0.2.1".parse().unwrap());
        let before = limiter(1);
        assert!((0..7).all(|_| admits(&before, &rules, who, NOON)));
        before.close();
        let saved = before.pools.export(Period::Month, NOON);
        assert_eq!(saved.counters.len(), 1);
        assert_eq!(saved.counters[0].taken, 7);

        let pools = Arc::new(Pools::new(saved.seed));
        pools.import(&saved, NOON + SECOND);
        pools.import(&saved, NOON + SECOND);
        let after = Limiter::new(Arc::clone(&pools), 1);
        let tally = ask(&after, &rules, who, NOON + SECOND);
        let remaining: Vec<u64> = tally.standings().iter().map(|one| one.remaining).collect();
        assert_eq!(remaining, [99, 2]);
        assert_eq!(pools.len(), 2);
    }
}

#[test]
fn what_is_saved_by_another_seed_or_too_old_is_left_out() {
    let rules = monthly(Window::Fixed);
    let limiter = limiter(1);
    let mut print = limiter.fingerprint();
    print.part(Class::Invented, b"value");
    assert!(admits(&limiter, &rules, print.finish(), NOON));
    assert!(admits(&limiter, &rules, Who::known(1), NOON));
    let saved = limiter.pools.export(Period::Month, NOON);
    assert_eq!(saved.counters.len(), 2);
    let other = Pools::new(Seed([3, 4]));
    other.import(&saved, NOON);
    assert_eq!(other.len(), 1);
    let late = Pools::new(saved.seed);
    late.import(&saved, NOON + 40 * 86_400 * SECOND);
    assert!(late.is_empty());
}

#[test]
fn saved_counters_merge_with_what_was_counted_meanwhile() {
    let rules = [rule(Period::Month, Window::Sliding, 10)];
    let limiter = limiter(1);
    assert!((0..4).all(|_| admits(&limiter, &rules, Who::known(1), NOON)));
    limiter.close();
    let mut saved = limiter.pools.export(Period::Month, NOON);
    saved.counters[0].taken = 6;
    limiter.pools.import(&saved, NOON);
    let tally = ask(&limiter, &rules, Who::known(1), NOON);
    assert_eq!(tally.standings()[0].remaining, 3);
}

#[test]
fn only_what_changed_is_exported_again() {
    let rules = [rule(Period::Year, Window::Strict, 1_000)];
    let limiter = limiter(1);
    let changed = || -> Saved { limiter.pools.export_changed(Period::Month, NOON) };
    assert!(admits(&limiter, &rules, Who::known(1), NOON));
    assert!(admits(&limiter, &rules, Who::known(2), NOON));
    limiter.close();
    assert_eq!(changed().counters.len(), 2);
    assert!(changed().counters.is_empty());
    assert!(admits(&limiter, &rules, Who::known(2), NOON));
    let again = changed();
    assert_eq!(again.counters.len(), 1);
    assert_eq!(again.seed, Seed([1, 2]));
}
