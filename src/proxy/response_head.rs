//! The head that goes to the client: the origin's end-to-end fields, then ours. A pure function of [`Homeward`].

use crate::http::Framing;
use crate::http::Name;
use crate::http::ResponseHead;
use crate::http::Version;
use crate::http::date::DateText;
use crate::http::reply::PSEUDONYM;
use crate::http::reply::reason;
use crate::http::request_id::RequestId;
use crate::http1::encode;
use crate::http1::hop_by_hop::Nominated;
use crate::http1::trailers;
use crate::plugin::Edits;

/// How a response's body goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// There is none.
    Empty,
    /// As many bytes as the origin announced.
    Length(u64),
    /// In chunks of our own.
    Chunked,
    /// Until we close, for a client that does not know chunks.
    UntilClose,
}

impl Delivery {
    /// How a body with this framing is delivered to a client of this version.
    pub fn of(framing: Framing, client: Version) -> Self {
        match (framing, client) {
            (Framing::Empty, _) => Self::Empty,
            (Framing::Length(length), _) => Self::Length(length),
            (Framing::Chunked | Framing::UntilClose, Version::Http11) => Self::Chunked,
            (Framing::Chunked | Framing::UntilClose, Version::Http10) => Self::UntilClose,
        }
    }
}

impl Delivery {
    /// The same for a body that was made anew, of this length.
    pub fn of_length(self, length: usize) -> Self {
        match self {
            Self::Empty => Self::Empty,
            Self::Length(_) | Self::Chunked | Self::UntilClose => Self::Length(length as u64),
        }
    }
}

/// A response on its way to the client: everything that its new head is made of.
#[derive(Clone, Copy, Debug)]
pub struct Homeward<'a> {
    /// The head as received from the origin.
    pub head: &'a ResponseHead,
    /// What the client is told, perhaps not what the origin said.
    pub status: u16,
    /// The bytes that the head refers to.
    pub bytes: &'a [u8],
    /// The version that the client spoke.
    pub client: Version,
    /// Trailers go to the client, if there are any.
    pub trailers: bool,
    /// How the body is delivered.
    pub delivery: Delivery,
    /// The client's connection persists.
    pub keep: bool,
    /// The value of a missing Date.
    pub date: &'a DateText,
    /// How long the origin took, in milliseconds.
    pub upstream_ms: u64,
    /// How long the gateway took, in milliseconds.
    pub gateway_ms: u64,
    /// The request's id.
    pub request_id: &'a RequestId,
    /// What plugins change of the fields.
    pub edits: &'a Edits,
    /// A cookie that the balancer gives to a client without one.
    pub cookie: Option<&'a [u8]>,
}

impl Homeward<'_> {
    /// Appends the final response's head, empty line included, to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let head = self.head;
        let reason = if self.status == head.status {
            head.reason.of(self.bytes)
        } else {
            reason(self.status).as_bytes()
        };
        encode::status_line(out, self.status, reason);
        self.write_origin_fields(out);
        match self.delivery {
            Delivery::Empty => self.write_length_of_nothing(out),
            Delivery::Length(length) => encode::content_length(out, length),
            Delivery::Chunked => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
                if self.trailers {
                    trailers::announce(&head.fields, self.bytes, out);
                }
            }
            Delivery::UntilClose => {}
        }
        match (self.keep, self.client, head.status) {
            (false, _, _) => out.extend_from_slice(b"Connection: close\r\n"),
            (true, _, 426) => out.extend_from_slice(b"Connection: upgrade\r\n"),
            (true, Version::Http10, _) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (true, Version::Http11, _) => {}
        }
        if !head.fields.has(Name::Date) {
            encode::field(out, b"Date", self.date);
        }
        self.write_own_fields(out);
        out.extend_from_slice(self.edits.lines());
        out.extend_from_slice(b"\r\n");
    }

    /// Appends an interim response, or the 101 of an upgrade.
    pub fn write_interim(&self, out: &mut Vec<u8>) {
        encode::status_line(out, self.head.status, self.head.reason.of(self.bytes));
        self.write_origin_fields(out);
        if self.head.status == 101 {
            out.extend_from_slice(b"Connection: Upgrade\r\n");
            let protocol = self.head.fields.get(Name::Upgrade, self.bytes);
            encode::field(out, b"Upgrade", protocol.unwrap_or_default());
            self.write_own_fields(out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_origin_fields(&self, out: &mut Vec<u8>) {
        let nominated = Nominated::of_response(self.head, self.bytes);
        for field in self.head.fields.lines() {
            let passes = match field.known {
                Name::ContentLength => false,
                // Ours stand in their place.
                Name::XKongProxyLatency | Name::XKongRequestId | Name::XKongUpstreamLatency => {
                    false
                }
                // A final answer's are continued in one line, see `write_own_fields`.
                Name::Via => self.head.status < 200 && self.head.status != 101,
                // The protocols of a 426 are its message (RFC 9110 section 15.5.22).
                Name::Upgrade => self.head.status == 426,
                _ => !nominated.covers_response(field, self.bytes),
            };
            if passes && !self.edits.removes(field.known, field.name.of(self.bytes)) {
                encode::received(out, field, self.bytes);
            }
        }
    }

    /// What a HEAD or a 304 says of the length is about the body that it does not have; a 204 says nothing
    /// (RFC 9110 section 8.6).
    fn write_length_of_nothing(&self, out: &mut Vec<u8>) {
        match self.head.fields.get(Name::ContentLength, self.bytes) {
            Some(length) if self.head.status != 204 => {
                encode::field(out, b"Content-Length", length)
            }
            Some(_) | None => {}
        }
    }

    /// What the gateway says of itself on a proxied answer, under Kong's names. The origin's Server is kept,
    /// its Via continued.
    fn write_own_fields(&self, out: &mut Vec<u8>) {
        let fields = &self.head.fields;
        if !fields.has(Name::Server) {
            encode::field(out, b"Server", PSEUDONYM.as_bytes());
        }
        if let Some(cookie) = self.cookie {
            encode::field(out, b"Set-Cookie", cookie);
        }
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b"X-Kong-Upstream-Latency: ");
        out.extend_from_slice(digits.format(self.upstream_ms).as_bytes());
        out.extend_from_slice(b"\r\nX-Kong-Proxy-Latency: ");
        out.extend_from_slice(digits.format(self.gateway_ms).as_bytes());
        out.extend_from_slice(b"\r\nVia: ");
        for via in fields.all(Name::Via, self.bytes) {
            out.extend_from_slice(via);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(b"1.1 ");
        out.extend_from_slice(PSEUDONYM.as_bytes());
        out.extend_from_slice(b"\r\nX-Kong-Request-Id: ");
        out.extend_from_slice(self.request_id);
        out.extend_from_slice(b"\r\n");
    }
}
