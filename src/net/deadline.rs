//! Deadlines as cells swept by one coarse timer per core: arming one costs two stores and no system call.
//!
//! Each connection has one [`Guard`], because its task waits for one thing at a time. When the sweep finds a
//! deadline passed it marks the guard and wakes the task; the operation in flight is untouched, so no byte is
//! lost, and what to do about it is decided by whoever armed it.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits;

/// The end of time: no deadline.
const NEVER: u64 = u64::MAX;

/// A wait that did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired;

#[derive(Debug)]
struct Slot {
    /// Nanoseconds on the monotonic clock.
    at: Cell<u64>,
    fired: Cell<bool>,
    /// The deadline is one for having nothing to do.
    idle: Cell<bool>,
    /// Since when there is nothing to do.
    since: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Slot {
    fn fire(&self) {
        self.at.set(NEVER);
        self.idle.set(false);
        self.fired.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// All deadlines of one core.
#[derive(Debug, Default)]
pub struct Deadlines {
    slots: RefCell<Vec<Rc<Slot>>>,
}

impl Deadlines {
    /// A guard with no deadline.
    pub fn guard(self: &Rc<Self>) -> Guard {
        let slot = Slot {
            at: Cell::new(NEVER),
            fired: Cell::new(false),
            idle: Cell::new(false),
            since: Cell::new(0),
            waker: RefCell::new(None),
        };
        let slot = Rc::new(slot);
        self.slots.borrow_mut().push(Rc::clone(&slot));
        Guard { slot }
    }

    /// Brings the deadline of every idle connection forward to a moment from `now`, for a drain.
    pub fn hasten_idle(&self, now: Instant) {
        let soon = now.plus(limits::DRAIN_IDLE).0;
        for slot in self.slots.borrow().iter().filter(|slot| slot.idle.get()) {
            slot.at.set(slot.at.get().min(soon));
        }
    }

    /// Ends the waits of those that have had nothing to do for the longest time, and for `least` at least; how many.
    pub fn evict(&self, most: usize, least: Duration, now: Instant) -> usize {
        let slots = self.slots.borrow();
        let mut oldest: BinaryHeap<(u64, usize)> = BinaryHeap::with_capacity(most + 1);
        for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.idle.get()) {
            let since = slot.since.get();
            if Instant(since).plus(least) <= now {
                oldest.push((since, at));
                if oldest.len() > most {
                    oldest.pop();
                }
            }
        }
        for (_, at) in &oldest {
            slots[*at].fire();
        }
        oldest.len()
    }

    /// Wakes every task whose deadline is not after `now`, and forgets the guards that are gone.
    /// Costs about 2 ns for each guard.
    pub fn sweep(&self, now: Instant) {
        self.slots.borrow_mut().retain(|slot| {
            if slot.at.get() <= now.0 {
                slot.fire();
            }
            Rc::strong_count(slot) > 1
        });
    }
}

/// One task's deadline.
#[derive(Debug)]
pub struct Guard {
    slot: Rc<Slot>,
}

impl Guard {
    /// Sets the deadline `after` from `now`, in place of any before.
    #[inline]
    pub fn arm(&self, now: Instant, after: Duration) {
        self.slot.fired.set(false);
        self.slot.idle.set(false);
        self.slot.at.set(now.plus(after).0);
    }

    /// Sets the deadline of having nothing to do, which a drain brings forward.
    #[inline]
    pub fn arm_idle(&self, now: Instant, after: Duration) {
        self.arm(now, after);
        self.slot.idle.set(true);
        self.slot.since.set(now.0);
    }

    /// Lifts the deadline.
    #[inline]
    pub fn disarm(&self) {
        self.slot.fired.set(false);
        self.slot.idle.set(false);
        self.slot.at.set(NEVER);
    }

    /// Whether the deadline has passed; otherwise the task of `cx` will be woken when it does.
    #[inline]
    pub fn poll_expired(&self, cx: &Context<'_>) -> bool {
        if self.slot.fired.get() {
            return true;
        }
        let mut waker = self.slot.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
        false
    }

    /// Waits for `future` until the deadline. After [`Expired`] the future is dropped, so give only one that
    /// may be: a [`Reader`](crate::net::Reader) loses nothing, a send ends its connection.
    ///
    /// The future is lent and not given, because each layer that takes one by value copies it.
    #[inline]
    pub fn limit<'a, F: Future>(&'a self, future: Pin<&'a mut F>) -> Limited<'a, F> {
        Limited {
            guard: self,
            future,
        }
    }
}

/// A wait with a deadline, see [`Guard::limit`].
#[derive(Debug)]
pub struct Limited<'a, F> {
    guard: &'a Guard,
    future: Pin<&'a mut F>,
}

impl<F: Future> Future for Limited<'_, F> {
    type Output = Result<F::Output, Expired>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(value) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        if self.guard.poll_expired(cx) {
            Poll::Ready(Err(Expired))
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_make_room_and_the_busy_do_not() {
        let deadlines = Rc::new(Deadlines::default());
        let guards: Vec<Guard> = (0..6).map(|_| deadlines.guard()).collect();
        let minute = Duration::from_secs(60);
        for (guard, since) in guards.iter().zip([50, 10, 30, 20, 95]) {
            guard.arm_idle(Instant(since), minute);
        }
        guards[5].arm(Instant(0), minute);
        let evicted = deadlines.evict(2, Duration::from_nanos(10), Instant(100));
        let cx = Context::from_waker(Waker::noop());
        let fired: Vec<bool> = guards.iter().map(|guard| guard.poll_expired(&cx)).collect();
        assert_eq!(
            (evicted, fired),
            (2, vec![false, true, false, true, false, false])
        );
        let least = Duration::from_nanos(10);
        assert_eq!(
            deadlines.evict(9, least, Instant(100)),
            2,
            "one has not been idle for long"
        );
        assert_eq!(deadlines.evict(9, least, Instant(100)), 0);
    }

    #[test]
    fn a_deadline_fires_once_and_a_dropped_guard_is_forgotten() {
        let deadlines = Rc::new(Deadlines::default());
        let guard = deadlines.guard();
        let cx = Context::from_waker(Waker::noop());
        guard.arm(Instant(0), Duration::from_nanos(10));
        deadlines.sweep(Instant(9));
        assert!(!guard.poll_expired(&cx));
        deadlines.sweep(Instant(10));
        assert!(guard.poll_expired(&cx));
        guard.disarm();
        assert!(!guard.poll_expired(&cx));
        drop(guard);
        deadlines.sweep(Instant(11));
        assert!(deadlines.slots.borrow().is_empty());
    }
}
