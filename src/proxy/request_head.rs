//! The head that goes upstream: written field by field from what was validated, never as received.
//!
//! Order of work (RFC 9110 section 7.6.1, Kong's `proxy` phase): the client's hop-by-hop and identity fields are
//! left out first, ours are added after, so nothing that a client nominates can remove them.

use crate::http::Field;
use crate::http::Framing;
use crate::http::Name;
use crate::http::forwarded::ClientText;
use crate::http::forwarded::Forwarding;
use crate::http::reply::PSEUDONYM;
use crate::http1::encode;
use crate::http1::hop_by_hop::Nominated;
use crate::http1::hop_by_hop::wants_upgrade;
use crate::proxy::admit::Admitted;
use crate::proxy::body;
use crate::proxy::exchange::Exchange;
use crate::router::forwarded_prefix;
use crate::router::upstream_path;

/// Appends the request's head, and the part of its body that is here, to `out`.
pub(super) fn write(exchange: &Exchange<'_>, admitted: &Admitted, host: &[u8], out: &mut Vec<u8>) {
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    let snapshot = &exchange.instance.snapshot;
    let route = snapshot.route(admitted.matched.route);
    let service = snapshot.service(admitted.service);
    out.extend_from_slice(head.method_span.of(bytes));
    out.push(b' ');
    let path = exchange.canonical_path();
    upstream_path(out, &service.path, &admitted.matched, path, route.strip);
    if let Some(query) = head.target.query {
        out.push(b'?');
        out.extend_from_slice(query.of(bytes));
    }
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(if route.preserve_host { head.authority.of(bytes) } else { host });
    out.extend_from_slice(b"\r\n");
    write_client_fields(exchange, out);
    write_forwarded(exchange, admitted, out);
    write_hop_fields(exchange, out);
    write_framing(exchange, out);
    write_body(exchange, out);
}

/// The client's own end-to-end fields.
fn write_client_fields(exchange: &Exchange<'_>, out: &mut Vec<u8>) {
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    let nominated = Nominated::of(&head.fields, bytes);
    for field in head.fields.lines() {
        if passes(field) && !nominated.covers_request(field, bytes) {
            encode::field(out, field.name.of(bytes), field.value.of(bytes));
        }
    }
}

/// Who asks, for what, and by which way (Kong's rules, see [`Forwarding`]).
fn write_forwarded(exchange: &Exchange<'_>, admitted: &Admitted, out: &mut Vec<u8>) {
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    let snapshot = &exchange.instance.snapshot;
    let trust = &snapshot.trust;
    let peer = exchange.client.address.ip();
    let peer_trusted = trust.trusted.contains(peer);
    let client = trust.client(peer, peer_trusted, &head.fields, bytes);
    let elsewhere;
    let text = if client == peer.to_canonical() {
        exchange.client.text
    } else {
        elsewhere = ClientText::of(client);
        &elsewhere
    };
    let mut prefix = Vec::new();
    let strip = snapshot.route(admitted.matched.route).strip;
    forwarded_prefix(&mut prefix, &admitted.matched, exchange.canonical_path(), strip);
    let forwarding = Forwarding {
        peer: exchange.client.text,
        client: text,
        peer_trusted,
        scheme: "http",
        port: exchange.client.listening.address.port(),
        host: head.host.of(bytes),
        path: exchange.raw_path(),
        prefix: (!prefix.is_empty()).then_some(&prefix),
    };
    forwarding.append(&head.fields, bytes, out);
    out.extend_from_slice(b"X-Kong-Request-Id: ");
    out.extend_from_slice(&exchange.request_id);
    out.extend_from_slice(b"\r\nVia: 1.1 ");
    out.extend_from_slice(PSEUDONYM.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Whether a field is neither rewritten by the gateway nor hop-by-hop by its name.
fn passes(field: &Field) -> bool {
    match field.known {
        Name::Other => true,
        Name::Host | Name::ContentLength | Name::Expect | Name::MaxForwards | Name::XKongRequestId => false,
        name => !Forwarding::replaces(name),
    }
}

/// What concerns this hop: the connection, trailers, an upgrade, an expectation.
fn write_hop_fields(exchange: &Exchange<'_>, out: &mut Vec<u8>) {
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    if head.fields.has(Name::MaxForwards) {
        write_max_forwards(head.fields.get(Name::MaxForwards, bytes), out);
    }
    if head.expects_continue && !exchange.body.complete {
        out.extend_from_slice(b"Expect: 100-continue\r\n");
    }
    let trailers = head.fields.all(Name::Te, bytes).any(|te| te.eq_ignore_ascii_case(b"trailers"));
    match wants_upgrade(head, bytes) {
        Some(protocol) => {
            out.extend_from_slice(b"Connection: keep-alive, Upgrade\r\nUpgrade: ");
            out.extend_from_slice(protocol);
            out.extend_from_slice(b"\r\n");
        }
        None if trailers => out.extend_from_slice(b"Connection: TE\r\nTE: trailers\r\n"),
        None => out.extend_from_slice(b"Connection: keep-alive\r\n"),
    }
}

/// One hop less to go (RFC 9110 section 7.6.2); only OPTIONS and TRACE count hops, for others it is dropped.
fn write_max_forwards(hops: Option<&[u8]>, out: &mut Vec<u8>) {
    let hops = hops.and_then(|hops| std::str::from_utf8(hops).ok()).and_then(|hops| hops.parse::<u32>().ok());
    if let Some(hops) = hops {
        encode::field(out, b"Max-Forwards", itoa::Buffer::new().format(hops.saturating_sub(1)).as_bytes());
    }
}

fn write_framing(exchange: &Exchange<'_>, out: &mut Vec<u8>) {
    let head = &exchange.scratch.request;
    match head.framing {
        Framing::Empty | Framing::UntilClose => {
            // An explicit zero is kept: a POST without length would be refused by strict origins.
            if head.fields.has(Name::ContentLength) {
                out.extend_from_slice(b"Content-Length: 0\r\n");
            }
        }
        Framing::Length(length) => encode::content_length(out, length),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

/// The part of the body that came with the head.
fn write_body(exchange: &Exchange<'_>, out: &mut Vec<u8>) {
    let head = exchange.scratch.request.length;
    let first = exchange.input.get(head..head + exchange.body.first).unwrap_or_default();
    if exchange.scratch.request.framing == Framing::Chunked {
        let last = body::Last { decoder: &exchange.scratch.request_decoder, trailers: true };
        body::append_chunk(out, first, exchange.body.complete.then_some(last));
    } else {
        out.extend_from_slice(first);
    }
}
