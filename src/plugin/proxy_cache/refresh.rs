//! Refreshing in the background: the stale answer is given at once, and the same request is made once more through the
//! gateway's own pipeline, so that it meets the same plugins, limits and balancer as if the client had repeated it.

use crate::base::limits;
use crate::cache::Micros;
use crate::cache::Refresh;
use crate::http::Name;
use crate::plugin::Request;

use super::flights::Ordered;
use super::hints::REFRESH;

/// Has what stands under a key refreshed; false if the request has to do that itself.
pub(super) fn order(request: &Request<'_>, key: &[u8], now: Micros) -> bool {
    let core = request.core;
    let number = core.rng.borrow_mut().next_u64();
    let lead = match core.flights.order(key, number, now) {
        Ordered::Now(lead) => lead,
        Ordered::UnderWay => return true,
        Ordered::InVain => return false,
    };
    let head = head(request, number);
    let ordered = head.len() <= limits::CACHE_REFRESH_HEAD_BYTES
        && core.cache.refresh(Refresh {
            head,
            client: request.client,
            listener: request.listener,
            secure: request.secure,
        });
    if ordered {
        lead.leave();
    }
    ordered
}

/// The number of a ticket.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    u64::from_str_radix(text, 16).ok()
}

/// The request as it is to be made again: a GET for the whole answer, whatever the client's own conditions are.
fn head(request: &Request<'_>, number: u64) -> Vec<u8> {
    let (head, bytes) = (request.head, request.bytes);
    let mut out = Vec::with_capacity(head.length + 64);
    out.extend_from_slice(b"GET ");
    out.extend_from_slice(head.target_span.of(bytes));
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for field in head.fields.lines() {
        let name = field.name.of(bytes);
        if concerns_one_request(field.known, name) {
            continue;
        }
        for part in [name, b": ", field.value.of(bytes), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    if !head.fields.has(Name::Host) {
        out.extend_from_slice(b"Host: ");
        out.extend_from_slice(head.authority.of(bytes));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"Connection: close\r\n");
    out.extend_from_slice(REFRESH);
    out.extend_from_slice(format!(": {number:016x}\r\n\r\n").as_bytes());
    out
}

/// Whether a field is about the client's connection or about what it has stored itself.
fn concerns_one_request(known: Name, name: &[u8]) -> bool {
    match known {
        Name::Connection
        | Name::ContentLength
        | Name::Expect
        | Name::Http2Settings
        | Name::KeepAlive
        | Name::ProxyConnection
        | Name::Te
        | Name::Trailer
        | Name::TransferEncoding
        | Name::Upgrade => true,
        Name::Other => [
            &b"cache-control"[..],
            b"if-match",
            b"if-modified-since",
            b"if-none-match",
            b"if-range",
            b"if-unmodified-since",
            b"range",
            REFRESH,
        ]
        .iter()
        .any(|other| other.eq_ignore_ascii_case(name)),
        _ => false,
    }
}
