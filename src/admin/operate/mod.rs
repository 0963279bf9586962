//! What the paths of entities do to the collection: pure functions, which run where the collection lives.
//!
//! Every step of a request that has to see one and the same state is in here: finding the parent that the path names,
//! comparing ETags, giving a form's values their types by the plugin that is stored, writing.

mod condition;
mod look;
#[cfg(test)]
mod tests;
mod write;

use uuid::Uuid;

use super::body::Input;
use super::table::Place;
use super::table::Verb;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Page;
use crate::entity::Tags;

pub(super) use condition::Condition;
pub(super) use condition::tag_of;
pub(super) use look::look;
pub(super) use look::targets;
pub(super) use write::write;

/// What a request wants of entities.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Where.
    pub(super) place: Place,
    /// What.
    pub(super) verb: Verb,
    /// The parameters of the path, decoded, in their order.
    pub(super) keys: Vec<String>,
    /// The body.
    pub(super) input: Input,
    /// What must hold of the entity as it is.
    pub(super) condition: Condition,
    /// Which part of a list.
    pub(super) paging: Paging,
}

/// Which part of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Paging {
    /// Most entities.
    pub(super) size: usize,
    /// Where it begins.
    pub(super) offset: Option<String>,
    /// Which tags they have.
    pub(super) tags: Tags,
    /// The one with this value of a field that is unique: `custom_id` of consumers.
    pub(super) unique: Option<(&'static str, String)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// A part of a list.
    Page(Page),
    /// An entity.
    Shown(Document),
    /// A new entity.
    Created(Document),
    /// An entity is gone, or was not there.
    Gone,
    /// There is no such thing.
    NotFound,
    /// The reader has it as it is; its ETag.
    NotModified(String),
    /// It is not what the writer thinks it is.
    Unexpected,
    /// Kong's error.
    Failed(Error),
}

/// What came of a task that writes, and which entity it was about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Done {
    /// What came of it.
    pub(super) outcome: Outcome,
    /// Its kind.
    pub(super) kind: Kind,
    /// Its id, if it got that far.
    pub(super) id: Option<Uuid>,
}

/// The entity that a path names. A certificate is also named by each of its server names.
fn locate(entities: &Entities, kind: Kind, key: &str) -> Result<Option<(Uuid, Document)>, Error> {
    if kind == Kind::Certificates && Uuid::parse_str(key).is_err() {
        let sni = entities.find(Kind::Snis, key);
        let id = sni.and_then(|(_, sni)| reference(&sni, "certificate"));
        return Ok(id.and_then(|id| Some((id, entities.get(kind, id)?))));
    }
    entities.check_key(kind, key)?;
    Ok(entities.find(kind, key))
}

/// The id of an entity that is shown.
pub(super) fn id_of(document: &Document) -> Option<Uuid> {
    document.get("id")?.as_str()?.parse().ok()
}

/// The entity that a field refers to.
fn reference(document: &Document, field: &str) -> Option<Uuid> {
    document.get(field)?.get("id")?.as_str()?.parse().ok()
}
