//! One core's table of one dictionary: from keys to entries, within a bound of bytes.

use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::Entry;
use super::Micros;
use super::Purge;
use super::Slot;
use super::purge::Target;
use super::queues::Place;
use super::queues::Queues;

/// Entries by their keys.
#[derive(Debug, Default)]
pub(super) struct Index {
    table: HashTable<Place>,
    hasher: RandomState,
    queues: Queues<Held>,
    /// Where tidying goes on.
    tidied: Place,
    /// What may be stored, as the last entry to come said.
    most: usize,
}

/// An entry with as much of it as tells a purge what it can pass over without looking at it.
#[derive(Debug)]
struct Held {
    slot: Rc<Slot>,
    marks: Marks,
}

/// Of each thing that an entry can be purged by a few bits.
#[derive(Clone, Copy, Debug)]
struct Marks {
    digest: u64,
    plugin: u64,
    route: u64,
    /// A bit for each tag.
    tags: u64,
}

impl Index {
    /// What stands under a key.
    #[inline]
    pub(super) fn get(&mut self, key: &[u8]) -> Option<Rc<Slot>> {
        let place = self.place(self.hasher.hash_one(key), key)?;
        self.queues.touch(place);
        self.queues.at(place).map(|held| Rc::clone(&held.slot))
    }

    /// The same, without counting as a use.
    pub(super) fn peek(&self, key: &[u8]) -> Option<&Rc<Slot>> {
        let place = self.place(self.hasher.hash_one(key), key)?;
        self.queues.at(place).map(|held| &held.slot)
    }

    /// Adds an entry, in the place of another with its key if there is one. How many fell out for it.
    pub(super) fn insert(&mut self, entry: Arc<Entry>) -> usize {
        let most = entry.dictionary.bytes_max;
        self.most = most;
        let weight = entry.bytes();
        if weight > most {
            return 0;
        }
        let hash = self.hasher.hash_one(&*entry.key);
        let known = self.place(hash, &entry.key);
        let marks = Marks::of(&entry);
        let held = Held {
            slot: Slot::new(entry),
            marks,
        };
        if let Some(place) = known {
            self.queues.replace(place, held, weight);
        } else {
            let place = self.queues.insert(held, hash, weight);
            let queues = &self.queues;
            let hash_of = |place: &Place| queues.hash_at(*place);
            self.table.insert_unique(hash, place, hash_of);
        }
        self.shrink(most)
    }

    /// Lets go of what should go first until no more than `most` is left. How many that were.
    pub(super) fn shrink(&mut self, most: usize) -> usize {
        let table = &mut self.table;
        let mut fallen = 0;
        self.queues.shrink(most, |_, hash, place| {
            forget(table, hash, place);
            fallen += 1;
        });
        fallen
    }

    /// What may be stored.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Removes what stands under a key.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Rc<Slot>> {
        let hash = self.hasher.hash_one(key);
        let place = self.place(hash, key)?;
        forget(&mut self.table, hash, place);
        self.queues.remove(place).map(|held| held.slot)
    }

    /// Removes what a purge covers; how much that was.
    pub(super) fn purge(&mut self, purge: &Purge) -> usize {
        if let Target::Key(key) = &purge.target {
            let covered = self.peek(key).is_some_and(|slot| purge.covers(&slot.entry));
            return usize::from(covered && self.remove(key).is_some());
        }
        let concerned = Concerned::by(&purge.target);
        let places = Place::try_from(self.queues.places()).unwrap_or(Place::MAX);
        let mut purged = 0;
        for place in 0..places {
            let covered = self.queues.at(place).is_some_and(|held| {
                concerned.may_have(&held.marks) && purge.covers(&held.slot.entry)
            });
            if covered {
                self.remove_at(place);
                purged += 1;
            }
        }
        purged
    }

    /// Looks at the next few places and removes what is over.
    pub(super) fn tidy(&mut self, now: Micros, few: usize) {
        let places = self.queues.places();
        for _ in 0..few.min(places) {
            self.tidied = match self.tidied + 1 {
                next if (next as usize) < places => next,
                _ => 0,
            };
            let held = self.queues.at(self.tidied);
            if held.is_some_and(|held| held.slot.entry.is_over(now)) {
                self.remove_at(self.tidied);
            }
        }
    }

    /// Every entry.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let places = Place::try_from(self.queues.places()).unwrap_or(Place::MAX);
        let held = (0..places).filter_map(|place| self.queues.at(place));
        held.map(|held| &held.slot.entry)
    }

    /// How many bytes its entries take.
    pub(super) fn bytes(&self) -> usize {
        self.queues.weight()
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.queues.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn remove_at(&mut self, place: Place) {
        let hash = self.queues.hash_at(place);
        forget(&mut self.table, hash, place);
        self.queues.remove(place);
    }

    #[inline]
    fn place(&self, hash: u64, key: &[u8]) -> Option<Place> {
        let same = |place: &Place| {
            self.queues.hash_at(*place) == hash
                && self
                    .queues
                    .at(*place)
                    .is_some_and(|held| *held.slot.entry.key == *key)
        };
        self.table.find(hash, same).copied()
    }
}

fn forget(table: &mut HashTable<Place>, hash: u64, place: Place) {
    if let Ok(found) = table.find_entry(hash, |known| *known == place) {
        found.remove();
    }
}

impl Marks {
    fn of(entry: &Entry) -> Self {
        let tags = entry.filed().into_iter().flat_map(|filed| &filed.tags);
        Self {
            digest: first_bits(&entry.digest),
            plugin: first_bits(entry.plugin.as_bytes()),
            route: first_bits(entry.route.as_bytes()),
            tags: tags.fold(0, |all, tag| all | tag_mark(tag)),
        }
    }
}

/// What the marks of an entry must be for a purge to concern it.
#[derive(Clone, Copy, Debug)]
enum Concerned {
    All,
    Digest(u64),
    Plugin(u64),
    Route(u64),
    Tag(u64),
}

impl Concerned {
    fn by(target: &Target) -> Self {
        match target {
            Target::Everything | Target::Key(_) => Self::All,
            Target::Digest(digest, _) => Self::Digest(first_bits(digest)),
            Target::Plugin(plugin) => Self::Plugin(first_bits(plugin.as_bytes())),
            Target::Route(route) => Self::Route(first_bits(route.as_bytes())),
            Target::Tag(tag) => Self::Tag(tag_mark(tag)),
        }
    }

    fn may_have(self, marks: &Marks) -> bool {
        match self {
            Self::All => true,
            Self::Digest(bits) => marks.digest == bits,
            Self::Plugin(bits) => marks.plugin == bits,
            Self::Route(bits) => marks.route == bits,
            Self::Tag(bit) => marks.tags & bit != 0,
        }
    }
}

fn first_bits(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |bits| u64::from_le_bytes(*bits))
}

fn tag_mark(tag: &[u8]) -> u64 {
    let sum = tag.iter().fold(0_u64, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    1 << (sum >> 58)
}
