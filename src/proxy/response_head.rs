//! The head that goes to the client: the origin's end-to-end fields, then ours.

use crate::http::Framing;
use crate::http::Name;
use crate::http::Version;
use crate::http::reply::PSEUDONYM;
use crate::http1::encode;
use crate::http1::hop_by_hop::Nominated;
use crate::proxy::exchange::Exchange;

/// How a response's body goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// There is none.
    Empty,
    /// As many bytes as the origin announced.
    Length(u64),
    /// In chunks of our own.
    Chunked,
    /// Until we close, for a client that does not know chunks.
    UntilClose,
}

impl Delivery {
    /// How the body of the response in the scratch is delivered to this client.
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        match (exchange.scratch.response.framing, exchange.scratch.request.version) {
            (Framing::Empty, _) => Self::Empty,
            (Framing::Length(length), _) => Self::Length(length),
            (Framing::Chunked | Framing::UntilClose, Version::Http11) => Self::Chunked,
            (Framing::Chunked | Framing::UntilClose, Version::Http10) => Self::UntilClose,
        }
    }
}

/// Appends the final response's head to `out`. `bytes` holds the origin's.
pub(super) fn write(exchange: &Exchange<'_>, bytes: &[u8], delivery: Delivery, out: &mut Vec<u8>) {
    let head = &exchange.scratch.response;
    encode::status_line(out, head.status, head.reason.of(bytes));
    write_origin_fields(exchange, bytes, delivery, out);
    match delivery {
        // What a HEAD or a 304 says of the length is about the body it does not have (RFC 9110 section 8.6).
        Delivery::Empty => write_empty(exchange, bytes, out),
        Delivery::Length(length) => encode::content_length(out, length),
        Delivery::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Delivery::UntilClose => {}
    }
    match (exchange.keep, exchange.scratch.request.version) {
        (true, Version::Http11) => {}
        (true, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
    }
    if !head.fields.has(Name::Date) {
        encode::field(out, b"Date", &exchange.cx.shard.date());
    }
    write_own_fields(exchange, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends an interim response, or the 101 of an upgrade.
pub(super) fn write_interim(exchange: &Exchange<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    let head = &exchange.scratch.response;
    encode::status_line(out, head.status, head.reason.of(bytes));
    write_origin_fields(exchange, bytes, Delivery::Empty, out);
    if head.status == 101 {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: ");
        out.extend_from_slice(head.fields.get(Name::Upgrade, bytes).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn write_origin_fields(
    exchange: &Exchange<'_>,
    bytes: &[u8],
    delivery: Delivery,
    out: &mut Vec<u8>,
) {
    let head = &exchange.scratch.response;
    let nominated = Nominated::of(&head.fields, bytes);
    for field in head.fields.lines() {
        let ours = match field.known {
            Name::ContentLength => true,
            Name::Trailer if delivery == Delivery::Chunked && exchange.wants_trailers() => {
                encode::field(out, field.name.of(bytes), field.value.of(bytes));
                true
            }
            Name::Upgrade if head.status == 426 => {
                encode::field(out, field.name.of(bytes), field.value.of(bytes));
                true
            }
            _ => false,
        };
        if !ours && !nominated.covers_response(field, bytes) {
            encode::field(out, field.name.of(bytes), field.value.of(bytes));
        }
    }
}

fn write_empty(exchange: &Exchange<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    let head = &exchange.scratch.response;
    match head.fields.get(Name::ContentLength, bytes) {
        // RFC 9110 section 8.6: none in a 204.
        Some(length) if head.status != 204 => encode::field(out, b"Content-Length", length),
        Some(_) | None => {}
    }
}

/// What the gateway says of itself on a proxied answer, under Kong's names.
fn write_own_fields(exchange: &Exchange<'_>, out: &mut Vec<u8>) {
    let moments = &exchange.moments;
    let answered = moments.answered.unwrap_or(moments.received);
    let total_ms = answered.nanos_since(moments.received) / 1_000_000;
    let upstream_ms = moments.sent.map_or(0, |sent| answered.nanos_since(sent)) / 1_000_000;
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"X-Kong-Upstream-Latency: ");
    out.extend_from_slice(digits.format(upstream_ms).as_bytes());
    out.extend_from_slice(b"\r\nX-Kong-Proxy-Latency: ");
    out.extend_from_slice(digits.format(total_ms.saturating_sub(upstream_ms)).as_bytes());
    out.extend_from_slice(b"\r\nVia: 1.1 ");
    out.extend_from_slice(PSEUDONYM.as_bytes());
    out.extend_from_slice(b"\r\nX-Kong-Request-Id: ");
    out.extend_from_slice(&exchange.request_id);
    out.extend_from_slice(b"\r\n");
}
