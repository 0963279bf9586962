//! The TOML side of the configuration: tables whose keys the schema knows, values with their places.
//!
//! A document is parsed into toml's own spanned tree and walked section by section. Serde is not used here on
//! purpose: a derived deserialiser stops at its first error, and we want every fault of a file in one run. A
//! getter returns `None` both for an absent key and for one whose value was wrong; the latter left a fault.

pub(super) mod duration;
pub(super) mod loose;
pub(super) mod text;

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use super::code::Code;
use super::fault::Draft;
use super::fault::Sink;
use super::schema::Section;
use super::source::Place;
use text::Text;

/// A table of the document, opened as a section of the schema.
#[derive(Clone, Copy)]
pub(super) struct Table<'t> {
    /// Where faults of the whole table show: its header.
    pub(super) place: Place,
    section: &'static Section,
    entries: &'t DeTable<'t>,
    source: &'t str,
}

/// A value of the document.
#[derive(Clone, Copy)]
pub(super) struct Item<'t> {
    pub(super) place: Place,
    value: &'t DeValue<'t>,
    source: &'t str,
}

impl<'t> Table<'t> {
    /// The root of a document whose text is `source`.
    pub(super) fn root(
        section: &'static Section,
        entries: &'t DeTable<'t>,
        source: &'t str,
        sink: &mut Sink,
    ) -> Self {
        let table = Self {
            place: Place::of(0..0),
            section,
            entries,
            source,
        };
        table.refuse_unknown_keys(sink);
        table
    }

    /// A key's value, if the key is there.
    pub(super) fn get(&self, key: &'static str) -> Option<Item<'t>> {
        debug_assert!(
            self.section.keys.iter().any(|known| known.name == key),
            "the schema knows every key that is read"
        );
        self.entries
            .get(key)
            .map(|value| Item::new(value, self.source))
    }

    /// Every key that is there, for tables whose keys are free.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Text<'t>, Item<'t>)> {
        let source = self.source;
        self.entries.iter().map(move |(key, value)| {
            let place = Place::of(key.span());
            (
                Text::new(key.get_ref(), place, source),
                Item::new(value, source),
            )
        })
    }

    /// A string.
    pub(super) fn text(&self, key: &'static str, sink: &mut Sink) -> Option<Text<'t>> {
        self.get(key)?.text(sink)
    }

    /// A list of strings; empty if absent.
    pub(super) fn texts(&self, key: &'static str, sink: &mut Sink) -> Vec<Text<'t>> {
        let items = self
            .get(key)
            .map(|item| item.list(sink))
            .unwrap_or_default();
        items.iter().filter_map(|item| item.text(sink)).collect()
    }

    /// A boolean, or its default.
    pub(super) fn flag(&self, key: &'static str, default: bool, sink: &mut Sink) -> bool {
        let Some(item) = self.get(key) else {
            return default;
        };
        match item.value {
            DeValue::Boolean(flag) => *flag,
            _ => {
                item.wrong_type("a boolean", sink);
                default
            }
        }
    }

    /// An integer within `range`, or its default.
    pub(super) fn integer(
        &self,
        key: &'static str,
        default: i64,
        range: RangeInclusive<i64>,
        sink: &mut Sink,
    ) -> i64 {
        let found = self.get(key).and_then(|item| item.integer(range, sink));
        found.unwrap_or(default)
    }

    /// A duration within `range`, if the key is there.
    pub(super) fn duration(
        &self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        sink: &mut Sink,
    ) -> Option<Duration> {
        self.get(key)?.duration(range, sink)
    }

    /// One word of `words`, or the value that stands for none.
    pub(super) fn word<T: Clone>(
        &self,
        key: &'static str,
        words: &[(&'static str, T)],
        default: T,
        sink: &mut Sink,
    ) -> T {
        let word = self
            .text(key, sink)
            .and_then(|text| text.one_of(words, sink));
        word.unwrap_or(default)
    }

    /// The tables of a list of tables; empty if absent.
    pub(super) fn tables(
        &self,
        key: &'static str,
        section: &'static Section,
        sink: &mut Sink,
    ) -> Vec<Table<'t>> {
        let Some(item) = self.get(key) else {
            return Vec::new();
        };
        if matches!(item.value, DeValue::Table(_)) {
            // So TOML reads `[[services.plugins]]` where no service stands above it.
            item.wrong_type("a list", sink).hint(format!(
                "each of `{key}` begins with a header in double brackets, and that stands above its parts: \
                 `[[services]]` above `[[services.plugins]]`"
            ));
            return Vec::new();
        }
        let items = item.list(sink);
        let open = |item: &Item<'t>| item.table(section, sink);
        items.iter().filter_map(open).collect()
    }

    /// A table within this one.
    pub(super) fn table(
        &self,
        key: &'static str,
        section: &'static Section,
        sink: &mut Sink,
    ) -> Option<Table<'t>> {
        self.get(key)?.table(section, sink)
    }

    /// Says that a key is needed.
    pub(super) fn missing(&self, key: &str, sink: &mut Sink) {
        let message = format!("`{key}`: required field missing");
        sink.add(Code::Missing, self.place, message);
    }

    fn refuse_unknown_keys(&self, sink: &mut Sink) {
        if self.section.keys.is_empty() {
            return;
        }
        for (key, _) in self.entries {
            let name: &str = key.get_ref();
            if self.section.keys.iter().any(|known| known.name == name) {
                continue;
            }
            let known = self.section.keys.iter().map(|key| key.name);
            let message = format!("unknown field `{name}` in {}", self.section.title);
            let place = Place::of(key.span());
            let fault = sink.add(Code::UnknownKey, place, message);
            fault.hint(proposal(name, known));
        }
    }
}

impl<'t> Item<'t> {
    fn new(value: &'t Spanned<DeValue<'t>>, source: &'t str) -> Self {
        Self {
            place: Place::of(value.span()),
            value: value.get_ref(),
            source,
        }
    }

    /// The string that it is.
    pub(super) fn text(&self, sink: &mut Sink) -> Option<Text<'t>> {
        match self.value {
            DeValue::String(text) => Some(Text::new(text, self.place, self.source)),
            _ => {
                self.wrong_type("a string", sink);
                None
            }
        }
    }

    /// Whether it is a string.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// The integer that it is, within `range`.
    pub(super) fn integer(&self, range: RangeInclusive<i64>, sink: &mut Sink) -> Option<i64> {
        let DeValue::Integer(digits) = self.value else {
            self.wrong_type("an integer", sink);
            return None;
        };
        let value = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        if let Some(value) = value.filter(|value| range.contains(value)) {
            return Some(value);
        }
        let (low, high) = (range.start(), range.end());
        let message = format!("value should be between {low} and {high}, not {digits}");
        sink.add(Code::OutOfRange, self.place, message);
        None
    }

    /// The duration that it is, within `range`.
    pub(super) fn duration(
        &self,
        range: RangeInclusive<Duration>,
        sink: &mut Sink,
    ) -> Option<Duration> {
        let read = match self.value {
            DeValue::String(text) => duration::parse(text),
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .and_then(|millis| u64::try_from(millis).ok())
                .map(Duration::from_millis),
            _ => {
                self.wrong_type("a duration", sink);
                return None;
            }
        };
        let Some(value) = read else {
            let message = "expected a duration";
            let fault = sink.add(Code::BadDuration, self.place, message);
            fault.hint("write a number with a unit, \"250ms\", \"5s\", \"1m\" or \"2h\", or whole milliseconds");
            return None;
        };
        if range.contains(&value) {
            return Some(value);
        }
        let (low, high) = (duration::show(*range.start()), duration::show(*range.end()));
        let message = format!("duration should be between {low} and {high}");
        sink.add(Code::OutOfRange, self.place, message);
        None
    }

    /// The elements of the list that it is.
    pub(super) fn list(&self, sink: &mut Sink) -> Vec<Item<'t>> {
        match self.value {
            DeValue::Array(items) => {
                let item = |value| Item::new(value, self.source);
                items.iter().map(item).collect()
            }
            _ => {
                self.wrong_type("a list", sink);
                Vec::new()
            }
        }
    }

    /// The table that it is, opened as a `section`.
    pub(super) fn table(&self, section: &'static Section, sink: &mut Sink) -> Option<Table<'t>> {
        let DeValue::Table(entries) = self.value else {
            self.wrong_type("a table", sink);
            return None;
        };
        let table = Table {
            place: self.place,
            section,
            entries,
            source: self.source,
        };
        table.refuse_unknown_keys(sink);
        Some(table)
    }

    fn wrong_type<'s>(&self, wanted: &str, sink: &'s mut Sink) -> &'s mut Draft {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("expected {wanted}, found {found}");
        sink.add(Code::WrongType, self.place, message)
    }
}

/// What to say about an unknown `word`: the known one that is nearest, or all of them.
fn proposal<'k>(word: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    nearest(word, known.clone()).unwrap_or_else(|| {
        let known: Vec<&str> = known.collect();
        format!("known here: {}", known.join(", "))
    })
}

/// "did you mean" the known word that is most like `word`, if one is like it.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let wanted = word.to_ascii_lowercase();
    known
        .map(|known| {
            (
                strsim::normalized_damerau_levenshtein(&wanted, known),
                known,
            )
        })
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| format!("did you mean `{known}`?"))
}

/// From 0 to 1, how much of a word must be right for us to guess it.
const LIKE_ENOUGH: f64 = 0.6;
