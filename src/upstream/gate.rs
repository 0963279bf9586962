//! The gate before an upstream: who gets through, who waits, and what wakes them.

use std::cell::Cell;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::tier::Tier;
use crate::resilience::fair::Flow;
use crate::resilience::gate;
use crate::snapshot::Admission;

/// There is no room for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

/// How far one that waits is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Waits,
    Admitted,
    Displaced,
}

#[derive(Debug)]
struct Ticket {
    turn: Cell<Turn>,
    waker: RefCell<Option<Waker>>,
}

impl Ticket {
    fn turn_to(&self, turn: Turn) {
        self.turn.set(turn);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// One core's gate before an upstream; it outlives a reload.
#[derive(Debug)]
pub struct Gate {
    state: RefCell<gate::Gate<Rc<Ticket>>>,
}

impl Gate {
    /// A gate by these settings.
    pub(super) fn new(admission: &Admission, core: CoreId) -> Self {
        let state = gate::Gate::new(admission.of(core), admission.adaptive);
        Self {
            state: RefCell::new(state),
        }
    }

    /// Goes by other settings from now on.
    pub(super) fn set(&self, admission: &Admission, core: CoreId) {
        self.state
            .borrow_mut()
            .set(admission.of(core), admission.adaptive);
        self.advance();
    }

    /// A place at once, if nobody waits for it.
    #[inline]
    pub fn try_enter(self: &Rc<Self>) -> Option<Place> {
        let free = self.state.borrow_mut().try_enter();
        free.then(|| self.place())
    }

    /// A place at its turn.
    ///
    /// # Errors
    /// When there is no room to wait, now or because others come before.
    pub async fn enter(self: &Rc<Self>, tier: Tier, flow: Flow) -> Result<Place, Crowded> {
        let ticket = Rc::new(Ticket {
            turn: Cell::new(Turn::Waits),
            waker: RefCell::default(),
        });
        let entry = self
            .state
            .borrow_mut()
            .enter(tier, flow, Rc::clone(&ticket));
        match entry {
            gate::Entry::Admitted => return Ok(self.place()),
            gate::Entry::Refused => return Err(Crowded),
            gate::Entry::Queued(None) => {}
            gate::Entry::Queued(Some(displaced)) => displaced.turn_to(Turn::Displaced),
        }
        Waiting { gate: self, ticket }.await
    }

    /// Notes how long the upstream took to answer; `own_ns` of it may be this core's own delay.
    #[inline]
    pub fn answered(&self, nanos: u64, own_ns: u64, now: Instant) {
        self.state.borrow_mut().answered(nanos, own_ns, now);
    }

    /// The limit, how many are in flight, and how many wait.
    pub fn figures(&self) -> (u32, u32, usize) {
        let state = self.state.borrow();
        (state.limit(), state.in_flight(), state.waiting())
    }

    fn place(self: &Rc<Self>) -> Place {
        Place {
            gate: Rc::clone(self),
        }
    }

    /// Gives free places to those who wait.
    fn advance(&self) {
        loop {
            let next = self.state.borrow_mut().admit_next();
            match next {
                Some(ticket) => ticket.turn_to(Turn::Admitted),
                None => return,
            }
        }
    }

    fn leave(&self) {
        self.state.borrow_mut().leave();
        self.advance();
    }
}

/// A request in flight, for as long as it lives.
#[derive(Debug)]
pub struct Place {
    gate: Rc<Gate>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.leave();
    }
}

/// A request that waits. Dropping it gives up its turn, or the place that it has by now.
struct Waiting<'a> {
    gate: &'a Rc<Gate>,
    ticket: Rc<Ticket>,
}

impl Future for Waiting<'_> {
    type Output = Result<Place, Crowded>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.ticket.turn.get() {
            Turn::Waits => {
                self.ticket.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
            Turn::Admitted => {
                // The place is the result's now.
                self.ticket.turn.set(Turn::Displaced);
                Poll::Ready(Ok(self.gate.place()))
            }
            Turn::Displaced => Poll::Ready(Err(Crowded)),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        match self.ticket.turn.get() {
            Turn::Waits => {
                let ticket = &self.ticket;
                let mut state = self.gate.state.borrow_mut();
                state.give_up(|other| Rc::ptr_eq(other, ticket));
            }
            Turn::Admitted => self.gate.leave(),
            Turn::Displaced => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn gate(requests: usize) -> Rc<Gate> {
        let admission = Admission {
            key: "a".into(),
            requests: Some(crate::snapshot::ConnectionShares {
                limit: requests,
                workers: 1,
            }),
            adaptive: false,
        };
        Rc::new(Gate::new(&admission, CoreId(0)))
    }

    #[test]
    fn who_leaves_lets_the_next_in() {
        let (gate, cx) = (gate(1), &mut Context::from_waker(Waker::noop()));
        let place = gate.try_enter().unwrap();
        assert!(gate.try_enter().is_none());
        let mut first = pin!(gate.enter(Tier::Normal, 1));
        assert!(first.as_mut().poll(cx).is_pending());
        drop(place);
        let Poll::Ready(Ok(place)) = first.as_mut().poll(cx) else {
            panic!("it was its turn");
        };
        assert_eq!(gate.figures(), (1, 1, 0));
        drop(place);
        assert_eq!(gate.figures(), (1, 0, 0));
    }

    #[test]
    fn who_gives_up_keeps_no_place() {
        let (gate, cx) = (gate(1), &mut Context::from_waker(Waker::noop()));
        let place = gate.try_enter().unwrap();
        {
            let mut first = pin!(gate.enter(Tier::Normal, 1));
            let mut second = Box::pin(gate.enter(Tier::Normal, 2));
            assert!(first.as_mut().poll(cx).is_pending());
            assert!(second.as_mut().poll(cx).is_pending());
            drop(second);
            assert_eq!(gate.figures(), (1, 1, 1));
            drop(place);
            assert_eq!(gate.figures(), (1, 1, 0));
        }
        assert_eq!(gate.figures(), (1, 0, 0));
    }
}
