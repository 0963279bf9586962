//! What an entity or a plugin's configuration is made of, as constant data.
//!
//! One description serves all: validation with Kong's texts, defaults, `/schemas`, the OpenAPI document and the
//! pages about plugins. Rules that no table can express are plain functions, named in it.

use serde_json::Map;
use serde_json::Value;

use super::Kind;

/// An entity as Kong's Admin API shows it: field names to JSON values.
pub type Document = Map<String, Value>;

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Type,
    /// It may not be absent or null. A record that is required is filled with its fields' defaults.
    pub required: bool,
    /// What it is when it is absent.
    pub default: Preset,
    /// What its value must satisfy besides its type, checked in order.
    pub rules: &'static [Rule],
    /// No two entities of a kind have the same value.
    pub unique: bool,
    /// Never shown in logs, history or errors; what the Admin API shows of it is the entity's business.
    pub secret: bool,
    /// What it is for, in a phrase.
    pub about: &'static str,
}

/// What stands in a field.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Text; empty only if a rule says so.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of such elements.
    Array(&'static Element),
    /// A list without repetitions; Kong keeps the order given.
    Set(&'static Element),
    /// Keys of the first kind to values of the second.
    Map(&'static Element, &'static Element),
    /// These fields and no others.
    Record(&'static [Field]),
    /// A reference `{"id": …}` to another entity; input may name it instead.
    Foreign(Kind),
    /// Any JSON.
    Any,
}

/// What a list or a map is made of.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// What each of them is.
    pub kind: Type,
    /// What each of them must satisfy.
    pub rules: &'static [Rule],
}

/// What a field is when it is absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Num(f64),
    /// A text.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
    /// A list of whole numbers.
    Ints(&'static [i64]),
    /// `[]`
    EmptyList,
    /// `{}`
    EmptyMap,
    /// A new UUID.
    Uuid,
    /// Now, in whole seconds since the Unix epoch.
    Now,
}

/// What a value must satisfy besides its type.
#[derive(Clone, Copy)]
pub enum Rule {
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
    /// At most so long.
    LengthMax(usize),
    /// `should start with: x`.
    StartsWith(&'static str),
    /// None of these texts.
    NotOneOf(&'static [&'static str]),
    /// Empty text is allowed, which it is not otherwise.
    AllowEmpty,
    /// A UUID: `expected a valid UUID`.
    Uuid,
    /// Anything else; the error is Kong's text.
    Custom(fn(&Value) -> Result<(), String>),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneOf(texts) => f.debug_tuple("OneOf").field(texts).finish(),
            Self::OneOfInts(numbers) => f.debug_tuple("OneOfInts").field(numbers).finish(),
            Self::Between(low, high) => f.debug_tuple("Between").field(low).field(high).finish(),
            Self::GreaterThan(low) => f.debug_tuple("GreaterThan").field(low).finish(),
            Self::LengthMin(length) => f.debug_tuple("LengthMin").field(length).finish(),
            Self::LengthMax(length) => f.debug_tuple("LengthMax").field(length).finish(),
            Self::StartsWith(text) => f.debug_tuple("StartsWith").field(text).finish(),
            Self::NotOneOf(texts) => f.debug_tuple("NotOneOf").field(texts).finish(),
            Self::AllowEmpty => f.write_str("AllowEmpty"),
            Self::Uuid => f.write_str("Uuid"),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// What is wrong with an entity by a rule about several of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The path of the field that is to blame; empty for the entity as a whole (`@entity`).
    pub path: Vec<String>,
    /// Kong's text.
    pub message: String,
}

/// A rule about several fields at once.
#[derive(Clone, Copy)]
pub enum Check {
    /// `at least one of these fields must be non-empty: 'a', 'b'`
    AtLeastOneOf(&'static [&'static str]),
    /// `only one or none of these fields must be set: 'a', 'b'`
    OnlyOneOf(&'static [&'static str]),
    /// All of them or none: `all or none of these fields must be set: 'a', 'b'`
    MutuallyRequired(&'static [&'static str]),
    /// Anything else.
    Custom(fn(&Document) -> Result<(), Misfit>),
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeastOneOf(fields) => f.debug_tuple("AtLeastOneOf").field(fields).finish(),
            Self::OnlyOneOf(fields) => f.debug_tuple("OnlyOneOf").field(fields).finish(),
            Self::MutuallyRequired(fields) => {
                f.debug_tuple("MutuallyRequired").field(fields).finish()
            }
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// The fields of an entity or of a plugin's configuration, and what they must satisfy together.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// In the order in which they are shown.
    pub fields: &'static [Field],
    /// Checked after the fields.
    pub checks: &'static [Check],
}

impl Field {
    /// A field of this type: optional, null when absent, without rules.
    pub const fn new(name: &'static str, kind: Type, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            default: Preset::Null,
            rules: &[],
            unique: false,
            secret: false,
            about,
        }
    }

    /// A text.
    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Type::Text, about)
    }

    /// A whole number.
    pub const fn integer(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Type::Integer, about)
    }

    /// Any number.
    pub const fn number(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Type::Number, about)
    }

    /// A boolean that is required and has a default, as nearly all of Kong's are.
    pub const fn flag(name: &'static str, default: bool, about: &'static str) -> Self {
        Self::new(name, Type::Boolean, about)
            .required()
            .preset(Preset::Bool(default))
    }

    /// A list of texts.
    pub const fn texts(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Type::Array(&Element::TEXT), about)
    }

    /// A set of texts.
    pub const fn text_set(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Type::Set(&Element::TEXT), about)
    }

    /// A record.
    pub const fn record(name: &'static str, fields: &'static [Field], about: &'static str) -> Self {
        Self::new(name, Type::Record(fields), about)
    }

    /// The same, required.
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// The same with a default.
    pub const fn preset(self, default: Preset) -> Self {
        Self { default, ..self }
    }

    /// The same with rules.
    pub const fn rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    /// The same, unique among the entities of its kind.
    pub const fn unique(self) -> Self {
        Self {
            unique: true,
            ..self
        }
    }

    /// The same, secret.
    pub const fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }
}

impl Element {
    /// A text.
    pub const TEXT: Self = Self::new(Type::Text);

    /// Elements of this type, without rules.
    pub const fn new(kind: Type) -> Self {
        Self { kind, rules: &[] }
    }

    /// The same with rules.
    pub const fn rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }
}
