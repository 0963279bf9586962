//! Reading a request's head, and leaving a connection whose request is not read to its end.

use std::pin::pin;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits;
use crate::http::Cause;
use crate::http::forwarded::ClientText;
use crate::http1::request;
use crate::net::pool::Size;
use crate::net::proxy_protocol;
use crate::proxy::connection::Connection;
use crate::proxy::exchange::Scratch;
use crate::proxy::serve::Context;

/// What came of reading a head.
pub(super) enum Head {
    /// It is in the scratch, complete since this moment.
    Complete(Instant),
    /// It cannot be served.
    Refused(Cause),
    /// The client is gone, or never said anything worth an answer.
    Gone,
}

/// Parses the next head out of `input`, reading more as needed until `client_header` has passed since its
/// first byte.
pub(super) async fn read_head(
    cx: &Context,
    conn: &mut Connection,
    scratch: &mut Scratch,
    input: &mut Vec<u8>,
) -> Head {
    let instance = cx.shard.instance();
    let (limits, patience) = (
        instance.snapshot.head_limits,
        instance.snapshot.timeouts.client_header,
    );
    let begun = cx.shard.now();
    if conn.requests == 0
        && conn.listening.proxy_protocol
        && conn.secured.is_none()
        && let Err(head) = read_proxy_header(cx, conn, input, begun, patience).await
    {
        return head;
    }
    let mut progress = request::Progress::default();
    loop {
        match request::parse(input, &limits, &mut progress, &mut scratch.request) {
            Ok(request::Parsed::Complete) => {
                conn.guard.disarm();
                return Head::Complete(begun);
            }
            Ok(request::Parsed::Partial) => {}
            Err(fault) => return Head::Refused(fault.cause()),
        }
        match more(cx, conn, input, begun, patience).await {
            More::Bytes => {}
            More::End | More::Late if input.is_empty() => return Head::Gone,
            More::End => return Head::Refused(Cause::RequestMalformed),
            More::Late => return Head::Refused(Cause::RequestHeadTimeout),
        }
    }
}

/// What one more receive brought.
enum More {
    Bytes,
    End,
    Late,
}

/// Receives once more onto `input`, in a larger buffer if this one is full.
async fn more(
    cx: &Context,
    conn: &mut Connection,
    input: &mut Vec<u8>,
    begun: Instant,
    patience: Duration,
) -> More {
    make_room(cx, input);
    conn.guard.arm(begun, patience);
    match conn.guard.limit(pin!(conn.reader.read(input))).await {
        Ok(Ok(received)) if received > 0 => More::Bytes,
        Ok(Ok(_) | Err(_)) => More::End,
        Err(_expired) => More::Late,
    }
}

/// Sees to it that `input` has free capacity: the next size, and past the largest a growing buffer, which the
/// parser's limits bound.
fn make_room(cx: &Context, input: &mut Vec<u8>) {
    if input.len() < input.capacity() {
        return;
    }
    let size = if input.capacity() < Size::Medium.bytes() {
        Size::Medium
    } else {
        Size::Large
    };
    if input.capacity() < size.bytes() {
        let mut larger = cx.shard.pool.take(size);
        larger.extend_from_slice(input);
        cx.shard.pool.give(std::mem::replace(input, larger));
    } else {
        input.reserve_exact(Size::Large.bytes());
    }
}

/// Reads the PROXY protocol's header and takes over the address it names.
pub(super) async fn read_proxy_header(
    cx: &Context,
    conn: &mut Connection,
    input: &mut Vec<u8>,
    begun: Instant,
    patience: Duration,
) -> Result<(), Head> {
    loop {
        match proxy_protocol::parse(input) {
            Ok(proxy_protocol::Step::Complete {
                consumed, source, ..
            }) => {
                conn.client = source.unwrap_or(conn.client);
                conn.text = ClientText::of(conn.client.ip());
                input.drain(..consumed);
                return Ok(());
            }
            Ok(proxy_protocol::Step::Partial) => {}
            Err(_fault) => return Err(Head::Gone),
        }
        match more(cx, conn, input, begun, patience).await {
            More::Bytes => {}
            More::End | More::Late => return Err(Head::Gone),
        }
    }
}

/// Ends a connection whose client may still be sending: our direction first, then what it sends is read and
/// dropped within bounds, so that the answer is not lost to a reset (RFC 9112 section 9.6).
pub(super) async fn linger(cx: &Context, conn: &mut Connection) {
    if conn.writer.shutdown().await.is_err() {
        return;
    }
    conn.guard.arm(cx.shard.now(), limits::LINGER);
    let mut dropped = 0;
    let mut buffer = cx.shard.pool.take(Size::Medium);
    while dropped < limits::LINGER_BYTES {
        buffer.clear();
        match conn.guard.limit(pin!(conn.reader.read(&mut buffer))).await {
            Ok(Ok(received)) if received > 0 => dropped += received,
            Ok(_) | Err(_) => break,
        }
    }
    cx.shard.pool.give(buffer);
}
