//! A request's head, parsed in one pass and judged by RFC 9112: what is accepted here has one reading only.
//!
//! The first line is read here, its target taken apart by `target`, the field lines by `fields`; when the
//! last of them is in, what they say together is decided: the authority, the framing, the connection.

use crate::http::Cause;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::Span;
use crate::http::Version;
use crate::http1::HeadLimits;
use crate::http1::authority;
use crate::http1::fields;
use crate::http1::fields::FieldFault;
use crate::http1::fields::Side;
use crate::http1::fields::Step;
use crate::http1::framing;
pub use crate::http1::progress::Parsed;
pub use crate::http1::progress::Progress;
use crate::http1::scan;
use crate::http1::scan::Job;
use crate::http1::scan::Scan;
use crate::http1::scan::is_token;
use crate::http1::target;

use crate::base::limits::METHOD_BYTES;

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFault(Cause);

impl RequestFault {
    /// The cause to answer with.
    pub fn cause(self) -> Cause {
        self.0
    }
}

/// Parses the head at the front of `bytes` into `head`. After [`Parsed::Partial`] it is called again with
/// the same `progress` and `head` and with more bytes behind the ones already seen.
///
/// # Errors
/// Why it is refused.
#[inline]
pub fn parse(
    bytes: &[u8],
    limits: &HeadLimits,
    progress: &mut Progress,
    head: &mut RequestHead,
) -> Result<Parsed, RequestFault> {
    let Some((window, at)) = progress.resume(bytes, limits) else {
        return Ok(Parsed::Partial);
    };
    let parse = Parse {
        window,
        at,
        limits,
        progress,
        head,
    };
    scan::with_best(parse).map_err(RequestFault)
}

/// One call of the parser.
struct Parse<'a> {
    /// The bytes that the head may have.
    window: &'a [u8],
    /// Where the first line that is not parsed begins.
    at: usize,
    limits: &'a HeadLimits,
    progress: &'a mut Progress,
    head: &'a mut RequestHead,
}

impl Job for Parse<'_> {
    type Output = Result<Parsed, Cause>;

    #[inline(always)]
    fn run<S: Scan>(self, scan: S) -> Self::Output {
        let (bytes, head) = (self.window, self.head);
        let mut at = self.at;
        if !self.progress.started {
            match line(scan, bytes, at, head)? {
                Line::Complete(next) => at = next,
                Line::Partial(line) => {
                    self.progress.keep(line, bytes.len());
                    return partial_line(bytes, line, self.limits);
                }
            }
            let length = at - b"\r\n".len() - usize::from(head.method_span.start);
            if length > self.limits.line_bytes {
                return Err(Cause::RequestLineTooLong);
            }
            head.fields.clear();
            self.progress.started = true;
        }
        let most = self.limits.fields;
        match fields::parse(scan, bytes, at, most, Side::Request, &mut head.fields) {
            Ok(Step::End(length)) => {
                head.length = length;
                judge(scan, bytes, head)?;
                Ok(Parsed::Complete)
            }
            Ok(Step::Partial(_)) if bytes.len() >= self.limits.head_bytes => {
                Err(Cause::RequestHeadTooLarge)
            }
            Ok(Step::Partial(line)) => {
                self.progress.keep(line, bytes.len());
                Ok(Parsed::Partial)
            }
            Err(FieldFault::Malformed) => Err(Cause::RequestMalformed),
            Err(FieldFault::TooMany) => Err(Cause::RequestHeadTooLarge),
        }
    }
}

/// How far the first line has been parsed.
enum Line {
    /// The field lines begin here.
    Complete(usize),
    /// It begins here and is not complete.
    Partial(usize),
}

/// A first line that is not complete may become so only within its bound.
#[cold]
fn partial_line(bytes: &[u8], line: usize, limits: &HeadLimits) -> Result<Parsed, Cause> {
    let length = bytes.len() - line - usize::from(bytes.ends_with(b"\r"));
    if length > limits.line_bytes || bytes.len() >= limits.head_bytes {
        return Err(Cause::RequestLineTooLong);
    }
    Ok(Parsed::Partial)
}

/// Parses the request line at `at`, in front of which one empty line is ignored (RFC 9112 section 2.2).
#[inline(always)]
fn line<S: Scan>(
    scan: S,
    bytes: &[u8],
    mut at: usize,
    head: &mut RequestHead,
) -> Result<Line, Cause> {
    if at == 0 && bytes.first() == Some(&b'\r') {
        match bytes.get(1) {
            Some(b'\n') => at = 2,
            Some(_) => return Err(Cause::RequestMalformed),
            None => return Ok(Line::Partial(0)),
        }
    }
    let Some(method_end) = method(bytes, at, head)? else {
        return Ok(Line::Partial(at));
    };
    let start = method_end + 1;
    let Some((end, mark)) = target_run(scan, bytes, start)? else {
        return Ok(Line::Partial(at));
    };
    let Some(version) = version(bytes, end + 1)? else {
        return Ok(Line::Partial(at));
    };
    head.version = version;
    let found = target::Found { start, mark, end };
    target::split(scan, bytes, found, head).ok_or(Cause::RequestMalformed)?;
    Ok(Line::Complete(end + 1 + VERSION_BYTES))
}

/// The end of the method at `at`, which a space follows.
#[inline(always)]
fn method(bytes: &[u8], at: usize, head: &mut RequestHead) -> Result<Option<usize>, Cause> {
    if bytes.get(at..at + 4) == Some(b"GET ") {
        head.method = Method::Get;
        head.method_span = Span::new(at, at + 3);
        return Ok(Some(at + 3));
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let run = rest.iter().position(|&byte| !is_token(byte));
    let end = at + run.unwrap_or(rest.len());
    if end - at > METHOD_BYTES {
        return Err(Cause::RequestMethodUnknown);
    }
    match bytes.get(end) {
        Some(b' ') if end > at => {}
        Some(_) => return Err(Cause::RequestMalformed),
        None => return Ok(None),
    }
    head.method = Method::of(bytes.get(at..end).unwrap_or_default());
    head.method_span = Span::new(at, end);
    Ok(Some(end))
}

/// The end of the target at `start`, which a space follows, and the place of its first question mark.
#[inline(always)]
fn target_run<S: Scan>(
    scan: S,
    bytes: &[u8],
    start: usize,
) -> Result<Option<(usize, Option<usize>)>, Cause> {
    let mut mark = None;
    let mut end = scan.target_end(bytes, start);
    loop {
        match bytes.get(end) {
            Some(b' ') if end > start => return Ok(Some((end, mark))),
            Some(b'?') => {
                mark = mark.or(Some(end));
                end += 1;
            }
            Some(b'%') => match authority::escape_end(bytes, end) {
                Some(behind) => end = behind,
                None if bytes.len() - end < 3 && !bytes.ends_with(b"\n") => return Ok(None),
                None => return Err(Cause::RequestMalformed),
            },
            Some(_) => return Err(Cause::RequestMalformed),
            None => return Ok(None),
        }
        end = scan.target_end(bytes, end);
    }
}

/// Bytes of a version and the end of its line.
const VERSION_BYTES: usize = 10;

/// The version at `at` that ends the line. A later minor version is treated as 1.1 (RFC 9110 section 6.2).
#[inline(always)]
fn version(bytes: &[u8], at: usize) -> Result<Option<Version>, Cause> {
    let rest = bytes.get(at..).unwrap_or_default();
    // One comparison of a word and one of half a word.
    if let Some((version, line_end)) = rest.split_first_chunk()
        && u64::from_le_bytes(*version) == u64::from_le_bytes(*b"HTTP/1.1")
        && line_end.starts_with(b"\r\n")
    {
        return Ok(Some(Version::Http11));
    }
    other_version(rest)
}

#[cold]
fn other_version(rest: &[u8]) -> Result<Option<Version>, Cause> {
    let shape = b"HTTP/0.0\r\n";
    let fits = |(&byte, &like): (&u8, &u8)| byte == like || (like == b'0' && byte.is_ascii_digit());
    if !rest.iter().zip(shape).all(fits) {
        return Err(Cause::RequestMalformed);
    }
    match rest {
        [_, _, _, _, _, b'1', _, b'0', _, _, ..] => Ok(Some(Version::Http10)),
        [_, _, _, _, _, b'1', _, _, _, _, ..] => Ok(Some(Version::Http11)),
        [_, _, _, _, _, _, _, _, _, _, ..] => Err(Cause::RequestVersionUnknown),
        _ => Ok(None),
    }
}

/// Decides what the fields say together.
#[inline(always)]
fn judge<S: Scan>(scan: S, bytes: &[u8], head: &mut RequestHead) -> Result<(), Cause> {
    set_authority(scan, bytes, head).ok_or(Cause::RequestMalformed)?;
    framing::of_request(head, bytes)?;
    head.expects_continue = false;
    let fields = &head.fields;
    let options = framing::options(fields, bytes, head.version);
    (head.reuse, head.nominates) = (options.reuse, options.nominates);
    if options.strips {
        return Err(Cause::RequestMalformed);
    }
    if fields.has(Name::Expect) && head.version == Version::Http11 {
        let expected = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
        if !fields.all(Name::Expect, bytes).all(expected) {
            return Err(Cause::RequestExpectationUnknown);
        }
        head.expects_continue = head.framing != Framing::Empty;
    }
    if fields.has(Name::MaxForwards) && matches!(head.method, Method::Options | Method::Trace) {
        let hops = fields
            .get(Name::MaxForwards, bytes)
            .and_then(framing::number);
        if hops.is_none() || fields.repeats(Name::MaxForwards) {
            return Err(Cause::RequestMalformed);
        }
    }
    Ok(())
}

/// Finds the authority that the request is for: the target's own, else the Host field's. Nothing if a field
/// that must be there once is missing, repeated or malformed (RFC 9112 section 3.2).
#[inline(always)]
fn set_authority<S: Scan>(scan: S, bytes: &[u8], head: &mut RequestHead) -> Option<()> {
    let Some(host) = head.fields.line(Name::Host) else {
        if head.authority.is_empty() {
            (head.host, head.port) = (Span::default(), None);
        }
        return (head.version == Version::Http10).then_some(());
    };
    if head.fields.repeats(Name::Host) {
        return None;
    }
    let up_to = bytes.get(..usize::from(host.value.end))?;
    let parsed = authority::parse(scan, up_to, usize::from(host.value.start))?;
    if head.authority.is_empty() {
        head.authority = host.value;
        (head.host, head.port) = (parsed.host, parsed.port);
    }
    Some(())
}
