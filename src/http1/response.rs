//! A response's head: tokenised by httparse, judged here by RFC 9112.

use crate::http::Cause;
use crate::http::Field;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::http::ResponseHead;
use crate::http::Reuse;
use crate::http::Version;
use crate::http1::HeadLimits;
use crate::http1::request::FIELDS;
pub use crate::http1::request::Parsed;
pub use crate::http1::request::Progress;
use crate::http1::request::number;
use crate::http1::request::span;

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFault(Cause);

impl ResponseFault {
    /// The cause to answer with.
    pub fn cause(self) -> Cause {
        self.0
    }
}

const MALFORMED: ResponseFault = ResponseFault(Cause::ResponseMalformed);
const TOO_LARGE: ResponseFault = ResponseFault(Cause::ResponseHeadTooLarge);

/// Parses the head at the front of `bytes`, the answer to a request with `method`, into `head`.
///
/// # Errors
/// Why it is refused.
pub fn parse(
    bytes: &[u8],
    limits: &HeadLimits,
    _progress: &mut Progress,
    method: Method,
    head: &mut ResponseHead,
) -> Result<Parsed, ResponseFault> {
    let mut lines = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut lines);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() >= limits.head_bytes => return Err(TOO_LARGE),
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(_) => return Err(MALFORMED),
    };
    if length > limits.head_bytes || response.headers.len() > limits.fields {
        return Err(TOO_LARGE);
    }
    head.status = response
        .code
        .filter(|code| (100..600).contains(code))
        .ok_or(MALFORMED)?;
    head.reason = span(bytes, response.reason.unwrap_or_default().as_bytes());
    if response.reason.unwrap_or_default().is_empty() {
        head.reason = crate::http::Span::default();
    }
    head.version = if response.version == Some(1) {
        Version::Http11
    } else {
        Version::Http10
    };
    head.length = length;
    head.fields.clear();
    for line in response.headers.iter() {
        let name = line.name.as_bytes();
        let (name_span, value) = (span(bytes, name), span(bytes, line.value));
        head.fields.push(Field {
            name: name_span,
            value,
            known: Name::of(name),
        });
    }
    framing(bytes, method, head)?;
    Ok(Parsed::Complete)
}

fn framing(bytes: &[u8], method: Method, head: &mut ResponseHead) -> Result<(), ResponseFault> {
    let values = head.fields.all(Name::Connection, bytes);
    let mut options = values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii);
    let keep = match head.version {
        Version::Http11 => !options.any(|option| option.eq_ignore_ascii_case(b"close")),
        Version::Http10 => options.any(|option| option.eq_ignore_ascii_case(b"keep-alive")),
    };
    drop(options);
    head.reuse = if keep { Reuse::Keep } else { Reuse::Close };
    let mut lengths = head.fields.all(Name::ContentLength, bytes);
    let first = lengths.next();
    let same = lengths.all(|length| Some(length) == first);
    drop(lengths);
    let length = match first {
        Some(value) if same => Some(number(value).ok_or(MALFORMED)?),
        Some(_) => return Err(MALFORMED),
        None => None,
    };
    let coding = head.fields.all(Name::TransferEncoding, bytes).last();
    let bodiless = method == Method::Head || head.status < 200 || matches!(head.status, 204 | 304);
    head.framing = match (coding, length) {
        (_, _) if bodiless => Framing::Empty,
        (Some(coding), _) => {
            let chunked =
                coding.eq_ignore_ascii_case(b"chunked") && head.version == Version::Http11;
            if length.is_some() || !chunked {
                head.reuse = Reuse::Close;
            }
            if chunked {
                Framing::Chunked
            } else {
                Framing::UntilClose
            }
        }
        (None, Some(0)) => Framing::Empty,
        (None, Some(length)) => Framing::Length(length),
        (None, None) => Framing::UntilClose,
    };
    Ok(())
}
