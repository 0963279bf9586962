//! The trailer section of a chunked message (RFC 9112 section 7.1.2): kept apart from the head, held until it
//! is complete, passed on by rule.

use crate::http::Fields;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::Version;
use crate::http1::HeadLimits;
use crate::http1::chunked::ChunkFault;
use crate::http1::encode;
use crate::http1::fields;
use crate::http1::fields::FieldFault;
use crate::http1::fields::Side;
use crate::http1::fields::Step;
use crate::http1::framing::elements;
use crate::http1::scan::Tables;

/// The trailers of one message. They are rare, so nothing about them is fast.
#[derive(Debug, Default)]
pub(super) struct Trailers {
    bytes: Vec<u8>,
    fields: Fields,
    /// Where in `bytes` the first line begins that is not complete.
    line: usize,
    limits: HeadLimits,
}

/// What came of a part of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// How many bytes belong to it.
    pub(super) consumed: usize,
    /// It has ended.
    pub(super) done: bool,
}

impl Trailers {
    /// Begins another section.
    pub(super) fn reset(&mut self, limits: &HeadLimits) {
        self.limits = *limits;
        if !self.bytes.is_empty() {
            // Few messages have any: the memory is not kept for the next.
            (self.bytes, self.fields, self.line) = (Vec::new(), Fields::default(), 0);
        }
    }

    /// Takes more bytes of the section, or the whole of it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Section, ChunkFault> {
        let mut consumed = 0;
        while let Some(rest) = bytes.get(consumed..).filter(|rest| !rest.is_empty()) {
            let end = memchr::memchr(b'\n', rest);
            let piece = rest.get(..end.map_or(rest.len(), |at| at + 1));
            let piece = piece.unwrap_or_default();
            if self.bytes.len() + piece.len() > self.limits.head_bytes {
                return Err(ChunkFault::TrailersTooLarge);
            }
            consumed += piece.len();
            if self.bytes.is_empty() && piece == b"\r\n" {
                return Ok(Section {
                    consumed,
                    done: true,
                });
            }
            self.bytes.extend_from_slice(piece);
            if end.is_some() && self.parse_line()? {
                return Ok(Section {
                    consumed,
                    done: true,
                });
            }
        }
        Ok(Section {
            consumed,
            done: false,
        })
    }

    /// Parses the line that has just been completed; whether it is the empty one that ends the section.
    fn parse_line(&mut self) -> Result<bool, ChunkFault> {
        let most = self.limits.fields;
        let (bytes, fields) = (&self.bytes, &mut self.fields);
        match fields::parse(Tables, bytes, self.line, most, Side::Request, fields) {
            Ok(Step::End(_)) => Ok(true),
            Ok(Step::Partial(line)) => {
                self.line = line;
                Ok(false)
            }
            Err(FieldFault::Malformed) => Err(ChunkFault::Malformed),
            Err(FieldFault::TooMany) => Err(ChunkFault::TrailersTooLarge),
        }
    }

    /// The lines and the bytes that they refer to.
    pub(super) fn parts(&self) -> (&Fields, &[u8]) {
        (&self.fields, &self.bytes)
    }
}

/// Whether a field may be passed on as a trailer (RFC 9110 section 6.5.1): not if it frames, routes,
/// authenticates, controls or describes the message, or is for one hop. The well-known names all do, which is
/// why the gateway knows them.
pub fn may_be_trailer(name: &[u8]) -> bool {
    let among = |names: &[&str]| {
        names
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
    };
    let within = |families: &[&str]| {
        families.iter().any(|family| {
            let start = name.get(..family.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(family.as_bytes()))
        })
    };
    Name::of(name) == Name::Other && !among(CONTROLS) && !within(FAMILIES)
}

/// Fields that control or describe a message.
const CONTROLS: &[&str] = &[
    "Age",
    "Allow",
    "Alt-Svc",
    "Cache-Control",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Range",
    "Early-Data",
    "Expires",
    "Origin",
    "Pragma",
    "Range",
    "Set-Cookie2",
    "Vary",
    "Warning",
    "WWW-Authenticate",
    "X-HTTP-Method-Override",
];

/// Beginnings that such fields share.
const FAMILIES: &[&str] = &[
    "Accept-",
    "Access-Control-",
    "If-",
    "Proxy-",
    "Sec-",
    "X-Consumer-",
    "X-Credential-",
    "X-Forwarded-",
    "X-Kong-",
];

/// Whether a client takes trailers behind an answer (RFC 9110 section 6.5.1).
pub fn wanted(head: &RequestHead, bytes: &[u8]) -> bool {
    let mut codings = elements(head.fields.all(Name::Te, bytes));
    head.version == Version::Http11
        && codings.any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

/// Appends a Trailer field with what the Trailer fields of a message announce and is passed on.
pub fn announce(fields: &Fields, bytes: &[u8], out: &mut Vec<u8>) {
    let announced = elements(fields.all(Name::Trailer, bytes));
    let mut separator: &[u8] = b"Trailer: ";
    for name in announced.filter(|name| may_be_trailer(name)) {
        out.extend_from_slice(separator);
        out.extend_from_slice(name);
        separator = b", ";
    }
    if separator == b", " {
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the trailers that may be passed on.
pub fn append((fields, bytes): (&Fields, &[u8]), out: &mut Vec<u8>) {
    for field in fields.lines() {
        let name = field.name.of(bytes);
        if may_be_trailer(name) {
            encode::field(out, name, field.value.of(bytes));
        }
    }
}
