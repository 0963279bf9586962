//! What plugins change of a message's fields: names whose lines are left out, and lines that are added.
//!
//! The lines of a head are never rewritten in place. Whoever writes a head asks for each received line whether it is
//! [removed](Edits::removes), and appends [`lines`](Edits::lines) after the last, which is one copy. Memory is kept from
//! one exchange to the next.

use crate::http::Name;

/// Changes of a head's fields, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Names to leave out, one after the other, and where each ends.
    removed: Vec<u8>,
    ends: Vec<(Name, u32)>,
    /// Lines to add, each with its line end.
    lines: Vec<u8>,
}

/// Changes of a request beyond its fields; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The method.
    pub method: Option<Box<[u8]>>,
    /// The upstream path, in place of the one that service, route and request make.
    pub path: Option<Box<[u8]>>,
    /// The query, without its question mark; `Some(None)` takes it away.
    pub query: Option<Option<Box<[u8]>>>,
    /// The Host.
    pub host: Option<Box<[u8]>>,
    /// The body, in place of the received one.
    pub body: Option<Vec<u8>>,
    /// Most bytes that the received body may have, for bodies whose length is not known beforehand.
    pub body_limit: Option<u64>,
}

impl Rewrite {
    /// Bounds the body, which may have other bounds already.
    pub fn limit_body(&mut self, bytes: u64) {
        let bound = self.body_limit.map_or(bytes, |other| other.min(bytes));
        self.body_limit = Some(bound);
    }
}

impl Edits {
    /// Forgets all changes, keeps the memory.
    pub fn clear(&mut self) {
        self.removed.clear();
        self.ends.clear();
        self.lines.clear();
    }

    /// Whether nothing is changed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.lines.is_empty()
    }

    /// Whether received lines with this name are left out.
    #[inline]
    pub fn removes(&self, known: Name, name: &[u8]) -> bool {
        if self.ends.is_empty() {
            return false;
        }
        let mut start = 0;
        self.ends.iter().any(|&(other, end)| {
            let removed = self.removed.get(start..end as usize).unwrap_or_default();
            start = end as usize;
            known == other && (known != Name::Other || removed.eq_ignore_ascii_case(name))
        })
    }

    /// The lines to add.
    #[inline]
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// The first value that an added line has under this name.
    pub fn added<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        lines_of(&self.lines)
            .map(|range| &self.lines[range])
            .find_map(|line| value_of(line, name))
    }

    /// Every value that added lines have under this name.
    pub fn all_added<'a>(&'a self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        lines_of(&self.lines)
            .map(|range| &self.lines[range])
            .filter_map(move |line| value_of(line, name))
    }

    /// Takes every line with this name away, received or added.
    pub fn remove(&mut self, name: &[u8]) {
        let known = Name::of(name);
        if !self.removes(known, name) {
            self.removed.extend_from_slice(name);
            let end = u32::try_from(self.removed.len()).unwrap_or(u32::MAX);
            self.ends.push((known, end));
        }
        if self.added(name).is_some() {
            let old = std::mem::take(&mut self.lines);
            for range in lines_of(&old) {
                if value_of(&old[range.clone()], name).is_none() {
                    self.lines.extend_from_slice(&old[range]);
                }
            }
        }
    }

    /// Adds a line; others with the name stay. A value with a line end in it would become two lines, so such bytes are
    /// left out.
    ///
    /// What frames the message or concerns one hop is nobody's but the gateway's, so fields with such names are not
    /// added at all.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        if is_framing(Name::of(name)) {
            return;
        }
        self.lines.extend_from_slice(name);
        self.lines.extend_from_slice(b": ");
        let clean = |byte: &u8| !matches!(byte, b'\r' | b'\n' | 0);
        if value.iter().all(clean) {
            self.lines.extend_from_slice(value);
        } else {
            self.lines.extend(value.iter().copied().filter(clean));
        }
        self.lines.extend_from_slice(b"\r\n");
    }

    /// Makes this the only line with the name.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Adds lines that are encoded already, the last of which lacks its value: a number.
    #[inline]
    pub fn add_number(&mut self, lines: &[u8], number: u64) {
        debug_assert!(lines.ends_with(b": "));
        self.lines.extend_from_slice(lines);
        let mut digits = itoa::Buffer::new();
        self.lines
            .extend_from_slice(digits.format(number).as_bytes());
        self.lines.extend_from_slice(b"\r\n");
    }

    /// Adds lines that are encoded already, each with its line end.
    #[inline]
    pub fn add_lines(&mut self, lines: &[u8]) {
        debug_assert!(lines.is_empty() || lines.ends_with(b"\r\n"));
        self.lines.extend_from_slice(lines);
    }
}

/// Whether the gateway alone writes fields with this name.
fn is_framing(name: Name) -> bool {
    matches!(
        name,
        Name::Connection
            | Name::ContentLength
            | Name::Host
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::Te
            | Name::Trailer
            | Name::TransferEncoding
            | Name::Upgrade
    )
}

/// The ranges of the lines, line ends included.
fn lines_of(lines: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', lines).map(move |end| {
        let range = start..end + 1;
        start = end + 1;
        range
    })
}

/// The value of an encoded line, if its name is this.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b": ")?;
    head.eq_ignore_ascii_case(name)
        .then(|| value.strip_suffix(b"\r\n").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removes(edits: &Edits, name: &str) -> bool {
        edits.removes(Name::of(name.as_bytes()), name.as_bytes())
    }

    #[test]
    fn a_set_field_has_one_line_whatever_was_there() {
        let mut edits = Edits::default();
        assert!(edits.is_empty());
        edits.add(b"X-A", b"1");
        edits.add(b"X-B", b"2");
        edits.add(b"x-a", b"3");
        edits.set(b"X-A", b"4");
        assert_eq!(edits.lines(), b"X-B: 2\r\nX-A: 4\r\n");
        assert!(removes(&edits, "x-A"));
        assert!(!removes(&edits, "X-B"));
        assert_eq!(edits.added(b"x-b"), Some(&b"2"[..]));
        edits.clear();
        assert!(edits.is_empty());
    }

    #[test]
    fn known_and_other_names_are_told_apart() {
        let mut edits = Edits::default();
        edits.remove(b"Authorization");
        edits.remove(b"apikey");
        assert!(removes(&edits, "authorization"));
        assert!(removes(&edits, "APIKEY"));
        assert!(!removes(&edits, "accept"));
        assert!(!removes(&edits, "apikey2"));
    }

    #[test]
    fn a_value_cannot_make_a_line_of_its_own() {
        let mut edits = Edits::default();
        edits.set(b"X-A", b"1\r\nX-Evil: 1\0");
        assert_eq!(edits.lines(), b"X-A: 1X-Evil: 1\r\n");
        edits.add_number(b"X-C: c\r\nX-N: ", 42);
        assert_eq!(edits.added(b"x-n"), Some(&b"42"[..]));
        edits.set(b"Transfer-encoding", b"chunked");
        assert_eq!(edits.added(b"transfer-encoding"), None);
    }
}
