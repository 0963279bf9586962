//! How a reply is written: status line, fields in a fixed order, body.
//!
//! `Content-Length` is counted from the body itself, values cannot end their line, and fields that
//! frame the message are passed over, so that no plugin can split or reframe an answer.

use super::Body;
use super::Latency;
use super::Reply;
use super::ReplyContext;
use super::body;
use super::reason;
use crate::http::Cause;
use crate::http::Name;
use crate::http::accept::BodyType;
use crate::http::reply::ALLOW;
use crate::http::reply::PSEUDONYM;

/// Appends the complete HTTP/1.1 answer to `out`. An HTTP/1.0 client gets the same bytes:
/// `Connection` is always spelled out, which is what such a client needs to keep the connection.
pub fn render(reply: &Reply, context: &ReplyContext<'_>, out: &mut Vec<u8>) {
    let rest = render_first(reply, context, out);
    out.extend_from_slice(rest);
}

/// Appends the same up to a bound, and returns the rest of the body, which nobody has copied. Only a stored answer
/// is long enough to have one.
pub fn render_first<'r>(
    reply: &'r Reply,
    context: &ReplyContext<'_>,
    out: &mut Vec<u8>,
) -> &'r [u8] {
    if let Body::Stored(stored) = &reply.body {
        return stored.render(reply, context, out);
    }
    render_own(reply, context, out);
    b""
}

fn render_own(reply: &Reply, context: &ReplyContext<'_>, out: &mut Vec<u8>) {
    let form = reply.form(context);
    out.extend_from_slice(b"HTTP/1.1 ");
    put_number(out, u64::from(reply.status));
    out.push(b' ');
    let words = reply.reason.as_deref();
    let words = words.unwrap_or_else(|| reason(reply.status)).bytes();
    out.extend(words.filter(|byte| matches!(byte, b'\t' | b' '..=b'~')));
    out.extend_from_slice(b"\r\n");
    put_field(out, "Date", context.date);
    put_content_fields(out, reply, form, context);
    let connection: &[u8] = if context.close {
        b"close"
    } else {
        b"keep-alive"
    };
    put_field(out, "Connection", connection);
    put_cause_fields(out, reply);
    for (name, value) in &reply.fields {
        if may_be_added(name) {
            put_field(out, name, value);
        }
    }
    out.extend_from_slice(context.lines);
    if let Some(secs) = reply.retry_after_secs {
        put_number_field(out, "Retry-After", u64::from(secs));
    }
    match context.latency {
        Latency::Own(ms) => put_number_field(out, "X-Kong-Response-Latency", ms),
        Latency::Tried {
            upstream_ms,
            gateway_ms,
        } => {
            put_number_field(out, "X-Kong-Upstream-Latency", upstream_ms);
            put_number_field(out, "X-Kong-Proxy-Latency", gateway_ms);
            out.extend_from_slice(b"Via: 1.1 ");
            out.extend_from_slice(PSEUDONYM.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    put_field(out, "Server", PSEUDONYM.as_bytes());
    put_field(out, "X-Kong-Request-Id", context.request_id);
    out.extend_from_slice(b"\r\n");
    if !context.head_only && !reply.is_bodiless() {
        reply.write_body(out, form, context.request_id);
    }
}

fn put_content_fields(
    out: &mut Vec<u8>,
    reply: &Reply,
    form: BodyType,
    context: &ReplyContext<'_>,
) {
    if reply.is_bodiless() {
        return;
    }
    let content_type = match &reply.body {
        Body::Empty | Body::Stored(_) => None,
        Body::Error => Some(form.content_type()),
        Body::Exit => Some(BodyType::Json.content_type()),
        Body::Page if reply.status < 400 => Some("text/html"),
        Body::Page => Some("text/html; charset=UTF-8"),
        Body::Raw { content_type, .. } => Some(&**content_type).filter(|text| !text.is_empty()),
    };
    if let Some(content_type) = content_type {
        put_field(out, "Content-Type", content_type.as_bytes());
    }
    let mut count = body::Count::default();
    reply.write_body(&mut count, form, context.request_id);
    put_number_field(out, "Content-Length", count.0 as u64);
}

/// The fields that follow from the cause.
fn put_cause_fields(out: &mut Vec<u8>, reply: &Reply) {
    let Some(cause) = reply.cause else {
        return;
    };
    if cause == Cause::HttpsRequired && reply.status == 426 {
        // Kong sends a second line rather than a list; a list field may be split (RFC 9110 section
        // 5.3).
        put_field(out, "Upgrade", UPGRADE_TO_TLS.as_bytes());
        put_field(out, "Connection", b"Upgrade");
    }
    if cause == Cause::RequestMethodRefused {
        put_field(out, "Allow", ALLOW.as_bytes());
    }
    put_proxy_status(out, cause, &reply.detail);
}

/// `silverback; error=<token>; details="<code>: <detail>"` (RFC 9209 sections 2 and 2.1.1, 2.1.4).
fn put_proxy_status(out: &mut Vec<u8>, cause: Cause, detail: &str) {
    let row = cause.row();
    for part in ["Proxy-Status: ", PSEUDONYM, "; error=", row.proxy_status] {
        out.extend_from_slice(part.as_bytes());
    }
    if row.code != row.proxy_status || !detail.is_empty() {
        out.extend_from_slice(b"; details=\"");
        out.extend_from_slice(row.code.as_bytes());
        if !detail.is_empty() {
            out.extend_from_slice(b": ");
            // A structured string holds visible ASCII alone (RFC 9651 section 3.3.3).
            for byte in detail.bytes() {
                match byte {
                    b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                    b' '..=b'~' => out.push(byte),
                    _ => out.push(b'?'),
                }
            }
        }
        out.push(b'"');
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a field may come from a reply: not one that frames the message, and not an unwritable
/// name.
fn may_be_added(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let writable = !name.is_empty() && name.bytes().all(token);
    debug_assert!(writable, "a field name is a token");
    let frames = matches!(
        Name::of(name.as_bytes()),
        Name::Connection | Name::ContentLength | Name::KeepAlive | Name::TransferEncoding
    );
    writable && !frames
}

/// Writes a field line. A value that would end its line gets spaces for those bytes (RFC 9110
/// section 5.5), so that no answer can be split by what a request or a plugin put into it.
pub(super) fn put_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let start = out.len();
    out.extend_from_slice(value);
    if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
        for byte in &mut out[start..] {
            if matches!(byte, b'\r' | b'\n' | 0) {
                *byte = b' ';
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn put_number_field(out: &mut Vec<u8>, name: &str, value: u64) {
    put_field(out, name, itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn put_number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// What `Upgrade` says on a 426 to a plain-text request, as in Kong.
const UPGRADE_TO_TLS: &str = "TLS/1.2, HTTP/1.1";
