//! What was: the history's states, what they differ in from now, and the way back to one of them.
//!
//! A state is reached by putting former rows into the collection, for as long as somebody looks or for good. They are
//! put as they were kept, so passwords stay hashed and times stay what they were.

use redb::Database;
use uuid::Uuid;

use super::Author;
use super::Hash;
use super::Keeper;
use super::State;
use super::Written;
use super::disk::Disk;
use super::keeper::failed;
use super::keeper::file_rows;
use super::key::entity;
use super::tables;
use super::tables::Rows;
use crate::entity::Change;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Origin;
use crate::entity::Type;
use crate::entity::mask;

/// An entity that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// What it is now, complete but for secrets; `None` if it is not there.
    pub now: Option<Document>,
    /// What it was then.
    pub then: Option<Document>,
    /// The fields in which the two are not the same, secret ones among them.
    pub fields: Vec<String>,
}

/// Why a state cannot be had.
#[derive(Clone, Debug, PartialEq)]
pub enum PastError {
    /// The history has no such state.
    Unknown,
    /// It cannot be now, since it contradicts what files say by now, or the disk failed.
    Failed(Error),
}

impl From<Error> for PastError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Keeper {
    /// The last states, the newest first.
    pub fn history(&self) -> Vec<State> {
        let states = self.ledger.iter().map(|entry| entry.state.clone());
        states.collect()
    }

    /// Looks at the entities as they were in a state.
    ///
    /// # Errors
    /// That there is no such state, or that it cannot be shown.
    pub fn look_back<T>(
        &mut self,
        hash: Hash,
        look: impl FnOnce(&Entities) -> T,
    ) -> Result<T, PastError> {
        let rows = self.former(hash)?;
        let changes = put(&mut self.entities, &rows)?;
        let seen = look(&self.entities);
        self.entities.undo(&changes);
        Ok(seen)
    }

    /// What a rollback to a state would change.
    ///
    /// # Errors
    /// That there is no such state, or that it cannot be now.
    pub fn differences(&mut self, hash: Hash) -> Result<Vec<Difference>, PastError> {
        let rows = self.former(hash)?;
        let changes = put(&mut self.entities, &rows)?;
        let found = self.compare(&changes);
        Ok(found)
    }

    /// Makes the stored entities what they were in a state, and says what has changed.
    ///
    /// # Errors
    /// That there is no such state, that it cannot be now, or that the disk failed.
    pub fn roll_back(
        &mut self,
        hash: Hash,
        author: Author,
    ) -> Result<Written<Vec<Difference>>, PastError> {
        let rows = self.former(hash)?;
        let changes = put(&mut self.entities, &rows)?;
        let differences = self.compare(&changes);
        let written = self.write(author, move |entities, _| {
            let changes = put(entities, &rows)?;
            if let Err(error) = check(entities, &changes) {
                entities.undo(&changes);
                return Err(error);
            }
            Ok((differences, changes))
        })?;
        Ok(written)
    }

    /// Takes the changes back, and says what they were about.
    fn compare(&mut self, changes: &[Change]) -> Vec<Difference> {
        let net = super::changes::net(changes);
        let at = |entities: &Entities, change: &Change| entities.get(change.kind, change.id);
        let then: Vec<_> = net
            .iter()
            .map(|change| at(&self.entities, change))
            .collect();
        self.entities.undo(changes);
        let differences = net.iter().zip(then).map(|(change, then)| {
            let now = at(&self.entities, change);
            Difference {
                kind: change.kind,
                id: change.id,
                fields: unlike(now.as_ref(), then.as_ref()),
                now: self.covered(change.kind, now),
                then: self.covered(change.kind, then),
            }
        });
        differences.collect()
    }

    fn covered(&self, kind: Kind, document: Option<Document>) -> Option<Document> {
        let mut document = document?;
        mask(kind, &mut document, self.plugins);
        Some(document)
    }

    /// What the rows were that have been written since a state.
    fn former(&self, hash: Hash) -> Result<Rows, PastError> {
        let states = self.ledger.iter();
        let since = states
            .take_while(|entry| entry.state.hash != hash)
            .map(|entry| entry.segment);
        let since: Vec<_> = since.collect();
        if since.len() == self.ledger.iter().count() {
            return Err(PastError::Unknown);
        }
        match self.disk.as_ref().and_then(Disk::database) {
            Some(database) => Ok(former(database, since)?),
            None if since.is_empty() => Ok(Rows::new()),
            None => Err(Error::database_error("the store's file cannot be read").into()),
        }
    }
}

/// The fields in which two versions of an entity differ; none if there is one version.
fn unlike(now: Option<&Document>, then: Option<&Document>) -> Vec<String> {
    let (Some(now), Some(then)) = (now, then) else {
        return Vec::new();
    };
    let gone = then.keys().filter(|field| !now.contains_key(*field));
    let other = now
        .iter()
        .filter(|(field, value)| then.get(*field) != Some(*value));
    let all = gone.chain(other.map(|(field, _)| field));
    all.cloned().collect()
}

fn former(database: &Database, since: Vec<tables::Segment>) -> Result<Rows, Error> {
    tables::former(database, since).map_err(failed)
}

/// Makes rows what they are here, and says what that changed. First goes what is or becomes something else, children
/// before parents, so that names can be exchanged; then comes what is to be.
fn put(entities: &mut Entities, rows: &Rows) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    let mut coming = Vec::new();
    for (key, row) in rows {
        let Some((kind, id)) = entity(key) else {
            continue;
        };
        let current = entities.row(kind, id);
        if let Some(Origin::File(place)) = current.map(|row| row.origin) {
            return Err(contradiction(kind, id, format!("its id stands in {place}")));
        }
        let current: Option<Box<[u8]>> = current.map(|row| row.raw.into());
        if current == *row {
            continue;
        }
        if current.is_some() {
            changes.push(Change {
                kind,
                id,
                before: current,
                after: None,
            });
        }
        coming.extend(row.clone().map(|row| (kind, id, row)));
    }
    let rank = |kind: Kind| Kind::ALL.iter().position(|other| *other == kind);
    changes.sort_by_key(|change| std::cmp::Reverse(rank(change.kind)));
    coming.sort_by_key(|(kind, ..)| rank(*kind));
    for change in &changes {
        entities.undo(&[Change {
            kind: change.kind,
            id: change.id,
            before: None,
            after: change.before.clone(),
        }]);
    }
    for (kind, id, row) in coming {
        if let Err(why) = entities.restore(kind, id, row.clone()) {
            entities.undo(&changes);
            return Err(contradiction(kind, id, why));
        }
        changes.push(Change {
            kind,
            id,
            before: None,
            after: Some(row),
        });
    }
    Ok(changes)
}

/// What came with a former state must get along with what stands in files by now.
fn check(entities: &mut Entities, changes: &[Change]) -> Result<(), Error> {
    for change in changes.iter().filter(|change| change.after.is_some()) {
        let (kind, id) = (change.kind, change.id);
        let document = entities.get(kind, id).unwrap_or_default();
        for field in kind.entity().schema.fields {
            if let Type::Foreign(parent) = field.kind
                && let Some(other) = document.get(field.name).and_then(|field| field.get("id"))
                && let Some(other) = other.as_str().and_then(|id| Uuid::parse_str(id).ok())
                && entities.row(parent, other).is_none()
            {
                let parent = parent.as_str();
                let why = format!(
                    "there is no entity {other} of {parent} for its {}",
                    field.name
                );
                return Err(contradiction(kind, id, why));
            }
        }
    }
    // Putting them again holds each of them against all that is there.
    let rows = file_rows(entities);
    if rows.is_empty() {
        return Ok(());
    }
    match entities.replace_file_rows(rows) {
        Ok(()) => Ok(()),
        Err(clashes) => Err(clashes.first().map_or_else(
            || contradiction(Kind::Services, Uuid::nil(), String::new()),
            |clash| {
                let why = format!("{} ({})", clash.message, clash.place);
                contradiction(clash.kind, clash.id, why)
            },
        )),
    }
}

/// A state that cannot be now.
fn contradiction(kind: Kind, id: Uuid, why: String) -> Error {
    let inner = Document::from_iter([(id.to_string(), why.into())]);
    Error::declarative_config(Document::from_iter([(
        kind.as_str().to_owned(),
        inner.into(),
    )]))
}
