//! The parts of a `multipart/form-data` body (RFC 7578), read in place.

use std::ops::Range;

use memchr::memmem;

use super::pairs::Lookup;

/// The boundary that a `Content-Type` names.
pub(super) fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let boundary = parameter(content_type, b"boundary")?;
    (!boundary.is_empty()).then_some(boundary)
}

/// What the part called `name` holds.
pub(super) fn look_up<'a>(body: &'a [u8], boundary: &[u8], name: &[u8]) -> Lookup<'a> {
    let mut found = Lookup::Missing;
    for part in Parts::of(body, boundary) {
        let Some(content) = content(&body[part], name) else {
            continue;
        };
        if found != Lookup::Missing {
            return Lookup::Many;
        }
        found = Lookup::One(content.into());
    }
    found
}

/// The body without the parts called `name`; none if there is none.
pub(super) fn without(body: &[u8], boundary: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let (mut kept, mut copied, mut removed) = (Vec::new(), 0, false);
    let lead = b"--".len() + boundary.len();
    for part in Parts::of(body, boundary) {
        if content(&body[part.clone()], name).is_some() {
            // From its own delimiter to the next one.
            kept.extend_from_slice(&body[copied..part.start.saturating_sub(lead)]);
            copied = part.end;
            removed = true;
        }
    }
    kept.extend_from_slice(&body[copied..]);
    removed.then_some(kept)
}

/// The ranges from behind each delimiter to the next one.
struct Parts<'a> {
    body: &'a [u8],
    delimiter: Vec<u8>,
    at: Option<usize>,
}

impl<'a> Parts<'a> {
    fn of(body: &'a [u8], boundary: &[u8]) -> Self {
        let mut parts = Self {
            body,
            delimiter: [b"--", boundary].concat(),
            at: Some(0),
        };
        parts.at = parts.next_delimiter(0);
        parts
    }

    /// Where the first delimiter at or after `from` begins; one stands at the beginning of a line.
    fn next_delimiter(&self, from: usize) -> Option<usize> {
        let mut from = from;
        loop {
            let at = from + memmem::find(self.body.get(from..)?, &self.delimiter)?;
            if at == 0 || self.body.get(..at)?.ends_with(b"\n") {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

impl Iterator for Parts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at? + self.delimiter.len();
        let end = self.next_delimiter(start);
        self.at = end;
        end.map(|end| start..end)
    }
}

/// What a part holds, if it is called `name`.
fn content<'a>(part: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memmem::find(part, b"\r\n\r\n")?;
    let (head, content) = (&part[..at], &part[at + 4..]);
    let content = content.strip_suffix(b"\r\n").unwrap_or(content);
    let mut lines = head.split(|&byte| byte == b'\n');
    let disposition = lines.find_map(|line| {
        let (field, value) = line.split_at_checked(DISPOSITION.len())?;
        field.eq_ignore_ascii_case(DISPOSITION).then_some(value)
    })?;
    (parameter(disposition, b"name")? == name).then_some(content)
}

/// The value of a parameter behind a semicolon, without its quotes.
fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut parameters = value.split(|&byte| byte == b';').skip(1);
    parameters.find_map(|parameter| {
        let parameter = parameter.trim_ascii();
        let at = memchr::memchr(b'=', parameter)?;
        let (key, text) = (
            parameter[..at].trim_ascii(),
            parameter[at + 1..].trim_ascii(),
        );
        let unquoted = text
            .strip_prefix(b"\"")
            .and_then(|text| text.strip_suffix(b"\""));
        key.eq_ignore_ascii_case(name)
            .then_some(unquoted.unwrap_or(text))
    })
}

const DISPOSITION: &[u8] = b"Content-Disposition:";

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--x-y\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1 --x-y\r\n--x-y\r\n\
        Content-Type: text/plain\r\nContent-Disposition: form-data; filename=f; name=\"k\"\r\n\r\nkey\r\n--x-y--\r\n";

    #[test]
    fn parts_are_found_by_their_name() {
        let boundary = boundary(b"multipart/form-data; charset=x; Boundary=\"x-y\"").unwrap();
        let look = |name: &str| look_up(BODY.as_bytes(), boundary, name.as_bytes());
        assert_eq!(look("k"), Lookup::One(b"key".into()));
        assert_eq!(look("a"), Lookup::One(b"1 --x-y".into()));
        assert_eq!(look("f"), Lookup::Missing);
        let twice = BODY.replace("name=\"a\"", "name=k");
        assert_eq!(look_up(twice.as_bytes(), boundary, b"k"), Lookup::Many);
    }

    #[test]
    fn what_is_taken_away_leaves_the_other_parts_as_they_were() {
        let rest = without(BODY.as_bytes(), b"x-y", b"k").unwrap();
        let expected =
            "--x-y\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1 --x-y\r\n--x-y--\r\n";
        assert_eq!(std::str::from_utf8(&rest).unwrap(), expected);
        let rest = without(&rest, b"x-y", b"a").unwrap();
        assert_eq!(rest, b"--x-y--\r\n");
        assert_eq!(without(&rest, b"x-y", b"a"), None);
    }

    #[test]
    fn a_type_without_a_boundary_has_none() {
        assert_eq!(boundary(b"multipart/form-data"), None);
        assert_eq!(boundary(b"multipart/form-data; boundary="), None);
    }
}
