//! The authority of a request (RFC 9110 section 7.2): a host, and a port if there is one.

use std::net::Ipv6Addr;

use crate::http::Span;
use crate::http1::framing::number;
use crate::http1::scan::Scan;

/// An authority taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// The host without brackets and without a dot at its end.
    pub(super) host: Span,
    /// The port that is named.
    pub(super) port: Option<u16>,
}

/// Takes apart the authority that stands in `bytes` from `start` on to their end. Nothing for one that is
/// malformed; user information is, here.
#[inline]
pub(super) fn parse<S: Scan>(scan: S, bytes: &[u8], start: usize) -> Option<Authority> {
    let mut end = scan.host_end(bytes, start);
    if end == bytes.len() && end > start && bytes.last() != Some(&b'.') {
        return Some(Authority {
            host: Span::new(start, end),
            port: None,
        });
    }
    if bytes.get(start) == Some(&b'[') {
        return bracketed(bytes, start);
    }
    while bytes.get(end) == Some(&b'%') {
        end = scan.host_end(bytes, escape_end(bytes, end)?);
    }
    with_port(bytes, Span::new(start, end), end)
}

/// The place behind the escape at `at`.
pub(super) fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = bytes.get(at + 1..at + 3)?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 3)
}

/// An IPv6 address in brackets; its zone and later versions are not for this use.
#[cold]
fn bracketed(bytes: &[u8], start: usize) -> Option<Authority> {
    let inside = bytes.get(start + 1..)?;
    let length = memchr::memchr(b']', inside)?;
    let text = std::str::from_utf8(inside.get(..length)?).ok()?;
    text.parse::<Ipv6Addr>().ok()?;
    let end = start + 1 + length;
    with_port(bytes, Span::new(start + 1, end), end + 1)
}

/// The authority whose host is known, with what stands at `at`: nothing, or a colon and a port, which may be
/// empty (RFC 3986 section 3.2.3).
fn with_port(bytes: &[u8], host: Span, at: usize) -> Option<Authority> {
    let port = match bytes.get(at..)? {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(u16::try_from(number(digits)?).ok()?),
        _ => return None,
    };
    let dotted = host.of(bytes).last() == Some(&b'.');
    let host = Span {
        end: host.end - u16::from(dotted),
        ..host
    };
    (!host.is_empty()).then_some(Authority { host, port })
}
