//! One core's cells: a bounded table that keeps places, so that a list may name them.
//!
//! It is cut into small tables, so that growing one never stalls the core, and into two parts, so that counters of invented
//! identities cannot push known ones out. A cell that is given up loses nothing but the shortcut: what it holds goes
//! back to its pool.

use hashbrown::HashTable;

use super::cell::Cell;
use super::rule::Class;
use super::rule::Key;

/// Where a cell stands, for as long as it is not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// All cells of a core.
#[derive(Debug)]
pub(super) struct Cells {
    tables: Box<[Table]>,
    /// Most cells of one table, known and invented.
    room: [usize; 2],
}

#[derive(Debug, Default)]
struct Table {
    /// Slots by key.
    index: HashTable<u32>,
    slots: Vec<Option<Cell>>,
    free: Vec<u32>,
    hand: usize,
}

/// Tables for each of the two classes.
const EACH: usize = 64;
const SLOT_BITS: u32 = 24;
/// More than one request needs at once, so that its cells do not push each other out.
const ROOM_MIN: usize = 16;
/// How many cells are passed by in search of one that was not used lately.
const PASSED: usize = 16;
/// How many slots of a table a sweep looks at.
const SWEPT: usize = 4_096;

impl Place {
    fn new(table: usize, slot: u32) -> Self {
        Self((table as u32) << SLOT_BITS | slot)
    }

    fn table(self) -> usize {
        (self.0 >> SLOT_BITS) as usize
    }

    fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

impl Cells {
    /// Room for so many cells of known and of invented identities.
    pub(super) fn new(known: usize, invented: usize) -> Self {
        let each = |room: usize| room.div_ceil(EACH).clamp(ROOM_MIN, (1 << SLOT_BITS) - 1);
        Self {
            tables: (0..2 * EACH).map(|_| Table::default()).collect(),
            room: [each(known), each(invented)],
        }
    }

    #[inline]
    fn table_of(hash: u64, class: Class) -> usize {
        (hash >> 40) as usize % EACH + EACH * usize::from(class == Class::Invented)
    }

    /// The place of a key's cell.
    #[inline]
    pub(super) fn find(&self, hash: u64, class: Class, key: Key) -> Option<Place> {
        let number = Self::table_of(hash, class);
        let table = self.tables.get(number)?;
        let is_it = |slot: &u32| table.at(*slot as usize).is_some_and(|cell| cell.key == key);
        let slot = *table.index.find(hash, is_it)?;
        Some(Place::new(number, slot))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Cell> {
        let table = self.tables.get_mut(place.table())?;
        table.slots.get_mut(place.slot())?.as_mut()
    }

    /// Adds a cell. If there is no room one that was not used lately makes place, none of `pinned`; it is returned,
    /// and the new one stands where it stood, in the list too.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        class: Class,
        cell: Cell,
        pinned: &[Option<Place>],
        hash_of: impl Fn(Key) -> u64,
    ) -> (Place, Option<Cell>) {
        let number = Self::table_of(hash, class);
        let room = self.room[usize::from(class == Class::Invented)];
        let table = &mut self.tables[number];
        if table.index.len() < room {
            let slot = table.add(hash, cell, hash_of);
            return (Place::new(number, slot), None);
        }
        let pinned = |slot: u32| pinned.contains(&Some(Place::new(number, slot)));
        let slot = table.passable(pinned);
        let old = table.replace(slot, hash, cell, hash_of);
        (Place::new(number, slot), old)
    }

    /// Removes cells of one table that were not used since it was last looked at and hold nothing; each turn looks at
    /// another.
    pub(super) fn sweep(&mut self, turn: usize, hash_of: impl Fn(Key) -> u64) {
        let number = turn % self.tables.len();
        if let Some(table) = self.tables.get_mut(number) {
            table.sweep(hash_of);
        }
    }

    /// Empties the table.
    pub(super) fn clear(&mut self) {
        self.tables.fill_with(Table::default);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.tables.iter().map(|table| table.index.len()).sum()
    }
}

impl Table {
    #[inline]
    fn at(&self, slot: usize) -> Option<&Cell> {
        self.slots.get(slot)?.as_ref()
    }

    fn add(&mut self, hash: u64, cell: Cell, hash_of: impl Fn(Key) -> u64) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                if self.slots.len() == self.slots.capacity() {
                    // By a quarter and not by twice, for a tighter bound.
                    self.slots.reserve_exact(self.slots.len() / 4 + 8);
                }
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
        };
        self.set(slot, hash, cell, hash_of);
        slot
    }

    fn set(&mut self, slot: u32, hash: u64, cell: Cell, hash_of: impl Fn(Key) -> u64) {
        let slots = &mut self.slots;
        slots[slot as usize] = Some(cell);
        let hasher = |slot: &u32| {
            let cell = slots.get(*slot as usize).and_then(Option::as_ref);
            cell.map_or(0, |cell| hash_of(cell.key))
        };
        self.index.insert_unique(hash, slot, hasher);
    }

    fn take(&mut self, slot: u32, hash_of: impl Fn(Key) -> u64) -> Option<Cell> {
        let cell = self.slots.get_mut(slot as usize)?.take()?;
        let hash = hash_of(cell.key);
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        Some(cell)
    }

    fn replace(
        &mut self,
        slot: u32,
        hash: u64,
        mut cell: Cell,
        hash_of: impl Fn(Key) -> u64,
    ) -> Option<Cell> {
        let old = self.take(slot, &hash_of);
        cell.listed = old.as_ref().is_some_and(|old| old.listed);
        self.set(slot, hash, cell, hash_of);
        old
    }

    /// A slot whose cell was not used since the hand last passed, or the last of some that were.
    fn passable(&mut self, pinned: impl Fn(u32) -> bool) -> u32 {
        let slots = self.slots.len();
        let mut found = 0;
        let mut passed = 0;
        for _ in 0..2 * slots {
            self.hand = (self.hand + 1) % slots;
            let slot = self.hand as u32;
            let Some(cell) = self.slots.get_mut(self.hand).and_then(Option::as_mut) else {
                continue;
            };
            if pinned(slot) {
                continue;
            }
            found = slot;
            passed += 1;
            if !std::mem::take(&mut cell.touched) || passed == PASSED {
                break;
            }
        }
        found
    }

    fn sweep(&mut self, hash_of: impl Fn(Key) -> u64) {
        let slots = self.slots.len();
        for _ in 0..SWEPT.min(slots) {
            self.hand = (self.hand + 1) % slots;
            let Some(cell) = self.slots.get_mut(self.hand).and_then(Option::as_mut) else {
                continue;
            };
            if std::mem::take(&mut cell.touched) || cell.listed {
                continue;
            }
            let slot = self.hand as u32;
            self.take(slot, &hash_of);
            self.free.push(slot);
        }
        if self.index.is_empty() {
            *self = Self::default();
        }
    }
}
