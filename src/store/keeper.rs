//! The owner of the collection and of the file: everything that may be done to them, on one thread.
//!
//! What is in the collection is what is on disk, but for the moment of a transaction. Where the disk refuses, the
//! collection goes back; where nobody can tell what the disk took, the collection is read from it again. Both
//! happen before anyone is answered.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;

use redb::Database;
use tokio::sync::oneshot;
use tokio::sync::watch;
use uuid::Uuid;

use super::Author;
use super::Cause;
use super::Changes;
use super::Made;
use super::OpenError;
use super::Revision;
use super::State;
use super::Written;
use super::changes::Feed;
use super::changes::net;
use super::disk::Disk;
use super::disk::Place;
use super::disk::guarded;
use super::key::entity;
use super::ledger::Ledger;
use super::tables;
use super::tables::Deed;
use super::write::Write;
use super::write::pending;
use crate::base::clock;
use crate::entity::Change;
use crate::entity::Clash;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Origin;
use crate::entity::PluginSchemas;

/// An entity of a file: its kind, its id, itself, and where it stands.
pub type FileRow = (Kind, Uuid, Document, Box<str>);

/// A counter that outlives the process; what the bytes mean is the business of whoever counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// What it counts.
    pub key: Box<[u8]>,
    /// How far it has come; `None` forgets it.
    pub value: Option<Box<[u8]>>,
}

/// How the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its file, if it has one.
    pub path: Option<PathBuf>,
    /// It takes writes at all.
    pub writable: bool,
    /// The last thing that the disk was asked went well.
    pub healthy: bool,
    /// Its newest state.
    pub state: State,
}

/// What somebody tries to do to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// POST
    Create,
    /// PATCH
    Update,
    /// PUT
    CreateOrUpdate,
    /// DELETE
    Remove,
}

/// What Kong says to who writes where nothing can be kept.
pub fn unwritable(act: Act, kind: Kind) -> Error {
    let act = match act {
        Act::Create => "create",
        Act::Update => "update",
        Act::CreateOrUpdate => "create or update",
        Act::Remove => "remove",
    };
    let kind = kind.as_str();
    Error::operation_unsupported(format!(
        "cannot {act} '{kind}' entities when not using a database"
    ))
}

/// The one that owns the entities and their file.
#[derive(Debug)]
pub struct Keeper {
    pub(super) plugins: &'static dyn PluginSchemas,
    pub(super) entities: Entities,
    /// Without one, nothing can be written.
    pub(super) disk: Option<Disk>,
    pub(super) ledger: Ledger,
    /// The collection may not be what the disk has.
    stale: bool,
    feed: Feed,
    announce: watch::Sender<Revision>,
}

/// What goes into one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) writes: Vec<Box<dyn Write>>,
    pub(super) counters: Vec<Counter>,
    pub(super) counted: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Keeper {
    /// Opens the store in this file, or makes one.
    ///
    /// # Errors
    /// A sentence for the one who starts the gateway.
    pub fn open(path: &Path, plugins: &'static dyn PluginSchemas) -> Result<Self, OpenError> {
        Self::at(Place::File(path.to_owned()), plugins).map_err(|cause| OpenError {
            path: path.to_owned(),
            cause,
        })
    }

    /// A store that lasts as long as the process.
    ///
    /// # Errors
    /// None that has been seen.
    pub fn in_memory(plugins: &'static dyn PluginSchemas) -> Result<Self, OpenError> {
        Self::at(Place::Memory, plugins).map_err(|cause| OpenError {
            path: PathBuf::from("in memory"),
            cause,
        })
    }

    /// No store: the entities of files can be read, and nothing can be written.
    pub fn without_store(plugins: &'static dyn PluginSchemas) -> Self {
        let ledger = Ledger::new(Author::new("silverback"), now_ms());
        Self::new(None, ledger, plugins)
    }

    pub(super) fn at(place: Place, plugins: &'static dyn PluginSchemas) -> Result<Self, Cause> {
        let mut disk = Disk::open(place, now_ms())?;
        let database = disk.ready()?;
        let (entities, ledger) = guarded(|| {
            let mut ledger = tables::ledger(database)?;
            let mut entities = Entities::new(plugins);
            load(database, &mut entities, &mut ledger)?;
            Ok((entities, ledger))
        })?;
        let mut keeper = Self::new(Some(disk), ledger, plugins);
        keeper.entities = entities;
        Ok(keeper)
    }

    fn new(disk: Option<Disk>, ledger: Ledger, plugins: &'static dyn PluginSchemas) -> Self {
        let (announce, _) = watch::channel(ledger.newest().revision);
        Self {
            plugins,
            entities: Entities::new(plugins),
            disk,
            ledger,
            stale: false,
            feed: Feed::All,
            announce,
        }
    }

    /// All entities.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// How the store is.
    pub fn status(&self) -> Status {
        let disk = self.disk.as_ref();
        Status {
            path: disk.and_then(|disk| disk.path()).map(Path::to_owned),
            writable: disk.is_some(),
            healthy: !self.stale && !disk.is_some_and(Disk::is_broken),
            state: self.ledger.newest().clone(),
        }
    }

    /// Tells the newest state's revision, now and whenever there is a new one.
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.announce.subscribe()
    }

    /// Does one write and waits for the disk.
    ///
    /// # Errors
    /// The write's own, or that the disk refused it; nothing has changed then.
    pub fn write<T, F>(&mut self, author: Author, change: F) -> Result<Written<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Made<T> + Send + 'static,
    {
        let (write, mut answered) = pending(author, change);
        let batch = Batch {
            writes: vec![write],
            ..Batch::default()
        };
        self.commit(batch, now_ms());
        let lost = || Err(Error::database_error("the write was not answered"));
        answered.try_recv().unwrap_or_else(|_| lost())
    }

    /// What has changed since this was called last; everything at first. One reader can follow.
    pub fn take_changes(&mut self) -> Changes {
        let revision = self.ledger.newest().revision;
        self.feed.take(&self.entities, revision)
    }

    /// Puts these in place of all entities that came from files.
    ///
    /// # Errors
    /// What clashes with an entity of the store or with one another; nothing has changed then.
    pub fn replace_file_rows(
        &mut self,
        rows: impl IntoIterator<Item = FileRow>,
    ) -> Result<(), Vec<Clash>> {
        self.entities.replace_file_rows(rows)
    }

    /// Every counter that was put, in the order of their keys.
    ///
    /// # Errors
    /// What the disk says.
    pub fn counters(&self) -> Result<Vec<Counter>, Error> {
        match self.disk.as_ref().map(Disk::database) {
            None => Ok(Vec::new()),
            Some(None) => Err(Error::database_error("the store's file cannot be read")),
            Some(Some(database)) => tables::counters(database).map_err(failed),
        }
    }

    /// Puts counters and waits for the disk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put_counters(&mut self, counters: Vec<Counter>) -> Result<(), Error> {
        let (to, mut answered) = oneshot::channel();
        let batch = Batch {
            counters,
            counted: vec![to],
            ..Batch::default()
        };
        self.commit(batch, now_ms());
        let lost = || Err(Error::database_error("the counters were not answered"));
        answered.try_recv().unwrap_or_else(|_| lost())
    }

    /// Does all of a batch, and answers each of it when it is on disk.
    pub(super) fn commit(&mut self, mut batch: Batch, now_ms: u64) {
        if let Err(cause) = self.mend() {
            return batch.refuse(&unusable(&cause));
        }
        let all = match self.run(&mut batch.writes, now_ms) {
            Ok(all) => all,
            Err(error) => return batch.refuse(&error),
        };
        let Some(disk) = &mut self.disk else {
            return self.turn_away(batch, &all);
        };
        let deeds = deeds(&batch.writes, &all);
        let mut ledger = self.ledger.clone();
        let idle = batch.counters.is_empty() && deeds.iter().all(|deed| deed.changes.is_empty());
        let kept = match idle {
            true => Ok(vec![None; deeds.len()]),
            false => disk.ready().and_then(|database| {
                let counters = &batch.counters;
                guarded(|| {
                    Ok(tables::commit(
                        database,
                        &deeds,
                        counters,
                        &mut ledger,
                        now_ms,
                    )?)
                })
            }),
        };
        match kept {
            Ok(made) => {
                self.ledger = ledger;
                deeds.iter().for_each(|deed| self.feed.add(&deed.changes));
                self.kept(batch, &made);
            }
            Err(cause) => self.refused(batch, &all, &cause),
        }
    }

    /// Does writes to the collection.
    fn run(
        &mut self,
        writes: &mut [Box<dyn Write>],
        now_ms: u64,
    ) -> Result<Vec<Vec<Change>>, Error> {
        let mut all = Vec::with_capacity(writes.len());
        for write in writes {
            let entities = &mut self.entities;
            let changes = catch_unwind(AssertUnwindSafe(|| {
                write.run(entities, &mut Env::new(now_ms, &mut Uuid::new_v4))
            }));
            let Ok(changes) = changes else {
                // What it left behind may be anything.
                self.distrust();
                return Err(Error::database_error("a write failed inside"));
            };
            all.push(changes);
        }
        Ok(all)
    }

    fn kept(&mut self, batch: Batch, made: &[Option<Revision>]) {
        let newest = self.ledger.newest().revision;
        if made.iter().any(Option::is_some) {
            self.announce.send_replace(newest);
        }
        for (write, revision) in batch.writes.into_iter().zip(made) {
            // One that changed nothing may have seen what others of the batch changed.
            write.answer(Ok(revision.unwrap_or(newest)));
        }
        for to in batch.counted {
            let _ = to.send(Ok(()));
        }
    }

    fn refused(&mut self, batch: Batch, all: &[Vec<Change>], cause: &Cause) {
        tracing::error!("the store did not take a write: {}", self.say(cause));
        for changes in all.iter().rev() {
            self.entities.undo(changes);
        }
        if let Some(disk) = &mut self.disk {
            disk.give_up();
        }
        if let Err(cause) = self.mend() {
            tracing::error!("the store cannot be opened again: {}", self.say(&cause));
        }
        batch.refuse(&unusable(cause));
    }

    /// Answers where nothing can be written: what would have changed something says so.
    fn turn_away(&mut self, batch: Batch, all: &[Vec<Change>]) {
        for changes in all.iter().rev() {
            self.entities.undo(changes);
        }
        let revision = self.ledger.newest().revision;
        for (write, changes) in batch.writes.into_iter().zip(all) {
            write.answer(match changes.first() {
                None => Ok(revision),
                Some(change) => {
                    let act = match (&change.before, &change.after) {
                        (None, _) => Act::Create,
                        (Some(_), Some(_)) => Act::Update,
                        (Some(_), None) => Act::Remove,
                    };
                    Err(unwritable(act, change.kind))
                }
            });
        }
        for to in batch.counted {
            let _ = to.send(Err(Error::database_error("there is no store")));
        }
    }

    /// The collection may be anything: it has to be made again.
    pub(super) fn distrust(&mut self) {
        self.stale = true;
        if let Err(cause) = self.mend() {
            tracing::error!("the store cannot be read again: {}", self.say(&cause));
        }
    }

    /// Opens the file again if it failed, and reads the collection again if it may differ.
    fn mend(&mut self) -> Result<(), Cause> {
        let broken = self.disk.as_ref().is_some_and(Disk::is_broken);
        if !broken && !self.stale {
            return Ok(());
        }
        let mut entities = Entities::new(self.plugins);
        if let Some(disk) = &mut self.disk {
            let database = disk.ready()?;
            let known = &self.ledger;
            let ledger = guarded(|| {
                let mut ledger = tables::ledger(database)?;
                // The disk may have taken what it refused.
                if self.stale || ledger != *known {
                    load(database, &mut entities, &mut ledger)?;
                }
                Ok(ledger)
            });
            let ledger = ledger.inspect_err(|_| disk.give_up())?;
            if !self.stale && ledger == self.ledger {
                return Ok(());
            }
            self.ledger = ledger;
        }
        if let Err(clashes) = entities.replace_file_rows(file_rows(&self.entities)) {
            tracing::error!("{} entities of files do not fit any more", clashes.len());
        }
        self.entities = entities;
        self.stale = false;
        self.feed = Feed::All;
        self.announce.send_replace(self.ledger.newest().revision);
        Ok(())
    }

    /// Takes away what has a time to live that is over. Nobody else may write while a turn lasts, so this sees the
    /// collection as it is on disk.
    pub(super) fn expire(&mut self, now_ms: u64) {
        if self.disk.is_none() {
            return;
        }
        let expire = |entities: &mut Entities, env: &mut Env<'_>| {
            Ok::<_, Error>(((), entities.expire(env.now_secs)))
        };
        let (write, _) = pending(Author::new("expiry"), expire);
        let batch = Batch {
            writes: vec![write],
            ..Batch::default()
        };
        self.commit(batch, now_ms);
    }

    /// Gives the file to another process. From now on every write is refused, and reads see what is in memory.
    pub(super) fn lend(&mut self) {
        if let Some(Err(error)) = self.disk.as_mut().map(Disk::lend) {
            tracing::warn!("the store's file was not closed well: {error}");
        }
    }

    /// Opens the file again after the other process has failed, and reads what it may have changed.
    pub(super) fn take_back(&mut self) {
        if let Some(disk) = &mut self.disk {
            disk.take_back();
        }
        if let Err(cause) = self.mend() {
            tracing::error!("the store cannot be opened again: {}", self.say(&cause));
        }
    }

    /// Lets go of the file in good order.
    pub fn close(self) {
        if let Some(Err(error)) = self.disk.map(Disk::close) {
            tracing::warn!("the store's file was not closed well: {error}");
        }
    }

    fn say(&self, cause: &Cause) -> String {
        let path = self.disk.as_ref().and_then(|disk| disk.path());
        let path = path.unwrap_or(Path::new("in memory"));
        format!("{}: {cause:?}", path.display())
    }
}

impl Batch {
    fn refuse(self, error: &Error) {
        for write in self.writes {
            write.answer(Err(error.clone()));
        }
        for to in self.counted {
            // Whoever asked may have gone.
            let _ = to.send(Err(error.clone()));
        }
    }
}

/// What goes to disk.
fn deeds(writes: &[Box<dyn Write>], all: &[Vec<Change>]) -> Vec<Deed> {
    let deeds = writes.iter().zip(all).map(|(write, changes)| Deed {
        author: write.author().clone(),
        changes: net(changes),
    });
    deeds.collect()
}

/// The entities that stand in files.
pub(super) fn file_rows(entities: &Entities) -> Vec<FileRow> {
    let rows = Kind::ALL.into_iter().flat_map(|kind| entities.iter(kind));
    let of_files = rows.filter_map(|row| match row.origin {
        Origin::File(place) => {
            let mut document = row.doc();
            // The names of a certificate are entities of their own.
            document.retain(|field, _| row.kind != Kind::Certificates || field != "snis");
            Some((row.kind, row.id, document, place.clone()))
        }
        Origin::Store => None,
    });
    of_files.collect()
}

/// Reads all rows into the collection.
fn load(database: &Database, entities: &mut Entities, ledger: &mut Ledger) -> Result<(), Cause> {
    let hash = tables::rows(database, |key, row| {
        let unknown = || Cause::Damaged("it holds an entity of an unknown kind".to_owned());
        let (kind, id) = entity(&key).ok_or_else(unknown)?;
        let wrong = |why| Cause::Damaged(format!("its {} {id}: {why}", kind.as_str()));
        entities.restore(kind, id, row.into()).map_err(wrong)
    })?;
    let newest = &mut ledger.newest_mut().state;
    if newest.hash != hash {
        tracing::warn!("the newest state should be {}, but is {hash}", newest.hash);
        newest.hash = hash;
    }
    Ok(())
}

pub(super) fn failed(error: redb::Error) -> Error {
    Error::database_error(&error.to_string())
}

fn unusable(cause: &Cause) -> Error {
    if matches!(cause, Cause::Lent) {
        return Error::handing_over();
    }
    Error::database_error(&format!("{cause:?}"))
}

pub(super) fn now_ms() -> u64 {
    clock::unix_micros() / 1_000
}
