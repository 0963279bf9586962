//! Where answers come from, and how many have come from there.

use std::cell::Cell;

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// From the store.
    Hit,
    /// From the origin: there was nothing stored.
    Miss,
    /// What was stored was too old, so the origin was asked.
    Refresh,
    /// From the store, older than it should be.
    Stale,
    /// From the origin, and not to be stored.
    Bypass,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Hit,
        Self::Miss,
        Self::Refresh,
        Self::Stale,
        Self::Bypass,
    ];
}

/// One core's answers by where they have come from.
#[derive(Debug, Default)]
pub(super) struct Tally([Cell<u64>; Status::ALL.len()]);

impl Tally {
    pub(super) fn count(&self, status: Status) {
        let cell = &self.0[status as usize];
        cell.set(cell.get() + 1);
    }

    /// What was counted since the last call.
    pub(super) fn take(&self) -> [(Status, u64); Status::ALL.len()] {
        Status::ALL.map(|status| (status, self.0[status as usize].take()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_its_place_and_once() {
        let tally = Tally::default();
        for (number, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, number);
            tally.count(status);
        }
        tally.count(Status::Stale);
        let counts = tally.take().map(|(_, count)| count);
        assert_eq!(counts, [1, 1, 1, 2, 1]);
        assert_eq!(tally.take().map(|(_, count)| count), [0; 5]);
    }
}
