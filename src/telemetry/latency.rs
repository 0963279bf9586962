//! The three latencies of an exchange as `hdrhistogram`s of fixed size: two significant digits, 100 ns to
//! one hour, so that an overhead of 10 µs is known to 1 % and a scrape can cut any buckets out of it.
//!
//! A core counts in 32 bits (15 KiB a histogram, of which a steady load touches a few lines), the totals in
//! 64. Prometheus wants sums, which the histograms do not keep, so they stand beside them.

use hdrhistogram::Counter;
use hdrhistogram::Histogram;

/// Shortest time told apart from zero, in nanoseconds.
pub const NANOS_MIN: u64 = 100;
/// Longest time told apart from a longer one: an hour, in nanoseconds.
pub const NANOS_MAX: u64 = 3_600_000_000_000;

/// One latency: its distribution and its sum.
#[derive(Clone, Debug)]
pub struct Latency<T: Counter> {
    histogram: Histogram<T>,
    sum_nanos: u64,
}

impl<T: Counter> Latency<T> {
    /// Nothing recorded.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(NANOS_MIN, NANOS_MAX, 2)
            .expect("the bounds are constant and valid");
        Self {
            histogram,
            sum_nanos: 0,
        }
    }

    /// Counts one value; what is longer than an hour counts as an hour in the distribution.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        self.histogram.saturating_record(nanos);
        self.sum_nanos = self.sum_nanos.wrapping_add(nanos);
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Their sum in nanoseconds.
    pub fn sum_nanos(&self) -> u64 {
        self.sum_nanos
    }

    /// The value in nanoseconds that the share `quantile` (0 to 1) of all values does not exceed.
    pub fn quantile(&self, quantile: f64) -> u64 {
        self.histogram.value_at_quantile(quantile)
    }

    /// Cumulative counts for ascending `bounds` in nanoseconds: how many values are at most each bound. A
    /// value less than 1 % below a bound may be counted above it.
    pub fn cumulative<const N: usize>(&self, bounds: &[u64; N]) -> [u64; N] {
        let mut counts = [0; N];
        for step in self.histogram.iter_recorded() {
            let at = bounds.partition_point(|bound| *bound < step.value_iterated_to());
            if let Some(count) = counts.get_mut(at) {
                *count += step.count_since_last_iteration();
            }
        }
        let mut sum = 0;
        counts.map(|count| {
            sum += count;
            sum
        })
    }
}

impl Latency<u64> {
    /// Adds what one core counted; all histograms have the same bins, so nothing is rounded again.
    pub fn merge(&mut self, delta: &Latency<u32>) {
        for step in delta.histogram.iter_recorded() {
            let count = u64::from(step.count_at_value());
            self.histogram
                .saturating_record_n(step.value_iterated_to(), count);
        }
        self.sum_nanos = self.sum_nanos.wrapping_add(delta.sum_nanos);
    }
}

impl<T: Counter> Default for Latency<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The three latencies of exchanges.
#[derive(Clone, Debug, Default)]
pub struct Latencies<T: Counter> {
    /// What the gateway itself took.
    pub overhead: Latency<T>,
    /// What the upstream took.
    pub upstream: Latency<T>,
    /// The whole exchange.
    pub total: Latency<T>,
}

impl Latencies<u64> {
    /// Adds what one core counted.
    pub fn merge(&mut self, delta: &Latencies<u32>) {
        self.overhead.merge(&delta.overhead);
        self.upstream.merge(&delta.upstream);
        self.total.merge(&delta.total);
    }
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use super::NANOS_MAX;

    #[test]
    fn ten_microseconds_are_known_to_one_percent_in_sixteen_kilobytes() {
        let latency = Latency::<u32>::new();
        let histogram = &latency.histogram;
        assert!(!histogram.is_auto_resize());
        assert!(histogram.equivalent_range(10_000) <= 100);
        assert!(histogram.equivalent_range(1_000_000_000) <= 10_000_000);
        assert!(histogram.distinct_values() * 4 <= 16_384);
    }

    #[test]
    fn merged_bins_and_buckets_are_those_of_the_values() {
        let (mut part, mut whole) = (Latency::<u32>::new(), Latency::<u64>::new());
        let mut direct = Latency::<u64>::new();
        for power in 0..64 {
            let nanos = (1_u64 << power) - 1;
            part.record(nanos);
            direct.record(nanos);
        }
        whole.merge(&part);
        assert_eq!(whole.histogram, direct.histogram);
        assert_eq!(whole.sum_nanos(), direct.sum_nanos());
        let buckets = whole.cumulative(&[1_000, 1_000_000, NANOS_MAX / 2]);
        assert_eq!(buckets, [10, 20, 41]);
        assert_eq!(whole.count(), 64);
    }
}
