//! Memory is bounded, what is idle goes, and what clients make up pushes out nothing that they did not.

use super::*;
use crate::ratelimit::Class;

fn invented(limiter: &Limiter, n: u32) -> Who {
    let mut print = limiter.fingerprint();
    print.part(Class::Invented, &n.to_be_bytes());
    print.finish()
}

#[test]
fn invented_identities_push_out_no_known_one() {
    const ROOM: u32 = 51_200;
    let limiter = Limiter::new(Arc::new(Pools::bounded(Seed([1, 2]), ROOM as usize)), 1);
    let rules = [rule(Period::Day, Window::Fixed, 3)];
    let known = |n: u128| Who::known(n << 64 | n);
    for n in 0..2_000 {
        assert!(admits(&limiter, &rules, known(n), NOON));
    }
    for n in 0..2 * ROOM {
        assert!(admits(&limiter, &rules, invented(&limiter, n), NOON + 1));
    }
    assert!(limiter.pools.len() <= ROOM as usize);
    for n in 0..2_000 {
        let tally = ask(&limiter, &rules, known(n), NOON + 2);
        assert_eq!(tally.standings()[0].remaining, 1);
    }
}

#[test]
fn known_identities_leave_a_tenth_to_invented_ones() {
    const ROOM: u32 = 25_600;
    let limiter = Limiter::new(Arc::new(Pools::bounded(Seed([1, 2]), ROOM as usize)), 1);
    let rules = [rule(Period::Day, Window::Fixed, 3)];
    for n in 0..2 * ROOM {
        assert!(admits(&limiter, &rules, Who::known(n.into()), NOON));
    }
    assert!(limiter.pools.len() <= ROOM as usize / 10 * 9);
    let who = invented(&limiter, 1);
    assert!((0..3).all(|_| admits(&limiter, &rules, who, NOON)));
    assert!(!admits(&limiter, &rules, who, NOON));
}

#[test]
fn what_is_idle_goes() {
    let limiter = limiter(1);
    let rules = [rule(Period::Second, Window::Fixed, 3)];
    for n in 0..1_000 {
        admits(&limiter, &rules, invented(&limiter, n), NOON);
        admits(&limiter, &rules, Who::known(n.into()), NOON);
    }
    assert_eq!((limiter.len(), limiter.pools.len()), (2_000, 2_000));
    for tick in 1..=1_500 {
        limiter.tick(NOON + tick * SECOND / 20);
    }
    assert_eq!((limiter.len(), limiter.pools.len()), (0, 0));
}

#[test]
fn a_counter_that_was_pushed_out_is_found_anew() {
    let pools = pools();
    let limiter = Limiter::new(Arc::clone(&pools), 1);
    let rules = [rule(Period::Minute, Window::Fixed, 100)];
    for _ in 0..10 {
        assert!(admits(&limiter, &rules, Who::known(1), NOON));
    }
    let key = rules[0].key_of(Who::known(1));
    let opened = pools.open(pools.hash(key), key, &rules[0], Class::Known, NOON, None);
    opened.unwrap().pool.kill();
    // What was counted is forgotten; the lease of the old pool is still good.
    let admitted = (0..300)
        .filter(|_| admits(&limiter, &rules, Who::known(1), NOON))
        .count();
    assert!((100..=100 + 60).contains(&admitted), "{admitted}");
}
