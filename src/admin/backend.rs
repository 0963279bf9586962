//! What the Admin API needs of whoever owns the entities.
//!
//! An operation is a function over the whole collection that runs where the collection lives, so that looking a parent up,
//! comparing an ETag and writing are one step that nothing can come between. It does no I/O and waits for nothing.

use std::fmt;
use std::future::Future;

use crate::entity::Change;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;

/// Who changes something; the history remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name of the token, or `local`.
    pub name: String,
}

/// Whoever owned the entities has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the owner of the entities has ended")
    }
}

impl std::error::Error for Gone {}

/// What an operation that writes makes: its answer, and what it changed in the collection.
pub type Written<T> = Result<(T, Vec<Change>), Error>;

/// The owner of the entities, as seen from another thread.
pub trait Backend: Clone + Send + Sync + 'static {
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
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Written<T> + Send + 'static;
}
