//! The last stage: the answer's way back, while the rest of the request's body may still be going up.

use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::future::join;

use crate::http::Cause;
use crate::net::Writer;
use crate::proxy::admit::Admitted;
use crate::proxy::body::Broken;
use crate::proxy::body::Pumping;
use crate::proxy::body::Source;
use crate::proxy::body::pump;
use crate::proxy::connection::Fate;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::forward::Missed;
use crate::proxy::forward::within;
use crate::proxy::respond::Relayed;
use crate::proxy::respond::Response;
use crate::proxy::respond::respond;
use crate::proxy::tunnel;
use crate::upstream::Lease;

/// Relays the answer to a request that is on its way, and what is left of the request.
pub(super) async fn converse(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    mut lease: Lease,
) -> Result<Fate, Missed> {
    let reused = lease.is_reused();
    let (up, writer) = (&mut lease.stream.reader, &mut lease.stream.writer);
    let head_sent = Cell::new(false);
    let response = Response {
        up,
        reused,
        begun: false,
        head_sent: &head_sent,
    };
    let relayed = if exchange.body.complete {
        respond(exchange, admitted, response).await?
    } else {
        let relayed = with_body(exchange, admitted, response, writer).await;
        relayed.map_err(|missed| exchange.in_the_plugins_words(missed))?
    };
    match relayed {
        Relayed::Complete { reusable } => {
            finish(exchange, lease, reusable);
            Ok(exchange.fate())
        }
        Relayed::Switched { early } => switch(exchange, admitted, lease, early).await,
    }
}

/// Runs the pump of the request's body beside the response.
async fn with_body(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    response: Response<'_>,
    writer: &mut Writer,
) -> Result<Relayed, Missed> {
    let snapshot = &std::rc::Rc::clone(&exchange.instance).snapshot;
    let timeouts = &snapshot.route(admitted.matched.route).timeouts;
    let Some(reader) = exchange.reader.take() else {
        return Err(Missed::Final(Cause::Internal.into()));
    };
    let (mut body, client_guard, guard) = (exchange.body, exchange.client_guard, exchange.guard);
    let total = exchange.total;
    exchange.body.gone = true;
    let mut decoder = std::mem::take(&mut exchange.scratch.request_decoder);
    let most = exchange.body_bytes_max();
    let (head_sent, pool, pumping) = (
        response.head_sent,
        &exchange.cx.shard.pool,
        exchange.pumping,
    );
    pumping.set(Pumping::Active);
    let mut pumped = None;
    let relayed = {
        let source = Source {
            reader: &mut *reader,
            guard: client_guard,
            decoder: &mut decoder,
            idle: snapshot.timeouts.client_body_idle,
            write: timeouts.write,
            most,
        };
        let mut pump = pin!(pump(source, &mut body, writer, pool));
        let mut respond = pin!(respond(exchange, admitted, response));
        poll_fn(|cx| {
            if pumped.is_none()
                && let Poll::Ready(result) = pump.as_mut().poll(cx)
            {
                pumping.set(if result.is_ok() {
                    Pumping::Done
                } else {
                    Pumping::Failed
                });
                let now = crate::base::clock::now();
                guard.arm(now, within(total, now, timeouts.read));
                if let Err(Broken::Client(cause)) = result {
                    let stop = if head_sent.get() {
                        Stop::Cut(cause)
                    } else {
                        cause.into()
                    };
                    return Poll::Ready(Err(Missed::Final(stop)));
                }
                pumped = Some(result);
            }
            respond.as_mut().poll(cx)
        })
        .await
    };
    exchange.scratch.request_decoder = decoder;
    exchange.body = body;
    exchange.body.gone = true;
    exchange.watch_body();
    exchange.tally.bytes_in += body.pumped_in;
    exchange.tally.upstream_bytes_out += body.pumped_out;
    exchange.reader = Some(reader);
    match pumped {
        Some(Ok(next)) if !next.is_empty() => *exchange.client.ahead = Some(next),
        Some(Ok(_)) => {}
        // The answer is out but the request is not read to its end.
        Some(Err(_)) | None => exchange.keep = false,
    }
    relayed
}

/// Puts the connection back into its pool, if both messages ended as their framing said; one that the client
/// has authenticated stays with the client.
fn finish(exchange: &mut Exchange<'_>, lease: Lease, reusable: bool) {
    if !reusable || !exchange.is_sent() {
        return;
    }
    if exchange.binds_connection(&lease) {
        *exchange.client.pinned = Some(Box::new(lease.pin()));
    } else {
        let keep = &exchange.instance.snapshot.keep_alive;
        lease.release(keep, exchange.cx.shard.lately());
    }
}

/// Runs the tunnel that a 101 opened, until both sides have ended.
async fn switch(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    mut lease: Lease,
    early: Vec<u8>,
) -> Result<Fate, Missed> {
    let idle = exchange
        .instance
        .snapshot
        .route(admitted.matched.route)
        .timeouts
        .idle;
    let pool = &exchange.cx.shard.pool;
    let held = exchange.held();
    let (Some(reader), Some(writer)) = (exchange.reader.take(), exchange.writer.take()) else {
        return Err(Missed::Final(Stop::Cut(Cause::Internal)));
    };
    let now = exchange.cx.shard.now();
    exchange.client_guard.arm(now, idle);
    exchange.guard.arm(now, idle);
    let first = {
        let up = pin!(lease.stream.writer.write_all(held));
        let down = pin!(writer.write_all(early));
        join(exchange.guard.limit(up), exchange.client_guard.limit(down)).await
    };
    let (Ok((Ok(()), _)), Ok((Ok(()), _))) = first else {
        return Ok(Fate::Abort);
    };
    let client = tunnel::End {
        reader,
        writer,
        guard: exchange.client_guard,
    };
    let upstream = tunnel::End {
        reader: &mut lease.stream.reader,
        writer: &mut lease.stream.writer,
        guard: exchange.guard,
    };
    let moved = tunnel::tunnel(client, upstream, pool, idle).await;
    exchange.tally.bytes_in += moved.up;
    exchange.tally.upstream_bytes_out += moved.up;
    exchange.tally.upstream_bytes_in += moved.down;
    exchange.tally.bytes_out += moved.down;
    Ok(Fate::Close)
}

impl Exchange<'_> {
    /// What becomes of the client's connection after a complete answer.
    pub(super) fn fate(&self) -> Fate {
        let unread = self.body.consumed(self.scratch.request.length) < self.input.len();
        match (self.keep, self.body.complete) {
            (true, true) => Fate::Keep,
            (false, true) if !unread => Fate::Close,
            (_, _) => Fate::Linger,
        }
    }
}
