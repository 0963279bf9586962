//! What is stored under a key: an answer with its times, or the names by which a URL's answers vary.
//!
//! An [`Entry`] never changes and exists once in the process; whatever changes is a new one. What a core
//! holds of it is a [`Slot`], whose counts are the core's own.

use std::rc::Rc;
use std::sync::Arc;

use uuid::Uuid;

use crate::http::Answer;
use crate::http::reply::Held;

use super::Charge;
use super::Micros;
use super::Times;
use super::Variants;

/// The hexadecimal digits of a key as the Admin API and `X-Cache-Key` show it. Answers that differ only by host or
/// by what they vary by share one.
pub type Digest = [u8; 64];

/// A store of its own bound; plugins that name the same dictionary share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dictionary {
    /// A hash of its name.
    pub id: u64,
    /// What its answers may take. Where plugins disagree the last one to store has its way.
    pub bytes_max: usize,
}

/// What is stored under a key.
#[derive(Debug)]
pub struct Entry {
    /// Whatever tells requests apart, exactly.
    pub key: Box<[u8]>,
    /// The same for people.
    pub digest: Digest,
    /// Where it is kept.
    pub dictionary: Dictionary,
    /// The plugin that stored it.
    pub plugin: Uuid,
    /// The route that it was stored for.
    pub route: Uuid,
    /// When the request for it was sent; what was purged later is not stored.
    pub asked: Micros,
    /// What it is.
    pub content: Content,
    /// What it is charged with; that is the store's business.
    pub charge: Charge,
}

/// What an entry is.
#[derive(Debug)]
pub enum Content {
    /// An answer.
    Answer(Box<Filed>),
    /// What the answers of this URL vary by.
    Variants(Variants),
}

/// A stored answer.
#[derive(Debug)]
pub struct Filed {
    /// The answer.
    pub answer: Arc<Answer>,
    /// Its times.
    pub times: Times,
    /// When it was stored by the wall clock, in seconds since the Unix epoch: for people.
    pub unix_secs: u64,
    /// The labels that it can be purged by.
    pub tags: Box<[Box<[u8]>]>,
}

/// One core's hold of an entry.
#[derive(Debug)]
pub struct Slot {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Its answer under a count of this core alone, so that giving it touches no other core's memory.
    pub answer: Option<Arc<Held>>,
}

impl Entry {
    /// The stored answer, if it is one.
    pub fn filed(&self) -> Option<&Filed> {
        match &self.content {
            Content::Answer(filed) => Some(filed),
            Content::Variants(_) => None,
        }
    }

    /// The names, if it is those.
    pub fn variants(&self) -> Option<&Variants> {
        match &self.content {
            Content::Answer(_) => None,
            Content::Variants(variants) => Some(variants),
        }
    }

    /// Whether nothing may be done with it any more.
    pub fn is_over(&self, now: Micros) -> bool {
        self.filed().is_some_and(|filed| filed.times.is_over(now))
    }

    /// What it counts in an index, with the index's own part.
    pub fn bytes(&self) -> usize {
        let content = match &self.content {
            Content::Answer(filed) => {
                let tags = filed.tags.iter().map(|tag| 16 + tag.len());
                size_of::<Filed>() + filed.answer.bytes() + tags.sum::<usize>()
            }
            Content::Variants(variants) => variants.bytes(),
        };
        size_of::<Self>() + self.key.len() + content + INDEXED_BYTES
    }
}

impl Slot {
    /// A core's hold of an entry.
    pub fn new(entry: Arc<Entry>) -> Rc<Self> {
        let filed = entry.filed();
        let answer = filed.map(|filed| Arc::new(Held(Arc::clone(&filed.answer))));
        Rc::new(Self { entry, answer })
    }
}

/// What an index itself needs for an entry: a node, a place in the table, a slot.
const INDEXED_BYTES: usize = 192;
