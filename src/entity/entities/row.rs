//! What the collection hands out besides documents: rows, changes, and clashes.

use std::fmt;

use uuid::Uuid;

use super::Entities;
use crate::entity::Document;
use crate::entity::Kind;
use crate::entity::PluginSchemas;
use crate::entity::validate::Shape;
use crate::entity::validate::Show;

/// Where an entity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was written over REST.
    Store,
    /// It stands in a file, at this place: `silverback.toml:12`. It cannot be written over REST.
    File(Box<str>),
}

/// An entity of the collection.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub(super) entities: &'a Entities,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// Where it comes from.
    pub origin: &'a Origin,
    /// Its sparse JSON: without the id and without what equals its default.
    pub raw: &'a [u8],
}

/// What an operation did to one entity. The bytes are sparse JSON, as in [`Row::raw`].
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// What the entity is.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// What it was; `None` if it is new.
    pub before: Option<Box<[u8]>>,
    /// What it is; `None` if it is gone.
    pub after: Option<Box<[u8]>>,
}

/// An entity of a file that cannot be where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// What the entity is.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// The place of the one that was refused.
    pub place: Box<str>,
    /// Where the entity is that has its id or its unique value, or that it misses.
    pub other: Option<Origin>,
    /// Kong's text: `UNIQUE violation detected on '{name="x"}'` and the like.
    pub message: String,
}

/// A row's sparse JSON as the data plane reads it, the id apart.
///
/// # Errors
/// Why it is no row.
pub fn full(kind: Kind, raw: &[u8], plugins: &dyn PluginSchemas) -> Result<Document, String> {
    let document = serde_json::from_slice(raw);
    let mut document: Document = document.map_err(|error| error.to_string())?;
    let shape = Shape::of(kind, &document, plugins);
    shape.fill(&mut document, Show::All);
    Ok(document)
}

impl Row<'_> {
    /// The entity as it is shown: nulls and defaults filled in.
    pub fn doc(&self) -> Document {
        self.shown(Show::Reader)
    }

    /// The entity as the data plane reads it: the defaults of our own fields are filled in too, and old names of
    /// fields are left out.
    pub fn full(&self) -> Document {
        self.shown(Show::All)
    }

    fn shown(&self, show: Show) -> Document {
        self.entities.show(self.kind, self.id, self.raw, show)
    }

    /// What is kept of it.
    pub(super) fn sparse(&self) -> Document {
        serde_json::from_slice(self.raw).unwrap_or_default()
    }
}

impl fmt::Debug for Change {
    /// The bytes may hold keys and passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |bytes: &Option<Box<[u8]>>| bytes.as_ref().map(|bytes| bytes.len());
        f.debug_struct("Change")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("before", &length(&self.before))
            .field("after", &length(&self.after))
            .finish()
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
