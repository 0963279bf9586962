//! One field of a record: its name, its type, what it is when it is absent.

use super::Rule;
use super::Schema;
use crate::entity::Kind;

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
    /// Ours and not Kong's: it is not shown unless it was given.
    pub extension: bool,
    /// Another name for the field at this path of the same record: taken on input, shown, and not kept.
    pub alias: &'static [&'static str],
    /// The entity goes when the one goes that it refers to.
    pub cascade: bool,
    /// What it is for, in a phrase.
    pub about: &'static str,
}

/// The fields of a record: its own, and those that all records of its sort have besides.
#[derive(Clone, Copy, Debug)]
pub(in crate::entity) struct Fields {
    own: &'static [Field],
    more: &'static [Field],
}

impl Fields {
    /// These and no others.
    pub(in crate::entity) const fn new(own: &'static [Field]) -> Self {
        Self { own, more: &[] }
    }

    /// The same with more.
    pub(in crate::entity) const fn and(self, more: &'static [Field]) -> Self {
        Self { more, ..self }
    }

    /// Each of them.
    pub(in crate::entity) fn iter(self) -> impl Iterator<Item = &'static Field> {
        self.own.iter().chain(self.more)
    }

    /// The one with this name.
    pub(in crate::entity) fn find(self, name: &str) -> Option<&'static Field> {
        self.iter().find(|field| field.name == name)
    }
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
    /// The same with rules about several of them.
    Checked(&'static Schema),
    /// A reference `{"id": …}` to another entity; input may name it instead.
    Foreign(Kind),
    /// One such value, or a list of several, which is ours: `/schemas` shows what Kong takes, the one.
    OneOrMore(&'static Element),
    /// The protocols that a plugin serves: those that its schema names, and all of them by default.
    Protocols,
    /// The configuration of a plugin, as the schema of the plugin says.
    Config,
}

/// What a list or a map is made of. None of them may be null.
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
    /// Now, in seconds since the Unix epoch with three digits after the point.
    NowMillis,
    /// 32 random letters and digits.
    Key,
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
            extension: false,
            alias: &[],
            cascade: false,
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

    /// A reference to an entity of a kind, which cannot go before this one.
    pub const fn foreign(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self::new(name, Type::Foreign(kind), about)
    }

    /// The same, going with the entity that it refers to.
    pub const fn cascade(self) -> Self {
        Self {
            cascade: true,
            ..self
        }
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

    /// The same, an extension of Kong's.
    pub const fn extension(self) -> Self {
        Self {
            extension: true,
            required: false,
            ..self
        }
    }

    /// The same, as an old name of the field at this path.
    pub const fn alias(self, alias: &'static [&'static str]) -> Self {
        Self { alias, ..self }
    }
}

impl Element {
    /// A text.
    pub const TEXT: Self = Self::new(Type::Text);

    /// Elements of this type, without rules.
    pub const fn new(kind: Type) -> Self {
        Self { kind, rules: &[] }
    }

    /// Texts with rules.
    pub const fn texts(rules: &'static [Rule]) -> Self {
        Self::new(Type::Text).rules(rules)
    }

    /// The same with rules.
    pub const fn rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }
}
