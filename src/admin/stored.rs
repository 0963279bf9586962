//! Entities that are kept by the store.

use super::backend::Author;
use super::backend::Backend;
use super::backend::Gone;
use super::backend::Written;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::store;

impl Backend for store::Handle {
    async fn read<T, F>(&self, look: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        Self::read(self, look).await.map_err(|store::Gone| Gone)
    }

    async fn write<T, F>(&self, author: Author, change: F) -> Result<Result<T, Error>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Written<T> + Send + 'static,
    {
        let author = store::Author::new(&author.name);
        let written = Self::write(self, author, change).await;
        let written = written.map_err(|store::Gone| Gone)?;
        Ok(written.map(|written| written.answer))
    }
}
