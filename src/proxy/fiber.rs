//! The exchange's state as a pooled box that exists only while an exchange runs.
//!
//! The future that serves requests is several kilobytes. If each connection's task contained it, 10,000 idle
//! connections would hold 10,000 of them. So a connection's own task is small, and while it has something to do
//! it borrows a fiber from its core's pool: a future that never ends, takes a job from its mailbox, and
//! leaves the result there. Neither the borrowing nor the return allocates or copies the future.

use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Where a fiber finds its job and leaves the result.
pub(super) struct Mailbox<J, R> {
    job: Cell<Option<J>>,
    result: Cell<Option<R>>,
}

impl<J, R> Mailbox<J, R> {
    /// The next job; for the fiber's own future.
    pub(super) async fn job(&self) -> J {
        poll_fn(|_| match self.job.take() {
            Some(job) => Poll::Ready(job),
            None => Poll::Pending,
        })
        .await
    }

    /// Leaves the result of the job taken last.
    pub(super) fn finish(&self, result: R) {
        self.result.set(Some(result));
    }
}

/// A future that serves one job after another.
pub(super) struct Fiber<J, R> {
    mailbox: Rc<Mailbox<J, R>>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

impl<J, R> Fiber<J, R> {
    /// A fiber that runs `serve`, which loops over the mailbox and never ends.
    pub(super) fn new<F>(serve: impl FnOnce(Rc<Mailbox<J, R>>) -> F) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let mailbox = Rc::new(Mailbox {
            job: Cell::new(None),
            result: Cell::new(None),
        });
        let future = Box::pin(serve(Rc::clone(&mailbox)));
        Self { mailbox, future }
    }

    /// Runs one job to its end. A fiber whose run was dropped, or panicked, must be dropped as well.
    pub(super) async fn run(&mut self, job: J) -> R {
        self.mailbox.job.set(Some(job));
        poll_fn(|cx| {
            let polled = self.future.as_mut().poll(cx);
            debug_assert!(polled.is_pending(), "a fiber does not end");
            match self.mailbox.result.take() {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;
    use std::task::Waker;

    use super::*;

    #[test]
    fn one_fiber_serves_many_jobs() {
        let mut fiber = Fiber::<u32, u32>::new(|mailbox| async move {
            loop {
                let job = mailbox.job().await;
                mailbox.finish(job + 1);
            }
        });
        let mut cx = Context::from_waker(Waker::noop());
        for job in 0..3 {
            let mut run = std::pin::pin!(fiber.run(job));
            assert_eq!(run.as_mut().poll(&mut cx), Poll::Ready(job + 1));
        }
    }
}
