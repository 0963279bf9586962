//! Counters held against a log of everything, against laws, and against many cores in simulated time.

mod bounds;
mod cores;
mod exact;
mod saved;

use std::sync::Arc;

use super::Counters;
use super::Limiter;
use super::Period;
use super::Pools;
use super::Rule;
use super::Seed;
use super::Spend;
use super::Standing;
use super::Tally;
use super::Who;
use super::Window;

const SECOND: u64 = 1_000_000;
/// 2026-06-20T00:00:00Z, so that the month's border is days away.
const NOON: u64 = 1_781_913_600 * SECOND;

fn pools() -> Arc<Pools> {
    Arc::new(Pools::new(Seed([1, 2])))
}

fn limiter(cores: u16) -> Limiter {
    Limiter::new(pools(), cores)
}

fn rule(period: Period, window: Window, limit: u64) -> Rule {
    Rule::new(77, period, window, limit)
}

/// One request for one unit.
fn ask(limiter: &Limiter, rules: &[Rule], who: Who, now: u64) -> Tally {
    limiter.spend(rules, who, now, Spend::Within(1))
}

fn admits(limiter: &Limiter, rules: &[Rule], who: Who, now: u64) -> bool {
    ask(limiter, rules, who, now).refused().is_none()
}

#[test]
fn five_in_a_minute_are_five_and_the_headers_figures_are_exact() {
    let limiter = limiter(1);
    let rules = [rule(Period::Minute, Window::Fixed, 5)];
    let who = Who::known(1);
    for n in 1..=5 {
        let tally = ask(&limiter, &rules, who, NOON + n);
        assert_eq!(tally.refused(), None);
        let expected = Standing {
            remaining: 5 - n,
            reset_micros: 60 * SECOND - n,
        };
        assert_eq!(tally.standings(), [expected]);
    }
    for n in 6..10 {
        let tally = ask(&limiter, &rules, who, NOON + n);
        assert_eq!(tally.refused(), Some(0));
        assert_eq!(tally.standings()[0].remaining, 0);
    }
    assert!(admits(&limiter, &rules, Who::known(2), NOON + 10));
    assert!(admits(&limiter, &rules, who, NOON + 60 * SECOND));
}

#[test]
fn several_periods_are_all_or_nothing() {
    let limiter = limiter(1);
    let rules = [
        rule(Period::Second, Window::Fixed, 2),
        rule(Period::Minute, Window::Fixed, 3),
        rule(Period::Hour, Window::Fixed, 50),
    ];
    let who = Who::known(1);
    let remaining = |now: u64| {
        let tally = ask(&limiter, &rules, who, now);
        let remaining: Vec<u64> = tally.standings().iter().map(|one| one.remaining).collect();
        (tally.refused(), remaining)
    };
    assert_eq!(remaining(NOON), (None, vec![1, 2, 49]));
    assert_eq!(remaining(NOON), (None, vec![0, 1, 48]));
    assert_eq!(remaining(NOON), (Some(0), vec![0, 1, 48]));
    assert_eq!(remaining(NOON + SECOND), (None, vec![1, 0, 47]));
    assert_eq!(remaining(NOON + SECOND), (Some(1), vec![1, 0, 47]));
    assert_eq!(remaining(NOON + 60 * SECOND), (None, vec![1, 2, 46]));
}

#[test]
fn an_overdraft_is_allowed_while_there_is_anything() {
    let limiter = limiter(1);
    let rules = [rule(Period::Minute, Window::Fixed, 5)];
    let who = Who::known(1);
    let spend = |spend| {
        let tally = limiter.spend(&rules, who, NOON, spend);
        (tally.refused(), tally.standings()[0].remaining)
    };
    assert_eq!(spend(Spend::Nothing), (None, 5));
    assert_eq!(spend(Spend::Beyond(3)), (None, 2));
    assert_eq!(spend(Spend::Beyond(4)), (None, 0));
    assert_eq!(spend(Spend::Beyond(1)), (Some(0), 0));
    assert_eq!(spend(Spend::Nothing), (None, 0));
}

#[test]
fn a_request_that_waited_is_counted_in_the_present() {
    let limiter = limiter(1);
    let rules = [rule(Period::Second, Window::Fixed, 1)];
    let who = Who::known(1);
    assert!(admits(&limiter, &rules, who, NOON));
    limiter.tick(NOON + 30 * SECOND);
    assert!(admits(&limiter, &rules, who, NOON + SECOND));
    assert!(!admits(&limiter, &rules, who, NOON + 30 * SECOND));
}

#[test]
fn a_clock_that_is_set_back_far_begins_anew() {
    let limiter = limiter(1);
    let rules = [rule(Period::Minute, Window::Fixed, 1)];
    let who = Who::known(1);
    assert!(admits(&limiter, &rules, who, NOON));
    let before = NOON - 7_200 * SECOND;
    limiter.tick(before);
    assert!(admits(&limiter, &rules, who, before));
    assert!(!admits(&limiter, &rules, who, before + 1));
}

#[test]
fn a_changed_limit_holds_at_once() {
    let limiter = limiter(1);
    let who = Who::known(1);
    let with = |limit| {
        admits(
            &limiter,
            &[rule(Period::Minute, Window::Fixed, limit)],
            who,
            NOON,
        )
    };
    assert!((0..4).all(|_| with(4)));
    assert!(!with(4));
    assert!(with(6) && with(6) && !with(6));
    assert!(!with(3));
}

#[test]
fn a_refused_sliding_window_says_when_it_admits_again() {
    let limiter = limiter(1);
    let rules = [rule(Period::Minute, Window::Sliding, 10)];
    let who = Who::known(1);
    let mut now = NOON;
    for _ in 0..200 {
        now += 350_003;
        let tally = ask(&limiter, &rules, who, now);
        if tally.refused().is_some() {
            let wait = tally.standings()[0].reset_micros;
            assert!(wait > 0 && wait <= 120 * SECOND);
            assert!(!admits(&limiter, &rules, who, now + wait - 2));
            assert!(admits(&limiter, &rules, who, now + wait + 1));
            now += wait + 1;
        }
    }
}

#[test]
fn a_refused_strict_window_says_when_it_admits_again() {
    let limiter = limiter(1);
    let rules = [rule(Period::Minute, Window::Strict, 2)];
    let who = Who::known(1);
    assert!(admits(&limiter, &rules, who, NOON));
    assert!(admits(&limiter, &rules, who, NOON + 13 * SECOND));
    let tally = ask(&limiter, &rules, who, NOON + 20 * SECOND);
    assert_eq!(tally.refused(), Some(0));
    // The first request's tenth, which ended after six seconds, drops out a minute after that.
    assert_eq!(tally.standings()[0].reset_micros, 46 * SECOND);
    assert!(!admits(&limiter, &rules, who, NOON + 66 * SECOND - 1));
    assert!(admits(&limiter, &rules, who, NOON + 66 * SECOND));
}
