//! A limit of concurrency that follows an origin: as much as it can take, and no queue there to speak of.
//!
//! What tells an origin's queue from its work is Little's law: requests that wait are their rate times their waiting
//! time. The waiting time is by how much the fastest fifth of the answers is slower than it was without a queue, because
//! a queue delays the fastest as it delays the others: what a mix of cheap and dear requests does to means and medians it
//! does not do to this. While less than an eighth of the limit waits, and the limit is reached at all, the limit grows;
//! while more than a quarter does, it shrinks by the excess.
//!
//! The time without a queue is never measured by holding requests back. It is the least seen; it follows upwards while
//! less than half of the limit is in use, when there is no queue; and when the limit was cut to a half and the fastest
//! answers came no sooner for it, they were not slow for a queue: then this is the origin's pace now, and the limit
//! returns to where it was.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits;

/// An adaptive limit of one origin on one core.
#[derive(Clone, Debug)]
pub struct Adaptive {
    limit: f64,
    /// The fastest answers without a queue, in nanoseconds; zero if nothing is known.
    base_ns: f64,
    /// What the limit grows by next, as a part of it.
    pace: f64,
    cut: Option<Cut>,
    window: Window,
}

/// A limit that is being cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// The limit before.
    from: f64,
    /// The slowest that the fastest answers were.
    low_ns: f64,
    /// Windows since it came to a half.
    windows: u32,
    /// The fastest answers since.
    after_ns: f64,
}

/// What is seen between two changes of the limit.
#[derive(Clone, Debug)]
struct Window {
    began: Instant,
    /// The last answers, in microseconds.
    micros: [u32; limits::ADAPTIVE_SAMPLES],
    answers: u32,
    sum_ns: u64,
    own_ns: u64,
    in_flight: u32,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            limit: f64::from(limits::ADAPTIVE_START),
            base_ns: 0.0,
            pace: PACE_MOST,
            cut: None,
            window: Window::new(Instant::default()),
        }
    }
}

impl Adaptive {
    /// How many may be in flight.
    #[inline]
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Notes an answer that took so many nanoseconds, of which `own_ns` may be the gateway's own delay; `in_flight`
    /// were at the origin, the answered one included.
    pub fn answered(&mut self, nanos: u64, own_ns: u64, in_flight: u32, now: Instant) {
        let limit = self.limit();
        let window = &mut self.window;
        if window.answers == 0 {
            window.began = Instant(now.0.saturating_sub(nanos));
        }
        window.note(nanos, own_ns, in_flight);
        let took = now.nanos_since(window.began);
        if took > nanos_of(limits::ADAPTIVE_WINDOW_MAX) && !window.is_full(limit) {
            *window = Window::new(now);
        } else if window.is_over(took, limit) {
            self.turn(took);
            self.window = Window::new(now);
        }
    }

    /// Draws the conclusion of a window.
    fn turn(&mut self, took_ns: u64) {
        let low = (self.window.low_ns() - self.window.own_ns as f64).max(1.0);
        if self.base_ns == 0.0 || low < self.base_ns {
            self.base_ns = low;
        } else if f64::from(self.window.in_flight) < self.limit / 2.0 {
            self.base_ns += (low - self.base_ns) / 8.0;
            self.cut = None;
        }
        let rate = f64::from(self.window.answers) / took_ns.max(1) as f64;
        let waiting = rate * (low - self.base_ns);
        let room = 1.0 + self.limit.sqrt();
        if waiting > room {
            self.shrink(low, waiting - room);
        } else if waiting <= room / 2.0 {
            self.relax();
            if self.window.in_flight >= self.limit() {
                self.grow();
            }
        }
        let (floor, ceiling) = (limits::ADAPTIVE_FLOOR, limits::ADAPTIVE_CEILING);
        self.limit = self.limit.clamp(f64::from(floor), f64::from(ceiling));
    }

    /// There is no queue. One shrinks by as much as the limit does; if by that there must be one still, it was no queue but
    /// dear requests, and the cut is taken back.
    fn relax(&mut self) {
        let Some(cut) = self.cut.take() else {
            return;
        };
        if cut.low_ns * self.limit / cut.from > 2.0 * self.base_ns {
            self.limit = cut.from;
        } else {
            self.pace = PACE_LEAST;
        }
    }

    /// Grows faster the longer nothing speaks against it.
    fn grow(&mut self) {
        self.limit += 1.0 + self.limit * self.pace;
        self.pace = self.pace.max((self.pace * 2.0).min(PACE_AGAIN));
    }

    fn shrink(&mut self, low: f64, excess: f64) {
        let cut = self.cut.get_or_insert(Cut {
            from: self.limit,
            low_ns: low,
            windows: 0,
            after_ns: 0.0,
        });
        cut.low_ns = cut.low_ns.max(low);
        let cut = *cut;
        let halved =
            self.limit <= cut.from / 2.0 || self.limit < f64::from(limits::ADAPTIVE_FLOOR) + 1.0;
        if !halved {
            self.limit = (self.limit - excess / 2.0).max(self.limit * 0.75);
            return;
        }
        // The window in which the limit came down still holds what was sent before.
        if cut.windows < SETTLED {
            self.cut = Some(Cut {
                windows: cut.windows + 1,
                after_ns: if cut.windows > 0 { low } else { 0.0 },
                ..cut
            });
            return;
        }
        self.cut = None;
        let after_ns = f64::midpoint(cut.after_ns, low);
        if after_ns > cut.low_ns * 0.85 {
            self.base_ns = after_ns;
            self.limit = cut.from;
        } else {
            self.pace = PACE_LEAST;
        }
    }
}

/// The least and the most that a limit grows by in one window, as a part of it.
const PACE_LEAST: f64 = 1.0 / 64.0;
const PACE_AGAIN: f64 = 1.0 / 8.0;
const PACE_MOST: f64 = 1.0 / 4.0;
/// Windows that pass between a cut and what is concluded from it.
const SETTLED: u32 = 2;

impl Window {
    fn new(began: Instant) -> Self {
        Self {
            began,
            micros: [0; limits::ADAPTIVE_SAMPLES],
            answers: 0,
            sum_ns: 0,
            own_ns: u64::MAX,
            in_flight: 0,
        }
    }

    #[inline]
    fn note(&mut self, nanos: u64, own_ns: u64, in_flight: u32) {
        let at = self.answers as usize % limits::ADAPTIVE_SAMPLES;
        self.micros[at] = u32::try_from(nanos / 1_000).unwrap_or(u32::MAX);
        self.answers = self.answers.saturating_add(1);
        self.sum_ns = self.sum_ns.saturating_add(nanos);
        self.own_ns = self.own_ns.min(own_ns);
        self.in_flight = self.in_flight.max(in_flight);
    }

    fn is_full(&self, limit: u32) -> bool {
        let most = limits::ADAPTIVE_SAMPLES_MIN;
        self.answers >= (3 * limit.min(most)).clamp(most / 3, most)
    }

    /// Whether it has seen enough: some answers, some time, and all that was in flight at its beginning answered.
    fn is_over(&self, took_ns: u64, limit: u32) -> bool {
        let mean = self.sum_ns / u64::from(self.answers.max(1));
        self.is_full(limit) && took_ns >= nanos_of(limits::ADAPTIVE_WINDOW).max(2 * mean)
    }

    /// The time below which a fifth of the last answers is.
    fn low_ns(&self) -> f64 {
        let mut micros = self.micros;
        let seen = (self.answers as usize).min(limits::ADAPTIVE_SAMPLES);
        let seen = &mut micros[..seen];
        let fifth = seen.len() / 5;
        let (_, low, _) = seen.select_nth_unstable(fifth);
        f64::from(*low) * 1_000.0
    }
}

fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_not_reached_does_not_grow() {
        let mut adaptive = Adaptive::default();
        for at in 1..10_000_u64 {
            adaptive.answered(5_000_000, 0, 3, Instant(at * 5_000_000));
        }
        assert_eq!(adaptive.limit(), limits::ADAPTIVE_START);
    }

    #[test]
    fn the_gateways_own_delay_is_not_the_origins() {
        let mut adaptive = Adaptive::default();
        for at in 1..1_000_u64 {
            adaptive.answered(1_000_000, 0, 4, Instant(at * 1_000_000));
        }
        let before = adaptive.limit();
        for at in 1_000..9_000_u64 {
            adaptive.answered(21_000_000, 20_000_000, 8, Instant(at * 1_000_000));
        }
        assert!(adaptive.limit() >= before);
    }
}
