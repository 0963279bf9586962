//! Everything that one core has stored, and what it has to tell about it.

use std::cell::Cell;
use std::cell::RefCell;
use std::cell::RefMut;
use std::rc::Rc;
use std::sync::Arc;

use uuid::Uuid;

use crate::base::limits;

use super::Accounts;
use super::Charge;
use super::Content;
use super::Entry;
use super::Message;
use super::Micros;
use super::Order;
use super::Purge;
use super::Question;
use super::Slot;
use super::Told;
use super::index::Index;
use super::purge::Purged;
use super::purge::Target;
use super::tally::Status;
use super::tally::Tally;

/// One core's answers.
#[derive(Debug, Default)]
pub struct Store {
    accounts: Arc<Accounts>,
    /// How many cores share the accounts; none is one.
    cores: usize,
    /// By the ids of their dictionaries; there are few.
    indexes: RefCell<Vec<(u64, Index)>>,
    purged: RefCell<Purged>,
    outbox: RefCell<Vec<Message>>,
    /// Memory in which keys are put together.
    key: RefCell<Vec<u8>>,
    fallen: Cell<u64>,
    tally: Tally,
}

impl Store {
    /// The answers of one of so many cores.
    pub fn new(accounts: Arc<Accounts>, cores: u16) -> Self {
        Self {
            accounts,
            cores: cores.into(),
            ..Self::default()
        }
    }

    /// Memory to put a key together in, empty.
    pub fn key(&self) -> RefMut<'_, Vec<u8>> {
        let mut key = self.key.borrow_mut();
        key.clear();
        key
    }

    /// What stands under a key, unless it is over.
    #[inline]
    pub fn find(&self, dictionary: u64, key: &[u8], now: Micros) -> Option<Rc<Slot>> {
        let mut indexes = self.indexes.borrow_mut();
        let (_, index) = indexes.iter_mut().find(|(id, _)| *id == dictionary)?;
        let slot = index.get(key)?;
        if slot.entry.is_over(now) {
            index.remove(key);
            return None;
        }
        Some(slot)
    }

    /// Stores an entry of this core and has the others told; whether it was stored. One that was purged while it was
    /// on its way is not.
    pub fn add(&self, mut entry: Entry) -> bool {
        entry.charge = self.charge(&entry);
        let Some(stored) = self.take_in(Arc::new(entry)) else {
            return false;
        };
        let mut outbox = self.outbox.borrow_mut();
        if outbox.len() < limits::CACHE_MESSAGES {
            outbox.push(Message::Stored(stored));
        }
        true
    }

    /// Removes what stands under a key of this core's index alone.
    pub fn remove(&self, dictionary: u64, key: &[u8]) {
        let mut indexes = self.indexes.borrow_mut();
        if let Some((_, index)) = indexes.iter_mut().find(|(id, _)| *id == dictionary) {
            index.remove(key);
        }
    }

    /// Forgets what this core has found to be outdated, and has the others told.
    pub fn invalidate(&self, target: Target, now: Micros) {
        let purge = Arc::new(Purge { target, until: now });
        self.purge(&purge);
        let mut outbox = self.outbox.borrow_mut();
        if outbox.len() >= limits::CACHE_MESSAGES {
            outbox.retain(|message| matches!(message, Message::Purged(_)));
        }
        if outbox.len() >= limits::CACHE_MESSAGES {
            // Too many to tell apart: forgetting more than needed is always right.
            outbox.clear();
            outbox.push(Message::Purged(Arc::new(Purge {
                target: Target::Everything,
                until: now,
            })));
        } else {
            outbox.push(Message::Purged(purge));
        }
    }

    /// What the other cores should know.
    pub fn take_messages(&self) -> Vec<Message> {
        self.outbox.take()
    }

    /// Whether there is anything that the other cores should know.
    pub fn has_messages(&self) -> bool {
        !self.outbox.borrow().is_empty()
    }

    /// Does what control says.
    pub fn obey(&self, order: Order, now: Micros) {
        match order {
            Order::Learn(messages) => {
                for message in messages.iter() {
                    match message {
                        Message::Stored(entry) if !entry.is_over(now) => {
                            self.take_in(Arc::clone(entry));
                        }
                        Message::Stored(_) => {}
                        Message::Purged(purge) => {
                            self.purge(purge);
                        }
                    }
                }
            }
            Order::Ask(question, answers) => {
                let told = match &*question {
                    Question::Purge(purge) => Told::Purged(self.purge(purge)),
                    Question::Find(digest, plugin) => {
                        Told::Found(self.list(*plugin, |entry| entry.digest == *digest, now))
                    }
                    Question::List(plugin) => Told::Found(self.list(*plugin, |_| true, now)),
                };
                // Whoever asked may have gone; the channel has room for every core.
                let _ = answers.try_send(told);
            }
        }
    }

    /// Forgets a little of what is over, and this core's part of what is too much in the process.
    pub fn tidy(&self, now: Micros) {
        for (dictionary, index) in self.indexes.borrow_mut().iter_mut() {
            index.tidy(now, limits::CACHE_TIDIED);
            let fallen = self.give_up(*dictionary, index);
            self.fallen.set(self.fallen.get() + fallen as u64);
        }
        self.indexes
            .borrow_mut()
            .retain(|(_, index)| !index.is_empty());
    }

    /// Lets go of this core's part of what all hold beyond the bound, but of nothing of its own part of the bound. Others may
    /// hold the same, so it may take some ticks until all are within it.
    fn give_up(&self, dictionary: u64, index: &mut Index) -> usize {
        let cores = self.cores.max(1);
        let held = self.accounts.bytes(dictionary);
        let Some(beyond) = held.checked_sub(index.most()).filter(|beyond| *beyond > 0) else {
            return 0;
        };
        let left = index.bytes().saturating_sub(beyond.div_ceil(cores));
        index.shrink(left.max(index.most() / cores))
    }

    fn charge(&self, entry: &Entry) -> Charge {
        self.accounts.charge(entry.dictionary.id, entry.bytes())
    }

    /// How many bytes are stored, in how many entries.
    pub fn size(&self) -> (usize, usize) {
        let indexes = self.indexes.borrow();
        let sizes = indexes
            .iter()
            .map(|(_, index)| (index.bytes(), index.len()));
        sizes.fold((0, 0), |(bytes, count), (more, others)| {
            (bytes + more, count + others)
        })
    }

    /// How many entries have fallen out for want of room since the last call.
    pub fn take_fallen(&self) -> u64 {
        self.fallen.take()
    }

    /// Counts an answer by where it comes from.
    #[inline]
    pub fn count(&self, status: Status) {
        self.tally.count(status);
    }

    /// How many answers have come from where since the last call.
    pub fn take_counts(&self) -> [(Status, u64); Status::ALL.len()] {
        self.tally.take()
    }

    fn purge(&self, purge: &Arc<Purge>) -> usize {
        self.purged.borrow_mut().remember(Arc::clone(purge));
        let mut indexes = self.indexes.borrow_mut();
        indexes
            .iter_mut()
            .map(|(_, index)| index.purge(purge))
            .sum()
    }

    fn list(
        &self,
        plugin: Option<Uuid>,
        wanted: impl Fn(&Entry) -> bool,
        now: Micros,
    ) -> Vec<Arc<Entry>> {
        let indexes = self.indexes.borrow();
        let entries = indexes.iter().flat_map(|(_, index)| index.entries());
        let shown = entries.filter(|entry| {
            entry.filed().is_some()
                && !entry.is_over(now)
                && plugin.is_none_or(|plugin| entry.plugin == plugin)
                && wanted(entry)
        });
        shown.take(limits::CACHE_LISTED).cloned().collect()
    }

    /// Puts an entry where it belongs, unless what is there is better: what was put there, if anything.
    fn take_in(&self, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        if self.purged.borrow().covers(&entry) {
            return None;
        }
        let mut indexes = self.indexes.borrow_mut();
        let id = entry.dictionary.id;
        let place = match indexes.iter().position(|(known, _)| *known == id) {
            Some(place) => place,
            None => {
                indexes.push((id, Index::default()));
                indexes.len() - 1
            }
        };
        let (_, index) = indexes.get_mut(place)?;
        let entry = match index.peek(&entry.key) {
            Some(known) => self.better(&known.entry, entry)?,
            None => entry,
        };
        let fallen = index.insert(Arc::clone(&entry));
        self.fallen.set(self.fallen.get() + fallen as u64);
        Some(entry)
    }

    /// What should stand in the place of an entry when another comes for it; none if it should stay. Whichever order
    /// cores hear of entries in, they end with the same.
    fn better(&self, known: &Arc<Entry>, new: Arc<Entry>) -> Option<Arc<Entry>> {
        match (&known.content, &new.content) {
            (Content::Answer(old), Content::Answer(other)) => {
                (other.times.stored >= old.times.stored).then_some(new)
            }
            (Content::Answer(_), Content::Variants(_)) => Some(new),
            (Content::Variants(_), Content::Answer(_)) => None,
            (Content::Variants(old), Content::Variants(other)) => {
                let merged = old.merge(other)?;
                if merged == *old {
                    return None;
                }
                let mut entry = Entry {
                    key: new.key.clone(),
                    content: Content::Variants(merged),
                    asked: new.asked.max(known.asked),
                    charge: Charge::default(),
                    ..*new
                };
                entry.charge = self.charge(&entry);
                Some(Arc::new(entry))
            }
        }
    }
}

#[cfg(test)]
mod tests;
