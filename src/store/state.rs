//! One state of the stored entities: what it is called by, who made it, when.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use super::Hash;
use crate::base::limits::AUTHOR_BYTES;

/// A state's place in the order of writes. The store begins with revision 0, and each write that changes something
/// makes the next one; numbers are never given twice, not even after a restart.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// Who wrote: the name of a token, or where a connection came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author(Box<str>);

/// A state of the stored entities, as the history lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its place in the order of writes.
    pub revision: Revision,
    /// Its content address.
    pub hash: Hash,
    /// Who made it.
    pub author: Author,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What was written to make it from the state before it in the list.
    pub tally: Tally,
}

/// How many entities were written, by what was done to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// New ones.
    pub created: u64,
    /// Those that became something else.
    pub updated: u64,
    /// Those that are gone.
    pub deleted: u64,
}

impl Author {
    /// An author of this name, cut where it is too long to keep.
    pub fn new(name: &str) -> Self {
        let end = name.floor_char_boundary(AUTHOR_BYTES.min(name.len()));
        Self(name.get(..end).unwrap_or_default().into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tally {
    /// Counts an entity that was there or not, and is there or not.
    pub(super) fn count(&mut self, was: bool, is: bool) {
        match (was, is) {
            (false, true) => self.created += 1,
            (true, true) => self.updated += 1,
            (true, false) => self.deleted += 1,
            (false, false) => {}
        }
    }

    /// Both together.
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            created: self.created.saturating_add(other.created),
            updated: self.updated.saturating_add(other.updated),
            deleted: self.deleted.saturating_add(other.deleted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Author;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(Author::new("alice").name(), "alice");
        assert_eq!(Author::new(&"ä".repeat(100)).name(), "ä".repeat(64));
        assert_eq!(
            Author::new(&format!("a{}", "ä".repeat(100))).name().len(),
            127
        );
    }
}
