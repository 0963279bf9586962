//! What an exchange that goes to its origin remembers until the answer is here.

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;

use uuid::Uuid;

use crate::cache::Digest;
use crate::cache::Micros;
use crate::cache::Slot;
use crate::cache::Status;
use crate::cache::Times;
use crate::cache::Variants;
use crate::http::Method;
use crate::plugin::Edits;
use crate::plugin::Notes;
use crate::plugin::Request;

use super::flights::End;
use super::flights::Lead;

/// A request that is asked of its origin, and whose answer may be stored.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) plugin: Uuid,
    pub(super) route: Uuid,
    /// The key, without what its URL's answers vary by.
    pub(super) key: Box<[u8]>,
    pub(super) digest: Digest,
    pub(super) method: Method,
    pub(super) clock: Clock,
    /// What plugins have changed of the request's fields, for what answers vary by.
    pub(super) upstream: Edits,
    /// What is stored and too old.
    pub(super) stale: Option<Rc<Slot>>,
    /// The origin has been asked whether that is still right.
    pub(super) conditional: bool,
    /// Whoever waits.
    pub(super) lead: RefCell<Option<Lead>>,
    /// Where the answer comes from, as far as is known.
    pub(super) status: Cell<Status>,
    /// A client hears of it.
    pub(super) counts: bool,
    /// The answer's head has been looked at.
    pub(super) reviewed: Cell<bool>,
    /// How it is to be stored.
    pub(super) plan: RefCell<Option<Plan>>,
}

/// When a request was received by both clocks. An answer's phases are told the wall clock's time alone; what has
/// passed meanwhile says what the other shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// By the monotonic clock.
    pub(super) received: Micros,
    /// By the wall clock, in microseconds since the Unix epoch.
    pub(super) unix_micros: u64,
}

impl Clock {
    pub(super) fn of(request: &Request<'_>) -> Self {
        Self {
            received: request.received.micros(),
            unix_micros: request.unix_micros,
        }
    }

    /// The monotonic clock's time when the wall clock shows this.
    pub(super) fn at(&self, unix_micros: u64) -> Micros {
        self.received + unix_micros.saturating_sub(self.unix_micros)
    }
}

/// How an answer is to be stored.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) key: Box<[u8]>,
    /// What its URL's answers vary by, if that is not known yet.
    pub(super) variants: Option<Variants>,
    pub(super) times: Times,
    pub(super) tags: Box<[Box<[u8]>]>,
}

/// A request that changes what its URL stands for, if it succeeds (RFC 9111 section 4.4): the keys of what is stored.
#[derive(Debug)]
pub(super) struct Outdates {
    pub(super) clock: Clock,
    pub(super) keys: [Box<[u8]>; 2],
}

impl Pending {
    /// The exchange's, if there is one: of each kind of plugin a request meets one at most.
    pub(super) fn of(notes: &Notes) -> Option<&Self> {
        notes.find(|_| true)
    }

    /// Lets whoever waits go on, if nobody else has.
    pub(super) fn let_go(&self) {
        drop(self.lead.take());
    }

    /// Ends the fetch like this.
    pub(super) fn end(&self, end: End) {
        if let Some(lead) = self.lead.take() {
            lead.end(end);
        }
    }
}
