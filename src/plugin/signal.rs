//! A wait of one request for another on the same core: whoever raises it wakes all that wait.

use std::cell::Cell;
use std::cell::RefCell;
use std::task::Poll;
use std::task::Waker;

/// Something that will have happened once; shared by `Rc`.
#[derive(Debug, Default)]
pub struct Signal {
    raised: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Signal {
    /// Lets all go on that wait, and that will.
    pub fn raise(&self) {
        self.raised.set(true);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    /// Whether it has been raised; the waker is called when it is.
    pub fn poll_raised(&self, waker: &Waker) -> Poll<()> {
        if self.raised.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle;

    impl std::task::Wake for Idle {
        fn wake(self: std::sync::Arc<Self>) {}
    }

    #[test]
    fn raising_is_seen_before_and_after() {
        let signal = Signal::default();
        let waker = Waker::from(std::sync::Arc::new(Idle));
        assert!(signal.poll_raised(&waker).is_pending());
        assert!(signal.poll_raised(&waker).is_pending());
        assert_eq!(signal.waiting.borrow().len(), 1);
        signal.raise();
        assert!(signal.poll_raised(&waker).is_ready());
    }
}
