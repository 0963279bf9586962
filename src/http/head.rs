//! Heads as the parser leaves them: offsets into the bytes that were received, nothing copied.
//!
//! A head is reused from one message to the next so that its field list allocates once. Whoever holds a
//! head holds the bytes beside it; every accessor takes them.

use crate::http::Method;
use crate::http::Name;

/// A range of a head's bytes. Heads are shorter than 64 KiB, see `limits::HEAD_BYTES_CEILING`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u16,
    /// One past the last byte.
    pub end: u16,
}

impl Span {
    /// From `start` to `end`, which lie in a head and so fit.
    #[inline]
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(
            start <= end && end <= usize::from(u16::MAX),
            "a head is bounded"
        );
        Self {
            start: start as u16,
            end: end as u16,
        }
    }

    /// The bytes that the span covers; empty where it lies outside of `bytes`.
    #[inline]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or_default()
    }

    /// Whether the span covers no byte.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// One field line: validated name, value without surrounding white space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The name's bytes, a non-empty token.
    pub name: Span,
    /// The value's bytes.
    pub value: Span,
    /// The name, if well known.
    pub known: Name,
}

/// The field lines of a head in the order received, with the first line of each well-known name at hand.
#[derive(Clone, Debug)]
pub struct Fields {
    lines: Vec<Field>,
    /// One plus the index in `lines` of the first line with that name; zero if there is none.
    first: [u16; Name::COUNT],
    /// A bit for each name that has more than one line.
    repeated: u64,
}

const _: () = assert!(Name::COUNT <= u64::BITS as usize);

impl Default for Fields {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            first: [0; Name::COUNT],
            repeated: 0,
        }
    }
}

impl Fields {
    /// Forgets all lines, keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.lines.clear();
        self.first = [0; Name::COUNT];
        self.repeated = 0;
    }

    /// Appends a line.
    #[inline]
    pub fn push(&mut self, field: Field) {
        self.lines.push(field);
        let first = &mut self.first[field.known as usize];
        if *first == 0 {
            *first = self.lines.len() as u16;
        } else {
            self.repeated |= 1 << field.known as u32;
        }
    }

    /// Whether a line with this well-known name is there.
    #[inline]
    pub fn has(&self, name: Name) -> bool {
        self.first[name as usize] != 0
    }

    /// Whether a well-known name has more than one line.
    #[inline]
    pub fn repeats(&self, name: Name) -> bool {
        self.repeated & (1 << name as u32) != 0
    }

    /// The first line with a well-known name.
    #[inline]
    pub fn line(&self, name: Name) -> Option<&Field> {
        debug_assert!(
            name != Name::Other,
            "a name that is not well known is looked up with `all_named`"
        );
        let index = usize::from(self.first[name as usize]).checked_sub(1)?;
        self.lines.get(index)
    }

    /// The first value under a well-known name.
    #[inline]
    pub fn get<'b>(&self, name: Name, bytes: &'b [u8]) -> Option<&'b [u8]> {
        self.line(name).map(|field| field.value.of(bytes))
    }

    /// Every value under a well-known name, in order.
    pub fn all<'b>(&self, name: Name, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let from = usize::from(self.first[name as usize])
            .checked_sub(1)
            .unwrap_or(self.lines.len());
        // Most names have one line, and then the others need not be looked at.
        let to = if self.repeats(name) {
            self.lines.len()
        } else {
            self.lines.len().min(from + 1)
        };
        let found = self.lines.get(from..to).unwrap_or_default();
        found
            .iter()
            .filter(move |field| field.known == name)
            .map(move |field| field.value.of(bytes))
    }

    /// Every value under any name, compared without case.
    pub fn all_named<'b>(&self, name: &[u8], bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let same = move |field: &&Field| field.name.of(bytes).eq_ignore_ascii_case(name);
        self.lines
            .iter()
            .filter(same)
            .map(move |field| field.value.of(bytes))
    }

    /// The lines in the order received.
    #[inline]
    pub fn lines(&self) -> &[Field] {
        &self.lines
    }
}

/// The protocol version of a message; any later 1.x is treated as 1.1 (RFC 9110 section 6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// Where a message's body ends (RFC 9112 section 6.3), decided once from all framing fields together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    #[default]
    Empty,
    /// Exactly this many bytes, more than zero.
    Length(u64),
    /// The chunked coding.
    Chunked,
    /// All bytes until the sender closes; responses only.
    UntilClose,
}

/// What the sender of a head wants to happen to its connection after the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// It persists.
    #[default]
    Keep,
    /// It closes.
    Close,
}

/// The four forms of a request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `host:port`, for CONNECT.
    Authority,
    /// `*`, for OPTIONS.
    Asterisk,
}

/// A request target taken apart, as received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Which form it has.
    pub form: TargetForm,
    /// The path, beginning with `/`; empty for an absolute form without one, and for the other two forms.
    pub path: Span,
    /// What follows the first `?`, which may be nothing at all.
    pub query: Option<Span>,
}

/// A request's head.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The method's spelling.
    pub method_span: Span,
    /// The whole target as received.
    pub target_span: Span,
    /// The target's parts.
    pub target: Target,
    /// The authority that the request is for, port included: the absolute form's, else the Host field's.
    /// Empty only for an empty Host or an HTTP/1.0 request without one.
    pub authority: Span,
    /// Where in `authority` the host without brackets, port and trailing dot stands.
    pub host: Span,
    /// The port that `authority` names.
    pub port: Option<u16>,
    /// The version the client spoke.
    pub version: Version,
    /// The field lines.
    pub fields: Fields,
    /// Where the body ends.
    pub framing: Framing,
    /// What the client wants for the connection.
    pub reuse: Reuse,
    /// Connection nominates fields that are not for one hop by their names already.
    pub nominates: bool,
    /// `Expect: 100-continue` of an HTTP/1.1 request with a body.
    pub expects_continue: bool,
    /// The head's length in bytes, empty line included.
    pub length: usize,
}

/// A response's head.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// The version the origin spoke.
    pub version: Version,
    /// Three digits, 100 to 599.
    pub status: u16,
    /// The reason phrase, which may be empty.
    pub reason: Span,
    /// The field lines.
    pub fields: Fields,
    /// Where the body ends, the request's method considered.
    pub framing: Framing,
    /// Whether the origin will keep the connection.
    pub reuse: Reuse,
    /// Connection nominates fields that are not for one hop by their names already.
    pub nominates: bool,
    /// The head's length in bytes, empty line included.
    pub length: usize,
}
