//! Kong's counters of health: so many failures of one kind in a row take a target out, so many successes in a row
//! bring it back.
//!
//! As in lua-resty-healthcheck: a kind whose threshold is zero is not counted at all; what is counted of the one
//! side clears the counters of the other. So failures are in a row only where successes are counted.

/// How many of each kind it takes; zero switches a kind off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Thresholds {
    /// Good answers that bring a target back.
    pub successes: u8,
    /// Bad answers that take a target out.
    pub http_failures: u8,
    /// Failed connections that take a target out.
    pub tcp_failures: u8,
    /// Timeouts that take a target out.
    pub timeouts: u8,
}

impl Thresholds {
    /// Whether nothing is counted.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}

/// Which statuses are good answers, and which are bad ones; the others are neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statuses {
    /// Good ones.
    pub healthy: Vec<u16>,
    /// Bad ones.
    pub unhealthy: Vec<u16>,
}

/// What came of a check, or of a request that was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// A connection, where no more was asked for.
    Connected,
    /// No connection, or one that ended before a whole head.
    TcpFailure,
    /// Nothing in time.
    Timeout,
}

/// One target's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    healthy: bool,
    successes: u8,
    http_failures: u8,
    tcp_failures: u8,
    timeouts: u8,
}

impl Default for Counters {
    /// A target is healthy until something speaks against it.
    fn default() -> Self {
        Self::of(true)
    }
}

impl Counters {
    /// Nothing counted yet of a target in this state.
    pub fn of(healthy: bool) -> Self {
        Self {
            healthy,
            successes: 0,
            http_failures: 0,
            tcp_failures: 0,
            timeouts: 0,
        }
    }

    /// Whether the target counts as healthy.
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// Takes an outcome in; the new state, if this changed it.
    pub fn count(
        &mut self,
        outcome: Outcome,
        statuses: &Statuses,
        thresholds: &Thresholds,
    ) -> Option<bool> {
        match outcome {
            Outcome::Connected => self.success(thresholds.successes),
            Outcome::Status(status) if statuses.healthy.contains(&status) => {
                self.success(thresholds.successes)
            }
            Outcome::Status(status) if statuses.unhealthy.contains(&status) => {
                self.failure(thresholds.http_failures, |own| &mut own.http_failures)
            }
            Outcome::Status(_) => None,
            Outcome::TcpFailure => {
                self.failure(thresholds.tcp_failures, |own| &mut own.tcp_failures)
            }
            Outcome::Timeout => self.failure(thresholds.timeouts, |own| &mut own.timeouts),
        }
    }

    fn success(&mut self, threshold: u8) -> Option<bool> {
        if threshold == 0 {
            return None;
        }
        if self.healthy {
            *self = Self::of(true);
            return None;
        }
        self.successes += 1;
        self.settle(self.successes >= threshold)
    }

    fn failure(&mut self, threshold: u8, kind: fn(&mut Self) -> &mut u8) -> Option<bool> {
        if threshold == 0 {
            return None;
        }
        self.successes = 0;
        if !self.healthy {
            return None;
        }
        let count = kind(self);
        *count += 1;
        let reached = *count >= threshold;
        self.settle(reached)
    }

    /// Turns over, if it is time.
    fn settle(&mut self, reached: bool) -> Option<bool> {
        if reached {
            *self = Self::of(!self.healthy);
        }
        reached.then_some(self.healthy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    const THREE: Thresholds = Thresholds {
        successes: 2,
        http_failures: 3,
        tcp_failures: 3,
        timeouts: 3,
    };

    fn statuses() -> Statuses {
        Statuses {
            healthy: vec![200],
            unhealthy: vec![500],
        }
    }

    fn run(counters: &mut Counters, thresholds: &Thresholds, outcomes: &[Outcome]) -> Vec<bool> {
        let statuses = statuses();
        let count = |outcome: &Outcome| counters.count(*outcome, &statuses, thresholds);
        outcomes.iter().filter_map(count).collect()
    }

    #[test]
    fn failures_of_one_kind_in_a_row_take_out_and_successes_in_a_row_bring_back() {
        use Outcome::Status;
        use Outcome::TcpFailure;
        use Outcome::Timeout;
        let mut counters = Counters::default();
        let mixed = [Status(500), TcpFailure, Timeout, Status(500), TcpFailure];
        assert!(run(&mut counters, &THREE, &mixed).is_empty());
        assert!(run(&mut counters, &THREE, &[Status(200), Status(500)]).is_empty());
        assert!(run(&mut counters, &THREE, &[Status(404), Status(500)]).is_empty());
        assert_eq!(run(&mut counters, &THREE, &[Status(500)]), [false]);
        assert!(run(&mut counters, &THREE, &[Status(200), Timeout, Status(200)]).is_empty());
        assert_eq!(run(&mut counters, &THREE, &[Status(200)]), [true]);
    }

    #[test]
    fn a_threshold_of_zero_counts_nothing_and_clears_nothing() {
        let thresholds = Thresholds {
            successes: 0,
            ..THREE
        };
        let mut counters = Counters::default();
        let outcomes = [500, 200, 500, 200, 500].map(Outcome::Status);
        assert_eq!(run(&mut counters, &thresholds, &outcomes), [false]);
        assert!(run(&mut counters, &thresholds, &[Outcome::Status(200); 9]).is_empty());
        let off = Thresholds::default();
        let mut counters = Counters::default();
        assert!(run(&mut counters, &off, &[Outcome::TcpFailure; 300]).is_empty());
    }

    #[test]
    fn whatever_comes_the_state_follows_the_last_run() {
        let mut rng = Rng::seeded(5);
        let statuses = statuses();
        let (mut counters, mut run, mut last) = (Counters::default(), 0, true);
        for _ in 0..100_000 {
            let good = rng.below(3) > 0;
            run = if good == last { run + 1 } else { 1 };
            last = good;
            let outcome = Outcome::Status(if good { 200 } else { 500 });
            let before = counters.is_healthy();
            let turned = counters.count(outcome, &statuses, &THREE);
            let needed = if good { 2 } else { 3 };
            assert_eq!(turned.is_some(), before != good && run >= needed);
            assert_eq!(counters.is_healthy(), turned.unwrap_or(before));
        }
    }
}
