//! What the origin has seen, for the tests that ask it: bytes it managed to send, and each
//! numbered request with how often it arrived.

use std::collections::HashMap;

use serde::Deserialize;
use serde::Serialize;

/// Numbers remembered at most.
const NUMBERS_MAX: usize = 4_000_000;

/// The answer to `GET /_stats`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Requests read.
    pub(crate) requests: u64,
    /// Bytes that the kernel took from the origin.
    pub(crate) bytes_sent: u64,
    /// Connections closed under a request that was just arriving.
    pub(crate) killed: u64,
    /// Idle connections closed by the clock.
    pub(crate) idle_closed: u64,
    /// Different numbered POSTs that arrived.
    pub(crate) posts: u64,
    /// Numbered POSTs that arrived more than once.
    pub(crate) posts_repeated: u64,
    /// Requests in line or worked on, now and at most; of the scripted origin alone.
    pub(crate) in_flight: u64,
    pub(crate) in_flight_max: u64,
    /// Requests that crossed an answer that nobody asked for.
    pub(crate) excused: u64,
    /// Requests that came long behind one, which must have been seen.
    pub(crate) unnoticed: u64,
}

/// Counters and numbers.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) stats: Stats,
    posts: HashMap<u32, u32>,
}

impl Ledger {
    /// Notes that POST `number` arrived.
    pub(crate) fn post(&mut self, number: u32) {
        if self.posts.len() >= NUMBERS_MAX {
            return;
        }
        let count = self.posts.entry(number).or_default();
        *count += 1;
        match *count {
            1 => self.stats.posts += 1,
            2 => self.stats.posts_repeated += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn a_repeated_post_counts_once_as_repeated() {
        let mut ledger = Ledger::default();
        for number in [1, 2, 1, 1] {
            ledger.post(number);
        }
        assert_eq!((ledger.stats.posts, ledger.stats.posts_repeated), (2, 1));
    }
}
