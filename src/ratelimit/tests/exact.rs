//! One core against a log of every request.

use proptest::collection::vec;
use proptest::prelude::Just;
use proptest::prelude::Strategy;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::prop_oneof;
use proptest::proptest;
use proptest::sample::select;

use super::*;
use crate::ratelimit::window::STRICT_FRAMES;

/// Pauses between requests, in parts of a thousand of a period: bursts, steady traffic, long silences.
fn pauses() -> impl Strategy<Value = Vec<u64>> {
    let pause =
        prop_oneof![4 => Just(0), 4 => 1_u64..80, 2 => 80_u64..1_000, 1 => 1_000_u64..12_000];
    vec(pause, 1..200)
}

/// What was admitted, and whether a request at a moment should be.
struct Log {
    rule: Rule,
    admitted: Vec<u64>,
}

impl Log {
    fn between(&self, start: u64, end: u64) -> u64 {
        let inside = self.admitted.iter().filter(|at| (start..end).contains(*at));
        inside.count() as u64
    }

    /// What may still be admitted at a moment, by the definition of the window.
    fn remaining(&self, now: u64) -> u64 {
        let frame = self.rule.window.frame(self.rule.period, now);
        let present = self.between(frame.start, frame.end);
        let counted = match self.rule.window {
            Window::Fixed => present,
            Window::Sliding => {
                let length = frame.length();
                let last = self.between(frame.start - length, frame.start);
                present + (last * (frame.end - now)).div_ceil(length)
            }
            Window::Strict => {
                let back = frame.length() * STRICT_FRAMES as u64;
                present + self.between(frame.start - back, frame.start)
            }
        };
        self.rule.limit.saturating_sub(counted)
    }
}

proptest! {
    #[test]
    fn one_core_is_the_log(
        period in select(&Period::ALL[..4]),
        window in select(&Window::ALL[..]),
        limit in 1_u64..40,
        pauses in pauses(),
        ticks in vec(0_usize..10, 1..20),
    ) {
        let rule = rule(period, window, limit);
        let limiter = limiter(1);
        let mut log = Log { rule, admitted: Vec::new() };
        let mut now = NOON;
        for (n, pause) in pauses.into_iter().enumerate() {
            now += pause * (period.longest() / 1_000) + n as u64 % 3;
            if ticks[n % ticks.len()] == 0 {
                limiter.tick(now);
            }
            let remaining = log.remaining(now);
            let tally = ask(&limiter, &[rule], Who::known(1), now);
            prop_assert_eq!(tally.refused().is_none(), remaining > 0);
            if remaining > 0 {
                log.admitted.push(now);
            }
            prop_assert_eq!(tally.standings()[0].remaining, remaining.saturating_sub(1));
        }
        let length = period.longest();
        for (first, start) in log.admitted.iter().enumerate() {
            let most = match window {
                // Full at a border, and full again behind it.
                Window::Fixed | Window::Sliding => 2 * limit,
                Window::Strict => limit,
            };
            let within = log.admitted[first..].iter().take_while(|at| **at < start + length);
            prop_assert!(within.count() as u64 <= most);
        }
    }

    #[test]
    fn months_and_years_are_the_log_too(
        period in select(&[Period::Month, Period::Year][..]),
        window in select(&[Window::Fixed, Window::Strict][..]),
        limit in 1_u64..10,
        days in vec(0_u64..40, 1..60),
    ) {
        let rule = rule(period, window, limit);
        let limiter = limiter(1);
        let mut log = Log { rule, admitted: Vec::new() };
        let mut now = NOON;
        for pause in days {
            now += pause * 86_400 * SECOND;
            let remaining = log.remaining(now);
            let tally = ask(&limiter, &[rule], Who::known(1), now);
            prop_assert_eq!(tally.refused().is_none(), remaining > 0);
            if remaining > 0 {
                log.admitted.push(now);
            }
        }
    }
}
