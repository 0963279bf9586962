//! Where a message's body ends (RFC 9112 section 6.3) and whether its connection goes on (section 9.3),
//! decided once from all the fields that have a say, and by nobody else.

use crate::http::Cause;
use crate::http::Fields;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::ResponseHead;
use crate::http::Reuse;
use crate::http::Version;
use crate::http1::scan::is_token;

/// A decimal number of digits alone that fits 64 bits (RFC 9110 section 8.6).
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let mut sum = 0_u64;
    for (place, byte) in value.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = if place < SAFE_DIGITS {
            sum * 10 + u64::from(digit)
        } else {
            sum.checked_mul(10)?.checked_add(u64::from(digit))?
        };
    }
    (!value.is_empty()).then_some(sum)
}

/// As many digits always fit 64 bits.
const SAFE_DIGITS: usize = 19;

/// The elements of a list (RFC 9110 section 5.6.1), the empty ones left out.
pub(super) fn elements<'b>(
    values: impl Iterator<Item = &'b [u8]>,
) -> impl Iterator<Item = &'b [u8]> {
    values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// Decides the framing of a request. Both framing fields, or one of them twice, are refused.
#[inline]
pub(super) fn of_request(head: &mut RequestHead, bytes: &[u8]) -> Result<(), Cause> {
    let fields = &head.fields;
    head.framing = match (
        fields.get(Name::ContentLength, bytes),
        fields.has(Name::TransferEncoding),
    ) {
        (None, false) => Framing::Empty,
        (Some(length), false) if !fields.repeats(Name::ContentLength) => {
            match number(length).ok_or(Cause::RequestMalformed)? {
                0 => Framing::Empty,
                length => Framing::Length(length),
            }
        }
        (None, true) => request_coding(fields, bytes, head.version)?,
        (Some(_), _) => return Err(Cause::RequestMalformed),
    };
    Ok(())
}

/// One transfer coding is taken: `chunked`, alone. All else could be read in two ways.
fn request_coding(fields: &Fields, bytes: &[u8], version: Version) -> Result<Framing, Cause> {
    match (codings(fields, bytes), version) {
        (Codings::Chunked, Version::Http11) => Ok(Framing::Chunked),
        (Codings::OthersThenChunked, Version::Http11) => Err(Cause::RequestCodingUnknown),
        (_, Version::Http10) | (Codings::Broken, _) => Err(Cause::RequestMalformed),
    }
}

/// What the Transfer-Encoding fields of a message list.
enum Codings {
    /// `chunked` and nothing else.
    Chunked,
    /// Codings that we do not know, then `chunked`.
    OthersThenChunked,
    /// No final `chunked`, or one in the wrong place, or something that is no coding (RFC 9112 section 6.1).
    Broken,
}

fn codings(fields: &Fields, bytes: &[u8]) -> Codings {
    let (mut chunked, mut others) = (false, false);
    let values = fields.all(Name::TransferEncoding, bytes);
    for coding in values.flat_map(|value| value.split(|&byte| byte == b',')) {
        let coding = coding.trim_ascii();
        let token = !coding.is_empty() && coding.iter().all(|&byte| is_token(byte));
        if chunked || !token || coding.eq_ignore_ascii_case(b"identity") {
            return Codings::Broken;
        }
        chunked = coding.eq_ignore_ascii_case(b"chunked");
        others |= !chunked;
    }
    match (chunked, others) {
        (true, false) => Codings::Chunked,
        (true, true) => Codings::OthersThenChunked,
        (false, _) => Codings::Broken,
    }
}

/// Decides the framing of the answer to a request with `method`, and what it means for the connection.
#[inline]
pub(super) fn of_response(
    head: &mut ResponseHead,
    method: Method,
    bytes: &[u8],
) -> Result<(), Cause> {
    let length = response_length(&head.fields, bytes)?;
    let bodiless = method == Method::Head || head.status < 200 || matches!(head.status, 204 | 304);
    let coded = head.fields.has(Name::TransferEncoding);
    let options = options(&head.fields, bytes, head.version);
    (head.reuse, head.nominates) = (options.reuse, options.nominates);
    head.framing = match length {
        _ if bodiless => Framing::Empty,
        _ if coded => {
            response_coding(&head.fields, bytes, head.version)?;
            if length.is_some() {
                // The coding decides, but who sends both may be lying to one of us (RFC 9112 section 6.3).
                head.reuse = Reuse::Close;
            }
            Framing::Chunked
        }
        Some(0) => Framing::Empty,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Ok(())
}

/// The length that a response announces. Many times the same is one (RFC 9110 section 8.6).
fn response_length(fields: &Fields, bytes: &[u8]) -> Result<Option<u64>, Cause> {
    let mut length = None;
    for value in fields.all(Name::ContentLength, bytes) {
        for element in value.split(|&byte| byte == b',') {
            let announced = number(element.trim_ascii()).ok_or(Cause::ResponseMalformed)?;
            if length.is_some_and(|length| length != announced) {
                return Err(Cause::ResponseMalformed);
            }
            length = Some(announced);
        }
    }
    Ok(length)
}

/// A coding other than `chunked` was never asked for and cannot be passed on without its label.
fn response_coding(fields: &Fields, bytes: &[u8], version: Version) -> Result<(), Cause> {
    match (codings(fields, bytes), version) {
        (Codings::Chunked, Version::Http11) => Ok(()),
        (_, _) => Err(Cause::ResponseCodingInvalid),
    }
}

/// What a message's Connection fields say (RFC 9110 section 7.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Whether the sender keeps its connection.
    pub(super) reuse: Reuse,
    /// Fields are nominated that are not for one hop by their names already.
    pub(super) nominates: bool,
    /// One of them is meant for the origin, or set by the gateway itself: an attempt to have it stripped.
    pub(super) strips: bool,
}

/// Reads the Connection fields of a message.
#[inline]
pub(super) fn options(fields: &Fields, bytes: &[u8], version: Version) -> Options {
    let unsaid = Options {
        reuse: match version {
            Version::Http11 => Reuse::Keep,
            Version::Http10 => Reuse::Close,
        },
        ..Options::default()
    };
    let repeats = fields.repeats(Name::Connection);
    match fields.get(Name::Connection, bytes) {
        None => unsaid,
        // Nearly all that say anything say this.
        Some(b"keep-alive") if !repeats => Options::default(),
        Some(said) if said.eq_ignore_ascii_case(b"keep-alive") && !repeats => Options::default(),
        Some(_) => listed_options(fields, bytes, unsaid),
    }
}

fn listed_options(fields: &Fields, bytes: &[u8], unsaid: Options) -> Options {
    let mut options = unsaid;
    let mut closes = false;
    for option in elements(fields.all(Name::Connection, bytes)) {
        if option.eq_ignore_ascii_case(b"close") {
            closes = true;
        } else if option.eq_ignore_ascii_case(b"keep-alive") {
            options.reuse = Reuse::Keep;
        } else {
            let name = Name::of(option);
            options.nominates |= !is_hop_by_hop(name);
            options.strips |= is_end_to_end(name);
        }
    }
    if closes {
        options.reuse = Reuse::Close;
    }
    options
}

fn is_hop_by_hop(name: Name) -> bool {
    matches!(
        name,
        Name::Http2Settings
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::Te
            | Name::Trailer
            | Name::TransferEncoding
            | Name::Upgrade
    )
}

fn is_end_to_end(name: Name) -> bool {
    matches!(
        name,
        Name::Authorization
            | Name::ContentLength
            | Name::ContentType
            | Name::Cookie
            | Name::Forwarded
            | Name::Host
            | Name::MaxForwards
            | Name::Via
            | Name::XForwardedFor
            | Name::XForwardedHost
            | Name::XForwardedPath
            | Name::XForwardedPort
            | Name::XForwardedPrefix
            | Name::XForwardedProto
            | Name::XKongRequestId
            | Name::XRealIp
    )
}
