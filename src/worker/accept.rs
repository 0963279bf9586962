//! Taking connections: one loop for each listener, which pauses rather than spins when there is no room.

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

/// Accepts until the listener is stopped. At the connection limit, and without file descriptors, new
/// connections wait in the kernel's queue.
pub(super) async fn accept(cx: Rc<Context>, listener: Rc<Listener>, listening: Rc<Listening>) {
    loop {
        while cx.shard.connections.get() >= cx.shard.instance().snapshot.connections_per_worker {
            pause(&cx).await;
        }
        match listener.accept().await {
            Ok(stream) => take(&cx, stream, &listening),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return,
            Err(error) if is_of_the_connection(&error) => {}
            Err(_) => pause(&cx).await,
        }
    }
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

/// Takes what already waits in the kernel's queue, then stops listening.
pub(super) fn finish(cx: &Rc<Context>, listener: &Listener, listening: &Rc<Listening>) {
    listener.stop(|stream| take(cx, stream, listening));
}
