//! Just enough of a request to answer it: how long its head and body are, and what it asks for.
//!
//! Deliberately tolerant and cheap: the origin must never be the bottleneck and judges nobody.
//! What it cannot delimit (chunked bodies) it reports, so that a run fails loudly.

use memchr::memchr;
use memchr::memmem;

/// Name of the header that numbers a request for the ledger, in lower case.
pub(crate) const LEDGER_HEADER: &str = "x-ledger-id";

/// What matters of a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Bytes of the head, its blank line included.
    pub(crate) head_bytes: usize,
    /// Bytes of body that follow; `None` when chunked, which the origin refuses.
    pub(crate) body_bytes: Option<u64>,
    /// The number after `/bytes/` in the path.
    pub(crate) answer_bytes: Option<u64>,
    /// The path asks for the origin's own counters.
    pub(crate) stats: bool,
    /// The method is POST.
    pub(crate) post: bool,
    /// The client wants the connection closed.
    pub(crate) close: bool,
    /// The request's number for the ledger.
    pub(crate) ledger: Option<u32>,
}

/// Reads the head at the front of `bytes`; `None` while it is incomplete.
pub(crate) fn read(bytes: &[u8], finder: &memmem::Finder<'_>) -> Option<Request> {
    let head_bytes = finder.find(bytes)? + 4;
    let head = &bytes[..head_bytes];
    let line_bytes = memchr(b'\n', head)? + 1;
    let (line, mut fields) = head.split_at(line_bytes);
    let path = path_of(line);
    let mut request = Request {
        head_bytes,
        body_bytes: Some(0),
        answer_bytes: path.strip_prefix(b"/bytes/").map(number),
        stats: path.starts_with(b"/_stats"),
        post: line.starts_with(b"POST "),
        close: false,
        ledger: None,
    };
    while let Some(end) = memchr(b'\n', fields) {
        let (field, rest) = fields.split_at(end + 1);
        apply(&mut request, field);
        fields = rest;
    }
    Some(request)
}

fn path_of(line: &[u8]) -> &[u8] {
    let start = memchr(b' ', line).map_or(line.len(), |at| at + 1);
    let rest = &line[start..];
    &rest[..memchr(b' ', rest).unwrap_or(rest.len())]
}

fn apply(request: &mut Request, field: &[u8]) {
    match field.first() {
        Some(b'c' | b'C') => {
            if let Some(value) = value_of(field, b"content-length") {
                request.body_bytes = Some(number(value));
            } else if let Some(value) = value_of(field, b"connection") {
                request.close |= value.trim_ascii().eq_ignore_ascii_case(b"close");
            }
        }
        Some(b't' | b'T') if value_of(field, b"transfer-encoding").is_some() => {
            request.body_bytes = None;
        }
        Some(b'x' | b'X') => {
            if let Some(value) = value_of(field, LEDGER_HEADER.as_bytes()) {
                request.ledger = u32::try_from(number(value)).ok();
            }
        }
        _ => {}
    }
}

fn value_of<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = field.split_at_checked(name.len() + 1)?;
    let matches = found.ends_with(b":") && found[..name.len()].eq_ignore_ascii_case(name);
    matches.then_some(value)
}

/// The decimal number at the front, after spaces; saturating, 0 when there is none.
fn number(value: &[u8]) -> u64 {
    let digits = value
        .trim_ascii_start()
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(0u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::Request;
    use super::memmem;
    use super::read;

    fn parse(text: &str) -> Option<Request> {
        read(text.as_bytes(), &memmem::Finder::new(b"\r\n\r\n"))
    }

    #[test]
    fn a_post_is_delimited_and_numbered() {
        let text = "POST /bytes/65536?q HTTP/1.1\r\nhost: a\r\nCONTENT-length: 4096\r\n\
                    X-Ledger-Id: 77\r\nConnection: close\r\n\r\nrest";
        let request = parse(text).expect("complete");
        assert_eq!(request.head_bytes, text.len() - 4);
        assert_eq!(request.body_bytes, Some(4096));
        assert_eq!(request.answer_bytes, Some(65536));
        assert_eq!(request.ledger, Some(77));
        assert!(request.post && request.close && !request.stats);
    }

    #[test]
    fn an_incomplete_head_is_not_read() {
        assert_eq!(parse("GET / HTTP/1.1\r\nhost: a\r\n"), None);
    }

    #[test]
    fn a_chunked_body_is_reported() {
        let request = parse("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(request.expect("complete").body_bytes, None);
    }
}
