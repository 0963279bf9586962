//! Writing entities: each operation is checked as a whole before anything changes.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Entities;
use super::read::as_id;
use super::row::Change;
use super::row::Origin;
use super::table::EXPIRES_AT;
use super::table::Stored;
use super::table::key;
use super::table::keys;
use super::table::reference;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Transform;
use crate::entity::validate::Intent;
use crate::entity::validate::Shape;
use crate::entity::validate::Show;
use crate::entity::validate::merge;

impl Entities {
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
        self.now_secs = env.now_secs;
        let (document, names) = self.accept(kind, input, env)?;
        let id = id_of(&document);
        if let Some(row) = self.row(kind, id) {
            let error = Error::primary_key_violation(&id.to_string());
            return Err(error.standing_in(Some(row.origin)));
        }
        self.commit(kind, id, document, names, env)
    }

    /// PUT: makes the entity what the input says, new if there is none with this id or endpoint key. A target is
    /// never new, and only changed, as in Kong.
    ///
    /// # Errors
    /// Codes 1 to 6, 10, 12 and 13.
    pub fn upsert(
        &mut self,
        kind: Kind,
        id_or_key: &str,
        mut input: Document,
        env: &mut Env<'_>,
    ) -> Result<(Document, Vec<Change>), Error> {
        self.now_secs = env.now_secs;
        self.check_key(kind, id_or_key)?;
        let named = as_id(id_or_key).or_else(|| {
            let unique = kind.entity().has_unique_key();
            unique.then(|| self.holder(kind, id_or_key)).flatten()
        });
        if let Some(row) = named.and_then(|id| self.row(kind, id)) {
            may_write("update", kind, row.origin)?;
        }
        self.resolve(kind, &mut input)?;
        let id = match (as_id(id_or_key), kind.endpoint_key()) {
            (Some(id), _) => Some(id),
            (None, Some(key)) => {
                input.insert(key.to_owned(), id_or_key.into());
                self.holder_of(kind, id_or_key, &input)
            }
            (None, None) => None,
        };
        let existing = id.and_then(|id| self.row(kind, id));
        if let Some(row) = existing {
            may_write("update", kind, row.origin)?;
        }
        if kind == Kind::Targets {
            return match id.filter(|_| existing.is_some()) {
                Some(id) => self.update(kind, id, input, env),
                None => Err(Error::not_found("target", id_or_key)),
            };
        }
        if let Some(id) = id {
            input.insert("id".to_owned(), json!(id));
        }
        if let Some(row) = existing {
            let created_at = row.sparse().remove("created_at");
            let given = input.entry("created_at").or_insert(Value::Null);
            if given.is_null() {
                *given = created_at.unwrap_or_default();
            }
        }
        let (document, names) = self.accept(kind, input, env)?;
        self.commit(kind, id_of(&document), document, names, env)
    }

    /// PATCH: changes what the input names; records are merged, everything else is replaced.
    ///
    /// # Errors
    /// Codes 2 to 6, 12 and 13.
    pub fn update(
        &mut self,
        kind: Kind,
        id: Uuid,
        mut input: Document,
        env: &mut Env<'_>,
    ) -> Result<(Document, Vec<Change>), Error> {
        self.now_secs = env.now_secs;
        let Some(row) = self.row(kind, id) else {
            return Err(Error::not_found("id", &id.to_string()));
        };
        may_write("update", kind, row.origin)?;
        let existing = self.show(kind, id, row.raw, Show::Merge);
        input.insert("id".to_owned(), json!(id));
        self.resolve(kind, &mut input)?;
        let names = self.take_names(kind, &mut input, Some(id))?;
        let given: Vec<String> = input.keys().cloned().collect();

        let before = Shape::of(kind, &existing, self.plugins);
        let shape = match input.contains_key("name") {
            true => Shape::of(kind, &input, self.plugins),
            false => before,
        };
        let input = shape.complete(input, Intent::Patch, env)?;
        let mut document = merge(&before, existing, input);
        shape.fill(&mut document, Show::Merge);
        document.remove("snis");
        shape.validate(&document, Intent::Patch)?;
        self.finish(kind, &mut document, &given, env)?;
        self.commit(kind, id, document, names, env)
    }

    /// The complete entity that [`Self::insert`] would make of an input, references and uniqueness aside; nothing is
    /// kept.
    ///
    /// # Errors
    /// Code 2.
    pub fn check(
        &self,
        kind: Kind,
        mut input: Document,
        env: &mut Env<'_>,
    ) -> Result<Document, Error> {
        if kind == Kind::Certificates {
            input.remove("snis");
        }
        let shape = Shape::of(kind, &input, self.plugins);
        let mut document = shape.complete(input, Intent::Put, env)?;
        shape.validate(&document, Intent::Put)?;
        if let Some(canonical) = kind.entity().canonical {
            canonical(&mut document);
        }
        Ok(document)
    }

    /// A complete entity from an input, and the server names that it lists if it is a certificate.
    pub(super) fn accept(
        &self,
        kind: Kind,
        mut input: Document,
        env: &mut Env<'_>,
    ) -> Result<(Document, Option<Vec<String>>), Error> {
        self.resolve(kind, &mut input)?;
        let own = input.get("id").and_then(Value::as_str).and_then(as_id);
        let names = self.take_names(kind, &mut input, own)?;
        let given: Vec<String> = input.keys().cloned().collect();
        let shape = Shape::of(kind, &input, self.plugins);
        let mut document = shape.complete(input, Intent::Put, env)?;
        shape.validate(&document, Intent::Put)?;
        self.finish(kind, &mut document, &given, env)?;
        Ok((document, names))
    }

    /// What becomes of an entity that its schema has accepted.
    fn finish(
        &self,
        kind: Kind,
        document: &mut Document,
        given: &[String],
        env: &mut Env<'_>,
    ) -> Result<(), Error> {
        if let Some(canonical) = kind.entity().canonical {
            canonical(document);
        }
        if kind == Kind::Plugins {
            self.check_protocols(document)?;
        }
        let transform = self.plugins.transform(kind).filter(|_| env.transforms);
        if let Some(Transform { field, apply }) = transform
            && given.iter().any(|name| name == field)
            && let Some(Value::String(text)) = document.get(field)
        {
            let id = id_of(document);
            let kept = env.ready.take(id, text).unwrap_or_else(|| {
                let stored = self
                    .row(kind, id)
                    .and_then(|row| row.sparse().remove(field));
                apply(text, stored.as_ref().and_then(Value::as_str))
            });
            document.insert(field.to_owned(), kept.into());
        }
        Ok(())
    }

    /// Keeps an entity if no other stands against it.
    fn commit(
        &mut self,
        kind: Kind,
        id: Uuid,
        document: Document,
        names: Option<Vec<String>>,
        env: &mut Env<'_>,
    ) -> Result<(Document, Vec<Change>), Error> {
        self.check_unique(kind, id, &document)?;
        self.check_references(kind, &document)?;
        let raw = self.sparse(kind, document);
        let mut changes = vec![self.put(kind, id, Some(raw))];
        if let Some(names) = names {
            changes.extend(self.rename(id, &names, env));
        }
        let document = self.get(kind, id).unwrap_or_default();
        Ok((document, changes))
    }

    /// The bytes that are kept of a complete entity.
    pub(super) fn sparse(&self, kind: Kind, mut document: Document) -> Box<[u8]> {
        let shape = Shape::of(kind, &document, self.plugins);
        shape.strip(&mut document);
        document.remove("id");
        if kind.entity().may_expire()
            && let Some(ttl) = document.remove("ttl").and_then(|ttl| ttl.as_f64())
            && ttl > 0.0
        {
            let second = self.now_secs + ttl as u64;
            document.insert(EXPIRES_AT.to_owned(), json!(second));
        }
        let raw = serde_json::to_vec(&document);
        raw.unwrap_or_default().into_boxed_slice()
    }

    /// Puts a row of the store in place of what was there.
    pub(super) fn put(&mut self, kind: Kind, id: Uuid, raw: Option<Box<[u8]>>) -> Change {
        let origin = Origin::Store;
        let row = raw.clone().map(|raw| Stored { raw, origin });
        let before = self.table_mut(kind).set(id, row);
        Change {
            kind,
            id,
            before: before.map(|row| row.raw),
            after: raw,
        }
    }

    /// No other entity may have the values that only one may have.
    pub(super) fn check_unique(
        &self,
        kind: Kind,
        id: Uuid,
        document: &Document,
    ) -> Result<(), Error> {
        let mut taken = keys(kind).filter_map(|fields| {
            let values = key(document, fields)?;
            let holder = self.table(kind).holder(&values)?;
            (holder != id).then_some((holder, values))
        });
        taken.next().map_or(Ok(()), |(holder, values)| {
            let other = self.row(kind, holder).map(|row| row.origin);
            Err(Error::unique_violation(values).standing_in(other))
        })
    }

    /// References lead to entities that are there.
    pub(super) fn check_references(&self, kind: Kind, document: &Document) -> Result<(), Error> {
        for (field, parent) in kind.entity().references() {
            if let Some(id) = reference(document, field.name)
                && !self.table(parent).rows.contains_key(&id)
            {
                return Err(Error::dangling_reference(
                    field.name,
                    &id.to_string(),
                    parent,
                ));
            }
        }
        Ok(())
    }

    /// The entity with this endpoint key; if it is unique below a parent alone, the input names the parent.
    fn holder_of(&self, kind: Kind, key: &str, input: &Document) -> Option<Uuid> {
        if kind.entity().has_unique_key() {
            return self.holder(kind, key);
        }
        let mut references = kind.entity().references();
        references.find_map(|(field, _)| {
            let parent = reference(input, field.name)?;
            self.holder_in(kind, field.name, parent, key)
        })
    }
}

/// Entities of files are written in their files.
pub(super) fn may_write(verb: &str, kind: Kind, origin: &Origin) -> Result<(), Error> {
    match origin {
        Origin::Store => Ok(()),
        Origin::File(place) => Err(Error::operation_unsupported(format!(
            "cannot {verb} '{}' entities that stand in a file: {place}",
            kind.as_str()
        ))),
    }
}

/// An accepted entity has an id.
fn id_of(document: &Document) -> Uuid {
    let id = document.get("id").and_then(Value::as_str);
    id.and_then(as_id).unwrap_or_default()
}
