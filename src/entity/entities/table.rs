//! The rows of one kind, with every index that they are looked up by.
//!
//! Unique values are kept as hashes alone, which the row that is found confirms: a fourth of what the texts
//! themselves would take, and equal hashes of different texts do no harm.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::hash::Hash;
use std::hash::Hasher;

use foldhash::quality::RandomState;
use serde_json::Value;
use uuid::Uuid;

use super::row::Origin;
use crate::entity::Document;
use crate::entity::Kind;

/// The key of a row's document under which the second stands at which the entity ends.
pub(super) const EXPIRES_AT: &str = "expires_at";

/// All rows of a kind.
#[derive(Debug)]
pub(super) struct Table {
    kind: Kind,
    pub(super) rows: BTreeMap<Uuid, Stored>,
    hasher: RandomState,
    unique: BTreeSet<(u64, Uuid)>,
    /// For each reference of the kind, in the order of its fields: whom it leads to, and from where.
    children: Vec<BTreeSet<(Uuid, Uuid)>>,
    pub(super) tags: BTreeMap<Box<str>, BTreeSet<Uuid>>,
    expiry: BTreeSet<(u64, Uuid)>,
}

/// One row.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) raw: Box<[u8]>,
    pub(super) origin: Origin,
}

impl Stored {
    /// The row as a document, sparse and without its id.
    pub(super) fn document(&self) -> Document {
        serde_json::from_slice(&self.raw).unwrap_or_default()
    }
}

impl std::fmt::Debug for Stored {
    /// Rows hold keys and passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Stored");
        shown.field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Table {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            rows: BTreeMap::new(),
            hasher: RandomState::default(),
            unique: BTreeSet::new(),
            children: vec![BTreeSet::new(); kind.entity().references().count()],
            tags: BTreeMap::new(),
            expiry: BTreeSet::new(),
        }
    }

    /// Puts a row in place of what was there, or takes it away. Returns what was there.
    pub(super) fn set(&mut self, id: Uuid, row: Option<Stored>) -> Option<Stored> {
        let before = self.rows.remove(&id);
        if let Some(before) = &before {
            self.index(id, &before.document(), false);
        }
        if let Some(row) = row {
            self.index(id, &row.document(), true);
            self.rows.insert(id, row);
        }
        before
    }

    /// Enters a row into every index, or strikes it from them.
    fn index(&mut self, id: Uuid, document: &Document, enter: bool) {
        for fields in keys(self.kind) {
            if let Some(values) = key(document, fields) {
                let mark = (self.hash(&values), id);
                set(&mut self.unique, mark, enter);
            }
        }
        let references = self.kind.entity().references();
        for ((field, _), children) in references.zip(&mut self.children) {
            if let Some(parent) = reference(document, field.name) {
                set(children, (parent, id), enter);
            }
        }
        if let Some(second) = document.get(EXPIRES_AT).and_then(Value::as_u64) {
            set(&mut self.expiry, (second, id), enter);
        }
        for tag in tags(document) {
            match self.tags.get_mut(tag) {
                Some(ids) => set(ids, id, enter),
                None if enter => _ = self.tags.insert(tag.into(), BTreeSet::from([id])),
                None => {}
            }
            if self.tags.get(tag).is_some_and(BTreeSet::is_empty) {
                self.tags.remove(tag);
            }
        }
    }

    /// The entity that has these values in these fields, which no two have.
    pub(super) fn holder(&self, values: &Document) -> Option<Uuid> {
        let hash = self.hash(values);
        let marks = self.unique.range((hash, Uuid::nil())..=(hash, Uuid::max()));
        let mut ids = marks.map(|(_, id)| *id);
        ids.find(|id| {
            let document = self.rows.get(id).map(Stored::document);
            document.is_some_and(|document| {
                let mut values = values.iter();
                values.all(|(field, value)| document.get(field).unwrap_or(&Value::Null) == value)
            })
        })
    }

    /// Those whose reference of this name leads to this entity, in the order of their ids, behind one of them.
    pub(super) fn children(
        &self,
        field: &str,
        parent: Uuid,
        behind: Option<Uuid>,
    ) -> impl Iterator<Item = Uuid> {
        let mut references = self.kind.entity().references().zip(&self.children);
        let found = references.find(|((reference, _), _)| reference.name == field);
        let children = found.map(|(_, children)| {
            use std::ops::Bound::Excluded;
            use std::ops::Bound::Included;
            let first = behind.map_or(Included((parent, Uuid::nil())), |id| Excluded((parent, id)));
            children.range((first, Included((parent, Uuid::max()))))
        });
        children.into_iter().flatten().map(|(_, child)| *child)
    }

    /// Those that end at this second or before.
    pub(super) fn expired(&self, second: u64) -> Vec<Uuid> {
        let ended = self.expiry.range(..=(second, Uuid::max()));
        ended.map(|(_, id)| *id).collect()
    }

    fn hash(&self, values: &Document) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for (field, value) in values {
            field.hash(&mut hasher);
            match value {
                Value::String(text) => text.hash(&mut hasher),
                value => value.to_string().hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

fn set<T: Ord>(index: &mut BTreeSet<T>, mark: T, enter: bool) {
    if enter {
        index.insert(mark);
    } else {
        index.remove(&mark);
    }
}

/// The sets of fields in which no two entities of a kind have the same values.
pub(super) fn keys(kind: Kind) -> impl Iterator<Item = &'static [&'static str]> {
    let entity = kind.entity();
    let unique = entity.schema.fields.iter().filter(|field| field.unique);
    let unique = unique.map(|field| std::slice::from_ref(&field.name));
    let together = (!entity.together.is_empty()).then_some(entity.together);
    unique.chain(together)
}

/// An entity's values in such fields. A single one that is null is no value.
pub(super) fn key(document: &Document, fields: &[&str]) -> Option<Document> {
    let value = |field: &str| document.get(field).cloned().unwrap_or_default();
    if let [field] = fields
        && value(field).is_null()
    {
        return None;
    }
    let values = fields
        .iter()
        .map(|field| ((*field).to_owned(), value(field)));
    Some(values.collect())
}

/// Where a reference leads.
pub(super) fn reference(document: &Document, field: &str) -> Option<Uuid> {
    let id = document.get(field)?.get("id")?.as_str()?;
    Uuid::parse_str(id).ok()
}

/// The tags of an entity.
pub(super) fn tags(document: &Document) -> impl Iterator<Item = &str> {
    let tags = document.get("tags").and_then(Value::as_array);
    tags.into_iter().flatten().filter_map(Value::as_str)
}
