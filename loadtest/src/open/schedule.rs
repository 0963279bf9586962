//! When requests are due: a rate over time, in pieces along which it changes linearly.
//!
//! The n-th arrival is due when the integral of the rate reaches n; nothing that happens during the run moves it.

use std::time::Duration;

/// Arrivals of one schedule at most, so that a mistyped rate ends.
const ARRIVALS_MAX: u64 = 100_000_000;

/// A stretch of time with its rates, in requests per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    seconds: f64,
    from: f64,
    to: f64,
}

/// A rate over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Schedule {
    pieces: Vec<Piece>,
}

impl Piece {
    fn arrivals(&self) -> f64 {
        self.seconds * (self.from + self.to) / 2.0
    }

    /// Seconds until the integral of the rate is `count`.
    fn time_of(&self, count: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        let root = (self.from * self.from + 2.0 * slope * count)
            .max(0.0)
            .sqrt();
        // The form that also holds for a rate that does not change.
        if self.from + root > 0.0 {
            (2.0 * count / (self.from + root)).min(self.seconds)
        } else {
            0.0
        }
    }
}

impl Schedule {
    /// The same rate for some time.
    pub(crate) fn constant(rate: f64, time: Duration) -> Self {
        Self::ramp(rate, rate, time)
    }

    /// A rate that changes evenly.
    pub(crate) fn ramp(from: f64, to: f64, time: Duration) -> Self {
        let piece = Piece {
            seconds: time.as_secs_f64(),
            from: from.max(0.0),
            to: to.max(0.0),
        };
        Self {
            pieces: vec![piece],
        }
    }

    /// Base, peak, base again.
    pub(crate) fn burst(
        base: f64,
        peak: f64,
        lead: Duration,
        high: Duration,
        tail: Duration,
    ) -> Self {
        Self::constant(base, lead)
            .then(&Self::constant(peak, high))
            .then(&Self::constant(base, tail))
    }

    /// This one, then the other.
    pub(crate) fn then(mut self, other: &Self) -> Self {
        self.pieces.extend_from_slice(&other.pieces);
        self
    }

    /// How long it takes.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.pieces.iter().map(|piece| piece.seconds).sum())
    }

    /// The times at which requests are due, from the start.
    pub(crate) fn arrivals(&self) -> Arrivals<'_> {
        Arrivals {
            pieces: self.pieces.iter(),
            piece: None,
            began: 0.0,
            before: 0.0,
            number: 0,
        }
    }
}

/// Walks along a schedule.
pub(crate) struct Arrivals<'a> {
    pieces: std::slice::Iter<'a, Piece>,
    piece: Option<Piece>,
    /// When the piece began.
    began: f64,
    /// Arrivals before it.
    before: f64,
    number: u64,
}

impl Iterator for Arrivals<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.number >= ARRIVALS_MAX {
            return None;
        }
        loop {
            if let Some(piece) = self.piece {
                let count = self.number as f64 - self.before;
                // An arrival at a piece's very end belongs to the next one.
                if count < piece.arrivals() - 1e-9 {
                    self.number += 1;
                    return Some(Duration::from_secs_f64(self.began + piece.time_of(count)));
                }
                self.began += piece.seconds;
                self.before += piece.arrivals();
            }
            self.piece = Some(*self.pieces.next()?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn within(schedule: &Schedule, from: f64, to: f64) -> usize {
        let inside = |time: &Duration| (from..to).contains(&time.as_secs_f64());
        schedule.arrivals().filter(inside).count()
    }

    #[test]
    fn a_constant_rate_is_even() {
        let times: Vec<Duration> = Schedule::constant(4.0, SECOND).arrivals().collect();
        assert_eq!(times, [0, 250, 500, 750].map(Duration::from_millis));
    }

    #[test]
    fn a_ramp_has_the_integral_of_its_rate() {
        let schedule = Schedule::ramp(0.0, 1000.0, 2 * SECOND);
        assert_eq!(schedule.arrivals().count(), 1000);
        assert_eq!(
            within(&schedule, 0.0, 1.0),
            250,
            "a quarter in the first half"
        );
        let times: Vec<Duration> = schedule.arrivals().collect();
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn a_falling_ramp_ends_in_time() {
        let schedule = Schedule::ramp(1000.0, 0.0, 2 * SECOND);
        assert_eq!(within(&schedule, 0.0, 1.0), 750);
        assert!(schedule.arrivals().all(|time| time <= schedule.time()));
    }

    #[test]
    fn a_burst_is_base_peak_base() {
        let schedule = Schedule::burst(100.0, 1000.0, SECOND, SECOND / 2, SECOND);
        assert_eq!(within(&schedule, 0.0, 1.0), 100);
        assert_eq!(within(&schedule, 1.0, 1.5), 500);
        assert_eq!(within(&schedule, 1.5, 9.0), 100);
        assert_eq!(schedule.time(), SECOND * 5 / 2);
    }

    #[test]
    fn pieces_without_arrivals_only_pass_time() {
        let pause = Schedule::constant(0.0, SECOND);
        let schedule = pause.then(&Schedule::constant(2.0, SECOND));
        let times: Vec<Duration> = schedule.arrivals().collect();
        assert_eq!(times, [1000, 1500].map(Duration::from_millis));
    }
}
