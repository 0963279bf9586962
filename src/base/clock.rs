//! Time for everyone: a monotonic instant in nanoseconds and the wall clock, read in one place.
//!
//! Code that computes takes an [`Instant`] as an argument, so that a test can pass any; only the
//! edges (a worker's exchange, control's ticks) call [`now`].

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

/// A point on the machine's monotonic clock, in nanoseconds; comparable between threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub u64);

impl Instant {
    /// Nanoseconds from `earlier` to `self`, zero if `earlier` is later.
    pub fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same in microseconds.
    pub fn micros(self) -> u64 {
        self.0 / 1_000
    }

    /// The instant `duration` later; saturates at the end of time.
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// Reads the monotonic clock (`CLOCK_MONOTONIC` through the vDSO, about 25 ns).
pub fn now() -> Instant {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let nanos = time.tv_sec.unsigned_abs().saturating_mul(1_000_000_000);
    Instant(nanos.saturating_add(time.tv_nsec.unsigned_abs()))
}

/// Microseconds since the Unix epoch; zero if the wall clock stands before it.
pub fn unix_micros() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
