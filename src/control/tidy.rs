//! Giving memory back after a reload.
//!
//! Reading and compiling 15,000 routes leaves some thirty megabytes behind that are free and still resident. The
//! allocator (mimalloc) returns free pages a second after they became free, but only when a thread that
//! ends, or that allocates a great deal, gives it the occasion; an idle gateway does neither. So each build
//! runs on a thread that ends, and a while after it, and after an old snapshot was freed, an empty thread
//! comes and goes.

use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::base::clock::Instant;

/// How long a thread for blocking work outlives it: it is to end, not to be kept for later.
pub const BLOCKING_THREAD_IDLE: Duration = Duration::from_millis(10);
/// Longer than the allocator waits for free pages to be used again.
const AFTER: Duration = Duration::from_millis(1_500);

/// When memory is to be given back, if there is any.
#[derive(Debug, Default)]
pub(super) struct Tidy {
    due: Option<Instant>,
}

impl Tidy {
    /// Something large was freed, or will be in a moment.
    pub(super) fn freed(&mut self, now: Instant) {
        self.due = Some(now.plus(AFTER));
    }

    /// Lets a thread come and go when it is time; its end is the occasion.
    pub(super) fn turn(&mut self, now: Instant) {
        if self.due.take_if(|due| now >= *due).is_some() {
            // It has nothing to say.
            drop(spawn_blocking(|| ()));
        }
    }
}
