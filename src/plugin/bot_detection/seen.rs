//! What one core remembers of the user agents that it has seen.
//!
//! Two halves: verdicts go into the younger one, and when it is full it becomes the older one, whose place it takes. What
//! is asked for again moves back up, so a flood of invented names pushes out what nobody asks for.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::base::limits;

/// The verdicts of one core.
#[derive(Debug, Default)]
pub struct Seen {
    young: HashTable<Verdict>,
    old: HashTable<Verdict>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Verdict {
    /// By which lists.
    lists: u64,
    agent: Box<[u8]>,
    refused: bool,
}

impl Verdict {
    fn is_of(&self, lists: u64, agent: &[u8]) -> bool {
        self.lists == lists && *self.agent == *agent
    }
}

impl Seen {
    /// Whether these lists refuse this agent: what is remembered, or what a look says, which is then
    /// remembered.
    pub(super) fn verdict(
        &mut self,
        lists: u64,
        agent: &[u8],
        look: impl FnOnce() -> bool,
    ) -> bool {
        if agent.len() > limits::USER_AGENT_BYTES {
            return look();
        }
        let hash = self.hasher.hash_one((lists, agent));
        let same = |verdict: &Verdict| verdict.is_of(lists, agent);
        if let Some(verdict) = self.young.find(hash, same) {
            return verdict.refused;
        }
        let verdict = match self.old.find_entry(hash, same) {
            Ok(entry) => entry.remove().0,
            Err(_) => Verdict {
                lists,
                agent: agent.into(),
                refused: look(),
            },
        };
        let refused = verdict.refused;
        if self.young.len() >= limits::USER_AGENTS / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        let hasher = &self.hasher;
        let hash_of = |verdict: &Verdict| hasher.hash_one((verdict.lists, &*verdict.agent));
        self.young.insert_unique(hash, verdict, hash_of);
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_what_is_asked_for() {
        let mut seen = Seen::default();
        seen.verdict(1, b"browser", || true);
        for number in 0..limits::USER_AGENTS * 3 {
            seen.verdict(1, format!("invented {number}").as_bytes(), || false);
            if number % 1000 == 0 {
                assert!(seen.verdict(1, b"browser", || false), "remembered");
            }
            assert!(seen.young.len() + seen.old.len() <= limits::USER_AGENTS);
        }
        assert!(seen.verdict(1, b"invented 1", || true), "forgotten");
        assert!(!seen.verdict(2, b"browser", || false), "another list");
    }

    #[test]
    fn long_names_are_not_kept() {
        let mut seen = Seen::default();
        let long = vec![b'x'; limits::USER_AGENT_BYTES + 1];
        assert!(seen.verdict(1, &long, || true));
        assert!(!seen.verdict(1, &long, || false));
        assert!(seen.young.is_empty());
    }
}
