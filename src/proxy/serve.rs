//! A connection's own task: small, because it is all that an idle connection costs.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::limits;
use crate::http::forwarded::ClientText;
use crate::net::Stream;
use crate::net::pool::Size;
use crate::proxy::connection::Connection;
use crate::proxy::exchange::burst;
use crate::proxy::fiber::Fiber;
use crate::shard::Listening;
use crate::shard::Shard;
use crate::telemetry::Gauge;

/// A connection that has something to do, and its first bytes.
pub(super) type Job = (Connection, Vec<u8>);

/// What a core's connections share: the core's state, and the fibers that exchanges run on.
pub struct Context {
    /// Everything this core owns.
    pub shard: Shard,
    fibers: RefCell<Vec<Fiber<Job, Option<Connection>>>>,
    #[cfg(debug_assertions)]
    pub(super) faults: bool,
}

impl Context {
    /// The context of one core.
    pub fn new(shard: Shard) -> Rc<Self> {
        Rc::new(Self {
            shard,
            fibers: RefCell::default(),
            #[cfg(debug_assertions)]
            faults: crate::proxy::failpoint::wanted(),
        })
    }

    fn fiber(self: &Rc<Self>) -> Fiber<Job, Option<Connection>> {
        let idle = self.fibers.borrow_mut().pop();
        idle.unwrap_or_else(|| Fiber::new(|mailbox| burst(Rc::clone(self), mailbox)))
    }

    fn give(&self, fiber: Fiber<Job, Option<Connection>>) {
        let mut idle = self.fibers.borrow_mut();
        if idle.len() < limits::FIBERS_KEPT {
            idle.push(fiber);
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("core", &self.shard.core)
            .finish_non_exhaustive()
    }
}

/// Serves one connection to its end. The caller catches panics around it and counts it open.
pub async fn serve(cx: Rc<Context>, stream: Stream, listening: Rc<Listening>) {
    let Stream {
        mut reader,
        writer,
        peer,
    } = stream;
    let guard = cx.shard.deadlines.guard();
    reader.arm(cx.shard.pool.take(Size::Small));
    let mut conn = Connection {
        reader,
        writer,
        guard,
        client: peer,
        text: ClientText::of(peer.ip()),
        listening,
        requests: 0,
        ahead: None,
        ended: false,
        pinned: None,
    };
    while let Some(bytes) = first_bytes(&cx, &mut conn).await {
        let mut fiber = cx.fiber();
        match fiber.run((conn, bytes)).await {
            Some(kept) => conn = kept,
            None => return cx.give(fiber),
        }
        cx.give(fiber);
    }
}

/// Waits for the first bytes of a request; nothing at the connection's end, by the client or by the deadline.
async fn first_bytes(cx: &Context, conn: &mut Connection) -> Option<Vec<u8>> {
    let timeouts = &cx.shard.instance().snapshot.timeouts;
    let patience = if conn.requests == 0 {
        timeouts.client_header
    } else {
        timeouts.keep_alive
    };
    // A client that has not been told of the drain gets a moment for a request that is on its way.
    let patience = if cx.shard.draining.get() {
        patience.min(limits::DRAIN_IDLE)
    } else {
        patience
    };
    conn.guard.arm_idle(cx.shard.lately(), patience);
    cx.shard.metrics.adjust(Gauge::ConnectionsWaiting, 1);
    let filled = conn.guard.limit(conn.reader.filled()).await;
    cx.shard.metrics.adjust(Gauge::ConnectionsWaiting, -1);
    conn.guard.disarm();
    match filled {
        Ok((Ok(received), bytes)) if received > 0 => Some(bytes),
        Ok((Ok(_) | Err(_), bytes)) => {
            cx.shard.pool.give(bytes);
            None
        }
        Err(_expired) => None,
    }
}
