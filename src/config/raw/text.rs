//! A string of the document: what it says, and where each part of it stands.

use crate::config::code::Code;
use crate::config::fault::Draft;
use crate::config::fault::Sink;
use crate::config::raw::nearest;
use crate::config::source::Place;

/// A string with its place.
#[derive(Clone, Copy)]
pub(in crate::config) struct Text<'t> {
    /// What it says, escapes resolved.
    pub(in crate::config) value: &'t str,
    /// Where it stands, quotes included.
    pub(in crate::config) place: Place,
    source: &'t str,
}

impl<'t> Text<'t> {
    /// A string that stands at `place` in `source`.
    pub(in crate::config) fn new(value: &'t str, place: Place, source: &'t str) -> Self {
        Self {
            value,
            place,
            source,
        }
    }

    /// Adds a fault about the whole string.
    pub(in crate::config) fn fault<'s>(
        &self,
        code: Code,
        message: impl Into<String>,
        sink: &'s mut Sink,
    ) -> &'s mut Draft {
        sink.add(code, self.place, message)
    }

    /// What `words` has for it; a fault that lists them if it has nothing.
    pub(in crate::config) fn one_of<T: Clone>(
        &self,
        words: &[(&'static str, T)],
        sink: &mut Sink,
    ) -> Option<T> {
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == self.value) {
            return Some(meaning.clone());
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("expected one of: {}", list.join(", "));
        let fault = self.fault(Code::NotOneOf, message, sink);
        fault.hint = nearest(self.value, list.iter().copied());
        None
    }

    /// The place of `length` bytes of the value from `offset` on; the whole string where quoting makes that
    /// hard to tell (multi-line strings).
    pub(in crate::config) fn part(&self, offset: usize, length: usize) -> Place {
        let range = self.place.start as usize..self.place.end as usize;
        let raw = self.source.get(range).unwrap_or_default();
        let found = raw_offset(raw, offset).zip(raw_offset(raw, offset + length));
        match found {
            Some((start, end)) => self.place.part(start, (end - start).max(1)),
            None => self.place,
        }
    }
}

/// Where in the quoted text `raw` the byte `offset` of its value stands.
fn raw_offset(raw: &str, offset: usize) -> Option<usize> {
    let quote = raw.chars().next()?;
    if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
        return None;
    }
    match quote {
        '\'' => Some(1 + offset),
        '"' => escaped_offset(raw, offset),
        _ => Some(offset),
    }
}

/// The same for a string whose escapes take more bytes than they stand for.
fn escaped_offset(raw: &str, offset: usize) -> Option<usize> {
    let (mut at, mut value) = (1, 0);
    while value < offset {
        let rest = raw.get(at..)?;
        let first = rest.chars().next()?;
        if first != '\\' {
            at += first.len_utf8();
            value += first.len_utf8();
            continue;
        }
        let digits = match rest.chars().nth(1)? {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let code = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok();
        at += 2 + digits;
        value += code.and_then(char::from_u32).map_or(1, char::len_utf8);
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::raw_offset;

    #[test]
    fn escapes_are_counted() {
        assert_eq!(raw_offset(r#""abc""#, 2), Some(3));
        assert_eq!(raw_offset("'a\\b'", 2), Some(3));
        assert_eq!(raw_offset(r#""\\d+""#, 1), Some(3));
        assert_eq!(raw_offset(r#""\u00fcx""#, 2), Some(7));
        assert_eq!(raw_offset(r#""\U0001F600x""#, 4), Some(11));
        assert_eq!(raw_offset("\"\"\"abc\"\"\"", 1), None);
        assert_eq!(raw_offset("\"a", 9), None);
        assert_eq!(raw_offset("", 0), None);
    }
}
