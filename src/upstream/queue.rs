//! Requests that wait, in the order in which they came, for a place at a target of one upstream.
//!
//! A place that becomes free is handed to the first who waits and is never free in between, so nobody who comes later
//! is served before. Whoever stops waiting frees what it holds: its place in the line, or the place at a target that it
//! was just given.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use crate::upstream::vitals::Vitals;

/// The line of one upstream on one core.
#[derive(Debug, Default)]
pub(super) struct Queue {
    line: RefCell<VecDeque<Rc<Ticket>>>,
}

#[derive(Debug, Default)]
struct Ticket(RefCell<Called>);

#[derive(Debug, Default)]
struct Called {
    given: Option<Rc<Vitals>>,
    waker: Option<Waker>,
}

impl Queue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.line.borrow().len()
    }

    /// Joins the line.
    pub(super) fn join(self: &Rc<Self>) -> Waiting {
        let ticket = Rc::<Ticket>::default();
        self.line.borrow_mut().push_back(Rc::clone(&ticket));
        Waiting {
            queue: Rc::clone(self),
            ticket,
        }
    }

    /// Frees a place at a target, or hands it to the first who waits.
    pub(super) fn release(&self, vitals: &Rc<Vitals>) {
        let first = if vitals.is_out() {
            None
        } else {
            self.line.borrow_mut().pop_front()
        };
        let Some(ticket) = first else {
            vitals.leave();
            return;
        };
        let mut called = ticket.0.borrow_mut();
        called.given = Some(Rc::clone(vitals));
        if let Some(waker) = called.waker.take() {
            waker.wake();
        }
    }
}

/// One who waits.
#[derive(Debug)]
pub struct Waiting {
    queue: Rc<Queue>,
    ticket: Rc<Ticket>,
}

impl Waiting {
    /// Looks for a place that was handed over.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Rc<Vitals>> {
        let mut called = self.ticket.0.borrow_mut();
        match called.given.take() {
            Some(vitals) => Poll::Ready(vitals),
            None => {
                called.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let given = self.ticket.0.borrow_mut().given.take();
        match given {
            Some(vitals) => self.queue.release(&vitals),
            None => {
                let mut line = self.queue.line.borrow_mut();
                line.retain(|other| !Rc::ptr_eq(other, &self.ticket));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::vitals::tests::vitals;

    fn is_given(waiting: &Waiting) -> bool {
        let cx = Context::from_waker(Waker::noop());
        waiting.poll(&cx).is_ready()
    }

    #[test]
    fn places_go_to_who_came_first_and_who_leaves_frees_its_own() {
        let (queue, target) = (Rc::<Queue>::default(), vitals(1));
        target.enter();
        let [first, second, third] = [(); 3].map(|()| queue.join());
        drop(first);
        assert_eq!(queue.len(), 2);
        queue.release(&target);
        // The second was called and left before it looked.
        drop(second);
        assert!(is_given(&third));
        assert_eq!((target.under_way(), queue.len()), (1, 0));
        drop(third);
        queue.release(&target);
        assert_eq!(target.under_way(), 0);
    }
}
