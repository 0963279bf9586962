//! What cores and control say to each other about what is stored.
//!
//! A core tells control what it has stored and what it has found to be outdated; control passes that on to the others
//! and keeps nothing. Purges and questions go the same way down, and each core answers on the channel that came with
//! them.

use std::sync::Arc;

use crossbeam::channel::Sender;
use uuid::Uuid;

use super::Digest;
use super::Entry;
use super::Micros;
use super::Purge;
use super::Target;

/// What a core has to tell the others.
#[derive(Clone, Debug)]
pub enum Message {
    /// It has stored this. Whoever does not hear of it asks the origin once more.
    Stored(Arc<Entry>),
    /// This is outdated. It must be heard.
    Purged(Arc<Purge>),
}

/// What a core is told.
#[derive(Clone, Debug)]
pub enum Order {
    /// What another core has to tell.
    Learn(Arc<[Message]>),
    /// Something to do or to look up, and where to say what came of it.
    Ask(Arc<Question>, Sender<Told>),
}

impl Order {
    /// Whether it must not be lost: it has something forgotten.
    pub fn must_be_heard(&self) -> bool {
        match self {
            Self::Learn(messages) => messages
                .iter()
                .any(|message| matches!(message, Message::Purged(_))),
            Self::Ask(question, _) => matches!(**question, Question::Purge(_)),
        }
    }

    /// The order to forget everything up to a moment.
    pub fn forget_all(until: Micros) -> Self {
        let purge = Purge {
            target: Target::Everything,
            until,
        };
        Self::Learn([Message::Purged(Arc::new(purge))].into())
    }
}

/// Something to do or to look up.
#[derive(Debug)]
pub enum Question {
    /// Forget this.
    Purge(Arc<Purge>),
    /// What is called by this key, of one plugin or of all?
    Find(Digest, Option<Uuid>),
    /// What is there, of one plugin or of all?
    List(Option<Uuid>),
}

/// What came of it on one core.
#[derive(Debug)]
pub enum Told {
    /// So many entries were forgotten.
    Purged(usize),
    /// These are there.
    Found(Vec<Arc<Entry>>),
    /// Not every core has said yet that it has forgotten what it should; it will when it can.
    Late,
}
