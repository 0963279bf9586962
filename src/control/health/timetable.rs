//! When which target is checked next. Entries that have been overtaken stay in it and are told by their round.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::rng::Rng;
use crate::snapshot::TargetKey;

/// The first check comes within this time, whatever the interval: a start should know soon who is there.
const FIRST: Duration = Duration::from_secs(1);

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Timetable(BinaryHeap<Reverse<(Instant, TargetKey, u64)>>);

impl Timetable {
    /// The next moment at which something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, ..))| *at)
    }

    /// The target whose check is due first, if it is due by now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(TargetKey, u64)> {
        if self.next()? > now {
            return None;
        }
        self.0
            .pop()
            .map(|Reverse((_, target, round))| (target, round))
    }

    /// A check at a moment.
    pub(super) fn add(&mut self, target: TargetKey, round: u64, at: Instant) {
        self.0.push(Reverse((at, target, round)));
    }

    /// The first check of a target, at a moment of its own so that thousands do not come at once.
    pub(super) fn begin(
        &mut self,
        target: TargetKey,
        round: u64,
        interval: Duration,
        now: Instant,
        rng: &mut Rng,
    ) {
        let within = nanos(interval.min(FIRST));
        let wait = rng.next_u64() % within.max(1);
        self.add(target, round, now.plus(Duration::from_nanos(wait)));
    }

    /// The next check, after an interval that varies by a tenth.
    pub(super) fn go_on(
        &mut self,
        target: TargetKey,
        round: u64,
        interval: Duration,
        now: Instant,
        rng: &mut Rng,
    ) {
        let tenth = nanos(interval) / 10;
        let wait = nanos(interval) - tenth + rng.next_u64() % (2 * tenth).max(1);
        self.add(target, round, now.plus(Duration::from_nanos(wait)));
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_spread_and_come_in_their_order() {
        let (mut table, mut rng) = (Timetable::default(), Rng::seeded(1));
        let (now, interval) = (Instant(1), Duration::from_secs(10));
        let key = |port: u16| TargetKey {
            upstream: uuid::Uuid::nil(),
            address: ([127, 0, 0, 1], port).into(),
        };
        for port in 0..1_000 {
            table.begin(key(port), 1, interval, now, &mut rng);
        }
        assert!(table.take_due(Instant(0)).is_none());
        let half = now.plus(FIRST / 2);
        let due = std::iter::from_fn(|| table.take_due(half)).count();
        assert!((400..600).contains(&due), "{due}");
        table.go_on(key(1), 1, interval, half, &mut rng);
        let mut last = Instant(0);
        while let Some(at) = table.next() {
            assert!(at >= last && at.nanos_since(half) <= 11_000_000_000);
            last = at;
            table.take_due(at);
        }
        assert!(last.nanos_since(half) >= 9_000_000_000);
    }
}
