//! What the Admin API needs of whoever owns the entities.
//!
//! An operation is a function over the whole collection that runs where the collection lives, so that looking a parent up,
//! comparing an ETag and writing are one step that nothing can come between. It does no I/O and waits for nothing.

use std::future::Future;

use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::store::Author;
use crate::store::Difference;
use crate::store::Gone;
use crate::store::Hash;
use crate::store::Made;
use crate::store::PastError;
use crate::store::State;

/// The owner of the entities, as seen from another thread. The store is one; see [`super::Memory`] for another, which has
/// no past.
pub trait Backend: Clone + Send + Sync + 'static {
    /// Whether anything can be written at all.
    fn writable(&self) -> bool;

    /// Runs an operation that only looks.
    fn read<T, F>(&self, look: F) -> impl Future<Output = Result<T, Gone>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static;

    /// Runs an operation that writes, and answers once what it changed is on disk. An operation that fails has
    /// changed nothing; where the disk fails, what it changed is taken back.
    fn write<T, F>(
        &self,
        author: Author,
        change: F,
    ) -> impl Future<Output = Result<Result<T, Error>, Gone>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Made<T> + Send + 'static;

    /// The last states, the newest first.
    fn history(&self) -> impl Future<Output = Result<Vec<State>, Gone>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Looks at the entities as they were in a state.
    fn look_back<T, F>(
        &self,
        _: Hash,
        _: F,
    ) -> impl Future<Output = Result<Result<T, PastError>, Gone>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        async { Ok(Err(PastError::Unknown)) }
    }

    /// What a rollback to a state would change.
    fn differences(
        &self,
        _: Hash,
    ) -> impl Future<Output = Result<Result<Vec<Difference>, PastError>, Gone>> + Send {
        async { Ok(Err(PastError::Unknown)) }
    }

    /// Makes the stored entities what they were in a state, and says what has changed.
    fn roll_back(
        &self,
        _: Hash,
        _: Author,
    ) -> impl Future<Output = Result<Result<Vec<Difference>, PastError>, Gone>> + Send {
        async { Ok(Err(PastError::Unknown)) }
    }
}
