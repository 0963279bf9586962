//! The way out: until when what is open may go on, and how far it is.

use std::time::Duration;

use crate::base::clock::Instant;

/// Time between two lines of the log about what is still open.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A drain that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draining {
    /// What is open then is cut.
    until: Instant,
    tell: Instant,
}

impl Draining {
    /// From `now` on for at most so long.
    pub(super) fn new(now: Instant, patience: Duration) -> Self {
        Self {
            until: now.plus(patience),
            tell: now.plus(TOLD_EVERY),
        }
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// Says how many connections are open, once a second.
    pub(super) fn tell(&mut self, now: Instant, open: impl FnOnce() -> i64) {
        if now >= self.tell {
            self.tell = now.plus(TOLD_EVERY);
            let left = Duration::from_nanos(self.until.nanos_since(now)).as_secs();
            tracing::info!("draining: {} connections open, {left} s left", open());
        }
    }
}
