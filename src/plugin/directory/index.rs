//! From a hash to where a record starts: one cache miss, where a general table costs two.

use super::records::Start;

/// Made once for so many entries; never more than half full.
#[derive(Default)]
pub(super) struct Index {
    slots: Box<[Slot]>,
}

/// The part of a hash that did not choose the slot, and where the record starts.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    start: Start,
}

const EMPTY: Slot = Slot {
    tag: 0,
    start: Start::MAX,
};

impl Index {
    /// Room for so many.
    pub(super) fn for_entries(entries: usize) -> Self {
        let slots = (2 * entries).next_power_of_two();
        Self {
            slots: vec![EMPTY; slots].into(),
        }
    }

    /// Adds an entry, of as many as there is room for.
    pub(super) fn insert(&mut self, hash: u64, start: Start) {
        let tag = tag_of(hash);
        let free = self.places(hash).find(|at| {
            let slot = self.slots.get(*at);
            slot.is_some_and(|slot| slot.start == EMPTY.start)
        });
        if let Some(slot) = free.and_then(|at| self.slots.get_mut(at)) {
            *slot = Slot { tag, start };
        }
    }

    /// The first entry with this hash that `is_it`.
    #[inline]
    pub(super) fn find<T>(&self, hash: u64, is_it: impl Fn(Start) -> Option<T>) -> Option<T> {
        let tag = tag_of(hash);
        for at in self.places(hash) {
            let slot = self.slots.get(at)?;
            if slot.start == EMPTY.start {
                return None;
            }
            if slot.tag == tag
                && let Some(found) = is_it(slot.start)
            {
                return Some(found);
            }
        }
        None
    }

    /// Where an entry with this hash may stand, the first place first.
    #[inline]
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        let first = hash as usize;
        (0..self.slots.len()).map(move |step| first.wrapping_add(step) & mask)
    }
}

fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_whatever_their_hashes_share() {
        let hashes = [0, 1, 1 << 32, u64::MAX, 7, 7, 7 << 32, 0];
        let mut index = Index::for_entries(hashes.len());
        for (start, hash) in (0..).zip(hashes) {
            index.insert(hash, start);
        }
        for (wanted, hash) in (0..).zip(hashes) {
            let found = index.find(hash, |start| (start == wanted).then_some(start));
            assert_eq!(found, Some(wanted));
            assert_eq!(index.find(hash, |_| None::<()>), None);
        }
        assert_eq!(index.find(5, Some), None);
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(Index::default().find(1, Some), None);
        assert_eq!(Index::for_entries(0).find(1, Some), None);
    }
}
