//! The bodies of our own answers, byte for byte as Kong writes them.
//!
//! A body is written through [`Sink`], once to count its bytes for `Content-Length` and once for
//! good, so that the two can never disagree and no intermediate buffer is needed. Whatever is not
//! constant is escaped.

use crate::http::accept::BodyType;
use crate::http::reply::reason::reason;

/// Where a body's bytes go.
pub(super) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A sink that keeps the number of bytes alone.
#[derive(Default)]
pub(super) struct Count(pub(super) usize);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Kong's `error` family: the message with the request id, in the negotiated form.
pub(super) fn error(sink: &mut impl Sink, form: BodyType, message: &str, request_id: &[u8]) {
    let (before, between, after): (&[u8], &[u8], &[u8]) = match form {
        BodyType::Json => (
            b"{\n  \"message\":\"",
            b"\",\n  \"request_id\":\"",
            b"\"\n}",
        ),
        BodyType::Html => (HTML_BEFORE, HTML_BETWEEN, HTML_AFTER),
        BodyType::Xml => (
            XML_BEFORE,
            b"</message>\n  <requestid>",
            b"</requestid>\n</error>\n",
        ),
        BodyType::Plain => (b"", b"\nrequest_id: ", b"\n"),
    };
    sink.put(before);
    match form {
        BodyType::Json => escape(sink, message, json_escape),
        BodyType::Html | BodyType::Xml => escape(sink, message, markup_escape),
        BodyType::Plain => sink.put(message.as_bytes()),
    }
    sink.put(between);
    sink.put(request_id);
    sink.put(after);
}

/// Kong's `exit` family: the message alone, in JSON.
pub(super) fn exit(sink: &mut impl Sink, message: &str) {
    sink.put(b"{\"message\":\"");
    escape(sink, message, json_escape);
    sink.put(b"\"}");
}

/// The page that says the status and no more, as nginx has it.
pub(super) fn page(sink: &mut impl Sink, status: u16) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(status).as_bytes();
    for (before, after) in [
        (
            &b"<html>\r\n<head><title>"[..],
            &b"</title></head>\r\n<body>\r\n<center><h1>"[..],
        ),
        (b"", b"</h1></center>\r\n</body>\r\n</html>\r\n"),
    ] {
        for part in [before, digits, b" ", reason(status).as_bytes(), after] {
            sink.put(part);
        }
    }
}

/// Writes `text` with every byte that `replacement` knows replaced; runs without one go out whole.
fn escape(sink: &mut impl Sink, text: &str, replacement: fn(u8) -> Option<&'static str>) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(instead) = replacement(byte) {
            sink.put(&bytes[written..at]);
            sink.put(instead.as_bytes());
            written = at + 1;
        }
    }
    sink.put(&bytes[written..]);
}

fn json_escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        b'\n' => Some("\\n"),
        b'\r' => Some("\\r"),
        b'\t' => Some("\\t"),
        // The other control characters have no business in a message; JSON forbids them as they
        // are.
        0..=0x1f => Some("\\ufffd"),
        _ => None,
    }
}

fn markup_escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        // XML 1.0 has no place for these, escaped or not.
        0..=8 | 0x0b | 0x0c | 0x0e..=0x1f => Some("\u{fffd}"),
        _ => None,
    }
}

const HTML_BEFORE: &[u8] = b"<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    \
<title>Error</title>\n  </head>\n  <body>\n    <h1>Error</h1>\n    <p>";
const HTML_BETWEEN: &[u8] = b".</p>\n    <p>request_id: ";
const HTML_AFTER: &[u8] = b"</p>\n  </body>\n</html>\n";
const XML_BEFORE: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>";
