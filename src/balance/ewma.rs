//! An average of latencies that forgets: what was measured ten seconds ago counts a third of what is
//! measured now, and a target that nobody asks drifts towards zero, so that it is asked again.

use crate::base::clock::Instant;

/// After this time a measurement has lost all but 1/e of its weight, as in Kong.
const DECAY_NANOS: f64 = 10e9;

/// An exponentially weighted moving average of nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ewma {
    nanos: f64,
    at: Instant,
}

impl Ewma {
    /// An average that begins at `nanos`.
    pub fn seeded(nanos: f64, at: Instant) -> Self {
        Self { nanos, at }
    }

    /// Takes a measurement in. One that exceeds the average replaces it at once, so that a target that
    /// becomes slow is avoided at once and comes back slowly.
    pub fn observe(&mut self, nanos: u64, now: Instant) {
        let sample = nanos as f64;
        let kept = self.kept(now);
        self.nanos = sample.max(self.nanos * kept + sample * (1.0 - kept));
        self.at = self.at.max(now);
    }

    /// The average at `now`, as if the target had answered at once ever since the last measurement.
    #[inline]
    pub fn nanos(&self, now: Instant) -> f64 {
        self.nanos * self.kept(now)
    }

    /// Which share of what was known is kept at `now`.
    fn kept(&self, now: Instant) -> f64 {
        (-(now.nanos_since(self.at) as f64) / DECAY_NANOS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::Ewma;
    use crate::base::clock::Instant;

    fn seconds(count: u64) -> Instant {
        Instant(count * 1_000_000_000)
    }

    #[test]
    fn peaks_count_at_once_and_fade() {
        let mut latency = Ewma::seeded(1e6, seconds(0));
        latency.observe(9_000_000, seconds(0));
        assert_eq!(latency.nanos(seconds(0)), 9e6);
        latency.observe(1_000_000, seconds(10));
        let faded = latency.nanos(seconds(10));
        assert!((3.9e6..4.0e6).contains(&faded), "{faded}");
        assert!(latency.nanos(seconds(60)) < 0.1e6);
    }

    #[test]
    fn a_clock_that_stands_still_or_turns_back_does_no_harm() {
        let mut latency = Ewma::seeded(5e6, seconds(9));
        latency.observe(1_000_000, seconds(9));
        latency.observe(1_000_000, seconds(3));
        assert_eq!(latency.nanos(seconds(1)), 5e6);
    }
}
