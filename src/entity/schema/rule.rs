//! What one value must satisfy besides its type.

use std::fmt;

use serde_json::Value;

/// What a value must satisfy besides its type.
#[derive(Clone, Copy)]
pub enum Rule {
    /// This text: `value must be x`.
    Eq(&'static str),
    /// One of these texts: `expected one of: a, b`.
    OneOf(&'static [&'static str]),
    /// One of these numbers.
    OneOfInts(&'static [i64]),
    /// `value should be between a and b`.
    Between(i64, i64),
    /// `value must be greater than x`.
    GreaterThan(f64),
    /// At least so long, for texts and lists: `length must be at least n`.
    LengthMin(usize),
    /// At most so long: `length must be at most n`.
    LengthMax(usize),
    /// Exactly so long: `length must be n`.
    Length(usize),
    /// `should start with: x`.
    StartsWith(&'static str),
    /// None of these texts: `must not be one of: a, b`.
    NotOneOf(&'static [&'static str]),
    /// Empty text is allowed, which it is not otherwise.
    AllowEmpty,
    /// A UUID: `expected a valid UUID`.
    Uuid,
    /// Later than the Unix epoch: `expected a valid timestamp`.
    Timestamp,
    /// A text of some form.
    Form(&'static Form),
    /// A list whose elements are all from one of these: `these sets are mutually exclusive: ('a'), ('b')`.
    Exclusive(&'static [&'static [&'static str]]),
    /// Anything else; the error is Kong's text.
    Custom(fn(&Value) -> Result<(), String>),
}

/// A form that texts may have, with Kong's patterns for it, which `/schemas` shows.
#[derive(Clone, Copy)]
pub struct Form {
    /// How Kong's patterns say it.
    pub how: How,
    /// Kong's patterns, in Lua's language.
    pub patterns: &'static [&'static str],
    /// Whether a text has the form.
    pub holds: fn(&str) -> bool,
    /// What is said of a text that has not; empty for `invalid value: x`.
    pub error: &'static str,
}

/// How patterns say a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The text matches it.
    Match,
    /// It matches none of them.
    None,
    /// It matches any of them.
    Any,
    /// It matches all of them.
    All,
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Form");
        tuple.field(&self.how).field(&self.patterns).finish()
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eq(text) => f.debug_tuple("Eq").field(text).finish(),
            Self::OneOf(texts) => f.debug_tuple("OneOf").field(texts).finish(),
            Self::OneOfInts(numbers) => f.debug_tuple("OneOfInts").field(numbers).finish(),
            Self::Between(low, high) => f.debug_tuple("Between").field(low).field(high).finish(),
            Self::GreaterThan(low) => f.debug_tuple("GreaterThan").field(low).finish(),
            Self::LengthMin(length) => f.debug_tuple("LengthMin").field(length).finish(),
            Self::LengthMax(length) => f.debug_tuple("LengthMax").field(length).finish(),
            Self::Length(length) => f.debug_tuple("Length").field(length).finish(),
            Self::StartsWith(text) => f.debug_tuple("StartsWith").field(text).finish(),
            Self::NotOneOf(texts) => f.debug_tuple("NotOneOf").field(texts).finish(),
            Self::AllowEmpty => f.write_str("AllowEmpty"),
            Self::Uuid => f.write_str("Uuid"),
            Self::Timestamp => f.write_str("Timestamp"),
            Self::Form(form) => form.fmt(f),
            Self::Exclusive(sets) => f.debug_tuple("Exclusive").field(sets).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}
