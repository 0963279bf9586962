//! Taking connections: some loops for each listener, which pause rather than spin when there is no room.
//!
//! An accept cannot be taken back once the kernel has it, so a loop reserves the place of its next connection
//! before it asks for one: together the loops of a worker never take more than its share. A loop takes one connection in
//! a turn of the worker, so that who is being served waits for no flood; while there is much room a listener has several
//! loops, so that a flood does not wait for long either.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::base::limits;
use crate::net::Listener;
use crate::proxy::Context;
use crate::telemetry::Counter;
use crate::worker::desk::Desk;

/// The places for connections to come that the loops of one worker have reserved.
#[derive(Debug)]
pub(super) struct Places {
    listeners: usize,
    reserved: Cell<usize>,
}

impl Places {
    /// None reserved, for so many listeners.
    pub(super) fn new(listeners: usize) -> Self {
        Self {
            listeners,
            reserved: Cell::new(0),
        }
    }

    /// Reserves a place if `open` connections leave one of `share`, of which all but the `first` loop of a listener leave
    /// a half alone. A share has room for one connection of each listener at least, or a listener that nobody connects to
    /// would keep another from its first.
    fn reserve(&self, open: usize, share: usize, first: bool) -> bool {
        let reserved = self.reserved.get();
        let room = if first {
            share.max(self.listeners)
        } else {
            share / 2
        };
        let free = open + reserved < room;
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

/// Accepts until the listener is stopped. At the worker's share of the connections the longest idle make room; without
/// any, and without file descriptors, new connections wait in the kernel's queue. Of the loops of a listener all but the
/// `first` leave half of the share alone, so that no listener keeps another's connections waiting.
pub(super) async fn accept(
    desk: Rc<Desk>,
    places: Rc<Places>,
    listener: Rc<Listener>,
    number: usize,
    first: bool,
) {
    let cx = &desk.cx;
    let mut taken = 0;
    loop {
        while !places.reserve(cx.shard.connections.get(), share(cx), first) {
            if first {
                evict(cx);
            }
            pause(cx, first).await;
        }
        if listener.is_left() {
            return places.release();
        }
        let accepted = listener.accept().await;
        places.release();
        match accepted {
            Ok(incoming) => {
                desk.receive(incoming, number);
                taken += 1;
                if desk.polled && taken % limits::ACCEPTS == 0 {
                    // Such a runtime goes on as long as there are any, and who is being served would wait.
                    monoio::time::sleep(limits::ACCEPT_BREATH).await;
                }
            }
            Err(error) if listener.is_over(&error) => return,
            Err(error) if is_of_the_connection(&error) => {}
            Err(_) => pause(cx, first).await,
        }
    }
}

fn share(cx: &Context) -> usize {
    cx.shard.instance().snapshot.connections.of(cx.shard.core)
}

/// Closes some connections that have been idle the longest.
fn evict(cx: &Context) {
    let shard = &cx.shard;
    let evicted = shard
        .deadlines
        .evict(limits::EVICTIONS, limits::EVICT_IDLE, shard.now());
    shard.metrics.count(Counter::IdleEvictions, evicted as u64);
}

/// Whether accepting failed for one connection that is gone already, and not for lack of room.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
    )
}

async fn pause(cx: &Context, first: bool) {
    if first {
        cx.shard.metrics.count(Counter::AcceptPauses, 1);
        monoio::time::sleep(limits::ACCEPT_PAUSE).await;
    } else {
        monoio::time::sleep(limits::TICK_IDLE).await;
    }
}

/// Takes what already waits in the kernel's queue, then stops listening. This may exceed the worker's share: the
/// alternative is to reset who was promised to wait.
pub(super) fn finish(desk: &Rc<Desk>, listener: &Listener, number: usize) {
    listener.stop(|incoming| desk.receive(incoming, number));
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn loops_together_take_no_more_than_the_share() {
        let places = Places::new(2);
        assert!(places.reserve(1, 3, true));
        assert!(places.reserve(1, 3, true));
        assert!(
            !places.reserve(1, 3, true),
            "one is open and two are to come"
        );
        places.release();
        assert!(!places.reserve(2, 3, true), "one of the two has come");
        assert!(places.reserve(1, 3, true), "the open one has closed");
    }

    #[test]
    fn further_loops_leave_half_of_the_room() {
        let places = Places::new(1);
        assert!(places.reserve(0, 4, false));
        assert!(!places.reserve(1, 4, false));
        assert!(places.reserve(1, 4, true));
        assert!(!Places::new(2).reserve(0, 1, false));
    }

    #[test]
    fn an_idle_listener_keeps_no_other_from_its_first_connection() {
        let places = Places::new(2);
        assert!(places.reserve(0, 1, true));
        assert!(places.reserve(0, 1, true));
        assert!(!places.reserve(0, 1, true));
    }
}
