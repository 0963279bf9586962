//! The paths of entities: each kind's own, and those below and beside what an entity refers to.

use super::Verb;
use super::nested_word;
use super::noun;
use super::plural;
use super::word;
use crate::entity::Kind;

/// What refers to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Relation {
    /// Who refers.
    pub(in crate::admin) child: Kind,
    /// By which field.
    pub(in crate::admin) field: &'static str,
    /// To whom.
    pub(in crate::admin) parent: Kind,
    /// Whether the child has a path that leads to its parent.
    up: bool,
}

/// Where entities are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Place {
    /// `/services`
    All(Kind),
    /// `/services/{services}`
    One(Kind),
    /// `/services/{services}/routes`
    AllOf(Relation),
    /// `/services/{services}/routes/{routes}`
    OneOf(Relation),
    /// `/routes/{routes}/service`
    Parent(Relation),
}

/// Kong answers 404 at the targets' own paths and at an SNI's certificate, and so do we: neither is a row.
pub(in crate::admin) const RELATIONS: &[Relation] = &[
    relation(Kind::Routes, "service", Kind::Services, true),
    relation(Kind::Plugins, "service", Kind::Services, true),
    relation(Kind::Plugins, "route", Kind::Routes, true),
    relation(Kind::Plugins, "consumer", Kind::Consumers, true),
    relation(Kind::KeyauthCredentials, "consumer", Kind::Consumers, true),
    relation(
        Kind::BasicauthCredentials,
        "consumer",
        Kind::Consumers,
        true,
    ),
    relation(Kind::HmacauthCredentials, "consumer", Kind::Consumers, true),
    relation(Kind::JwtSecrets, "consumer", Kind::Consumers, true),
    relation(Kind::Acls, "consumer", Kind::Consumers, true),
    relation(Kind::Targets, "upstream", Kind::Upstreams, false),
    relation(Kind::Snis, "certificate", Kind::Certificates, false),
    relation(
        Kind::Services,
        "client_certificate",
        Kind::Certificates,
        true,
    ),
    relation(
        Kind::Upstreams,
        "client_certificate",
        Kind::Certificates,
        true,
    ),
];

const fn relation(child: Kind, field: &'static str, parent: Kind, up: bool) -> Relation {
    Relation {
        child,
        field,
        parent,
        up,
    }
}

/// Every place there is.
pub(super) fn places() -> impl Iterator<Item = Place> {
    let own = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Targets);
    let own = own.flat_map(|kind| [Place::All(kind), Place::One(kind)]);
    let related = RELATIONS.iter().flat_map(|relation| {
        let up = relation.up.then_some(Place::Parent(*relation));
        [Place::AllOf(*relation), Place::OneOf(*relation)]
            .into_iter()
            .chain(up)
    });
    own.chain(related)
}

impl Place {
    /// What may be done there.
    pub(super) const fn verbs(self) -> &'static [Verb] {
        match self {
            Self::All(_) | Self::AllOf(_) => &[Verb::Get, Verb::Post],
            Self::One(_) | Self::OneOf(_) => &[Verb::Delete, Verb::Get, Verb::Patch, Verb::Put],
            Self::Parent(_) => &[Verb::Get, Verb::Patch, Verb::Put],
        }
    }

    /// Its path.
    pub(super) fn path(self) -> String {
        match self {
            Self::All(kind) => format!("/{}", word(kind)),
            Self::One(kind) => format!("/{}/{{{}}}", word(kind), kind.as_str()),
            Self::AllOf(Relation { child, parent, .. }) => {
                format!(
                    "/{}/{{{}}}/{}",
                    word(parent),
                    parent.as_str(),
                    nested_word(child)
                )
            }
            Self::OneOf(Relation { child, parent, .. }) => format!(
                "/{}/{{{}}}/{}/{{{}}}",
                word(parent),
                parent.as_str(),
                nested_word(child),
                child.as_str()
            ),
            Self::Parent(Relation { child, field, .. }) => {
                format!("/{}/{{{}}}/{field}", word(child), child.as_str())
            }
        }
    }

    /// The kind of what is found there.
    pub(in crate::admin) const fn kind(self) -> Kind {
        match self {
            Self::All(kind) | Self::One(kind) => kind,
            Self::AllOf(relation) | Self::OneOf(relation) => relation.child,
            Self::Parent(relation) => relation.parent,
        }
    }

    /// What a verb does here, in a phrase.
    pub(in crate::admin) fn about(self, verb: Verb) -> String {
        let kind = self.kind();
        let whose = match self {
            Self::All(_) | Self::One(_) => String::new(),
            Self::AllOf(relation) | Self::OneOf(relation) => {
                format!(" of {}", noun(relation.parent))
            }
            Self::Parent(relation) => format!(" that {} refers to", noun(relation.child)),
        };
        match (self, verb) {
            (Self::All(_) | Self::AllOf(_), Verb::Get) => {
                format!("Lists the {}{whose}.", plural(kind))
            }
            (_, Verb::Get) => format!("Shows {}{whose}.", noun(kind)),
            (_, Verb::Post) => format!("Adds {}{whose}.", noun(kind)),
            (Self::OneOf(_), Verb::Put) if kind == Kind::Targets => {
                format!("Replaces {}{whose}.", noun(kind))
            }
            (_, Verb::Put) => format!("Adds or replaces {}{whose}.", noun(kind)),
            (_, Verb::Patch) => format!("Changes some fields of {}{whose}.", noun(kind)),
            (_, Verb::Delete) => format!("Removes {}{whose}.", noun(kind)),
        }
    }

    /// The name of the operation in the OpenAPI document.
    pub(in crate::admin) fn id(self, verb: Verb) -> String {
        let what = match (self, verb) {
            (Self::All(_) | Self::AllOf(_), Verb::Get) => "list",
            (_, Verb::Get) => "get",
            (_, Verb::Post) => "create",
            (_, Verb::Put) => "put",
            (_, Verb::Patch) => "patch",
            (_, Verb::Delete) => "delete",
        };
        match self {
            Self::All(kind) | Self::One(kind) => format!("{what}-{}", word(kind)),
            Self::AllOf(relation) | Self::OneOf(relation) => {
                format!(
                    "{what}-{}-{}",
                    word(relation.parent),
                    nested_word(relation.child)
                )
            }
            Self::Parent(relation) => format!("{what}-{}-{}", word(relation.child), relation.field),
        }
    }
}
