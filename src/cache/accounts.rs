//! What stored entries take in the whole process, by dictionary, whichever cores hold them.
//!
//! An entry is charged when a core stores it, and its charge is given back when the last core has let go of it. So the
//! numbers are changed where an answer is stored or falls out, and a core that gives a stored answer touches none of
//! them. Dictionaries are few; what is in more of them than there are accounts is bounded on each core alone.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::base::limits;

/// The accounts of a process, shared by its cores.
#[derive(Debug)]
pub struct Accounts([Account; limits::CACHE_DICTIONARIES]);

#[derive(Debug, Default)]
struct Account {
    /// The dictionary; zero if it is nobody's yet.
    dictionary: AtomicU64,
    bytes: AtomicUsize,
    entries: AtomicUsize,
}

/// An entry's part of its dictionary's account; the default is none.
#[derive(Debug, Default)]
pub struct Charge(Option<(Arc<Accounts>, usize, usize)>);

impl Default for Accounts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Account::default()))
    }
}

impl Accounts {
    /// How many bytes all entries take, and how many there are.
    pub fn size(&self) -> (usize, usize) {
        let sizes = self.0.iter().map(|account| {
            let (bytes, entries) = (&account.bytes, &account.entries);
            (bytes.load(Relaxed), entries.load(Relaxed))
        });
        sizes.fold((0, 0), |(bytes, entries), (more, others)| {
            (bytes + more, entries + others)
        })
    }

    /// What a dictionary's entries take. Other cores may be changing it.
    pub(super) fn bytes(&self, dictionary: u64) -> usize {
        let account = self.place(dictionary).map(|place| &self.0[place]);
        account.map_or(0, |account| account.bytes.load(Relaxed))
    }

    /// Charges an entry that takes so many bytes.
    pub(super) fn charge(self: &Arc<Self>, dictionary: u64, bytes: usize) -> Charge {
        let Some(place) = self.place(dictionary) else {
            return Charge::default();
        };
        self.0[place].bytes.fetch_add(bytes, Relaxed);
        self.0[place].entries.fetch_add(1, Relaxed);
        Charge(Some((Arc::clone(self), place, bytes)))
    }

    /// Where a dictionary's account is, which is made if there is room.
    fn place(&self, dictionary: u64) -> Option<usize> {
        let dictionary = dictionary.max(1);
        self.0.iter().position(|account| {
            let known = &account.dictionary;
            match known.load(Relaxed) {
                0 => match known.compare_exchange(0, dictionary, Relaxed, Relaxed) {
                    Ok(_) => true,
                    Err(other) => other == dictionary,
                },
                other => other == dictionary,
            }
        })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some((accounts, place, bytes)) = self.0.take() {
            accounts.0[place].bytes.fetch_sub(bytes, Relaxed);
            accounts.0[place].entries.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_is_given_back() {
        let accounts = Arc::new(Accounts::default());
        let one = accounts.charge(7, 100);
        let other = accounts.charge(8, 10);
        assert_eq!((accounts.bytes(7), accounts.bytes(8)), (100, 10));
        assert_eq!(accounts.size(), (110, 2));
        drop(one);
        assert_eq!((accounts.bytes(7), accounts.size()), (0, (10, 1)));
        drop(other);
        assert_eq!(accounts.size(), (0, 0));
    }

    #[test]
    fn without_an_account_nothing_is_charged() {
        let accounts = Arc::new(Accounts::default());
        let most = limits::CACHE_DICTIONARIES as u64;
        let charges: Vec<Charge> = (1..=most + 5).map(|id| accounts.charge(id, 1)).collect();
        assert_eq!(accounts.size(), (most as usize, most as usize));
        assert_eq!(accounts.bytes(most + 1), 0);
        drop(charges);
        assert_eq!(accounts.size(), (0, 0));
    }
}
