//! Answers of the gateway itself: what a stage decides ([`Reply`]) and how it is written
//! ([`render`]).
//!
//! Status, text, form and field names are Kong's (`error`, `exit` and redirect answers), so that
//! clients that compare bodies keep working; the cause travels in `Proxy-Status` (RFC 9209). A
//! reply made of constants allocates nothing, and rendering only grows `out`. When to close a
//! connection is the caller's decision.

use std::borrow::Cow;

use crate::base::limits;
use crate::base::limits::RETRY_AFTER_SECS;
use crate::http::Cause;
use crate::http::accept;
use crate::http::accept::BodyType;
use crate::http::date::DateText;
use crate::http::request_id::RequestId;

mod body;
mod reason;
mod render;
mod stored;
#[cfg(test)]
mod tests;

pub use reason::reason;
pub use render::render;
pub use render::render_first;
pub use stored::Held;
pub use stored::Part;
pub use stored::Stored;

/// The gateway's name in `Server`, `Via` and `Proxy-Status`; it says no version (RFC 9110 section
/// 10.2.4).
pub const PSEUDONYM: &str = "silverback";
/// What `Allow` says on a 405: every method but CONNECT and TRACE, which no route may serve.
pub const ALLOW: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

/// What a body is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// No bytes at all.
    Empty,
    /// Kong's `error` family: message and request id in the form that `Accept` asks for.
    Error,
    /// Kong's `exit` family: `{"message":...}`, whatever `Accept` says.
    Exit,
    /// The small page that goes with a redirect, and with what Kong leaves to its nginx.
    Page,
    /// These bytes.
    Raw {
        /// The value of `Content-Type`; empty for no such field.
        content_type: Cow<'static, str>,
        /// The bytes.
        bytes: Cow<'static, [u8]>,
    },
    /// An origin's answer, given again with its own fields.
    Stored(Stored),
}

/// One answer of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status, 200 to 599.
    pub status: u16,
    /// What the status line says of the status, if not the usual.
    pub reason: Option<Cow<'static, str>>,
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
    /// Further lines, encoded, each with its line end.
    pub lines: &'a [u8],
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
            Cause::ConnectionLimit
            | Cause::TargetsUnhealthy
            | Cause::TargetsBusy
            | Cause::Overloaded
            | Cause::UpstreamOverloaded
            | Cause::Draining => Some(RETRY_AFTER_SECS),
            _ => None,
        };
        let body = match cause {
            // What Kong leaves to its nginx.
            Cause::RequestVersionUnknown | Cause::RequestCodingUnknown => Body::Page,
            _ => Body::Error,
        };
        Self {
            cause: Some(cause),
            retry_after_secs: later,
            body,
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
            body: Body::Page,
            ..Self::empty(status)
        }
        .with("Location", location)
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        debug_assert!((200..600).contains(&status), "an answer is final");
        Self {
            status,
            reason: None,
            cause: None,
            message: Cow::Borrowed(""),
            detail: Cow::Borrowed(""),
            retry_after_secs: None,
            fields: Vec::new(),
            body: Body::Empty,
        }
    }

    /// A stored answer, or a part of it.
    pub fn stored(stored: Stored) -> Self {
        let status = match stored.part {
            Part::Whole => stored.answer.status(),
            Part::Range(_) => 206,
            Part::Nothing => 304,
        };
        Self {
            body: Body::Stored(stored),
            ..Self::empty(status)
        }
    }

    /// How many bytes go out for it, roughly.
    pub fn bytes(&self) -> usize {
        limits::OWN_FIELDS_BYTES
            + match &self.body {
                Body::Empty | Body::Error | Body::Exit | Body::Page => 0,
                Body::Raw { bytes, .. } => bytes.len(),
                Body::Stored(stored) => stored.answer.lines().len() + stored.body().len(),
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

    /// The same answer with these words behind its status.
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
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
            Body::Page => body::page(sink, self.status),
            Body::Raw { bytes, .. } => sink.put(bytes),
            Body::Stored(stored) => sink.put(stored.body()),
        }
    }
}

/// Which of Kong's two layers would have answered; they differ in the form chosen without an
/// `Accept`.
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
        | Cause::TargetsUnhealthy
        | Cause::TargetsBusy
        | Cause::DnsError
        | Cause::DnsTimeout
        | Cause::Overloaded
        | Cause::UpstreamOverloaded
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
        | Cause::TlsProtocol
        | Cause::TlsCertificate
        | Cause::TlsAlert
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
