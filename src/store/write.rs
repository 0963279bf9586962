//! A write on its way through a transaction: it is done to the collection, then waits for the disk, then answers.

use std::fmt;

use tokio::sync::oneshot;

use super::Author;
use super::Made;
use super::Revision;
use crate::entity::Change;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;

/// A write that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// What it says.
    pub answer: T,
    /// The state that it made, or the one that it found if it changed nothing. Whoever follows the store up to here
    /// has seen it.
    pub revision: Revision,
}

/// A write, whatever it answers.
pub(super) trait Write: Send {
    /// Who writes.
    fn author(&self) -> &Author;

    /// Does it, keeps its answer, and says what changed.
    fn run(&mut self, entities: &mut Entities, env: &mut Env<'_>) -> Vec<Change>;

    /// Answers it: it is on disk as part of this state, or nothing of it is.
    fn answer(self: Box<Self>, end: Result<Revision, Error>);
}

/// One write.
struct Pending<T, F> {
    author: Author,
    change: Option<F>,
    made: Option<Result<T, Error>>,
    to: oneshot::Sender<Result<Written<T>, Error>>,
}

/// A write and where its answer will be.
pub(super) fn pending<T, F>(author: Author, change: F) -> (Box<dyn Write>, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Entities, &mut Env<'_>) -> Made<T> + Send + 'static,
{
    let (to, answered) = oneshot::channel();
    let pending = Pending {
        author,
        change: Some(change),
        made: None,
        to,
    };
    (Box::new(pending), answered)
}

/// Where the answer of a write comes.
pub(super) type Answered<T> = oneshot::Receiver<Result<Written<T>, Error>>;

impl<T, F> Write for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Entities, &mut Env<'_>) -> Made<T> + Send,
{
    fn author(&self) -> &Author {
        &self.author
    }

    fn run(&mut self, entities: &mut Entities, env: &mut Env<'_>) -> Vec<Change> {
        let Some(change) = self.change.take() else {
            return Vec::new();
        };
        let (made, changes) = match change(entities, env) {
            Ok((answer, changes)) => (Ok(answer), changes),
            Err(error) => (Err(error), Vec::new()),
        };
        self.made = Some(made);
        changes
    }

    fn answer(self: Box<Self>, end: Result<Revision, Error>) {
        let made = match (end, self.made) {
            (Ok(revision), Some(made)) => made.map(|answer| Written { answer, revision }),
            (Err(error), _) => Err(error),
            // It was never run, and its asker hears that there will be no answer.
            (Ok(_), None) => return,
        };
        // Whoever asked may have gone.
        let _ = self.to.send(made);
    }
}

impl fmt::Debug for dyn Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Write").field(self.author()).finish()
    }
}
