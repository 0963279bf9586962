//! What several fields of a record must satisfy together.

use std::fmt;

use serde_json::Value;

use super::Document;
use super::Rule;

/// What is wrong with an entity by a rule about several of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The path of the field that is to blame, from the record that is checked. Empty: an entity as a whole
    /// (`@entity`), or a plugin's `config` itself.
    pub path: Vec<String>,
    /// Kong's text.
    pub message: String,
}

impl Misfit {
    /// The record as a whole is to blame.
    pub fn whole(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            message: message.into(),
        }
    }

    /// A field of it is, or a field in a record in it: `redis.host`.
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.split('.').map(str::to_owned).collect(),
            message: message.into(),
        }
    }
}

/// A rule about several fields at once. Fields of records in the record are named by paths: `redis.host`. In a
/// plugin's configuration names count from `config`, which the texts of errors then show: `config.redis.host`.
#[derive(Clone, Copy)]
pub enum Check {
    /// `at least one of these fields must be non-empty: 'a', 'b'`
    AtLeastOneOf(&'static [&'static str]),
    /// Not two of them: `only one or none of these fields must be set: 'a', 'b'`
    OnlyOneOf(&'static [&'static str]),
    /// `exactly one of these fields must be non-empty: 'a', 'b'`, which is what Kong's `only_one_of` says.
    ExactlyOneOf(&'static [&'static str]),
    /// All of them or none: `all or none of these fields must be set: 'a', 'b'`
    MutuallyRequired(&'static [&'static str]),
    /// Those that are set differ: `values of these fields must be distinct: 'a', 'b'`
    Distinct(&'static [&'static str]),
    /// If the one field satisfies the rule, the other must be such; else both
    /// `failed conditional validation given value of field 'a'` for the whole and the other's own text.
    If(&'static str, Rule, &'static str, Then),
    /// Anything else.
    Custom(fn(&Document) -> Result<(), Misfit>),
    /// Anything else that may find several things.
    Each(fn(&Document) -> Vec<Misfit>),
}

/// What a field must be if another one is something.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// Set: `required field missing`
    Required,
    /// Not set: `value must be null`
    Null,
    /// Such.
    Is(Rule),
    /// A list with this in it: `expected to contain: a`
    Holds(&'static str),
}

impl Check {
    /// The value at a path of a record.
    pub fn value<'a>(document: &'a Document, path: &str) -> Option<&'a Value> {
        let mut names = path.split('.');
        let first = document.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_object()?.get(name))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, fields) = match self {
            Self::AtLeastOneOf(fields) => ("AtLeastOneOf", fields),
            Self::OnlyOneOf(fields) => ("OnlyOneOf", fields),
            Self::ExactlyOneOf(fields) => ("ExactlyOneOf", fields),
            Self::MutuallyRequired(fields) => ("MutuallyRequired", fields),
            Self::Distinct(fields) => ("Distinct", fields),
            Self::If(field, rule, other, then) => {
                let mut tuple = f.debug_tuple("If");
                return tuple
                    .field(field)
                    .field(rule)
                    .field(other)
                    .field(then)
                    .finish();
            }
            Self::Custom(_) => return f.write_str("Custom"),
            Self::Each(_) => return f.write_str("Each"),
        };
        f.debug_tuple(name).field(fields).finish()
    }
}
