//! Looking entities up.

use std::collections::BTreeSet;
use std::ops::Bound;

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Entities;
use super::row::Row;
use super::table::EXPIRES_AT;
use crate::entity::Document;
use crate::entity::Error;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::entity::Page;
use crate::entity::Tags;
use crate::entity::page;
use crate::entity::validate;
use crate::entity::validate::Shape;
use crate::entity::validate::Show;

impl Entities {
    /// The entity with this id, complete.
    pub fn get(&self, kind: Kind, id: Uuid) -> Option<Document> {
        let row = self.table(kind).rows.get(&id)?;
        Some(self.show(kind, id, &row.raw, Show::Reader))
    }

    /// The entity with this id if it is one, else the one with this endpoint key. Targets and groups of consumers
    /// are unique among those of their parent only: see [`Self::find_in`].
    pub fn find(&self, kind: Kind, id_or_key: &str) -> Option<(Uuid, Document)> {
        let id = match as_id(id_or_key) {
            Some(id) => id,
            None => self.holder(kind, id_or_key)?,
        };
        Some((id, self.get(kind, id)?))
    }

    /// The same among those whose reference of this name leads to this entity.
    pub fn find_in(
        &self,
        kind: Kind,
        (field, parent): (&'static str, Uuid),
        id_or_key: &str,
    ) -> Option<(Uuid, Document)> {
        let id = match as_id(id_or_key) {
            Some(id) => id,
            None if kind.entity().has_unique_key() => self.holder(kind, id_or_key)?,
            None => self.holder_in(kind, field, parent, id_or_key)?,
        };
        let document = self.get(kind, id)?;
        let leads_there = super::table::reference(&document, field) == Some(parent);
        leads_there.then_some((id, document))
    }

    /// Whether a text can be an id or an endpoint key at all.
    ///
    /// # Errors
    /// Codes 1 and 10.
    pub fn check_key(&self, kind: Kind, id_or_key: &str) -> Result<(), Error> {
        if as_id(id_or_key).is_some() {
            return Ok(());
        }
        let Some(key) = kind.endpoint_key() else {
            let blame = ("id".to_owned(), json!("expected a valid UUID"));
            return Err(Error::invalid_primary_key(Document::from_iter([blame])));
        };
        validate::check_key(kind, key, id_or_key).map_err(|text| Error::invalid_unique(key, &text))
    }

    /// A page of the entities that the filter admits, in the order of their ids. It begins behind the offset,
    /// whether that entity is still there or not.
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
        let behind = offset.map(page::read_offset).transpose()?;
        let mut ids: Vec<Uuid> = self.admitted(kind, filter, behind).take(size + 1).collect();
        let has_more = ids.len() > size;
        ids.truncate(size);
        let last = ids.last().copied().filter(|_| has_more);
        Ok(Page {
            data: ids.iter().filter_map(|id| self.get(kind, *id)).collect(),
            offset: last.map(page::offset_of),
        })
    }

    /// The ids that a filter admits, driven by the narrowest index that there is.
    fn admitted<'a>(
        &'a self,
        kind: Kind,
        filter: &'a Filter,
        behind: Option<Uuid>,
    ) -> Box<dyn Iterator<Item = Uuid> + 'a> {
        let table = self.table(kind);
        let tagged = |tag: &String| table.tags.get(tag.as_str());
        let is_admitted = move |id: &Uuid| {
            let has = |tag: &str| table.tags.get(tag).is_some_and(|ids| ids.contains(id));
            filter.tags.admit(has)
        };
        let range = (
            behind.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        match (filter.foreign, &filter.tags) {
            (Some((field, parent)), _) => {
                Box::new(table.children(field, parent, behind).filter(is_admitted))
            }
            (None, Tags::Any) => Box::new(table.rows.range(range).map(|(id, _)| *id)),
            (None, Tags::AllOf(tags)) => {
                let fewest = tags.first().and_then(tagged).into_iter();
                let ids = fewest.flat_map(move |ids| ids.range(range).copied());
                Box::new(ids.filter(is_admitted))
            }
            (None, Tags::AnyOf(tags)) => {
                let ids = tags.iter().filter_map(tagged);
                let ids: BTreeSet<Uuid> = ids.flat_map(|ids| ids.range(range).copied()).collect();
                Box::new(ids.into_iter())
            }
        }
    }

    /// All entities of a kind, in the order of their ids.
    pub fn iter(&self, kind: Kind) -> impl Iterator<Item = Row<'_>> {
        self.table(kind).rows.iter().map(move |(id, row)| Row {
            entities: self,
            kind,
            id: *id,
            origin: &row.origin,
            raw: &row.raw,
        })
    }

    /// The entity with this id, as it is kept.
    pub fn row(&self, kind: Kind, id: Uuid) -> Option<Row<'_>> {
        let row = self.table(kind).rows.get(&id)?;
        Some(Row {
            entities: self,
            kind,
            id,
            origin: &row.origin,
            raw: &row.raw,
        })
    }

    /// How many entities of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.table(kind).rows.len()
    }

    /// The consumer, say, that has this value in this field, if no two may have it.
    pub fn find_by(
        &self,
        kind: Kind,
        field: &'static str,
        value: &str,
    ) -> Option<(Uuid, Document)> {
        let values = Document::from_iter([(field.to_owned(), value.into())]);
        let id = self.table(kind).holder(&values)?;
        Some((id, self.get(kind, id)?))
    }

    /// Every tag with each entity that has it, or this tag alone.
    pub fn tagged<'a>(
        &'a self,
        tag: Option<&'a str>,
    ) -> impl Iterator<Item = (Kind, Uuid, &'a str)> {
        Kind::ALL.into_iter().flat_map(move |kind| {
            let tags = self.table(kind).tags.iter();
            let tags = tags.filter(move |(has, _)| tag.is_none_or(|tag| ***has == *tag));
            tags.flat_map(move |(tag, ids)| ids.iter().map(move |id| (kind, *id, &**tag)))
        })
    }

    /// The entity with this endpoint key, which no two have.
    pub(super) fn holder(&self, kind: Kind, key: &str) -> Option<Uuid> {
        let field = kind.endpoint_key()?;
        let values = Document::from_iter([(field.to_owned(), key.into())]);
        self.table(kind).holder(&values)
    }

    /// The entity with this endpoint key among those of a parent.
    pub(super) fn holder_in(
        &self,
        kind: Kind,
        field: &str,
        parent: Uuid,
        key: &str,
    ) -> Option<Uuid> {
        let mut own = Document::new();
        own.insert(kind.endpoint_key()?.to_owned(), key.into());
        own.insert(field.to_owned(), json!({ "id": parent }));
        if let Some(canonical) = kind.entity().canonical {
            canonical(&mut own);
        }
        self.table(kind).holder(&own)
    }

    /// A row as somebody wants it.
    pub(super) fn show(&self, kind: Kind, id: Uuid, raw: &[u8], show: Show) -> Document {
        let mut document: Document = serde_json::from_slice(raw).unwrap_or_default();
        document.insert("id".to_owned(), Value::String(id.to_string()));
        if let Some(second) = document
            .remove(EXPIRES_AT)
            .and_then(|second| second.as_u64())
        {
            let left = second.saturating_sub(self.now_secs);
            document.insert("ttl".to_owned(), json!(left));
        }
        let shape = Shape::of(kind, &document, self.plugins);
        shape.fill(&mut document, show);
        if kind == Kind::Certificates {
            document.insert("snis".to_owned(), self.names_of(id).into());
        }
        document
    }
}

/// A UUID in its usual spelling is an id; anything else names an entity.
pub(super) fn as_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}
