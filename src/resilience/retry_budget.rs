//! The retry budget: however many requests fail, repeats are a bounded share of them, so that an origin in trouble
//! is not given several times its load.
//!
//! What counts is a window of the last five to ten seconds and not the requests under way: a target that dies takes
//! all that it had under way with it at one moment, and those are just the ones that should be repeated.

use std::time::Duration;

use crate::base::clock::Instant;

/// Half of the window.
const HALF: Duration = Duration::from_secs(5);

/// How large a budget is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BudgetRule {
    /// Repeats for each hundred requests.
    pub percent: u16,
    /// Repeats in a window whatever the number of requests, so that the few requests of a quiet upstream can be
    /// repeated.
    pub min_retries: u32,
}

impl Default for BudgetRule {
    fn default() -> Self {
        Self {
            percent: 20,
            min_retries: 30,
        }
    }
}

/// One core's budget for an upstream.
#[derive(Clone, Copy, Debug, Default)]
pub struct RetryBudget {
    since: Instant,
    requests: u32,
    retries: u32,
    /// The same in the half before.
    before: (u32, u32),
}

impl RetryBudget {
    /// Notes a request.
    #[inline]
    pub fn request(&mut self, now: Instant) {
        self.turn(now);
        self.requests = self.requests.saturating_add(1);
    }

    /// Whether there is room for a repeat.
    pub fn has_room(&mut self, now: Instant, rule: &BudgetRule) -> bool {
        self.turn(now);
        let requests = u64::from(self.requests) + u64::from(self.before.0);
        let retries = u64::from(self.retries) + u64::from(self.before.1);
        let share = requests * u64::from(rule.percent) / 100;
        retries < share.max(u64::from(rule.min_retries))
    }

    /// Takes a repeat, if there is room for it.
    pub fn take(&mut self, now: Instant, rule: &BudgetRule) -> bool {
        let has_room = self.has_room(now, rule);
        self.retries = self.retries.saturating_add(u32::from(has_room));
        has_room
    }

    #[inline]
    fn turn(&mut self, now: Instant) {
        let half = HALF.as_nanos() as u64;
        let past = now.nanos_since(self.since);
        if past < half {
            return;
        }
        self.before = if past < 2 * half {
            (self.requests, self.retries)
        } else {
            (0, 0)
        };
        (self.requests, self.retries, self.since) = (0, 0, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn at(millis: u64) -> Instant {
        Instant(1 + millis * 1_000_000)
    }

    #[test]
    fn when_everything_fails_repeats_are_a_fifth() {
        let rule = BudgetRule::default();
        let mut budget = RetryBudget::default();
        let mut granted = 0_u32;
        // 2,000 requests a second for a minute, each of which would be tried six times.
        for number in 0..120_000_u64 {
            let now = at(number / 2);
            budget.request(now);
            granted += (0..5)
                .map(|_| u32::from(budget.take(now, &rule)))
                .sum::<u32>();
        }
        assert!((20_000..=24_000 + 30).contains(&granted), "{granted}");
    }

    #[test]
    fn a_quiet_upstream_may_repeat_and_a_busy_one_survives_the_loss_of_all_under_way() {
        let rule = BudgetRule::default();
        let mut quiet = RetryBudget::default();
        quiet.request(at(0));
        assert!((0..5).all(|_| quiet.take(at(0), &rule)));
        let mut busy = RetryBudget::default();
        for number in 0..10_000 {
            busy.request(at(number));
        }
        assert!((0..900).all(|_| busy.take(at(10_000), &rule)));
    }

    #[test]
    fn at_no_time_are_more_granted_than_the_window_allows() {
        let rule = BudgetRule {
            percent: 20,
            min_retries: 3,
        };
        let mut rng = Rng::seeded(9);
        let mut budget = RetryBudget::default();
        let (mut now, mut requests, mut retries) = (0, Vec::new(), Vec::new());
        for _ in 0..50_000 {
            now += rng.below(8) as u64;
            if rng.below(2) == 0 {
                budget.request(at(now));
                requests.push(now);
            } else if budget.take(at(now), &rule) {
                retries.push(now);
                let lately = |times: &[u64], span| {
                    times
                        .iter()
                        .rev()
                        .take_while(|time| now - **time < span)
                        .count()
                };
                // What was granted in the shorter window stands against what was asked in the longer.
                let most = (lately(&requests, 10_001) / 5).max(3);
                assert!(lately(&retries, 5_000) <= most);
            }
        }
        assert!(retries.len() > 1_000);
    }
}
