//! A small queue in which tiers come in their order, and within a tier everybody has the same share.
//!
//! Each waiting request has a tag, its place in the rounds of its tier: who has nothing waiting begins at the present
//! round, each further request of the same one is a round later. So the requests of a hundred come in turns, however
//! many each of them sends: the order of a deficit round robin with requests of one size, without a table of who there
//! is. In a full queue a request displaces the one that would come last, if it would come before it: so whoever sends
//! the most is turned away first, and whoever sends little finds room.

use crate::base::tier::Tier;

/// Who shares with whom: a consumer, or a client's address.
pub type Flow = u64;

/// What became of a request that wants to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push<T> {
    /// It waits.
    Queued,
    /// It waits, and this one does no longer.
    Displaced(T),
    /// It may not wait.
    Refused,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    tier: Tier,
    flow: Flow,
    tag: u64,
    value: T,
}

/// The queue. Its length is bounded by whoever pushes, so looking through it is cheap.
#[derive(Clone, Debug)]
pub struct FairQueue<T> {
    /// In the order of arrival.
    waiting: Vec<Waiting<T>>,
    /// The round that each tier is in.
    rounds: [u64; Tier::COUNT],
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            rounds: [0; Tier::COUNT],
        }
    }
}

impl<T> FairQueue<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Lets a request wait, in a queue of `bound` at most.
    pub fn push(&mut self, tier: Tier, flow: Flow, value: T, bound: usize) -> Push<T> {
        let own = self
            .waiting
            .iter()
            .filter(|w| w.tier == tier && w.flow == flow);
        let last = own.map(|waiting| waiting.tag).max();
        let tag = last.unwrap_or(0).max(self.rounds[tier as usize]) + 1;
        let entry = Waiting {
            tier,
            flow,
            tag,
            value,
        };
        if self.waiting.len() < bound {
            self.waiting.push(entry);
            return Push::Queued;
        }
        // Of several in the same round the one that came last.
        let places = self.waiting.iter().enumerate();
        let victim = places.max_by_key(|(_, w)| (std::cmp::Reverse(w.tier), w.tag));
        match victim {
            Some((at, w))
                if (std::cmp::Reverse(w.tier), w.tag) > (std::cmp::Reverse(tier), tag) =>
            {
                let displaced = self.waiting.remove(at);
                self.waiting.push(entry);
                Push::Displaced(displaced.value)
            }
            Some(_) | None => Push::Refused,
        }
    }

    /// Takes the one whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let places = self.waiting.iter().enumerate();
        let (at, _) = places.min_by_key(|(_, w)| (std::cmp::Reverse(w.tier), w.tag))?;
        let next = self.waiting.remove(at);
        self.rounds[next.tier as usize] = next.tag;
        Some(next.value)
    }

    /// Takes out whoever `is_it`, because nobody waits any more.
    pub fn remove(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.waiting.iter().position(|w| is_it(&w.value))?;
        Some(self.waiting.remove(at).value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn flows_take_turns_and_keep_their_own_order() {
        let mut queue = FairQueue::default();
        for value in ["a1", "a2", "a3"] {
            assert_eq!(queue.push(Tier::Normal, 1, value, 9), Push::Queued);
        }
        for value in ["b1", "b2"] {
            queue.push(Tier::Normal, 2, value, 9);
        }
        assert_eq!(all(&mut queue), ["a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn higher_tiers_come_first() {
        let mut queue = FairQueue::default();
        queue.push(Tier::Low, 1, "low", 9);
        queue.push(Tier::Normal, 1, "normal", 9);
        queue.push(Tier::High, 1, "high", 9);
        assert_eq!(all(&mut queue), ["high", "normal", "low"]);
    }

    #[test]
    fn a_full_queue_turns_the_greediest_of_the_lowest_tier_away() {
        let mut queue = FairQueue::default();
        queue.push(Tier::Normal, 1, "a1", 3);
        queue.push(Tier::Normal, 1, "a2", 3);
        queue.push(Tier::Normal, 1, "a3", 3);
        assert_eq!(queue.push(Tier::Normal, 1, "a4", 3), Push::Refused);
        assert_eq!(queue.push(Tier::Low, 2, "c1", 3), Push::Refused);
        assert_eq!(queue.push(Tier::Normal, 2, "b1", 3), Push::Displaced("a3"));
        assert_eq!(queue.push(Tier::High, 1, "h1", 3), Push::Displaced("a2"));
        assert_eq!(all(&mut queue), ["h1", "a1", "b1"]);
    }

    #[test]
    fn who_was_away_gains_no_advance_and_suffers_no_delay() {
        let mut queue = FairQueue::default();
        for _ in 0..5 {
            queue.push(Tier::Normal, 1, "a", 9);
            assert_eq!(queue.pop(), Some("a"));
        }
        queue.push(Tier::Normal, 1, "a", 9);
        queue.push(Tier::Normal, 2, "b", 9);
        queue.push(Tier::Normal, 2, "b", 9);
        queue.push(Tier::Normal, 1, "a", 9);
        assert_eq!(all(&mut queue), ["a", "b", "b", "a"]);
    }

    #[test]
    fn who_leaves_is_out() {
        let mut queue = FairQueue::default();
        queue.push(Tier::Normal, 1, "a", 9);
        queue.push(Tier::Normal, 2, "b", 9);
        assert_eq!(queue.remove(|value| *value == "a"), Some("a"));
        assert_eq!(queue.remove(|value| *value == "a"), None);
        assert_eq!(
            (queue.len(), queue.pop(), queue.is_empty()),
            (1, Some("b"), true)
        );
    }
}
