//! The texts a configuration is made of, and places in them.
//!
//! While a file is being read a place is a range of bytes; only what is shown to a person is turned into line
//! and column, because a configuration without faults never needs them.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::PathBuf;

use foldhash::HashMap;
use foldhash::HashMapExt;
use uuid::Uuid;

use super::cover;
use super::fault::Spot;

/// A range of bytes in a file. A block of a file is resolved by itself, with places that count from its own
/// start; [`Place::moved`] turns them into places of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which file, by its number in [`Sources`].
    pub(super) file: u32,
    /// The first byte.
    pub(super) start: u32,
    /// Behind the last byte.
    pub(super) end: u32,
}

impl Place {
    /// A range of the block at hand; a file is smaller than 4 GiB (`limits::CONFIG_FILE_BYTES`).
    pub(super) fn of(range: std::ops::Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            file: 0,
            start: clamp(range.start),
            end: clamp(range.end),
        }
    }

    /// The same place, seen from `base`, the place of the block it was measured in.
    pub(super) fn moved(self, base: Self) -> Self {
        Self {
            file: base.file,
            start: self.start.saturating_add(base.start),
            end: self.end.saturating_add(base.start),
        }
    }

    /// `length` bytes from `offset` on within this place.
    pub(super) fn part(self, offset: usize, length: usize) -> Self {
        let part = Self::of(offset..offset + length);
        let start = (self.start + part.start).min(self.end);
        Self {
            file: self.file,
            start,
            end: (self.start + part.end).clamp(start, self.end),
        }
    }
}

/// One file.
#[derive(Debug)]
pub(super) struct File {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its text; empty if it could not be read.
    pub(super) text: String,
    /// What of the text may not be shown, once somebody is to see some of it.
    covers: OnceCell<Vec<Range<usize>>>,
}

impl File {
    /// A file that was read.
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self {
            path,
            text,
            covers: OnceCell::new(),
        }
    }

    /// A part of the text with a mark for each character that may not be shown, and where in it the offsets of `marked`
    /// have come to lie.
    fn excerpt(&self, part: Range<usize>, marked: Range<usize>) -> (String, Range<usize>) {
        let covers = self.covers.get_or_init(|| cover::covers(&self.text));
        let mut covers = covers.iter().skip_while(|cover| cover.end <= part.start);
        let mut cover = covers.next();
        let (mut shown, mut found) = (String::with_capacity(part.len()), 0..0);
        for (at, character) in self.text[part.clone()].char_indices() {
            let at = part.start + at;
            if at <= marked.start {
                found.start = shown.len();
            }
            if at <= marked.end {
                found.end = shown.len();
            }
            while cover.is_some_and(|cover| cover.end <= at) {
                cover = covers.next();
            }
            let hidden = cover.is_some_and(|cover| cover.contains(&at));
            shown.push(if hidden { COVER } else { character });
        }
        if marked.start >= part.end {
            found.start = shown.len();
        }
        if marked.end >= part.end {
            found.end = shown.len();
        }
        (shown, found)
    }
}

/// What stands in place of a character that may not be shown.
const COVER: char = '*';

/// Every file of a configuration, in the order they were read.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The files; a place's number counts from the start.
    pub(super) files: Vec<File>,
}

/// Longest excerpt of one line, in bytes: a file may be one line of megabytes. What is shown of it is
/// narrowed further to the width of a terminal.
const EXCERPT_BYTES: usize = 4_096;

impl Sources {
    /// The places as `file:line`. One pass over each text, however many places there are.
    pub(super) fn lines(&self, mut spots: Vec<(Uuid, Place)>) -> HashMap<Uuid, Box<str>> {
        spots.sort_by_key(|(_, place)| *place);
        let mut lines = HashMap::with_capacity(spots.len());
        let (mut file, mut at, mut line) = (u32::MAX, 0, 1);
        for (id, place) in spots {
            let Some(source) = self.files.get(place.file as usize) else {
                continue;
            };
            if place.file != file {
                (file, at, line) = (place.file, 0, 1);
            }
            let start = (place.start as usize).min(source.text.len());
            let passed = source.text.as_bytes().get(at..start).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', passed).count();
            at = start;
            lines.insert(id, format!("{}:{line}", source.path.display()).into());
        }
        lines
    }

    /// Line, column and excerpt of `place`.
    pub(super) fn spot(&self, place: Place) -> Spot {
        let Some(file) = self.files.get(place.file as usize) else {
            return Spot::default();
        };
        let text = file.text.as_str();
        let start = floor_char(text, place.start as usize);
        let end = floor_char(text, place.end as usize).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let line_end = line_start + line.len();
        let start = start.min(line_end);
        let end = end.min(line_end);
        let from = floor_char(text, start.saturating_sub(EXCERPT_BYTES / 2)).max(line_start);
        let to = floor_char(text, (from + EXCERPT_BYTES).max(start)).min(line_end);
        let (excerpt, marked) = file.excerpt(from..to, start..end.min(to));
        Spot {
            file: file.path.clone(),
            line: 1 + text[..line_start].matches('\n').count(),
            column: 1 + text[line_start..start].chars().count(),
            length: text[start..end].chars().count().max(1),
            excerpt,
            marked,
        }
    }
}

/// The nearest boundary of characters at or before `at`.
fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::File;
    use super::Place;
    use super::Sources;

    fn spot(text: &str, range: std::ops::Range<usize>) -> super::Spot {
        let file = File::new("x.toml".into(), text.to_owned());
        Sources { files: vec![file] }.spot(Place::of(range))
    }

    #[test]
    fn columns_count_characters_and_a_place_ends_with_its_line() {
        let text = "a = 1\ntags = [\"ü\",\"x\"\nc = 3\n";
        let found = spot(text, 19..30);
        assert_eq!((found.line, found.column, found.length), (2, 13, 3));
        assert_eq!(&found.excerpt[found.marked], "\"x\"");
    }

    #[test]
    fn places_stay_right_beside_what_is_covered() {
        let text = "a = 1\nk = [{ key = \"büro\", kee = 3 }]\n";
        let at = text.find("kee").unwrap();
        let found = spot(text, at..at + 3);
        assert_eq!((found.line, found.column, found.length), (2, 22, 3));
        assert_eq!(found.excerpt, "k = [{ key = \"****\", kee = * }]");
        assert_eq!(&found.excerpt[found.marked], "kee");
        let at = text.find("\"b").unwrap();
        let found = spot(text, at..at + 7);
        assert_eq!((found.column, found.length), (14, 6));
        assert_eq!(&found.excerpt[found.marked], "\"****\"");
    }

    #[test]
    fn any_range_has_a_spot() {
        for text in ["", "\n", "ü", "a\r\nü\n\nb", &"ü".repeat(500)] {
            for start in 0..=text.len() + 1 {
                for end in start..(text.len() + 2).min(start + 9) {
                    let found = spot(text, start..end);
                    assert!(found.line > 0 && found.column > 0 && found.length > 0);
                    assert!(found.excerpt.get(found.marked).is_some());
                }
            }
        }
    }
}
