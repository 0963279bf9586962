//! The process's client connections, split over its workers: a worker asks no other before it accepts.

use crate::base::ids::CoreId;

/// A bound of client connections, and the workers that share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionShares {
    /// Most client connections of the process.
    pub limit: usize,
    /// How many workers there are.
    pub workers: usize,
}

impl ConnectionShares {
    /// Most client connections of one worker. The shares of all come to the limit, the first workers having what
    /// does not divide; but each worker has one at least, because what the kernel gives to a worker no other can
    /// serve.
    pub fn of(self, worker: CoreId) -> usize {
        let workers = self.workers.max(1);
        let rest = usize::from(usize::from(worker.0) < self.limit % workers);
        (self.limit / workers + rest).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(limit: usize, workers: usize) -> Vec<usize> {
        let shares = ConnectionShares { limit, workers };
        (0..u16::try_from(workers).unwrap())
            .map(|worker| shares.of(CoreId(worker)))
            .collect()
    }

    #[test]
    fn shares_come_to_the_limit() {
        assert_eq!(shares(3, 2), [2, 1]);
        assert_eq!(shares(4, 2), [2, 2]);
        assert_eq!(shares(11, 4), [3, 3, 3, 2]);
        for limit in 1..100 {
            for workers in 1..=limit {
                assert_eq!(shares(limit, workers).iter().sum::<usize>(), limit);
            }
        }
    }

    #[test]
    fn no_worker_is_without() {
        assert_eq!(shares(1, 3), [1, 1, 1]);
    }
}
