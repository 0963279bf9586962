//! Waiting for a condition with a deadline: the suites never sleep.

use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use super::wire::PATIENCE;

/// A value that threads change and wait on.
pub(crate) struct Watched<T> {
    inner: Arc<(Mutex<T>, Condvar)>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<T: Default> Default for Watched<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            inner: Arc::new((Mutex::new(value), Condvar::new())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // A failed assertion on another thread is that test's failure, not ours.
        self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the value and wakes who waits.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.inner.1.notify_all();
        result
    }

    /// Reads the value.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.lock())
    }

    /// Waits until `ready` gives something; `None` once the span has passed.
    pub(crate) fn wait_for<R>(&self, span: Duration, ready: impl Fn(&T) -> Option<R>) -> Option<R> {
        let until = Instant::now() + span;
        let mut value = self.lock();
        loop {
            if let Some(result) = ready(&value) {
                return Some(result);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            value = self
                .inner
                .1
                .wait_timeout(value, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Something that happens once and that a script waits for.
#[derive(Clone, Default)]
pub(crate) struct Gate(Watched<bool>);

impl Gate {
    /// Lets everyone pass, now and later.
    pub(crate) fn open(&self) {
        self.0.change(|open| *open = true);
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.0.read(|open| *open)
    }

    /// Waits for the gate for no longer than the span.
    pub(crate) fn wait_at_most(&self, span: Duration) {
        let _ = self.0.wait_for(span, |open| open.then_some(()));
    }

    /// Waits for the gate; a script goes on when the test has forgotten it.
    pub(crate) fn wait(&self) {
        let _ = self.0.wait_for(PATIENCE, |open| open.then_some(()));
    }
}

/// Asks again and again, with a yield of a millisecond between two questions, until the answer is there.
/// For what can only be polled: the state of another process.
#[track_caller]
pub(crate) fn eventually<R>(what: &str, mut ask: impl FnMut() -> Option<R>) -> R {
    let until = Instant::now() + PATIENCE;
    let clock = Watched::new(());
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "never happened: {what}");
        let _ = clock.wait_for(Duration::from_millis(1), |()| None::<()>);
    }
}

/// Lets so much time pass, for what is about time itself: an answer's age. A thread that parks may be woken early.
pub(crate) fn let_pass(span: Duration) {
    let until = Instant::now() + span;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}
