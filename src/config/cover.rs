//! Which parts of a configuration's text may not be shown to whoever reads about a fault in it.
//!
//! The text may be no TOML at all, so it is not parsed: a tolerant reader follows keys, strings and brackets, and what it
//! cannot make sense of is covered. So is the value of every key that is neither harmless nor clearly meant to be a harmless
//! one: a password under a misspelled key is still a password. It reads a file once, and only if there is a fault in it.

use std::ops::Range;

use foldhash::HashSet;

use super::schema;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Type;
use crate::plugin::registry;

/// The ranges of bytes that may not be shown, in order.
pub(super) fn covers(text: &str) -> Vec<Range<usize>> {
    let mut reader = Reader {
        text,
        at: 0,
        names: Names::new(),
        covers: Vec::new(),
    };
    reader.document();
    reader.covers
}

/// A key of the configuration that is secret besides the fields that are: whoever took the token for its hash has
/// written the token.
const HASH: &str = "hash";

/// The table whose keys are the names of header fields.
const HEADERS: &str = "headers";

/// How deep brackets are followed; TOML's own parser gives up earlier.
const DEPTH: usize = 128;

/// From 0 to 1, how much of a word must be right for us to take it for another one.
const LIKE_ENOUGH: f64 = 0.8;

/// Every key that a configuration may have.
#[derive(Default)]
struct Names {
    /// Those that are harmless somewhere.
    all: HashSet<&'static str>,
    /// Those of secrets, and of tables.
    secret: HashSet<&'static str>,
}

impl Names {
    fn new() -> Self {
        let mut names = Self::default();
        for section in schema::SECTIONS {
            for key in section.keys {
                // Where tables belong, anything else may be what belongs into them.
                let is_table = key.kind.contains("table");
                names.put(key.name, true, is_table);
            }
        }
        for kind in Kind::ALL {
            names.add(kind.entity().schema.fields, false);
        }
        for plugin in registry::ALL {
            names.add(plugin.config.fields, true);
        }
        names.secret.insert(HASH);
        names
    }

    /// Adds the names of fields and of those in them. Of entities only the secret ones count: what else a file may say
    /// of them is in the schema of the file.
    fn add(&mut self, fields: &'static [Field], known: bool) {
        for field in fields {
            let inner = inner(&field.kind);
            let is_table = known && !inner.is_empty();
            self.put(field.name, known, field.secret || is_table);
            self.add(inner, known);
        }
    }

    fn put(&mut self, name: &'static str, known: bool, secret: bool) {
        if secret {
            self.secret.insert(name);
        } else if known {
            self.all.insert(name);
        }
    }

    fn is_harmless(&self, name: &str) -> bool {
        if self.secret.contains(name) {
            return false;
        }
        if self.all.contains(name) {
            return true;
        }
        let like = |known: &&'static str| strsim::normalized_damerau_levenshtein(name, known);
        let most = |names: &HashSet<&'static str>| names.iter().map(like).fold(0.0, f64::max);
        let harmless = most(&self.all);
        harmless >= LIKE_ENOUGH && harmless > most(&self.secret)
    }
}

fn inner(kind: &Type) -> &'static [Field] {
    match *kind {
        Type::Record(fields) => fields,
        Type::Checked(schema) => schema.fields,
        Type::Array(element) | Type::Set(element) | Type::Map(_, element) => inner(&element.kind),
        Type::Text
        | Type::Integer
        | Type::Number
        | Type::Boolean
        | Type::Foreign(_)
        | Type::OneOrMore(..)
        | Type::Protocols
        | Type::Config => &[],
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    names: Names,
    covers: Vec<Range<usize>>,
}

impl Reader<'_> {
    /// Lines: headers of tables, and keys with their values.
    fn document(&mut self) {
        let mut free = false;
        while let Some(byte) = self.skip(b" \t\r\n") {
            match byte {
                b'#' => self.line(),
                b'[' => {
                    let header = self.at..self.line_end();
                    let text = &self.text[header.clone()];
                    free = text.trim_end().trim_end_matches(']').ends_with(HEADERS);
                    // What stands in quotes is no name of ours.
                    let names = text.find(['"', '\'', '#']).unwrap_or(text.len());
                    self.cover(header.start + names..header.end);
                    self.at = header.end;
                }
                _ => {
                    self.entry(free, 0);
                    if self.skip(b" \t\r").is_some_and(|byte| byte != b'\n') {
                        self.line();
                    }
                }
            }
        }
    }

    /// A key and its value. `free` says that keys are not known here and may be shown all the same.
    fn entry(&mut self, free: bool, depth: usize) {
        let start = self.at;
        let (last, in_headers) = self.key();
        let known = free || in_headers || self.names.is_harmless(&self.text[last.clone()]);
        if self.peek() == Some(b'=') {
            self.at += 1;
            return self.value(known, free || &self.text[last] == HEADERS, depth);
        }
        // A word of ours may stand alone. Anything else may be the rest of a string.
        let word = known && start == last.start && !free;
        let from = if word { last.end } else { start };
        self.cover(from..self.line_end());
        self.at = self.line_end();
    }

    /// Goes behind a key and the spaces after it; where its last part stands, and whether an earlier one is `headers`.
    fn key(&mut self) -> (Range<usize>, bool) {
        let mut in_headers = false;
        loop {
            self.skip(b" \t");
            let part = match self.peek() {
                Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
                _ => {
                    let start = self.at;
                    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
                    while self.peek().is_some_and(bare) {
                        self.at += 1;
                    }
                    start..self.at
                }
            };
            self.skip(b" \t");
            if self.peek() != Some(b'.') {
                return (part, in_headers);
            }
            self.at += 1;
            in_headers |= &self.text[part] == HEADERS;
        }
    }

    /// A value; `free` is for the keys in it.
    fn value(&mut self, shown: bool, free: bool, depth: usize) {
        if depth > DEPTH {
            self.cover(self.at..self.text.len());
            self.at = self.text.len();
            return;
        }
        match self.skip(b" \t") {
            Some(quote @ (b'"' | b'\'')) => {
                let string = self.quoted(quote);
                if !shown {
                    self.cover(string);
                } else if let Some(user) = user_of(&self.text[string.clone()]) {
                    self.cover(string.start + user.start..string.start + user.end);
                }
            }
            Some(b'[') => self.members(b']', shown, free, depth),
            Some(b'{') => self.members(b'}', shown, free, depth),
            _ => {
                let start = self.at;
                while self.peek().is_some_and(|byte| !b",]}#\r\n".contains(&byte)) {
                    self.at += 1;
                }
                if !shown {
                    let value = self.text[start..self.at].trim_end();
                    self.cover(start..start + value.len());
                }
            }
        }
    }

    /// A list, or a table in braces. Where a bracket is missing, what follows is keys again.
    fn members(&mut self, end: u8, shown: bool, free: bool, depth: usize) {
        self.at += 1;
        while let Some(byte) = self.skip(b" \t\r\n,") {
            let start = self.at;
            match byte {
                b'#' => self.line(),
                b']' | b'}' => {
                    self.at += 1;
                    return;
                }
                _ if end == b'}' || self.is_key() => self.entry(free, depth + 1),
                _ => self.value(shown, free, depth + 1),
            }
            // Nothing was read: a character that may stand nowhere.
            if self.at == start {
                self.at += self.text[start..].chars().next().map_or(1, char::len_utf8);
                self.cover(start..self.at);
            }
        }
    }

    /// Whether a key and `=` stand here.
    fn is_key(&mut self) -> bool {
        let start = self.at;
        self.key();
        let found = self.peek() == Some(b'=');
        self.at = start;
        found
    }

    /// Goes behind a string; where its contents are. One that does not end ends with its line, or with the text if it
    /// may have several lines.
    fn quoted(&mut self, quote: u8) -> Range<usize> {
        let marks = if quote == b'"' { "\"\"\"" } else { "'''" };
        let long = self.text[self.at..].starts_with(marks);
        let marks = if long { marks } else { &marks[..1] };
        let start = self.at + marks.len();
        self.at = start;
        while let Some(byte) = self.peek() {
            if self.text.as_bytes()[self.at..].starts_with(marks.as_bytes()) {
                let contents = start..self.at;
                self.at += marks.len();
                return contents;
            }
            match byte {
                b'\n' if !long => break,
                b'\\' if quote == b'"' => self.at = (self.at + 2).min(self.text.len()),
                _ => self.at += 1,
            }
        }
        self.at = boundary(self.text, self.at);
        start..self.at
    }

    /// Covers the rest of the line and goes to its end.
    fn line(&mut self) {
        let end = self.line_end();
        self.cover(self.at..end);
        self.at = end;
    }

    fn line_end(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        memchr::memchr(b'\n', rest).map_or(self.text.len(), |length| self.at + length)
    }

    fn skip(&mut self, bytes: &[u8]) -> Option<u8> {
        while self.peek().is_some_and(|byte| bytes.contains(&byte)) {
            self.at += 1;
        }
        self.peek()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn cover(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.covers.push(range);
        }
    }
}

/// Where a URL names a user and a password.
fn user_of(text: &str) -> Option<Range<usize>> {
    let start = text.find("://")? + 3;
    let authority = text[start..].split(['/', '?', '#']).next()?;
    let end = start + authority.rfind('@')?;
    Some(start..end)
}

/// The nearest boundary of characters at or after `at`.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests;
