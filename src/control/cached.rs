//! The response caches as the Admin API sees them: a question by the keys that people use, and one answer for all
//! workers.

use std::sync::Arc;

use uuid::Uuid;

use crate::base::clock;
use crate::base::limits;
use crate::cache;
use crate::cache::Entry;
use crate::cache::Purge;
use crate::cache::Question;
use crate::cache::Target;
use crate::cache::Told;

/// What is asked of the response caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheQuestion {
    /// The answer that this plugin, or any, keeps under this key.
    Show(Option<Uuid>, String),
    /// Remove it.
    Remove(Option<Uuid>, String),
    /// Remove every answer that there is.
    Clear,
    /// Remove every answer of this route.
    ClearRoute(Uuid),
    /// Remove every answer that this plugin keeps.
    ClearPlugin(Uuid),
    /// Remove every answer with this tag.
    ClearTag(String),
}

/// What the response caches say.
#[derive(Clone, Debug)]
pub enum CacheAnswer {
    /// There is no such answer.
    Missing,
    /// It, or they, are gone.
    Removed,
    /// They are to go, but not every worker has said so in time.
    Late,
    /// This is it.
    Found(Arc<Entry>),
}

impl CacheQuestion {
    /// What the workers are asked; `None` if nothing can be there under such a key.
    pub(super) fn for_workers(&self) -> Option<Question> {
        Some(match self {
            Self::Show(plugin, key) => Question::Find(digest(key)?, *plugin),
            Self::Remove(plugin, key) => purge(Target::Digest(digest(key)?, *plugin)),
            Self::Clear => purge(Target::Everything),
            Self::ClearRoute(route) => purge(Target::Route(*route)),
            Self::ClearPlugin(plugin) => purge(Target::Plugin(*plugin)),
            Self::ClearTag(tag) => purge(Target::Tag(tag.as_bytes().into())),
        })
    }

    /// What the workers' word means for this question.
    pub(super) fn sum_up(&self, told: &Told) -> CacheAnswer {
        match (self, told) {
            (Self::Remove(..), Told::Purged(0)) => CacheAnswer::Missing,
            (_, Told::Purged(_)) => CacheAnswer::Removed,
            (_, Told::Late) => CacheAnswer::Late,
            (_, Told::Found(entries)) => entries
                .iter()
                .find(|entry| entry.filed().is_some())
                .map_or(CacheAnswer::Missing, |entry| {
                    CacheAnswer::Found(Arc::clone(entry))
                }),
        }
    }
}

/// What so many workers say together. They hold the same entries for the most part, so each is shown once, and of the
/// numbers of forgotten ones the greatest counts.
pub(super) fn merge(question: &Question, heard: Vec<Told>, workers: usize) -> Told {
    let nothing = match question {
        Question::Purge(_) if heard.len() < workers => return Told::Late,
        Question::Purge(_) => Told::Purged(0),
        Question::Find(..) | Question::List(_) => Told::Found(Vec::new()),
    };
    heard.into_iter().fold(nothing, both)
}

fn both(told: Told, more: Told) -> Told {
    match (told, more) {
        (Told::Purged(one), Told::Purged(other)) => Told::Purged(one.max(other)),
        (Told::Found(mut all), Told::Found(more)) => {
            for entry in more {
                let known = all.iter().any(|other| Arc::ptr_eq(other, &entry));
                if all.len() < limits::CACHE_LISTED && !known {
                    all.push(entry);
                }
            }
            Told::Found(all)
        }
        (told, Told::Purged(_) | Told::Found(_) | Told::Late) => told,
    }
}

/// A key as it is shown: 64 hexadecimal digits.
fn digest(key: &str) -> Option<cache::Digest> {
    key.to_ascii_lowercase().as_bytes().try_into().ok()
}

fn purge(target: Target) -> Question {
    Question::Purge(Arc::new(Purge {
        target,
        until: clock::now().micros(),
    }))
}
