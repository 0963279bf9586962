//! What is to be forgotten, and the memory of it: a purge also concerns answers that are still on their way.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use crate::base::limits;

use super::Digest;
use super::Entry;
use super::Micros;

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All there is.
    Everything,
    /// What stands under exactly this key.
    Key(Box<[u8]>),
    /// What people call by this key, of one plugin or of all.
    Digest(Digest, Option<Uuid>),
    /// What this plugin stored.
    Plugin(Uuid),
    /// What was stored for this route.
    Route(Uuid),
    /// What the origin labelled so.
    Tag(Box<[u8]>),
}

/// A purge: whatever was asked for up to a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// What.
    pub target: Target,
    /// Up to when.
    pub until: Micros,
}

impl Purge {
    /// Whether an entry is to be forgotten.
    pub fn covers(&self, entry: &Entry) -> bool {
        entry.asked <= self.until && self.target.names(entry)
    }
}

impl Target {
    fn names(&self, entry: &Entry) -> bool {
        match self {
            Self::Everything => true,
            Self::Key(key) => entry.key == *key,
            Self::Digest(digest, plugin) => {
                entry.digest == *digest && plugin.is_none_or(|plugin| entry.plugin == plugin)
            }
            Self::Plugin(plugin) => entry.plugin == *plugin,
            Self::Route(route) => entry.route == *route,
            Self::Tag(tag) => entry.filed().is_some_and(|filed| filed.tags.contains(tag)),
        }
    }
}

/// The purges that a core remembers. Of those that it has forgotten it knows up to when they were, and takes
/// them for purges of everything.
#[derive(Debug, Default)]
pub(super) struct Purged {
    lately: VecDeque<Arc<Purge>>,
    floor: Micros,
}

impl Purged {
    /// Remembers a purge.
    pub(super) fn remember(&mut self, purge: Arc<Purge>) {
        if self.lately.len() == limits::CACHE_PURGES
            && let Some(oldest) = self.lately.pop_front()
        {
            self.floor = self.floor.max(oldest.until);
        }
        self.lately.push_back(purge);
    }

    /// Whether an entry was purged before it came.
    pub(super) fn covers(&self, entry: &Entry) -> bool {
        entry.asked <= self.floor || self.lately.iter().any(|purge| purge.covers(entry))
    }
}
