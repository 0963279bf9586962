//! A connection's own task: small, because it is all that an idle connection costs.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::base::limits;
use crate::http::forwarded::ClientText;
use crate::net::Stream;
use crate::net::pool::Size;
use crate::proxy::connection::Connection;
use crate::proxy::connection::Rest;
use crate::proxy::exchange::burst;
use crate::proxy::fiber::Fiber;
use crate::proxy::repeat::Repeats;
use crate::proxy::secure::secure;
use crate::shard::Listening;
use crate::shard::Shard;
use crate::telemetry::Gauge;

/// A connection that has something to do.
pub(super) type Job = Box<Connection>;

/// What a core's connections share: the core's state, and the fibers that exchanges run on.
pub struct Context {
    /// Everything this core owns.
    pub shard: Shard,
    fibers: RefCell<Vec<Fiber<Job, Option<Job>>>>,
    pub(super) repeats: Repeats,
    #[cfg(debug_assertions)]
    pub(super) faults: bool,
}

impl Context {
    /// The context of one core.
    pub fn new(shard: Shard) -> Rc<Self> {
        Rc::new(Self {
            shard,
            fibers: RefCell::default(),
            repeats: Repeats::default(),
            #[cfg(debug_assertions)]
            faults: crate::proxy::failpoint::wanted(),
        })
    }

    fn fiber(self: &Rc<Self>) -> Fiber<Job, Option<Job>> {
        let idle = self.fibers.borrow_mut().pop();
        idle.unwrap_or_else(|| Fiber::new(|mailbox| burst(Rc::clone(self), mailbox)))
    }

    fn give(&self, fiber: Fiber<Job, Option<Job>>) {
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
///
/// Not an `async fn`: its arguments would take their room in the future for as long as it lives.
pub fn serve(
    cx: Rc<Context>,
    stream: Stream,
    listening: Rc<Listening>,
) -> impl Future<Output = ()> {
    let Stream {
        reader,
        writer,
        peer,
    } = stream;
    let conn = Box::new(Connection {
        reader,
        writer,
        guard: cx.shard.deadlines.guard(),
        client: peer,
        text: ClientText::of(peer.ip()),
        listening,
        requests: 0,
        ahead: None,
        rest: Rest::No,
        pinned: None,
        secured: None,
    });
    requests(cx, conn)
}

/// Borrows a fiber whenever there is something to do.
async fn requests(cx: Rc<Context>, mut conn: Box<Connection>) {
    if conn.listening.tls.is_some() && !Box::pin(secure(&cx, &mut conn)).await {
        return;
    }
    while greeted(&cx, &mut conn) || wait(&cx, &mut conn).await {
        let mut fiber = cx.fiber();
        match fiber.run(conn).await {
            Some(kept) => conn = kept,
            None => return cx.give(fiber),
        }
        cx.give(fiber);
    }
}

/// Whether a client that has just connected has sent something already, which is then ahead: most have, and
/// one receive that finds it saves a wait.
fn greeted(cx: &Context, conn: &mut Connection) -> bool {
    if conn.requests > 0 {
        return false;
    }
    let mut buffer = cx.shard.pool.take(Size::Medium);
    let greeted = matches!(conn.reader.receive(&mut buffer), Ok(received) if received > 0);
    if greeted {
        conn.ahead = Some(buffer);
    } else {
        // An end or a failure is found again by whoever waits.
        cx.shard.pool.give(buffer);
    }
    greeted
}

/// Waits, without a buffer, until the client has something to say or is gone; not so if it is idle for too long.
async fn wait(cx: &Context, conn: &mut Connection) -> bool {
    if conn.rest == Rest::Due {
        rest(cx, conn).await;
    }
    conn.guard
        .arm_idle(cx.shard.lately(), patience(cx, conn.requests));
    cx.shard.metrics.adjust(Gauge::ConnectionsWaiting, 1);
    let spoken = poll_fn(|task| {
        if conn.reader.poll_readable(task).is_ready() {
            Poll::Ready(true)
        } else if conn.guard.poll_expired(task) {
            Poll::Ready(false)
        } else {
            Poll::Pending
        }
    })
    .await;
    cx.shard.metrics.adjust(Gauge::ConnectionsWaiting, -1);
    conn.guard.disarm();
    spoken
}

/// Does not listen for a moment, so that who asks again at once does not take the core from others.
async fn rest(cx: &Context, conn: &mut Connection) {
    conn.guard.arm(cx.shard.lately(), limits::SHED_REST);
    poll_fn(|task| match conn.guard.poll_expired(task) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    conn.rest = if conn.reader.is_quiet() {
        Rest::No
    } else {
        Rest::Late
    };
}

/// How long a client may be silent after so many requests.
fn patience(cx: &Context, requests: u32) -> Duration {
    let timeouts = &cx.shard.instance().snapshot.timeouts;
    let patience = if requests == 0 {
        timeouts.client_header
    } else {
        timeouts.keep_alive
    };
    // A client that has not been told of the drain gets a moment for a request that is on its way.
    if cx.shard.draining.get() {
        patience.min(limits::DRAIN_IDLE)
    } else {
        patience
    }
}
