//! Answers of the gateway itself: what a stage decides ([`Reply`]) and how it is written ([`render`]).
//!
//! Status, text, form and field names are Kong's (`error`, `exit` and redirect answers), so that clients that compare
//! bodies keep working; the cause travels in `Proxy-Status` (RFC 9209). A reply made of constants allocates nothing, and
//! rendering only grows `out`. When to close a connection is the caller's decision.

use std::borrow::Cow;

use crate::base::limits::RETRY_AFTER_SECS;
use crate::http::Cause;
use crate::http::Name;
use crate::http::accept;
use crate::http::accept::BodyType;
use crate::http::date::DateText;
use crate::http::request_id::RequestId;

mod body;
mod reason;
#[cfg(test)]
mod tests;

pub use reason::reason;

/// The gateway's name in `Server`, `Via` and `Proxy-Status`; it says no version (RFC 9110 section 10.2.4).
pub const PSEUDONYM: &str = "silverback";
/// What `Allow` says on a 405: every method but CONNECT and TRACE, which no route may serve.
pub const ALLOW: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";
/// What `Upgrade` says on a 426 to a plain-text request, as in Kong.
const UPGRADE_TO_TLS: &str = "TLS/1.2, HTTP/1.1";

/// What a body is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// No bytes at all.
    Empty,
    /// Kong's `error` family: message and request id in the form that `Accept` asks for.
    Error,
    /// Kong's `exit` family: `{"message":...}`, whatever `Accept` says.
    Exit,
    /// The small page that goes with a redirect.
    Redirect,
    /// These bytes.
    Raw {
        /// The value of `Content-Type`.
        content_type: Cow<'static, str>,
        /// The bytes.
        bytes: Cow<'static, [u8]>,
    },
}

/// One answer of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status, 200 to 599.
    pub status: u16,
    /// Why, if it is a failure; it fills `Proxy-Status` and what belongs to the status.
    pub cause: Option<Cause>,
    /// The text for people.
    pub message: Cow<'static, str>,
    /// What `Proxy-Status` says beyond the cause's code; empty if there is nothing to add.
    pub detail: Cow<'static, str>,
    /// The value of `Retry-After`.
    pub retry_after_secs: Option<u32>,
    /// Further fields. Names that frame the message are passed over: framing is [`render`]'s alone.
    pub fields: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>,
    /// What the body is made of.
    pub body: Body,
}

/// What rendering needs to know about the exchange.
#[derive(Clone, Copy, Debug)]
pub struct ReplyContext<'a> {
    /// The request's `Accept`; none if the head could not be read.
    pub accept: Option<&'a [u8]>,
    /// The request's `Content-Type`: Kong goes by it where there is no `Accept` and no routing yet.
    pub content_type: Option<&'a [u8]>,
    /// The request's id.
    pub request_id: &'a RequestId,
    /// The request was a HEAD: the same head, no body.
    pub head_only: bool,
    /// The connection closes after this answer.
    pub close: bool,
    /// Where the time went.
    pub latency: Latency,
    /// The value of `Date`.
    pub date: &'a DateText,
}

/// The time that an exchange took, in milliseconds, under Kong's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// The gateway answered on its own: `X-Kong-Response-Latency`.
    Own(u64),
    /// An origin was tried: `X-Kong-Upstream-Latency`, `X-Kong-Proxy-Latency` and `Via`.
    Tried {
        /// From the first attempt to the failure.
        upstream_ms: u64,
        /// The gateway's own part.
        gateway_ms: u64,
    },
}

impl Reply {
    /// The answer to a failure, all taken from the cause's row.
    pub fn of(cause: Cause) -> Self {
        let row = cause.row();
        let later = match cause {
            Cause::TargetMissing | Cause::ConnectionLimit | Cause::Draining => {
                Some(RETRY_AFTER_SECS)
            }
            _ => None,
        };
        Self {
            cause: Some(cause),
            retry_after_secs: later,
            ..Self::error(row.status, row.message)
        }
    }

    /// An answer of Kong's `error` family.
    pub fn error(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            body: Body::Error,
            ..Self::empty(status)
        }
    }

    /// An answer of Kong's `exit` family.
    pub fn exit(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            body: Body::Exit,
            ..Self::empty(status)
        }
    }

    /// A redirect to `location`, with the page that goes with it.
    pub fn redirect(status: u16, location: impl Into<Cow<'static, [u8]>>) -> Self {
        debug_assert!(
            (300..400).contains(&status),
            "a redirect has a status of its own"
        );
        Self {
            body: Body::Redirect,
            ..Self::empty(status)
        }
        .with("Location", location)
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        debug_assert!((200..600).contains(&status), "an answer is final");
        Self {
            status,
            cause: None,
            message: Cow::Borrowed(""),
            detail: Cow::Borrowed(""),
            retry_after_secs: None,
            fields: Vec::new(),
            body: Body::Empty,
        }
    }

    /// The answer to `OPTIONS *` (RFC 9110 section 9.3.7).
    pub fn options_asterisk() -> Self {
        Self::empty(204).with("Allow", ALLOW.as_bytes())
    }

    /// The same answer with one more field.
    pub fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The same answer with more to say in `Proxy-Status`.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Whether a status of this number carries neither body nor length (RFC 9110 section 8.6).
    fn is_bodiless(&self) -> bool {
        matches!(self.status, 204 | 304)
    }

    fn form(&self, context: &ReplyContext<'_>) -> BodyType {
        match (context.accept, self.cause.map_or(Family::Core, family)) {
            (Some(accept), _) => accept::choose(accept),
            (None, Family::Core) => BodyType::Json,
            (None, Family::Edge) => context.content_type.map_or(BodyType::Plain, accept::choose),
        }
    }

    fn write_body(&self, sink: &mut impl body::Sink, form: BodyType, request_id: &RequestId) {
        match &self.body {
            Body::Empty => {}
            Body::Error => body::error(sink, form, &self.message, request_id),
            Body::Exit => body::exit(sink, &self.message),
            Body::Redirect => body::redirect(sink, self.status),
            Body::Raw { bytes, .. } => sink.put(bytes),
        }
    }
}

/// Which of Kong's two layers would have answered; they differ in the form chosen without an `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Kong's core: a request that was understood and has no answer. JSON.
    Core,
    /// The nginx below Kong: the message or the origin's answer could not be handled. Plain text.
    Edge,
}

fn family(cause: Cause) -> Family {
    match cause {
        Cause::RouteNotFound
        | Cause::ServiceMissing
        | Cause::HttpsRequired
        | Cause::TargetMissing
        | Cause::DnsError
        | Cause::DnsTimeout
        | Cause::Denied => Family::Core,
        Cause::RequestMalformed
        | Cause::RequestLineTooLong
        | Cause::RequestHeadTooLarge
        | Cause::RequestBodyTooLarge
        | Cause::RequestMethodUnknown
        | Cause::RequestCodingUnknown
        | Cause::RequestVersionUnknown
        | Cause::RequestMethodRefused
        | Cause::RequestExpectationUnknown
        | Cause::RequestHeadTimeout
        | Cause::RequestBodyTimeout
        | Cause::RequestBodyIncomplete
        | Cause::ClientClosed
        | Cause::ClientStalled
        | Cause::ConnectRefused
        | Cause::ConnectUnroutable
        | Cause::ConnectTimeout
        | Cause::ConnectFailed
        | Cause::ConnectionLimit
        | Cause::ConnectionTerminated
        | Cause::ResponseIncomplete
        | Cause::ResponseMalformed
        | Cause::ResponseHeadTooLarge
        | Cause::ResponseCodingInvalid
        | Cause::ResponseTimeout
        | Cause::ResponseBodyTimeout
        | Cause::RequestWriteTimeout
        | Cause::UpgradeFailed
        | Cause::LoopDetected
        | Cause::Draining
        | Cause::Internal => Family::Edge,
    }
}

/// Appends the complete HTTP/1.1 answer to `out`. An HTTP/1.0 client gets the same bytes: `Connection` is
/// always spelled out, which is what such a client needs to keep the connection.
pub fn render(reply: &Reply, context: &ReplyContext<'_>, out: &mut Vec<u8>) {
    let form = reply.form(context);
    out.extend_from_slice(b"HTTP/1.1 ");
    put_number(out, u64::from(reply.status));
    out.push(b' ');
    out.extend_from_slice(reason(reply.status).as_bytes());
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
        Body::Empty => None,
        Body::Error => Some(form.content_type()),
        Body::Exit => Some(BodyType::Json.content_type()),
        Body::Redirect => Some("text/html"),
        Body::Raw { content_type, .. } => Some(&**content_type),
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
        // Kong sends a second line rather than a list; a list field may be split (RFC 9110 section 5.3).
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

/// Whether a field may come from a reply: not one that frames the message, and not an unwritable name.
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

/// Writes a field line. A value that would end its line gets spaces for those bytes (RFC 9110 section 5.5),
/// so that no answer can be split by what a request or a plugin put into it.
fn put_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
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

fn put_number_field(out: &mut Vec<u8>, name: &str, value: u64) {
    put_field(out, name, itoa::Buffer::new().format(value).as_bytes());
}

fn put_number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}
