//! Field lines (RFC 9112 section 5): of a request's head, of a response's, of a trailer section.
//!
//! Every byte is looked at once and every line leaves as offsets, its name recognised on the way. What is
//! rare has a function of its own that is kept off the path: the end of the section, underscores, white space
//! in odd places, whatever is malformed.

use crate::http::Field;
use crate::http::Fields;
use crate::http::Name;
use crate::http::Span;
use crate::http1::scan::Scan;
use crate::http1::scan::is_text;
use crate::http1::scan::is_token;

/// Whose fields they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A client's: nothing is excused.
    Request,
    /// An origin's: white space before a colon is removed, which RFC 9112 section 5.1 demands of a proxy.
    Response,
}

/// How far the section has been parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The line that begins here is not complete.
    Partial(usize),
    /// The section ends here, behind its empty line.
    End(usize),
}

/// Why a section is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldFault {
    /// A line breaks the grammar.
    Malformed,
    /// There are more lines than allowed.
    TooMany,
}

/// Parses the lines from `at` on, which is where one begins, and appends them to `fields` until there are
/// `most`. `bytes` are the head from its first byte on.
#[inline(always)]
pub(super) fn parse<S: Scan>(
    scan: S,
    bytes: &[u8],
    mut at: usize,
    most: usize,
    side: Side,
    fields: &mut Fields,
) -> Result<Step, FieldFault> {
    loop {
        let (name_end, colon, known) = match scan.name(bytes, at) {
            Some((colon, known)) => (colon, colon, known),
            None if bytes.get(at..at + 2) == Some(b"\r\n") => return Ok(Step::End(at + 2)),
            None => match unusual(bytes, at, side)? {
                Unusual::Partial => return Ok(Step::Partial(at)),
                Unusual::Name(end, colon, known) => (end, colon, known),
            },
        };
        let end = match scan.line_end(bytes, colon + 1) {
            Some(end) => end,
            None => match unusual_end(bytes, colon + 1)? {
                Some(end) => end,
                None => return Ok(Step::Partial(at)),
            },
        };
        if fields.lines().len() >= most {
            return Err(FieldFault::TooMany);
        }
        fields.push(Field {
            name: Span::new(at, name_end),
            value: trimmed(bytes, colon, end),
            known,
        });
        at = end + 2;
    }
}

/// The value between a colon and the end of its line, without the white space around it. Most have one space
/// in front and none behind.
#[inline(always)]
fn trimmed(bytes: &[u8], colon: usize, end: usize) -> Span {
    match bytes.get(colon..end) {
        Some([_, b' ', first, ..]) if *first > b' ' && bytes[end - 1] > b' ' => {
            Span::new(colon + 2, end)
        }
        _ => trimmed_at_length(bytes, colon + 1, end),
    }
}

#[cold]
fn trimmed_at_length(bytes: &[u8], start: usize, end: usize) -> Span {
    let value = bytes.get(start..end).unwrap_or_default();
    let behind = value.trim_ascii_end().len();
    let front = behind
        - value
            .get(..behind)
            .unwrap_or_default()
            .trim_ascii_start()
            .len();
    Span::new(start + front, start + behind)
}

/// The end of a run of field-value bytes that begins at `at` and may have tabs in it, nothing if it is not
/// complete.
#[cold]
pub(super) fn unusual_end(bytes: &[u8], at: usize) -> Result<Option<usize>, FieldFault> {
    let rest = bytes.get(at..).unwrap_or_default();
    let run = rest.iter().position(|&byte| !is_text(byte));
    let end = run.map_or(bytes.len(), |run| at + run);
    match bytes.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Some(end)),
        [] | [b'\r'] => Ok(None),
        _ => Err(FieldFault::Malformed),
    }
}

/// What stands where a name and its colon do not.
enum Unusual {
    /// A line that is not complete.
    Partial,
    /// The end of the name, the place of the colon, and the name.
    Name(usize, usize, Name),
}

/// Looks at the line at `at`, which does not begin with a plain name and a colon.
#[cold]
fn unusual(bytes: &[u8], at: usize, side: Side) -> Result<Unusual, FieldFault> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest == b"\r" {
        return Ok(Unusual::Partial);
    }
    let Some(run) = rest.iter().position(|&byte| !is_token(byte)) else {
        return Ok(Unusual::Partial);
    };
    let name_end = at + run;
    let name = bytes.get(at..name_end).unwrap_or_default();
    if name.is_empty() || (side == Side::Request && shadows(name)) {
        return Err(FieldFault::Malformed);
    }
    let behind = bytes.get(name_end..).unwrap_or_default();
    let white = behind
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'));
    let white = white.count();
    match behind.get(white) {
        Some(b':') if white == 0 || side == Side::Response => {
            Ok(Unusual::Name(name_end, name_end + white, Name::of(name)))
        }
        None if side == Side::Response => Ok(Unusual::Partial),
        Some(_) | None => Err(FieldFault::Malformed),
    }
}

/// Whether a name with underscores would be taken, behind a gateway in the manner of CGI, for a field that
/// frames, routes, authenticates or is trusted (RFC 9110 section 17.10).
fn shadows(name: &[u8]) -> bool {
    let mut spelled = [0; Name::LINE_START_BYTES];
    let Some(spelled) = spelled.get_mut(..name.len()) else {
        return false;
    };
    for (to, &from) in spelled.iter_mut().zip(name) {
        *to = if from == b'_' { b'-' } else { from };
    }
    name.contains(&b'_')
        && matches!(
            Name::of(spelled),
            Name::Connection
                | Name::ContentLength
                | Name::KeepAlive
                | Name::MaxForwards
                | Name::ProxyAuthenticate
                | Name::ProxyAuthorization
                | Name::ProxyConnection
                | Name::ProxyStatus
                | Name::TransferEncoding
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
