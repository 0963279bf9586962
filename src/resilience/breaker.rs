//! The circuit breaker of one target on one core: closed while requests go well, open for a while after too many went
//! wrong, then half open: a few requests are let through to find out.
//!
//! ```text
//!            so many failures in a row, or too large a share of a window
//!  Closed ────────────────────────────────────────────────────────────────▶ Open ◀─┐
//!    ▲                                                                        │     │ one trial fails:
//!    │ as many trials as may be under way go well                  its time ends    │ twice as long
//!    └────────────────────────────────────────────────────────────── HalfOpen ──────┘
//! ```
//!
//! The time for which it is open doubles with each opening, up to a bound, and varies by a fifth, so that cores and
//! gateways do not come back together. It is the shortest again once the breaker has stayed closed for the longest
//! such time: an origin that flaps is left alone for longer and longer.

use std::time::Duration;

use crate::base::clock::Instant;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakerRule {
    /// Failures in a row that open it; zero for never.
    pub consecutive_failures: u32,
    /// The share of failures in a window that opens it, in percent; zero for never.
    pub error_percent: u8,
    /// Requests of a window below which no share is looked at.
    pub min_requests: u32,
    /// The window.
    pub window: Duration,
    /// How long it is open the first time.
    pub open_time: Duration,
    /// How long it is open at most.
    pub max_open_time: Duration,
    /// Requests that may find out at a time whether the target is back, and that must go well.
    pub trials: u32,
}

impl Default for BreakerRule {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            error_percent: 50,
            min_requests: 20,
            window: Duration::from_secs(10),
            open_time: Duration::from_secs(1),
            max_open_time: Duration::from_secs(60),
            trials: 1,
        }
    }
}

/// A change of a breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// It has opened until then.
    Opened(Instant),
    /// It is closed again.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { since: Instant },
    Open { until: Instant },
    HalfOpen { under_way: u32, good: u32 },
}

/// One breaker.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    state: State,
    /// Openings since it was last closed for long.
    openings: u32,
    in_a_row: u32,
    window: Instant,
    requests: u32,
    failures: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed {
                since: Instant::default(),
            },
            openings: 0,
            in_a_row: 0,
            window: Instant::default(),
            requests: 0,
            failures: 0,
        }
    }
}

impl Breaker {
    /// Whether a request may go to the target now.
    #[inline]
    pub fn admits(&self, now: Instant, rule: &BreakerRule) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } => until <= now,
            State::HalfOpen { under_way, good } => under_way + good < rule.trials,
        }
    }

    /// Until when it lets nothing through, if it is open.
    pub fn open_until(&self) -> Option<Instant> {
        match self.state {
            State::Open { until } => Some(until),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// Whether it is anything but closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// A request goes to the target, which [admits](Self::admits) it; whether it is a trial. Each trial ends with
    /// [`ended`](Self::ended) or [`abandoned`](Self::abandoned).
    #[inline]
    pub fn begin(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Closed { .. } => false,
            State::Open { until } if *until <= now => {
                self.state = State::HalfOpen {
                    under_way: 1,
                    good: 0,
                };
                true
            }
            // In a panic of its caller's; it finds out nothing.
            State::Open { .. } => false,
            State::HalfOpen { under_way, .. } => {
                *under_way += 1;
                true
            }
        }
    }

    /// A trial has told nothing.
    pub fn abandoned(&mut self) {
        if let State::HalfOpen { under_way, .. } = &mut self.state {
            *under_way = under_way.saturating_sub(1);
        }
    }

    /// A request has ended, well or not. `roll` is a random number.
    pub fn ended(
        &mut self,
        well: bool,
        trial: bool,
        now: Instant,
        rule: &BreakerRule,
        roll: u64,
    ) -> Option<Turned> {
        match &mut self.state {
            State::Closed { since } => {
                let long = now.nanos_since(*since) >= nanos(rule.max_open_time);
                if long {
                    self.openings = 0;
                }
                self.note(well, now, rule)
                    .then(|| self.open(now, rule, roll))
            }
            // Sent before it opened, so it tells what is known.
            State::Open { .. } => None,
            State::HalfOpen { .. } if !trial => None,
            State::HalfOpen { .. } if !well => Some(self.open(now, rule, roll)),
            State::HalfOpen { under_way, good } => {
                *under_way = under_way.saturating_sub(1);
                *good += 1;
                (*good >= rule.trials).then(|| {
                    self.close(now);
                    Turned::Closed
                })
            }
        }
    }

    fn close(&mut self, now: Instant) {
        *self = Self {
            state: State::Closed { since: now },
            openings: self.openings,
            ..Self::default()
        };
    }

    /// Counts; whether it is too much.
    fn note(&mut self, well: bool, now: Instant, rule: &BreakerRule) -> bool {
        if now.nanos_since(self.window) >= nanos(rule.window) {
            (self.window, self.requests, self.failures) = (now, 0, 0);
        }
        self.requests = self.requests.saturating_add(1);
        if well {
            self.in_a_row = 0;
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let in_a_row = rule.consecutive_failures;
        let share = u64::from(self.failures) * 100;
        (in_a_row > 0 && self.in_a_row >= in_a_row)
            || (rule.error_percent > 0
                && self.requests >= rule.min_requests
                && share >= u64::from(self.requests) * u64::from(rule.error_percent))
    }

    fn open(&mut self, now: Instant, rule: &BreakerRule, roll: u64) -> Turned {
        let doubled = rule
            .open_time
            .saturating_mul(1_u32.checked_shl(self.openings.min(31)).unwrap_or(u32::MAX));
        let time = nanos(doubled.min(rule.max_open_time));
        let until = now.plus(Duration::from_nanos(time - time / 5 + spread(time, roll)));
        self.openings = self.openings.saturating_add(1);
        self.state = State::Open { until };
        Turned::Opened(until)
    }
}

/// Something from nothing to two fifths of `time`.
fn spread(time: u64, roll: u64) -> u64 {
    roll % (time / 5 * 2).max(1)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn at(millis: u64) -> Instant {
        Instant(1 + millis * 1_000_000)
    }

    fn fail(breaker: &mut Breaker, times: u32, millis: u64, rule: &BreakerRule) -> Option<Turned> {
        let fail = |breaker: &mut Breaker| {
            let trial = breaker.begin(at(millis));
            breaker.ended(false, trial, at(millis), rule, 0)
        };
        (0..times).filter_map(|_| fail(breaker)).next()
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_good_trial_closes_it() {
        let rule = BreakerRule::default();
        let mut breaker = Breaker::default();
        assert_eq!(fail(&mut breaker, 4, 0, &rule), None);
        assert_eq!(breaker.ended(true, false, at(0), &rule, 0), None);
        assert_eq!(fail(&mut breaker, 4, 0, &rule), None);
        let opened = fail(&mut breaker, 1, 0, &rule).unwrap();
        // A fifth less than a second by this roll.
        assert_eq!(opened, Turned::Opened(at(800)));
        assert!(!breaker.admits(at(799), &rule));
        assert!(breaker.admits(at(800), &rule));
        assert!(breaker.begin(at(800)));
        assert!(!breaker.admits(at(800), &rule), "one trial at a time");
        breaker.abandoned();
        assert!(breaker.admits(at(800), &rule) && breaker.begin(at(800)));
        let closed = breaker.ended(true, true, at(801), &rule, 0);
        assert_eq!(closed, Some(Turned::Closed));
        assert!(breaker.admits(at(801), &rule));
    }

    #[test]
    fn a_share_of_failures_opens_it_once_there_are_enough_requests() {
        let rule = BreakerRule {
            consecutive_failures: 0,
            ..BreakerRule::default()
        };
        let mut breaker = Breaker::default();
        for number in 0..19 {
            let turned = breaker.ended(number % 2 == 0, false, at(number), &rule, 0);
            assert_eq!(turned, None);
        }
        assert!(breaker.ended(false, false, at(20), &rule, 0).is_some());
    }

    #[test]
    fn an_origin_that_flaps_is_left_alone_for_longer_and_longer() {
        let rule = BreakerRule::default();
        let (mut breaker, mut now) = (Breaker::default(), 0);
        let mut times = Vec::new();
        for _ in 0..9 {
            let Some(Turned::Opened(until)) = fail(&mut breaker, 5, now, &rule) else {
                panic!("stays closed");
            };
            times.push(until.nanos_since(at(now)) / 1_000_000);
            now = until.0 / 1_000_000 + 1;
            assert!(breaker.begin(at(now)));
            breaker.ended(true, true, at(now), &rule, 0);
        }
        assert_eq!(
            times,
            [
                800, 1_600, 3_200, 6_400, 12_800, 25_600, 48_000, 48_000, 48_000
            ]
        );
        now += 60_000;
        breaker.ended(true, false, at(now), &rule, 0);
        assert_eq!(
            fail(&mut breaker, 5, now, &rule),
            Some(Turned::Opened(at(now + 800)))
        );
    }

    #[test]
    fn whatever_happens_trials_are_bounded_and_it_never_stays_shut() {
        let rule = BreakerRule {
            trials: 3,
            ..BreakerRule::default()
        };
        let mut rng = Rng::seeded(17);
        for _ in 0..200 {
            let (mut breaker, mut now, mut trials) = (Breaker::default(), 0, 0_u32);
            let mut under_way: Vec<bool> = Vec::new();
            for _ in 0..2_000 {
                now += rng.below(50) as u64;
                if rng.below(2) == 0 && breaker.admits(at(now), &rule) {
                    let trial = breaker.begin(at(now));
                    trials += u32::from(trial);
                    under_way.push(trial);
                } else if !under_way.is_empty() {
                    let trial = under_way.swap_remove(rng.below(under_way.len()));
                    trials -= u32::from(trial);
                    if rng.below(8) == 0 {
                        if trial {
                            breaker.abandoned();
                        }
                    } else {
                        let well = rng.below(3) > 0;
                        breaker.ended(well, trial, at(now), &rule, rng.next_u64());
                    }
                }
                if let Some(until) = breaker.open_until() {
                    assert!(until.nanos_since(at(now)) <= nanos(rule.max_open_time) * 6 / 5);
                    // Trials of a half-open time before may still be under way.
                    trials = 0;
                    under_way.iter_mut().for_each(|trial| *trial = false);
                }
                assert!(trials <= rule.trials);
            }
            // Once what is under way has ended, it lets something through in time.
            for trial in under_way {
                breaker.ended(true, trial, at(now), &rule, 0);
            }
            assert!(breaker.admits(at(now + 72_000), &rule));
        }
    }
}
