//! Entities that last as long as the process: a thread that owns a collection and nothing else.

use std::io;
use std::thread;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::backend::Author;
use super::backend::Backend;
use super::backend::Gone;
use super::backend::Written;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;

/// Operations that may wait for the thread.
const QUEUED: usize = 256;

type Operation = Box<dyn FnOnce(&mut Entities, &mut Env<'_>) + Send>;

/// A handle on the thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Memory {
    operations: mpsc::Sender<Operation>,
}

impl Memory {
    /// Starts the thread. The clock tells the milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// That there can be no more threads.
    pub fn spawn(
        mut entities: Entities,
        mut clock: impl FnMut() -> u64 + Send + 'static,
    ) -> io::Result<Self> {
        let (operations, mut queue) = mpsc::channel::<Operation>(QUEUED);
        thread::Builder::new()
            .name("entities".to_owned())
            .spawn(move || {
                while let Some(operation) = queue.blocking_recv() {
                    let mut new_id = Uuid::new_v4;
                    let mut env = Env::new(clock(), &mut new_id);
                    entities.expire(env.now_secs);
                    operation(&mut entities, &mut env);
                }
            })?;
        Ok(Self { operations })
    }

    async fn run<T, F>(&self, operation: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let operation = Box::new(move |entities: &mut Entities, env: &mut Env<'_>| {
            // Whoever asked may have gone.
            let _ = answer.send(operation(entities, env));
        });
        self.operations.send(operation).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}

impl Backend for Memory {
    async fn read<T, F>(&self, look: F) -> Result<T, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&Entities) -> T + Send + 'static,
    {
        self.run(|entities, _| look(entities)).await
    }

    async fn write<T, F>(&self, _: Author, change: F) -> Result<Result<T, Error>, Gone>
    where
        T: Send + 'static,
        F: FnOnce(&mut Entities, &mut Env<'_>) -> Written<T> + Send + 'static,
    {
        let run = |entities: &mut Entities, env: &mut Env<'_>| {
            change(entities, env).map(|(answer, _)| answer)
        };
        self.run(run).await
    }
}
