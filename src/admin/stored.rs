//! Entities that are kept by the store.

use super::backend::Backend;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::store::Author;
use crate::store::Difference;
use crate::store::Gone;
use crate::store::Handle;
use crate::store::Hash;
use crate::store::Made;
use crate::store::PastError;
use crate::store::State;

impl Backend for Handle {
    fn writable(&self) -> bool {
        Self::writable(self)
    }

    async fn read<T, F>(&self, look: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        Self::read(self, look).await
    }

    async fn write<T, F>(&self, author: Author, change: F) -> Result<Result<T, Error>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Made<T> + Send + 'static,
    {
        let written = Self::write(self, author, change).await?;
        Ok(written.map(|written| written.answer))
    }

    async fn history(&self) -> Result<Vec<State>, Gone> {
        Self::history(self).await
    }

    async fn look_back<T, F>(&self, hash: Hash, look: F) -> Result<Result<T, PastError>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        Self::look_back(self, hash, look).await
    }

    async fn differences(&self, hash: Hash) -> Result<Result<Vec<Difference>, PastError>, Gone> {
        Self::differences(self, hash).await
    }

    async fn roll_back(
        &self,
        hash: Hash,
        author: Author,
    ) -> Result<Result<Vec<Difference>, PastError>, Gone> {
        let back = Self::roll_back(self, hash, author).await?;
        Ok(back.map(|written| written.answer))
    }
}
