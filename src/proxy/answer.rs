//! The gateway's own answers: whatever stopped an exchange becomes bytes here, or a cut.

use std::pin::pin;

use crate::base::limits;
use crate::http::Cause;
use crate::http::Method;
use crate::http::Name;
use crate::http::Version;
use crate::http::reply;
use crate::http::reply::Latency;
use crate::http::reply::Reply;
use crate::http::reply::ReplyContext;
use crate::net::pool::Size;
use crate::proxy::connection::Fate;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;

/// Tells the client why its exchange stopped, and says what becomes of the connection.
pub(super) async fn answer(exchange: &mut Exchange<'_>, stop: Stop) -> Fate {
    let mut reply = match stop {
        Stop::Reply(reply) => *reply,
        Stop::Failure(cause) => Reply::of(cause),
        Stop::Cut(cause) => {
            exchange.tally.cause = Some(cause);
            if exchange.tally.status == 0 {
                exchange.tally.status = cause.row().status;
            }
            return Fate::Abort;
        }
    };
    exchange.review_own(&mut reply);
    exchange.tally.cause = reply.cause;
    exchange.tally.status = reply.status;
    if ends_connection(reply.cause) {
        exchange.keep = false;
    }
    exchange.keep_unless_draining();
    if exchange.keep && !exchange.body.complete {
        exchange.keep = worth_discarding(exchange);
    }
    let size = if reply.bytes() > Size::Medium.bytes() {
        Size::Large
    } else {
        Size::Medium
    };
    let mut out = exchange.cx.shard.pool.take(size);
    let rest = write(exchange, &reply, &mut out);
    match exchange.send(out, 0).await {
        Ok((Ok(()), out)) => exchange.cx.shard.pool.give(out),
        Ok((Err(_), _)) | Err(_) => return Fate::Abort,
    }
    if !rest.is_empty() && !Box::pin(send_rest(exchange, rest)).await {
        return Fate::Abort;
    }
    if exchange.keep && !exchange.body.complete && !discard(exchange).await {
        return Fate::Linger;
    }
    exchange.fate()
}

/// Whether the client's connection cannot be used any further: where its bytes are not understood, the next
/// request's beginning is not known either.
fn ends_connection(cause: Option<Cause>) -> bool {
    matches!(
        cause,
        Some(
            Cause::RequestMalformed
                | Cause::RequestLineTooLong
                | Cause::RequestHeadTooLarge
                | Cause::RequestBodyTooLarge
                | Cause::RequestMethodUnknown
                | Cause::RequestMethodRefused
                | Cause::RequestCodingUnknown
                | Cause::RequestVersionUnknown
                | Cause::RequestExpectationUnknown
                | Cause::RequestHeadTimeout
                | Cause::RequestBodyTimeout
                | Cause::RequestBodyIncomplete
                | Cause::Draining
                | Cause::Internal
        )
    )
}

/// Sends what of a long body did not go with the head, one buffer at a time; whether the client took it.
async fn send_rest(exchange: &mut Exchange<'_>, rest: &[u8]) -> bool {
    for piece in rest.chunks(Size::Large.bytes()) {
        let mut out = exchange.cx.shard.pool.take(Size::Large);
        out.extend_from_slice(piece);
        match exchange.send(out, 0).await {
            Ok((Ok(()), out)) => exchange.cx.shard.pool.give(out),
            Ok((Err(_), _)) | Err(_) => return false,
        }
    }
    true
}

/// Writes the answer's head and the first of its body; returns the rest of the body.
fn write<'r>(exchange: &Exchange<'_>, reply: &'r Reply, out: &mut Vec<u8>) -> &'r [u8] {
    let head = &exchange.scratch.request;
    let understood = exchange.body.understood;
    let field = |name| {
        if understood {
            head.fields.get(name, exchange.input)
        } else {
            None
        }
    };
    let now = exchange.cx.shard.now();
    let total_ms = now.nanos_since(exchange.moments.received) / 1_000_000;
    let latency = match exchange.moments.sent {
        Some(sent) => {
            let upstream_ms = now.nanos_since(sent) / 1_000_000;
            Latency::Tried {
                upstream_ms,
                gateway_ms: total_ms.saturating_sub(upstream_ms),
            }
        }
        None => Latency::Own(total_ms),
    };
    let context = ReplyContext {
        accept: field(Name::Accept),
        content_type: field(Name::ContentType),
        request_id: &exchange.request_id,
        head_only: understood && head.method == Method::Head,
        close: !exchange.keep,
        latency,
        date: &exchange.date,
        lines: exchange.scratch.verdicts.downstream.lines(),
    };
    reply::render_first(reply, &context, out)
}

/// Whether the rest of the request's body is small enough to be read and dropped, so that the connection can be
/// kept. A client that waits for a 100 will not send it, and one that speaks 1.0 may not know.
fn worth_discarding(exchange: &Exchange<'_>) -> bool {
    let head = &exchange.scratch.request;
    let small = exchange
        .body
        .remaining()
        .is_none_or(|rest| rest <= limits::DISCARD_BYTES as u64);
    small && !head.expects_continue && head.version == Version::Http11 && !exchange.body.gone
}

/// Reads and drops the rest of the request's body within bounds; whether it ended.
async fn discard(exchange: &mut Exchange<'_>) -> bool {
    exchange.guard.arm(exchange.cx.shard.now(), limits::DISCARD);
    let Some(reader) = &mut exchange.reader else {
        return false;
    };
    let mut buffer = exchange.cx.shard.pool.take(Size::Medium);
    let mut dropped = 0;
    while dropped <= limits::DISCARD_BYTES {
        buffer.clear();
        let Ok(Ok(received)) = exchange.guard.limit(pin!(reader.read(&mut buffer))).await else {
            return false;
        };
        dropped += received;
        exchange.tally.bytes_in += received as u64;
        let decoder = &mut exchange.scratch.request_decoder;
        let Ok((_, consumed)) = exchange.body.take(decoder, &mut buffer) else {
            return false;
        };
        if received == 0 {
            return false;
        }
        if exchange.body.complete {
            if consumed < buffer.len() {
                buffer.drain(..consumed);
                *exchange.client.ahead = Some(buffer);
            }
            return true;
        }
    }
    false
}
