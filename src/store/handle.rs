//! How everyone else asks the keeper: from any thread, without blocking it.

use std::fmt;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use super::Author;
use super::Changes;
use super::Counter;
use super::Difference;
use super::Draft;
use super::FileRow;
use super::Hash;
use super::Keeper;
use super::Made;
use super::PastError;
use super::Revision;
use super::State;
use super::Status;
use super::Written;
use super::draft;
use super::thread::Message;
use super::write::pending;
use crate::entity::Clash;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;

/// There is no answer: the store's thread has ended, or what was asked failed inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store does not answer")
    }
}

impl std::error::Error for Gone {}

/// A cheap handle on the keeper. The keeper's thread ends with the last of them.
#[derive(Clone, Debug)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    revisions: watch::Receiver<Revision>,
    writable: bool,
}

impl Handle {
    pub(super) fn new(messages: mpsc::Sender<Message>, keeper: &Keeper) -> Self {
        Self {
            messages,
            revisions: keeper.revisions(),
            writable: keeper.status().writable,
        }
    }

    /// Whether anything can be written at all. Where not, the answer is [`super::unwritable`].
    pub fn writable(&self) -> bool {
        self.writable
    }

    /// Tells the newest state's revision, now and whenever there is a new one. It ends with the keeper.
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.revisions.clone()
    }

    /// Looks at all entities as they are on disk.
    ///
    /// # Errors
    /// That there is no answer.
    pub async fn read<T, F>(&self, look: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        self.look(|keeper| look(keeper.entities())).await
    }

    /// Writes, and answers once what changed is on disk. A function that fails must have changed nothing.
    ///
    /// # Errors
    /// That there is no answer; within, the function's error, or that the disk refused and nothing has changed.
    pub async fn write<T, F>(
        &self,
        author: Author,
        change: F,
    ) -> Result<Result<Written<T>, Error>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Made<T> + Send + 'static,
    {
        let (write, answered) = pending(author, change);
        self.send(Message::Write(write)).await?;
        answered.await.map_err(|_| Gone)
    }

    /// Does several operations as one write: all of them or none.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn edit<T, F>(
        &self,
        author: Author,
        edit: F,
    ) -> Result<Result<Written<T>, Error>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Draft<'_, '_>) -> Result<T, Error> + Send + 'static,
    {
        self.write(author, |entities, env| draft(entities, env, edit))
            .await
    }

    /// How the store is.
    ///
    /// # Errors
    /// That there is no answer.
    pub async fn status(&self) -> Result<Status, Gone> {
        self.look(Keeper::status).await
    }

    /// What has changed since this was called last; everything at first. One reader can follow.
    ///
    /// # Errors
    /// That there is no answer.
    pub async fn take_changes(&self) -> Result<Changes, Gone> {
        self.own(Keeper::take_changes).await
    }

    /// Puts these in place of all entities that came from files.
    ///
    /// # Errors
    /// That there is no answer; within, what clashes, and nothing has changed then.
    pub async fn replace_file_rows(
        &self,
        rows: Vec<FileRow>,
    ) -> Result<Result<(), Vec<Clash>>, Gone> {
        self.own(|keeper| keeper.replace_file_rows(rows)).await
    }

    /// The last states, the newest first.
    ///
    /// # Errors
    /// That there is no answer.
    pub async fn history(&self) -> Result<Vec<State>, Gone> {
        self.look(Keeper::history).await
    }

    /// Looks at the entities as they were in a state.
    ///
    /// # Errors
    /// That there is no answer; within, that the state cannot be had.
    pub async fn look_back<T, F>(&self, hash: Hash, look: F) -> Result<Result<T, PastError>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        self.own(move |keeper| keeper.look_back(hash, look)).await
    }

    /// What a rollback to a state would change.
    ///
    /// # Errors
    /// That there is no answer; within, that the state cannot be had.
    pub async fn differences(
        &self,
        hash: Hash,
    ) -> Result<Result<Vec<Difference>, PastError>, Gone> {
        self.own(move |keeper| keeper.differences(hash)).await
    }

    /// Makes the stored entities what they were in a state, and says what has changed.
    ///
    /// # Errors
    /// That there is no answer; within, that the state cannot be had.
    pub async fn roll_back(
        &self,
        hash: Hash,
        author: Author,
    ) -> Result<Result<Written<Vec<Difference>>, PastError>, Gone> {
        self.own(move |keeper| keeper.roll_back(hash, author)).await
    }

    /// Puts counters, and answers once they are on disk.
    ///
    /// # Errors
    /// That there is no answer; within, what the disk says.
    pub async fn put_counters(&self, counters: Vec<Counter>) -> Result<Result<(), Error>, Gone> {
        let (to, answered) = oneshot::channel();
        self.send(Message::Count(counters, to)).await?;
        answered.await.map_err(|_| Gone)
    }

    /// Gives the file to another process: once this is answered it is closed, and every write is refused.
    ///
    /// # Errors
    /// That there is no answer.
    pub async fn lend(&self) -> Result<(), Gone> {
        self.own(Keeper::lend).await
    }

    /// Opens the file again after [`lend`](Self::lend).
    ///
    /// # Errors
    /// That there is no answer.
    pub async fn take_back(&self) -> Result<(), Gone> {
        self.own(Keeper::take_back).await
    }

    /// Every counter that was put, in the order of their keys.
    ///
    /// # Errors
    /// That there is no answer; within, what the disk says.
    pub async fn counters(&self) -> Result<Result<Vec<Counter>, Error>, Gone> {
        self.look(Keeper::counters).await
    }

    async fn look<T, F>(&self, look: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Keeper) -> T + Send + 'static,
    {
        let (to, answered) = oneshot::channel();
        let look = move |keeper: &Keeper| {
            // Whoever asked may have gone.
            let _ = to.send(look(keeper));
        };
        self.send(Message::Look(Box::new(look))).await?;
        answered.await.map_err(|_| Gone)
    }

    async fn own<T, F>(&self, own: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Keeper) -> T + Send + 'static,
    {
        let (to, answered) = oneshot::channel();
        let own = move |keeper: &mut Keeper| {
            let _ = to.send(own(keeper));
        };
        self.send(Message::Own(Box::new(own))).await?;
        answered.await.map_err(|_| Gone)
    }

    async fn send(&self, message: Message) -> Result<(), Gone> {
        self.messages.send(message).await.map_err(|_| Gone)
    }
}
