//! A response's head, parsed in one pass and judged as strictly as a request's: an origin is no more to be
//! trusted with the framing of a shared connection than a client.

use crate::http::Cause;
use crate::http::Method;
use crate::http::ResponseHead;
use crate::http::Span;
use crate::http::Version;
use crate::http1::HeadLimits;
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

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFault(Cause);

impl ResponseFault {
    /// The cause to answer with.
    pub fn cause(self) -> Cause {
        self.0
    }
}

/// Parses the head at the front of `bytes`, the answer to a request with `method`, into `head`. After
/// [`Parsed::Partial`] it is called again with the same `progress` and `head` and with more bytes behind the
/// ones already seen.
///
/// # Errors
/// Why it is refused.
#[inline]
pub fn parse(
    bytes: &[u8],
    limits: &HeadLimits,
    progress: &mut Progress,
    method: Method,
    head: &mut ResponseHead,
) -> Result<Parsed, ResponseFault> {
    let Some((window, at)) = progress.resume(bytes, limits) else {
        return Ok(Parsed::Partial);
    };
    let parse = Parse {
        window,
        at,
        limits,
        progress,
        method,
        head,
    };
    scan::with_best(parse).map_err(ResponseFault)
}

/// One call of the parser.
struct Parse<'a> {
    /// The bytes that the head may have.
    window: &'a [u8],
    /// Where the first line that is not parsed begins.
    at: usize,
    limits: &'a HeadLimits,
    progress: &'a mut Progress,
    method: Method,
    head: &'a mut ResponseHead,
}

impl Job for Parse<'_> {
    type Output = Result<Parsed, Cause>;

    #[inline(always)]
    fn run<S: Scan>(self, scan: S) -> Self::Output {
        let (bytes, head) = (self.window, self.head);
        let mut at = self.at;
        let full = bytes.len() >= self.limits.head_bytes;
        if !self.progress.started {
            match line(scan, bytes, head)? {
                Some(next) => at = next,
                None if full => return Err(Cause::ResponseHeadTooLarge),
                None => {
                    self.progress.keep(0, bytes.len());
                    return Ok(Parsed::Partial);
                }
            }
            head.fields.clear();
            self.progress.started = true;
        }
        let most = self.limits.fields;
        match fields::parse(scan, bytes, at, most, Side::Response, &mut head.fields) {
            Ok(Step::End(length)) => {
                head.length = length;
                framing::of_response(head, self.method, bytes)?;
                Ok(Parsed::Complete)
            }
            Ok(Step::Partial(_)) if full => Err(Cause::ResponseHeadTooLarge),
            Ok(Step::Partial(line)) => {
                self.progress.keep(line, bytes.len());
                Ok(Parsed::Partial)
            }
            Err(FieldFault::Malformed) => Err(Cause::ResponseMalformed),
            Err(FieldFault::TooMany) => Err(Cause::ResponseHeadTooLarge),
        }
    }
}

/// Bytes of a version and a status with the space between them.
const STATUS_END: usize = 12;

/// Parses the status line; returns where the field lines begin, nothing if it is not complete.
#[inline(always)]
fn line<S: Scan>(scan: S, bytes: &[u8], head: &mut ResponseHead) -> Result<Option<usize>, Cause> {
    let Some(start) = bytes.first_chunk::<STATUS_END>() else {
        return begins_well(bytes)
            .then_some(None)
            .ok_or(Cause::ResponseMalformed);
    };
    if !begins_well(start) {
        return Err(Cause::ResponseMalformed);
    }
    head.version = if start[7] == b'0' {
        Version::Http10
    } else {
        Version::Http11
    };
    let [hundreds, tens, ones] = [start[9], start[10], start[11]].map(|d| u16::from(d - b'0'));
    head.status = hundreds * 100 + tens * 10 + ones;
    let end = match scan.line_end(bytes, STATUS_END) {
        Some(end) => end,
        None => match fields::unusual_end(bytes, STATUS_END) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(None),
            Err(_) => return Err(Cause::ResponseMalformed),
        },
    };
    // The space before a reason that is empty is required, and often forgotten (RFC 9112 section 4).
    if end > STATUS_END && bytes.get(STATUS_END) != Some(&b' ') {
        return Err(Cause::ResponseMalformed);
    }
    head.reason = Span::new(end.min(STATUS_END + 1), end);
    Ok(Some(end + 2))
}

/// Whether these first bytes of a response, up to the end of its status, are of the form `HTTP/1.d ddd` with
/// a status of a known class (RFC 9110 section 15).
#[inline(always)]
fn begins_well(bytes: &[u8]) -> bool {
    let usual = bytes.starts_with(b"HTTP/1.1 ");
    let digits = bytes.get(9..STATUS_END).unwrap_or_default();
    if usual && let [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] = digits {
        return true;
    }
    begins_tolerably(bytes)
}

#[cold]
fn begins_tolerably(bytes: &[u8]) -> bool {
    let shape = b"HTTP/1.0 100";
    let mut pairs = bytes.iter().zip(shape).enumerate();
    pairs.all(|(at, (&byte, &like))| match at {
        7 | 10 | 11 => byte.is_ascii_digit(),
        9 => matches!(byte, b'1'..=b'5'),
        _ => byte == like,
    })
}
