//! A bound on what is in flight, with the queue of those that wait for a place.
//!
//! The bound is a configured number, or one that follows the origin, or the lesser of both. As many may wait as may be
//! in flight: a queue of that length takes one more round trip, and more of it would only be latency.

use super::adaptive::Adaptive;
use super::fair::FairQueue;
use super::fair::Flow;
use super::fair::Push;
use crate::base::clock::Instant;
use crate::base::limits;
use crate::base::tier::Tier;

/// What became of a request at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<T> {
    /// It is in flight.
    Admitted,
    /// It waits; another one may have been displaced by it.
    Queued(Option<T>),
    /// There is no room for it.
    Refused,
}

/// The gate of one origin on one core.
#[derive(Debug)]
pub struct Gate<T> {
    most: u32,
    adaptive: Option<Box<Adaptive>>,
    in_flight: u32,
    queue: FairQueue<T>,
}

impl<T> Gate<T> {
    /// A gate for `most` at a time, and for fewer if it is to follow the origin.
    pub fn new(most: u32, adaptive: bool) -> Self {
        Self {
            most,
            adaptive: adaptive.then(Box::default),
            in_flight: 0,
            queue: FairQueue::default(),
        }
    }

    /// Goes by other settings from now on; what is known of the origin stays.
    pub fn set(&mut self, most: u32, adaptive: bool) {
        self.most = most;
        match (&self.adaptive, adaptive) {
            (None, true) => self.adaptive = Some(Box::default()),
            (Some(_), false) => self.adaptive = None,
            (Some(_), true) | (None, false) => {}
        }
    }

    /// How many may be in flight now.
    pub fn limit(&self) -> u32 {
        let adaptive = self.adaptive.as_ref();
        adaptive.map_or(self.most, |adaptive| adaptive.limit().min(self.most))
    }

    /// How many are.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes a place if there is one and nobody waits for it.
    #[inline]
    pub fn try_enter(&mut self) -> bool {
        let free = self.in_flight < self.limit() && self.queue.is_empty();
        if free {
            self.in_flight += 1;
        }
        free
    }

    /// Takes a place, or waits for one.
    pub fn enter(&mut self, tier: Tier, flow: Flow, value: T) -> Entry<T> {
        if self.try_enter() {
            return Entry::Admitted;
        }
        let bound = (self.limit() as usize).clamp(limits::GATE_QUEUE_MIN, limits::GATE_QUEUE_MAX);
        match self.queue.push(tier, flow, value, bound) {
            Push::Queued => Entry::Queued(None),
            Push::Displaced(other) => Entry::Queued(Some(other)),
            Push::Refused => Entry::Refused,
        }
    }

    /// Gives a place back.
    pub fn leave(&mut self) {
        debug_assert!(self.in_flight > 0, "who leaves has entered");
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Whoever waits and has a place from now on. To be asked until there is nobody.
    pub fn admit_next(&mut self) -> Option<T> {
        if self.in_flight >= self.limit() {
            return None;
        }
        let next = self.queue.pop()?;
        self.in_flight += 1;
        Some(next)
    }

    /// Takes out whoever waits no longer.
    pub fn give_up(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        self.queue.remove(is_it)
    }

    /// Notes that the origin answered after so many nanoseconds; `own_ns` of them may be the gateway's own delay.
    #[inline]
    pub fn answered(&mut self, nanos: u64, own_ns: u64, now: Instant) {
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.answered(nanos, own_ns, self.in_flight, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_to_those_who_wait() {
        let mut gate = Gate::new(2, false);
        assert_eq!(gate.enter(Tier::Normal, 1, 'a'), Entry::Admitted);
        assert_eq!(gate.enter(Tier::Normal, 1, 'b'), Entry::Admitted);
        assert_eq!(gate.enter(Tier::Normal, 1, 'c'), Entry::Queued(None));
        assert_eq!(gate.enter(Tier::High, 2, 'd'), Entry::Queued(None));
        assert_eq!(gate.admit_next(), None);
        gate.leave();
        assert!(!gate.try_enter(), "others have waited for it");
        assert_eq!(gate.admit_next(), Some('d'));
        assert_eq!(gate.admit_next(), None);
        assert_eq!(gate.give_up(|value| *value == 'c'), Some('c'));
        gate.leave();
        gate.leave();
        assert_eq!(
            (gate.admit_next(), gate.in_flight(), gate.waiting()),
            (None, 0, 0)
        );
    }

    #[test]
    fn settings_change_under_way() {
        let mut gate = Gate::new(1, false);
        assert!(gate.try_enter());
        assert_eq!(gate.enter(Tier::Normal, 1, 'a'), Entry::Queued(None));
        gate.set(2, false);
        assert_eq!(gate.admit_next(), Some('a'));
        gate.set(1, true);
        assert_eq!(gate.limit(), 1);
        gate.leave();
        assert!(!gate.try_enter(), "two were in flight, one may be");
    }
}
