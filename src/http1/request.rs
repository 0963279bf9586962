//! A request's head: tokenised by httparse, judged here by RFC 9112.

use crate::http::Cause;
use crate::http::Field;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::Reuse;
use crate::http::Span;
use crate::http::Target;
use crate::http::TargetForm;
use crate::http::Version;
use crate::http1::HeadLimits;

/// Most field lines that are tokenised at once.
pub(super) const FIELDS: usize = 256;

/// How far a head has been looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress(());

/// What came of parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// More bytes are needed.
    Partial,
    /// The head is complete.
    Complete,
}

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFault(Cause);

impl RequestFault {
    /// The cause to answer with.
    pub fn cause(self) -> Cause {
        self.0
    }
}

const MALFORMED: RequestFault = RequestFault(Cause::RequestMalformed);
const TOO_LARGE: RequestFault = RequestFault(Cause::RequestHeadTooLarge);

/// Where `part` lies in `base`, of which it is a part.
pub(super) fn span(base: &[u8], part: &[u8]) -> Span {
    let start = (part.as_ptr() as usize).saturating_sub(base.as_ptr() as usize);
    let place = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    Span {
        start: place(start),
        end: place(start + part.len()),
    }
}

/// A decimal number of digits alone (RFC 9110 section 8.6).
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits
        .then_some(value)?
        .iter()
        .try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
}

/// Parses the head at the front of `bytes` into `head`.
///
/// # Errors
/// Why it is refused.
pub fn parse(
    bytes: &[u8],
    limits: &HeadLimits,
    _progress: &mut Progress,
    head: &mut RequestHead,
) -> Result<Parsed, RequestFault> {
    let mut lines = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut lines);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() >= limits.head_bytes => {
            let line = memchr::memchr(b'\n', bytes);
            return Err(if line.is_none() {
                RequestFault(Cause::RequestLineTooLong)
            } else {
                TOO_LARGE
            });
        }
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(httparse::Error::Version) => return Err(RequestFault(Cause::RequestVersionUnknown)),
        Err(_) => return Err(MALFORMED),
    };
    if length > limits.head_bytes || request.headers.len() > limits.fields {
        return Err(TOO_LARGE);
    }
    // httparse takes a line feed alone; a line ends with CR and LF here (RFC 9112 section 2.2).
    let lone = |at: usize| at == 0 || bytes.get(at - 1) != Some(&b'\r');
    if memchr::memchr_iter(b'\n', bytes.get(..length).unwrap_or_default()).any(lone) {
        return Err(MALFORMED);
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(MALFORMED);
    };
    if target.len() > limits.line_bytes {
        return Err(RequestFault(Cause::RequestLineTooLong));
    }
    head.length = length;
    head.method = Method::of(method.as_bytes());
    head.method_span = span(bytes, method.as_bytes());
    head.version = if request.version == Some(1) {
        Version::Http11
    } else {
        Version::Http10
    };
    head.fields.clear();
    for line in request.headers.iter() {
        let (name, value) = (line.name.as_bytes(), line.value);
        head.fields.push(Field {
            name: span(bytes, name),
            value: span(bytes, value),
            known: Name::of(name),
        });
    }
    split_target(bytes, target.as_bytes(), head)?;
    authority(bytes, head)?;
    framing(bytes, head)?;
    connection(bytes, head);
    Ok(Parsed::Complete)
}

fn split_target(bytes: &[u8], target: &[u8], head: &mut RequestHead) -> Result<(), RequestFault> {
    if target
        .iter()
        .any(|&byte| byte == b'#' || byte <= b' ' || byte >= 0x7f)
    {
        return Err(MALFORMED);
    }
    head.target_span = span(bytes, target);
    let (form, rest) = match (target, head.method) {
        (b"*", Method::Options) => (TargetForm::Asterisk, &target[..0]),
        (_, Method::Connect) => (TargetForm::Authority, &target[..0]),
        ([b'/', ..], _) => (TargetForm::Origin, target),
        (_, _) => return Err(MALFORMED),
    };
    let mark = memchr::memchr(b'?', rest);
    let (path, query) = rest.split_at(mark.unwrap_or(rest.len()));
    head.target = Target {
        form,
        path: span(bytes, path),
        query: mark.map(|_| span(bytes, query.get(1..).unwrap_or_default())),
    };
    Ok(())
}

fn authority(bytes: &[u8], head: &mut RequestHead) -> Result<(), RequestFault> {
    let mut hosts = head.fields.all(Name::Host, bytes);
    let (first, second) = (hosts.next(), hosts.next());
    drop(hosts);
    if second.is_some() || (first.is_none() && head.version == Version::Http11) {
        return Err(MALFORMED);
    }
    let value = first.unwrap_or_default();
    let bad = |byte: &u8| {
        matches!(
            byte,
            b' ' | b'\t' | b',' | b'/' | b'@' | b'?' | b'#' | b'\\' | 0x80..
        )
    };
    if value.iter().any(bad) {
        return Err(MALFORMED);
    }
    head.authority = span(bytes, value);
    let colon = value
        .iter()
        .rposition(|&byte| byte == b':')
        .filter(|&at| !value[at..].contains(&b']'));
    let (host, port) = value.split_at(colon.unwrap_or(value.len()));
    head.port = match port.get(1..) {
        None | Some([]) => None,
        Some(digits) => {
            let port = number(digits).and_then(|port| u16::try_from(port).ok());
            Some(port.ok_or(MALFORMED)?)
        }
    };
    let host = host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"))
        .unwrap_or(host);
    head.host = span(bytes, host.strip_suffix(b".").unwrap_or(host));
    Ok(())
}

fn framing(bytes: &[u8], head: &mut RequestHead) -> Result<(), RequestFault> {
    let lengths = head.fields.all(Name::ContentLength, bytes).count();
    let codings = head.fields.all(Name::TransferEncoding, bytes).count();
    head.framing = match (lengths, codings) {
        (0, 0) => Framing::Empty,
        (1, 0) => {
            let value = head
                .fields
                .get(Name::ContentLength, bytes)
                .unwrap_or_default();
            match number(value).ok_or(MALFORMED)? {
                0 => Framing::Empty,
                length => Framing::Length(length),
            }
        }
        (0, 1) if head.version == Version::Http11 => {
            let value = head
                .fields
                .get(Name::TransferEncoding, bytes)
                .unwrap_or_default();
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(MALFORMED);
            }
            Framing::Chunked
        }
        (_, _) => return Err(MALFORMED),
    };
    head.expects_continue = false;
    if let Some(expected) = head.fields.get(Name::Expect, bytes)
        && head.version == Version::Http11
    {
        if !expected.eq_ignore_ascii_case(b"100-continue") {
            return Err(RequestFault(Cause::RequestExpectationUnknown));
        }
        head.expects_continue = head.framing != Framing::Empty;
    }
    Ok(())
}

fn connection(bytes: &[u8], head: &mut RequestHead) {
    let values = head.fields.all(Name::Connection, bytes);
    let mut options = values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii);
    let named = |name: &'static [u8]| move |option: &[u8]| option.eq_ignore_ascii_case(name);
    let keep = match head.version {
        Version::Http11 => !options.any(named(b"close")),
        Version::Http10 => options.any(named(b"keep-alive")),
    };
    drop(options);
    head.reuse = if keep { Reuse::Keep } else { Reuse::Close };
}
