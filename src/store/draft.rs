//! Many operations as one: all of them or none.

use crate::entity::Change;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Origin;
use uuid::Uuid;

/// What an operation that writes makes: its answer, and what it changed in the collection.
pub type Made<T> = Result<(T, Vec<Change>), Error>;

/// The collection while several operations on it are one.
#[derive(Debug)]
pub struct Draft<'a, 'e> {
    entities: &'a mut Entities,
    env: &'a mut Env<'e>,
    changes: Vec<Change>,
}

/// Does all of it, or nothing if any of it fails.
///
/// # Errors
/// The one of the operation that failed, or whatever else stopped it.
pub fn draft<T, E>(
    entities: &mut Entities,
    env: &mut Env<'_>,
    edit: impl FnOnce(&mut Draft<'_, '_>) -> Result<T, E>,
) -> Result<(T, Vec<Change>), E> {
    let mut draft = Draft {
        entities,
        env,
        changes: Vec::new(),
    };
    match edit(&mut draft) {
        Ok(answer) => Ok((answer, draft.changes)),
        Err(error) => {
            draft.entities.undo(&draft.changes);
            Err(error)
        }
    }
}

impl Draft<'_, '_> {
    /// As it is by now.
    pub fn entities(&self) -> &Entities {
        self.entities
    }

    /// A new entity.
    ///
    /// # Errors
    /// As [`Entities::insert`].
    pub fn insert(&mut self, kind: Kind, input: Document) -> Result<Document, Error> {
        let (document, changes) = self.entities.insert(kind, input, self.env)?;
        self.changes.extend(changes);
        Ok(document)
    }

    /// An entity that is made what the input says.
    ///
    /// # Errors
    /// As [`Entities::upsert`].
    pub fn upsert(
        &mut self,
        kind: Kind,
        id_or_key: &str,
        input: Document,
    ) -> Result<Document, Error> {
        let (document, changes) = self.entities.upsert(kind, id_or_key, input, self.env)?;
        self.changes.extend(changes);
        Ok(document)
    }

    /// Some fields of an entity.
    ///
    /// # Errors
    /// As [`Entities::update`].
    pub fn update(&mut self, kind: Kind, id: Uuid, input: Document) -> Result<Document, Error> {
        let (document, changes) = self.entities.update(kind, id, input, self.env)?;
        self.changes.extend(changes);
        Ok(document)
    }

    /// An entity goes, and what cannot be without it.
    ///
    /// # Errors
    /// As [`Entities::delete`].
    pub fn delete(&mut self, kind: Kind, id: Uuid) -> Result<(), Error> {
        let changes = self.entities.delete(kind, id)?;
        self.changes.extend(changes);
        Ok(())
    }

    /// Everything goes that was written over REST. What is put back as it was has not changed at all.
    ///
    /// # Errors
    /// As [`Entities::delete`].
    pub fn clear(&mut self) -> Result<(), Error> {
        for kind in Kind::ALL.into_iter().rev() {
            let rows = self.entities.iter(kind);
            let stored = rows.filter(|row| *row.origin == Origin::Store);
            for id in stored.map(|row| row.id).collect::<Vec<_>>() {
                self.delete(kind, id)?;
            }
        }
        Ok(())
    }
}
