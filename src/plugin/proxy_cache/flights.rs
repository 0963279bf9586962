//! Who fetches what on one core, so that many that miss the same make one request of their origin.
//!
//! The first that misses leads; the others wait for it and then look again. A wait has several ends: the answer is stored,
//! it turns out that it cannot be, the leader's exchange ends otherwise, or the wait takes too long. Nobody
//! waits behind a leader whose client takes its time to read, and nobody waits more than a few times.

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;

use foldhash::HashMap;

use crate::base::limits;
use crate::cache::Micros;
use crate::plugin::Signal;

/// One core's fetches, by the keys of what is fetched.
#[derive(Debug, Default)]
pub struct Flights {
    by_key: RefCell<HashMap<Box<[u8]>, Rc<Flight>>>,
}

/// A fetch.
#[derive(Debug, Default)]
pub(super) struct Flight {
    signal: Rc<Signal>,
    state: Cell<State>,
    waiting: Cell<bool>,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The origin has been asked.
    #[default]
    Fetching,
    /// The answer's body has been on its way since then.
    Delivering(Micros),
    /// The last answer could not be stored: until then nobody waits for another.
    Passing(Micros),
    /// The origin has failed: until then what is stored is good enough.
    Failing(Micros),
}

/// What a request that misses does.
#[derive(Debug)]
pub(super) enum Joined {
    /// It fetches for all.
    Lead(Lead),
    /// It waits.
    Wait(Rc<Signal>),
    /// It fetches for itself.
    Alone,
    /// It is given what is stored, if that may stand in; else it fetches for itself.
    StandIn,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The next that misses leads again.
    Over,
    /// The answer could not be stored.
    Passing(Micros),
    /// The origin has failed.
    Failing(Micros),
}

/// What a request remembers of its waits.
#[derive(Debug, Default)]
pub(super) struct Waits {
    count: Cell<u8>,
    last: RefCell<Option<Rc<Flight>>>,
}

/// A leader's hold of its fetch. Dropping it lets the others go on.
#[derive(Debug)]
pub(super) struct Lead {
    flights: Rc<Flights>,
    key: Box<[u8]>,
    flight: Rc<Flight>,
    ended: bool,
}

impl Flights {
    /// Joins the fetch of a key, or begins it.
    pub(super) fn join(self: &Rc<Self>, key: &[u8], now: Micros, waits: Option<&Waits>) -> Joined {
        let known = self.by_key.borrow().get(key).cloned();
        let Some(flight) = known else {
            return self.begin(key, now);
        };
        match flight.state.get() {
            State::Passing(until) | State::Failing(until) if until <= now => {
                flight.signal.raise();
                self.begin(key, now)
            }
            State::Passing(_) => Joined::Alone,
            State::Failing(_) => Joined::StandIn,
            State::Delivering(since) if now.saturating_sub(since) > DELIVERY => Joined::Alone,
            State::Fetching | State::Delivering(_) => {
                if waits.is_some_and(|waits| waits.are_enough(&flight)) {
                    return Joined::Alone;
                }
                flight.waiting.set(true);
                Joined::Wait(Rc::clone(&flight.signal))
            }
        }
    }

    /// Notes that a request waits for the fetch of a key.
    pub(super) fn note(&self, key: &[u8], waits: &Waits) {
        waits.count.set(waits.count.get().saturating_add(1));
        waits.last.replace(self.by_key.borrow().get(key).cloned());
    }

    fn begin(self: &Rc<Self>, key: &[u8], now: Micros) -> Joined {
        if !self.has_room(now) {
            return Joined::Alone;
        }
        let flight = Rc::<Flight>::default();
        let key: Box<[u8]> = key.into();
        let mut by_key = self.by_key.borrow_mut();
        by_key.insert(key.clone(), Rc::clone(&flight));
        Joined::Lead(Lead {
            flights: Rc::clone(self),
            key,
            flight,
            ended: false,
        })
    }

    /// Whether another fetch can be remembered.
    fn has_room(&self, now: Micros) -> bool {
        let mut by_key = self.by_key.borrow_mut();
        if by_key.len() >= limits::CACHE_FLIGHTS {
            by_key.retain(|_, flight| match flight.state.get() {
                State::Fetching | State::Delivering(_) => true,
                State::Passing(until) | State::Failing(until) => until > now,
            });
        }
        by_key.len() < limits::CACHE_FLIGHTS
    }

    /// Leads the fetch of a key, unless it is under way, or of no use now, or there are too many.
    pub(super) fn lead(self: &Rc<Self>, key: &[u8], now: Micros) -> Option<Lead> {
        let known = self.by_key.borrow().get(key).map(|known| known.state.get());
        match known {
            Some(State::Passing(until) | State::Failing(until)) if until > now => return None,
            Some(State::Fetching | State::Delivering(_)) => return None,
            Some(State::Passing(_) | State::Failing(_)) | None => {}
        }
        match self.begin(key, now) {
            Joined::Lead(lead) => Some(lead),
            Joined::Wait(_) | Joined::Alone | Joined::StandIn => None,
        }
    }
}

impl Waits {
    /// Whether a request has waited often enough, or for this fetch already in vain.
    fn are_enough(&self, flight: &Rc<Flight>) -> bool {
        let last = self.last.borrow();
        let again = last.as_ref().is_some_and(|last| Rc::ptr_eq(last, flight));
        again || self.count.get() >= limits::CACHE_WAITS
    }
}

impl Lead {
    /// Notes that the answer's body is on its way.
    pub(super) fn deliver(&self, now: Micros) {
        self.flight.state.set(State::Delivering(now));
    }

    /// Whether anybody waits.
    pub(super) fn is_waited_for(&self) -> bool {
        self.flight.waiting.get()
    }

    /// Ends the fetch, and lets the others go on.
    pub(super) fn end(mut self, end: End) {
        self.finish(end);
    }

    fn finish(&mut self, end: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        match end {
            End::Over => {
                let mut by_key = self.flights.by_key.borrow_mut();
                let same = |known: &Rc<Flight>| Rc::ptr_eq(known, &self.flight);
                if by_key.get(&self.key).is_some_and(same) {
                    by_key.remove(&self.key);
                }
            }
            End::Passing(until) => self.flight.state.set(State::Passing(until)),
            End::Failing(until) => self.flight.state.set(State::Failing(until)),
        }
        self.flight.signal.raise();
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.finish(End::Over);
    }
}

const DELIVERY: Micros = limits::CACHE_DELIVERY.as_micros() as Micros;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn lead(joined: Joined) -> Lead {
        match joined {
            Joined::Lead(lead) => lead,
            other => panic!("it should lead, not {other:?}"),
        }
    }

    fn waits(joined: &Joined) -> Option<bool> {
        match joined {
            Joined::Wait(signal) => Some(signal.poll_raised(Waker::noop()).is_pending()),
            Joined::Lead(_) | Joined::Alone | Joined::StandIn => None,
        }
    }

    #[test]
    fn one_leads_and_the_others_wait_until_it_ends_however_it_ends() {
        for drops in [true, false] {
            let flights = Rc::new(Flights::default());
            let leader = lead(flights.join(b"a", 0, None));
            assert!(!leader.is_waited_for());
            let waiting = flights.join(b"a", 0, None);
            assert!(leader.is_waited_for());
            assert_eq!(waits(&waiting), Some(true));
            drop(lead(flights.join(b"b", 0, None)));
            match drops {
                true => drop(leader),
                false => leader.end(End::Over),
            }
            assert_eq!(waits(&waiting), Some(false));
            drop(lead(flights.join(b"a", 0, None)));
            assert!(flights.by_key.borrow().is_empty());
        }
    }

    #[test]
    fn nobody_waits_for_what_cannot_be_stored() {
        let flights = Rc::new(Flights::default());
        lead(flights.join(b"a", 0, None)).end(End::Passing(10));
        assert!(matches!(flights.join(b"a", 9, None), Joined::Alone));
        lead(flights.join(b"a", 10, None)).end(End::Failing(20));
        assert!(matches!(flights.join(b"a", 19, None), Joined::StandIn));
        lead(flights.join(b"a", 20, None));
    }

    #[test]
    fn nobody_waits_twice_for_the_same_or_all_too_often() {
        let flights = Rc::new(Flights::default());
        let mine = Waits::default();
        let leader = lead(flights.join(b"a", 0, None));
        assert_eq!(waits(&flights.join(b"a", 0, Some(&mine))), Some(true));
        flights.note(b"a", &mine);
        assert!(matches!(flights.join(b"a", 0, Some(&mine)), Joined::Alone));
        drop(leader);
        let _second = lead(flights.join(b"a", 0, None));
        assert_eq!(waits(&flights.join(b"a", 0, Some(&mine))), Some(true));
        flights.note(b"a", &mine);
        let _other = lead(flights.join(b"b", 0, None));
        assert!(matches!(flights.join(b"b", 0, Some(&mine)), Joined::Alone));
    }

    #[test]
    fn a_slow_delivery_holds_up_nobody_for_long() {
        let flights = Rc::new(Flights::default());
        let leader = lead(flights.join(b"a", 0, None));
        leader.deliver(5);
        assert_eq!(waits(&flights.join(b"a", 5 + DELIVERY, None)), Some(true));
        assert!(matches!(
            flights.join(b"a", 6 + DELIVERY, None),
            Joined::Alone
        ));
    }

    #[test]
    fn a_fetch_in_the_background_is_begun_once_and_waited_for_like_any() {
        let flights = Rc::new(Flights::default());
        let first = flights.lead(b"a", 0).unwrap();
        assert!(flights.lead(b"a", 0).is_none(), "it is under way");
        assert!(!first.is_waited_for());
        let waiting = flights.join(b"a", 1, None);
        assert_eq!(waits(&waiting), Some(true));
        first.end(End::Failing(10));
        assert_eq!(waits(&waiting), Some(false));
        assert!(flights.lead(b"a", 9).is_none(), "the origin is spared");
        flights.lead(b"a", 10).unwrap().end(End::Passing(20));
        assert!(flights.lead(b"a", 19).is_none());
        drop(flights.lead(b"a", 20).unwrap());
        assert!(flights.by_key.borrow().is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let flights = Rc::new(Flights::default());
        for number in 0..limits::CACHE_FLIGHTS {
            lead(flights.join(&number.to_le_bytes(), 0, None)).end(End::Passing(10));
        }
        assert!(matches!(flights.join(b"a", 5, None), Joined::Alone));
        drop(lead(flights.join(b"a", 10, None)));
        assert!(flights.by_key.borrow().is_empty());
    }
}
