//! A `multipart/form-data` body (RFC 7578) whose parts can be changed by name; the others are copied as they are.

use std::borrow::Cow;

use super::Unfit;
use crate::base::limits;

/// The parts of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Multipart<'a> {
    /// Two hyphens and the boundary.
    delimiter: Vec<u8>,
    parts: Vec<Part<'a>>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part<'a> {
    name: Option<Cow<'a, [u8]>>,
    /// Its fields, without the empty line.
    head: Cow<'a, [u8]>,
    value: Cow<'a, [u8]>,
}

impl<'a> Multipart<'a> {
    /// Takes a body apart by its Content-Type; an empty one has no parts.
    ///
    /// # Errors
    /// The type names no boundary, or there is none of it in the body, or there are too many parts.
    pub(in crate::plugin) fn parse(content_type: &[u8], body: &'a [u8]) -> Result<Self, Unfit> {
        let boundary = boundary(content_type).ok_or(Unfit::Unreadable)?;
        let delimiter = [b"--", boundary].concat();
        let parts = split(body, &delimiter)?;
        Ok(Self { delimiter, parts })
    }

    /// Whether there is a part with this name.
    pub(in crate::plugin) fn has(&self, name: &[u8]) -> bool {
        self.parts.iter().any(|part| part.is(name))
    }

    /// The value of the first part with this name.
    pub(in crate::plugin) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.parts.iter().find(|part| part.is(name));
        found.map(|part| &*part.value)
    }

    /// The names of the parts that have one.
    pub(in crate::plugin) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().filter_map(|part| part.name.as_deref())
    }

    /// Takes all parts with this name away.
    pub(in crate::plugin) fn remove(&mut self, name: &[u8]) {
        self.parts.retain(|part| !part.is(name));
    }

    /// Gives this value to the first part with the name, or adds one; a plain part, whatever it was. A value that would
    /// end its part early changes nothing.
    pub(in crate::plugin) fn set(&mut self, name: &[u8], value: &[u8]) {
        if delimiters(value, &self.delimiter).next().is_some() {
            return;
        }
        let part = Part::plain(name, value);
        match self.parts.iter_mut().find(|part| part.is(name)) {
            Some(present) => *present = part,
            None => self.parts.push(part),
        }
    }

    /// Gives this value to the name in place of all parts that have it.
    pub(in crate::plugin) fn replace(&mut self, name: &[u8], value: &[u8]) {
        let mut first = true;
        self.parts
            .retain(|part| !part.is(name) || std::mem::take(&mut first));
        self.set(name, value);
    }

    /// Gives the first value under the old name the new one, as a plain part.
    pub(in crate::plugin) fn rename(&mut self, old: &[u8], new: &[u8]) {
        if let Some(value) = self.get(old).filter(|_| old != new) {
            let value = value.to_owned();
            self.set(new, &value);
            self.remove(old);
        }
    }

    /// The body.
    pub(in crate::plugin) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.parts.is_empty() {
            return out;
        }
        for part in &self.parts {
            for piece in [
                &self.delimiter[..],
                b"\r\n",
                &part.head,
                b"\r\n\r\n",
                &part.value,
                b"\r\n",
            ] {
                out.extend_from_slice(piece);
            }
        }
        out.extend_from_slice(&self.delimiter);
        out.extend_from_slice(b"--\r\n");
        out
    }
}

impl<'a> Part<'a> {
    fn parse(bytes: &'a [u8]) -> Self {
        let (head, value) = match empty_line(bytes) {
            Some((at, length)) => (bytes.get(..at), bytes.get(at + length..)),
            None => (Some(bytes), None),
        };
        let head = head.unwrap_or_default();
        Self {
            name: disposed_name(head),
            head: Cow::Borrowed(head),
            value: Cow::Borrowed(value.unwrap_or_default()),
        }
    }

    fn plain(name: &[u8], value: &[u8]) -> Self {
        let name: Vec<u8> = name
            .iter()
            .copied()
            .filter(|byte| !b"\r\n\"".contains(byte))
            .collect();
        Self {
            head: Cow::Owned(
                [b"Content-Disposition: form-data; name=\"", &name[..], b"\""].concat(),
            ),
            name: Some(Cow::Owned(name)),
            value: Cow::Owned(value.to_vec()),
        }
    }

    fn is(&self, name: &[u8]) -> bool {
        self.name.as_deref() == Some(name)
    }
}

/// The parts of a body.
fn split<'b>(body: &'b [u8], delimiter: &[u8]) -> Result<Vec<Part<'b>>, Unfit> {
    let mut parts = Vec::new();
    let mut delimiters = delimiters(body, delimiter);
    let mut open = delimiters.next();
    if open.is_none() && !body.is_empty() {
        return Err(Unfit::Unreadable);
    }
    while let Some(Delimiter { after, last, .. }) = open {
        if last {
            break;
        }
        let next = delimiters.next();
        let end = next.as_ref().map_or(body.len(), |next| next.before);
        parts.push(Part::parse(body.get(after..end).unwrap_or_default()));
        if parts.len() > limits::TRANSFORM_MEMBERS {
            return Err(Unfit::TooMany);
        }
        open = next;
    }
    Ok(parts)
}

/// A line that separates parts.
struct Delimiter {
    /// Where the part before it ends.
    before: usize,
    /// Where the part behind it begins.
    after: usize,
    /// There is no part behind it.
    last: bool,
}

/// The delimiters in a body: whatever begins a line, and nobody asks what else stands on it (RFC 2046 section 5.1.1). An
/// origin may be stricter than that, but none can be laxer and find a part that was not looked at here.
fn delimiters(body: &[u8], delimiter: &[u8]) -> impl Iterator<Item = Delimiter> {
    memchr::memmem::find_iter(body, delimiter).filter_map(|at| {
        let before = body.get(..at)?;
        if !matches!(before.last(), None | Some(b'\n' | b'\r')) {
            return None;
        }
        let behind = body.get(at + delimiter.len()..)?;
        // Looked for no further than the next line, or many delimiters would take time squared.
        let line = memchr::memchr2(b'\r', b'\n', behind).map_or(behind.len(), |end| {
            let crlf = behind
                .get(end..)
                .is_some_and(|rest| rest.starts_with(b"\r\n"));
            end + 1 + usize::from(crlf)
        });
        let ends: [&[u8]; 3] = [b"\r\n", b"\n", b"\r"];
        let line_end = ends.iter().find(|end| before.ends_with(end));
        Some(Delimiter {
            before: at - line_end.map_or(0, |end| end.len()),
            after: at + delimiter.len() + line,
            last: behind.starts_with(b"--"),
        })
    })
}

/// Where the first empty line is that ends a part's fields, and how many bytes separate them from the value.
fn empty_line(bytes: &[u8]) -> Option<(usize, usize)> {
    if bytes.starts_with(b"\r\n") {
        return Some((0, 2));
    }
    let strict = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| (at, 4));
    let lax = memchr::memmem::find(bytes, b"\n\n").map(|at| (at, 2));
    strict.into_iter().chain(lax).min()
}

/// The boundary that a Content-Type names.
fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let boundary = parameter(content_type, b"boundary")?;
    (!boundary.is_empty()).then_some(boundary)
}

/// The name in a part's Content-Disposition.
fn disposed_name(head: &[u8]) -> Option<Cow<'_, [u8]>> {
    let line = head.split(|&byte| byte == b'\n').find(|line| {
        let start = line.get(..DISPOSITION.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(DISPOSITION))
    })?;
    parameter(line.trim_ascii_end(), b"name").map(Cow::Borrowed)
}

/// The value of a parameter, without its quotes. What stands in the quotes of another is no parameter.
fn parameter<'v>(value: &'v [u8], name: &[u8]) -> Option<&'v [u8]> {
    let mut rest = value.get(memchr::memchr(b';', value)? + 1..)?;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b';' | b'='));
        let (key, behind) = rest.split_at(end?);
        let is_it = key.trim_ascii().eq_ignore_ascii_case(name);
        let Some(behind) = behind.strip_prefix(b"=") else {
            rest = behind.get(1..)?;
            continue;
        };
        let behind = behind.trim_ascii_start();
        let (found, behind) = match behind.strip_prefix(b"\"") {
            Some(quoted) => quoted.split_at(closing_quote(quoted)),
            None => {
                let end = behind.iter().position(|&byte| byte == b';');
                behind.split_at(end.unwrap_or(behind.len()))
            }
        };
        if is_it {
            return Some(found.trim_ascii());
        }
        rest = behind.get(memchr::memchr(b';', behind)? + 1..)?;
    }
}

/// Where a quoted text ends.
fn closing_quote(quoted: &[u8]) -> usize {
    let mut escaped = false;
    let end = quoted.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.unwrap_or(quoted.len())
}

const DISPOSITION: &[u8] = b"content-disposition:";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNREADABLE: Result<Multipart<'_>, Unfit> = Err(Unfit::Unreadable);
    const TYPE: &[u8] = b"multipart/form-data; boundary=XX";
    const BODY: &[u8] = b"preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--XX  \r\n\
        content-disposition: form-data; filename=\"x; name=b\"; Name = file\r\nContent-Type: text/plain\r\n\r\n--XY--XX\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"a\"\n\n3\r\n--XX--\r\nepilogue";

    fn text(form: &Multipart<'_>) -> String {
        String::from_utf8(form.write()).unwrap()
    }

    #[test]
    fn parts_are_found_and_copied() {
        let form = Multipart::parse(TYPE, BODY).unwrap();
        let names: Vec<_> = form.names().collect();
        assert_eq!(names, [&b"a"[..], b"file", b"a"]);
        assert_eq!(form.get(b"a"), Some(&b"1\r\n2"[..]));
        assert_eq!(form.get(b"file"), Some(&b"--XY--XX"[..]));
        let again = form.write();
        assert_eq!(Multipart::parse(TYPE, &again).unwrap(), form);
        assert!(text(&form).ends_with("\r\n\r\n3\r\n--XX--\r\n"));
    }

    #[test]
    fn parts_are_changed_by_name() {
        let mut form = Multipart::parse(TYPE, BODY).unwrap();
        form.rename(b"file", b"text");
        form.rename(b"absent", b"a");
        form.remove(b"a");
        form.set(b"new", b"v");
        form.set(b"new", b"w");
        form.set(b"evil", b"x\r\n--XXX\r\n");
        form.set(b"q\"\r\n", b"y");
        let part = |name, value| {
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts = [part("text", "--XY--XX"), part("new", "w"), part("q", "y")];
        assert_eq!(text(&form), parts.concat() + "--XX--\r\n");
    }

    #[test]
    fn a_part_cannot_hide_behind_a_lax_delimiter() {
        let body = b"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\n--XXX\n\
            Content-Disposition: form-data; name=b\r\n\r\n2\r\n--XX--";
        let mut form = Multipart::parse(TYPE, body).unwrap();
        assert_eq!(form.get(b"b"), Some(&b"2"[..]));
        form.remove(b"b");
        assert!(!text(&form).contains("name=b"));
    }

    #[test]
    fn without_a_boundary_there_is_nothing_to_take_apart() {
        assert_eq!(Multipart::parse(b"multipart/form-data", BODY), UNREADABLE);
        assert_eq!(
            Multipart::parse(b"multipart/form-data; boundary=", BODY),
            UNREADABLE
        );
        assert_eq!(Multipart::parse(TYPE, b"no parts"), UNREADABLE);
        let empty = Multipart::parse(b"multipart/form-data;boundary=\"X Y\"; a=b", b"").unwrap();
        assert_eq!(empty.delimiter, b"--X Y");
        assert!(empty.write().is_empty());
    }

    #[test]
    fn a_body_of_delimiters_takes_little_time() {
        let body = b"\r--XX".repeat(limits::PLUGIN_BODY_BYTES / 5);
        assert_eq!(Multipart::parse(TYPE, &body), Err(Unfit::TooMany));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(body in "((--XX(--)?|\r\n|\n|a: b|[cC]ontent-disposition: x; name=\"?[ab]|x){1,3}){0,12}") {
            let Ok(mut form) = Multipart::parse(TYPE, body.as_bytes()) else { return Ok(()) };
            form.set(b"n", b"v");
            let written = form.write();
            let again = Multipart::parse(TYPE, &written).unwrap();
            prop_assert!(again.has(b"n"));
        }

        #[test]
        fn no_bytes_are_too_odd(kind in ".{0,24}", body in proptest::collection::vec(any::<u8>(), 0..48)) {
            let _ = Multipart::parse(format!("x; boundary={kind}").as_bytes(), &body);
            let _ = Multipart::parse(kind.as_bytes(), &body);
        }
    }
}
