//! Taking connections: one loop for each listener, which pauses rather than spins when there is no room.
//!
//! An accept cannot be taken back once the kernel has it, so a loop reserves the place of its next connection
//! before it asks for one: together the loops of a worker never take more than its share.

use std::cell::Cell;
use std::io;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::FutureExt;

use crate::base::limits;
use crate::net::Listener;
use crate::net::Stream;
use crate::proxy;
use crate::proxy::Context;
use crate::shard::Listening;
use crate::telemetry::Counter;
use crate::telemetry::Gauge;

/// The places for connections to come that the loops of one worker have reserved.
#[derive(Debug)]
pub(super) struct Places {
    listeners: usize,
    reserved: Cell<usize>,
}

impl Places {
    /// None reserved, for so many loops.
    pub(super) fn new(listeners: usize) -> Self {
        Self {
            listeners,
            reserved: Cell::new(0),
        }
    }

    /// Reserves a place if `open` connections leave one of `share`. A share has room for one connection of each
    /// listener at least, or a listener that nobody connects to would keep another from its first.
    fn reserve(&self, open: usize, share: usize) -> bool {
        let reserved = self.reserved.get();
        let free = open + reserved < share.max(self.listeners);
        if free {
            self.reserved.set(reserved + 1);
        }
        free
    }

    /// Gives a reserved place back: to nobody, or to a connection that counts as open from now on.
    fn release(&self) {
        self.reserved.set(self.reserved.get() - 1);
    }
}

/// Accepts until the listener is stopped. At the worker's share of the connections, and without file
/// descriptors, new connections wait in the kernel's queue.
pub(super) async fn accept(
    cx: Rc<Context>,
    places: Rc<Places>,
    listener: Rc<Listener>,
    listening: Rc<Listening>,
) {
    loop {
        while !places.reserve(cx.shard.connections.get(), share(&cx)) {
            pause(&cx).await;
        }
        if listener.is_left() {
            return places.release();
        }
        let accepted = listener.accept().await;
        places.release();
        match accepted {
            Ok(stream) => take(&cx, stream, &listening),
            Err(error) if listener.is_over(&error) => return,
            Err(error) if is_of_the_connection(&error) => {}
            Err(_) => pause(&cx).await,
        }
    }
}

fn share(cx: &Context) -> usize {
    cx.shard.instance().snapshot.connections.of(cx.shard.core)
}

/// Whether accepting failed for one connection that is gone already, and not for lack of room.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
    )
}

async fn pause(cx: &Context) {
    cx.shard.metrics.count(Counter::AcceptPauses, 1);
    monoio::time::sleep(limits::ACCEPT_PAUSE).await;
}

/// Starts the connection's task. A panic in it ends that connection and is counted; the runtime would not catch
/// it.
fn take(cx: &Rc<Context>, stream: Stream, listening: &Rc<Listening>) {
    let shard = &cx.shard;
    shard.metrics.count(Counter::ConnectionsAccepted, 1);
    shard.connections.set(shard.connections.get() + 1);
    if let Some(housekeeping) = shard.sleeper.take() {
        housekeeping.wake();
    }
    shard.metrics.adjust(Gauge::ConnectionsActive, 1);
    let served = proxy::serve(Rc::clone(cx), stream, Rc::clone(listening));
    let cx = Rc::clone(cx);
    // Combined by functions: an `async` block would hold the future twice, before and while it is awaited.
    monoio::spawn(AssertUnwindSafe(served).catch_unwind().map(move |end| {
        if end.is_err() {
            cx.shard.metrics.count(Counter::Panics, 1);
        }
        cx.shard.connections.set(cx.shard.connections.get() - 1);
        cx.shard.metrics.adjust(Gauge::ConnectionsActive, -1);
    }));
}

/// Takes what already waits in the kernel's queue, then stops listening. This may exceed the worker's share: the
/// alternative is to reset who was promised to wait.
pub(super) fn finish(cx: &Rc<Context>, listener: &Listener, listening: &Rc<Listening>) {
    listener.stop(|stream| take(cx, stream, listening));
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn loops_together_take_no_more_than_the_share() {
        let places = Places::new(2);
        assert!(places.reserve(1, 3));
        assert!(places.reserve(1, 3));
        assert!(!places.reserve(1, 3), "one is open and two are to come");
        places.release();
        assert!(!places.reserve(2, 3), "one of the two has come");
        assert!(places.reserve(1, 3), "the open one has closed");
    }

    #[test]
    fn an_idle_listener_keeps_no_other_from_its_first_connection() {
        let places = Places::new(2);
        assert!(places.reserve(0, 1));
        assert!(places.reserve(0, 1));
        assert!(!places.reserve(0, 1));
    }
}
