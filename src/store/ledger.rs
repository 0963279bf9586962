//! The list of the last states, and which of them goes when there are too many.
//!
//! Each state knows the segment of the file that leads from it to the state before it in the list: what the rows were
//! that its writes changed. So a state costs what was changed, and the entities that stay are kept once. The newest
//! states are kept one by one. Of older ones, those go first that their own author replaced within a minute: a script
//! that adds 15,000 services leaves its last steps and the state before it began, not 50 states of the same second.

use serde::Deserialize;
use serde::Serialize;

use super::Author;
use super::Hash;
use super::Revision;
use super::State;
use super::Tally;
use crate::base::limits::HISTORY_BURST_MS;
use crate::base::limits::HISTORY_BYTES;
use crate::base::limits::HISTORY_RECENT;
use crate::base::limits::HISTORY_STATES;

/// The states, the oldest first; there is always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ledger {
    older: Vec<Entry>,
    newest: Entry,
}

/// A state and where in the file the way back begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) state: State,
    pub(super) segment: Segment,
}

/// Former rows that stand together in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// What its keys begin with.
    pub(super) number: u64,
    /// How many there are.
    pub(super) rows: u64,
    /// What they take.
    pub(super) bytes: u64,
}

/// What is too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// The oldest state: nothing needs the way back from it any more.
    Oldest(Entry),
    /// A state between the one before it and this one: the ways back from both become one.
    Between {
        /// It.
        gone: Entry,
        /// The one after it.
        next: Entry,
    },
}

impl Ledger {
    /// A new store's.
    pub(super) fn new(author: Author, at_ms: u64) -> Self {
        let state = State {
            revision: Revision(0),
            hash: Hash::default(),
            author,
            at_ms,
            tally: Tally::default(),
        };
        let newest = Entry {
            state,
            segment: Segment::new(0),
        };
        Self {
            older: Vec::new(),
            newest,
        }
    }

    /// That of a file; `None` if there is no state at all.
    pub(super) fn of(mut entries: Vec<Entry>) -> Option<Self> {
        entries.sort_by_key(|entry| entry.state.revision);
        let newest = entries.pop()?;
        Some(Self {
            older: entries,
            newest,
        })
    }

    /// The newest state.
    pub(super) fn newest(&self) -> &State {
        &self.newest.state
    }

    /// The newest state, to be corrected.
    pub(super) fn newest_mut(&mut self) -> &mut Entry {
        &mut self.newest
    }

    /// All states, the newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.newest).chain(self.older.iter().rev())
    }

    /// The state that comes after the newest, which nothing has been written to yet.
    pub(super) fn next(&self, author: Author, at_ms: u64) -> Entry {
        let revision = Revision(self.newest.state.revision.0.saturating_add(1));
        let state = State {
            revision,
            hash: self.newest.state.hash,
            author,
            at_ms,
            tally: Tally::default(),
        };
        Entry {
            state,
            segment: Segment::new(revision.0),
        }
    }

    /// Adds a state.
    pub(super) fn push(&mut self, entry: Entry) {
        self.older.push(std::mem::replace(&mut self.newest, entry));
    }

    /// Takes out what is too much, one state at a time.
    pub(super) fn excess(&mut self) -> Option<Excess> {
        if self.older.len() >= HISTORY_STATES {
            let Some(place) = self.hasty() else {
                return self.oldest();
            };
            let gone = self.older.remove(place);
            let next = self.older.get(place).unwrap_or(&self.newest).clone();
            return Some(Excess::Between { gone, next });
        }
        let bytes = self.iter().map(|entry| entry.segment.bytes);
        if bytes.fold(0, u64::saturating_add) > HISTORY_BYTES {
            return self.oldest();
        }
        None
    }

    fn oldest(&mut self) -> Option<Excess> {
        let first = (!self.older.is_empty()).then(|| self.older.remove(0));
        first.map(Excess::Oldest)
    }

    /// The first state, but not the oldest, that its author replaced at once.
    fn hasty(&self) -> Option<usize> {
        let settled = (self.older.len() + 1).saturating_sub(HISTORY_RECENT);
        let nexts = self.older.iter().skip(1).chain([&self.newest]);
        let pairs = self.older.iter().zip(nexts).enumerate();
        let mut pairs = pairs.take(settled).skip(1);
        let hasty = |(one, next): (&Entry, &Entry)| {
            one.state.author == next.state.author
                && next.state.at_ms.abs_diff(one.state.at_ms) <= HISTORY_BURST_MS
        };
        pairs.find(|(_, pair)| hasty(*pair)).map(|(place, _)| place)
    }

    /// Puts a state in place of the one with its revision.
    pub(super) fn replace(&mut self, entry: Entry) {
        let mut all = self.older.iter_mut().chain([&mut self.newest]);
        if let Some(old) = all.find(|old| old.state.revision == entry.state.revision) {
            *old = entry;
        }
    }
}

impl Segment {
    fn new(number: u64) -> Self {
        Self {
            number,
            rows: 0,
            bytes: 0,
        }
    }
}

impl Entry {
    /// As it stands in the file, its revision aside.
    pub(super) fn encode(&self) -> Vec<u8> {
        let line = Line {
            hash: self.state.hash.to_string(),
            author: self.state.author.name().to_owned(),
            at_ms: self.state.at_ms,
            tally: self.state.tally,
            segment: self.segment.number,
            rows: self.segment.rows,
            bytes: self.segment.bytes,
        };
        // Texts and numbers always have a JSON.
        serde_json::to_vec(&line).unwrap_or_default()
    }

    /// From the file; `None` if it is none.
    pub(super) fn decode(revision: u64, bytes: &[u8]) -> Option<Self> {
        let line: Line = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            state: State {
                revision: Revision(revision),
                hash: line.hash.parse().ok()?,
                author: Author::new(&line.author),
                at_ms: line.at_ms,
                tally: line.tally,
            },
            segment: Segment {
                number: line.segment,
                rows: line.rows,
                bytes: line.bytes,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    hash: String,
    author: String,
    at_ms: u64,
    tally: Tally,
    segment: u64,
    rows: u64,
    bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ledger: &mut Ledger, author: &str, at_ms: u64) {
        let next = ledger.next(Author::new(author), at_ms);
        ledger.push(next);
        while ledger.excess().is_some() {}
    }

    fn revisions(ledger: &Ledger) -> Vec<u64> {
        ledger.iter().map(|entry| entry.state.revision.0).collect()
    }

    fn ledger() -> Ledger {
        Ledger::new(Author::new("new"), 0)
    }

    #[test]
    fn states_far_apart_go_from_the_oldest_on() {
        let mut ledger = ledger();
        for n in 1..200 {
            push(&mut ledger, "a", n * (HISTORY_BURST_MS + 1));
        }
        assert_eq!(revisions(&ledger), (150..200).rev().collect::<Vec<_>>());
    }

    #[test]
    fn so_do_those_of_authors_that_take_turns() {
        let mut ledger = ledger();
        for n in 1..200 {
            push(&mut ledger, ["a", "b"][usize::from(n % 2 == 0)], n);
        }
        assert_eq!(revisions(&ledger), (150..200).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_burst_leaves_what_was_before_it() {
        let mut ledger = ledger();
        for n in 1..=10 {
            push(&mut ledger, "a", n * (HISTORY_BURST_MS + 1));
        }
        for n in 0..15_000 {
            push(&mut ledger, "script", 2_000_000 + n);
        }
        let kept = revisions(&ledger);
        assert_eq!(kept.len(), HISTORY_STATES);
        assert_eq!(
            kept[..HISTORY_RECENT],
            (14_986..=15_010).rev().collect::<Vec<_>>()
        );
        assert_eq!(
            kept[HISTORY_STATES - 11..],
            (0..=10).rev().collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_takes_too_many_bytes_goes() {
        let mut ledger = ledger();
        for n in 1..10 {
            push(&mut ledger, "a", n);
            ledger.newest_mut().segment.bytes = HISTORY_BYTES / 4;
        }
        while ledger.excess().is_some() {}
        assert_eq!(revisions(&ledger), [9, 8, 7, 6]);
        ledger.newest_mut().segment.bytes = HISTORY_BYTES + 1;
        while ledger.excess().is_some() {}
        assert_eq!(revisions(&ledger), [9]);
    }

    #[test]
    fn entries_survive_the_file() {
        let mut ledger = ledger();
        push(&mut ledger, "a \"b\"", 7);
        let entry = ledger.newest_mut().clone();
        assert_eq!(Entry::decode(1, &entry.encode()), Some(entry));
        assert_eq!(Entry::decode(1, b"{}"), None);
    }
}
