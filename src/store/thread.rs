//! The keeper's thread: it takes what waits, answers those that look, and commits the writes together.
//!
//! Everything that waits at one moment is concurrent, so those that look go first and see what is on disk, and no one
//! ever sees a write that the disk may yet refuse.

use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Handle;
use super::Keeper;
use super::keeper::Batch;
use super::keeper::Counter;
use super::keeper::now_ms;
use super::write::Write;
use crate::base::clock;
use crate::base::limits::STORE_BATCH;
use crate::base::limits::STORE_EXPIRY;
use crate::base::limits::STORE_QUEUED;
use crate::entity::Error;

/// What the thread is asked. Whoever asks has kept the other end of the answer.
pub(super) enum Message {
    /// Look at what is on disk.
    Look(Box<dyn FnOnce(&Keeper) + Send>),
    /// Write, together with others.
    Write(Box<dyn Write>),
    /// Put counters, together with writes.
    Count(Vec<Counter>, oneshot::Sender<Result<(), Error>>),
    /// Something that needs the keeper for itself.
    Own(Box<dyn FnOnce(&mut Keeper) + Send>),
}

/// The thread. It ends when the last [`Handle`] is gone and everything is done.
#[derive(Debug)]
pub struct Thread {
    thread: JoinHandle<()>,
}

impl Thread {
    /// Waits until the file is closed.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the store's thread failed");
        }
    }
}

impl Keeper {
    /// Puts the keeper on a thread of its own.
    ///
    /// # Errors
    /// That there can be no more threads.
    pub fn spawn(self) -> io::Result<(Handle, Thread)> {
        let (sender, receiver) = mpsc::channel(STORE_QUEUED);
        let handle = Handle::new(sender, &self);
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || runtime.block_on(keep(self, receiver)))?;
        Ok((handle, Thread { thread }))
    }
}

async fn keep(mut keeper: Keeper, mut messages: mpsc::Receiver<Message>) {
    let mut waiting = Vec::with_capacity(STORE_BATCH);
    let mut expired = clock::now();
    loop {
        let next = messages.recv_many(&mut waiting, STORE_BATCH);
        match timeout(STORE_EXPIRY, next).await {
            Ok(0) => break,
            Ok(_) => turn(&mut keeper, &mut waiting),
            Err(_) => {}
        }
        let now = clock::now();
        if Duration::from_nanos(now.nanos_since(expired)) >= STORE_EXPIRY {
            expired = now;
            keeper.expire(now_ms());
        }
    }
    keeper.close();
}

fn turn(keeper: &mut Keeper, waiting: &mut Vec<Message>) {
    let mut batch = Batch::default();
    let mut owners = Vec::new();
    for message in waiting.drain(..) {
        match message {
            Message::Look(look) => {
                if catch_unwind(AssertUnwindSafe(|| look(keeper))).is_err() {
                    tracing::error!("a look at the stored entities failed inside");
                }
            }
            Message::Write(write) => batch.writes.push(write),
            Message::Count(counters, to) => {
                batch.counters.extend(counters);
                batch.counted.push(to);
            }
            Message::Own(own) => owners.push(own),
        }
    }
    if !batch.writes.is_empty() || !batch.counted.is_empty() {
        keeper.commit(batch, now_ms());
    }
    for own in owners {
        if catch_unwind(AssertUnwindSafe(|| own(keeper))).is_err() {
            tracing::error!("an operation on the store failed inside");
            keeper.distrust();
        }
    }
}
