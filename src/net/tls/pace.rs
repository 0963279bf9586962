//! How much of a core handshakes may take: while they are many, half of it, so that who is connected already is served.
//!
//! What a step of a handshake has computed is taken from a budget that time refills. Where it is used up steps wait, the
//! first that came first, and only the first of them looks at the clock.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::limits;

/// Nanoseconds that may be spent.
#[derive(Debug)]
struct Budget {
    /// Below zero when a step took more than there was.
    left: i64,
    at: Instant,
}

impl Budget {
    const MOST: i64 = limits::TLS_HANDSHAKE_BURST.as_nanos() as i64;

    /// Whether a step may be made now.
    fn has_some(&mut self, now: Instant) -> bool {
        let earned = now.nanos_since(self.at) / 1_000 * limits::TLS_HANDSHAKE_SHARE;
        if earned > 0 {
            let earned = i64::try_from(earned).unwrap_or(i64::MAX);
            self.left = self.left.saturating_add(earned).min(Self::MOST);
            self.at = now;
        }
        self.left > 0
    }

    fn spend(&mut self, took: Duration) {
        let took = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        self.left = self.left.saturating_sub(took);
    }
}

/// The handshakes of one core.
#[derive(Debug)]
pub struct Pace {
    budget: RefCell<Budget>,
    /// Who waits for the budget, in the order in which they came, with the waker of each but the first.
    waiting: RefCell<VecDeque<(u64, Option<Waker>)>>,
    tickets: Cell<u64>,
    running: Cell<usize>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            budget: RefCell::new(Budget {
                left: Budget::MOST,
                at: clock::now(),
            }),
            waiting: RefCell::default(),
            tickets: Cell::new(0),
            running: Cell::new(0),
        }
    }
}

/// A handshake in progress; dropping it makes room for another.
#[derive(Debug)]
pub struct Place<'a>(&'a Pace);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
    }
}

impl Pace {
    /// A place for one more handshake, if there are not too many.
    pub fn begin(&self) -> Option<Place<'_>> {
        let running = self.running.get();
        (running < limits::TLS_HANDSHAKES).then(|| {
            self.running.set(running + 1);
            Place(self)
        })
    }

    /// Notes what a step has taken.
    pub fn spend(&self, took: Duration) {
        self.budget.borrow_mut().spend(took);
    }

    /// Waits until a step may be made.
    pub async fn turn(&self) {
        if self.waiting.borrow().is_empty() && self.may() {
            return;
        }
        let ticket = self.tickets.get();
        self.tickets.set(ticket + 1);
        self.waiting.borrow_mut().push_back((ticket, None));
        let waiter = Waiter { pace: self, ticket };
        waiter.first().await;
        while !self.may() {
            monoio::time::sleep(limits::TLS_HANDSHAKE_PAUSE).await;
        }
    }

    fn may(&self) -> bool {
        self.budget.borrow_mut().has_some(clock::now())
    }
}

/// One that waits. It leaves the queue however it ends, and the next is woken.
struct Waiter<'a> {
    pace: &'a Pace,
    ticket: u64,
}

impl Waiter<'_> {
    /// Waits until nobody is before us.
    async fn first(&self) {
        poll_fn(|cx| {
            let mut waiting = self.pace.waiting.borrow_mut();
            if waiting
                .front()
                .is_some_and(|(first, _)| *first == self.ticket)
            {
                return Poll::Ready(());
            }
            // Tickets rise from the front on.
            if let Ok(place) = waiting.binary_search_by_key(&self.ticket, |(ticket, _)| *ticket)
                && let Some((_, waker)) = waiting.get_mut(place)
            {
                *waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.pace.waiting.borrow_mut();
        if let Ok(place) = waiting.binary_search_by_key(&self.ticket, |(ticket, _)| *ticket) {
            waiting.remove(place);
        }
        if let Some((_, waker)) = waiting.front_mut()
            && let Some(waker) = waker.take()
        {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_get_half_of_the_time_and_a_burst() {
        let mut budget = Budget {
            left: Budget::MOST,
            at: Instant(0),
        };
        let (mut now, mut spent) = (Instant(0), 0);
        let step = Duration::from_micros(300);
        while now.0 < 1_000_000_000 {
            if budget.has_some(now) {
                budget.spend(step);
                spent += 300_000;
                now = now.plus(step);
            } else {
                now = now.plus(limits::TLS_HANDSHAKE_PAUSE);
            }
        }
        assert!((490_000_000..=520_000_000).contains(&spent), "{spent}");
    }

    #[test]
    fn no_more_are_begun_than_there_are_places() {
        let pace = Pace::default();
        let mut places: Vec<_> = (0..limits::TLS_HANDSHAKES).map(|_| pace.begin()).collect();
        assert!(places.iter().all(Option::is_some) && pace.begin().is_none());
        places.pop();
        assert!(pace.begin().is_some());
    }
}
