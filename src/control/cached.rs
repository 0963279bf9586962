//! The response caches as the Admin API sees them: a question by the keys that people use, and one answer for all
//! workers.

use std::sync::Arc;
use std::time::Duration;

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
    /// Remove every answer: of this route, with this tag, or all there are.
    Clear {
        /// Only those of this route.
        route: Option<Uuid>,
        /// Only those with this tag.
        tag: Option<String>,
    },
}

/// What the response caches say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheAnswer {
    /// There is no such answer.
    Missing,
    /// It, or they, are gone.
    Removed,
    /// This is it.
    Found(CachedAnswer),
}

/// An answer that a response cache keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedAnswer {
    /// Its status.
    pub status: u16,
    /// Its field lines.
    pub fields: Vec<(String, String)>,
    /// How long its body is.
    pub body_bytes: u64,
    /// How old it is.
    pub age: Duration,
    /// How old it may become before it is asked for again.
    pub ttl: Duration,
}

impl CacheQuestion {
    /// What the workers are asked; `None` if nothing can be there under such a key.
    pub(super) fn for_workers(&self) -> Option<Question> {
        Some(match self {
            Self::Show(plugin, key) => Question::Find(digest(key)?, *plugin),
            Self::Remove(plugin, key) => purge(Target::Digest(digest(key)?, *plugin)),
            Self::Clear { route, tag } => purge(match (route, tag) {
                (Some(route), _) => Target::Route(*route),
                (None, Some(tag)) => Target::Tag(tag.as_bytes().into()),
                (None, None) => Target::Everything,
            }),
        })
    }

    /// What the workers' word means for this question.
    pub(super) fn sum_up(&self, told: &Told) -> CacheAnswer {
        match (self, told) {
            (Self::Remove(..), Told::Purged(0)) => CacheAnswer::Missing,
            (_, Told::Purged(_)) => CacheAnswer::Removed,
            (_, Told::Found(entries)) => entries
                .iter()
                .find_map(|entry| shown(entry))
                .map_or(CacheAnswer::Missing, CacheAnswer::Found),
        }
    }
}

/// What the workers say together. They hold the same entries for the most part, so each is shown once, and of the
/// numbers of forgotten ones the greatest counts.
pub(super) fn merge(question: &Question, heard: Vec<Told>) -> Told {
    let nothing = match question {
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
        (told, Told::Purged(_) | Told::Found(_)) => told,
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

fn shown(entry: &Entry) -> Option<CachedAnswer> {
    let filed = entry.filed()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields = filed.answer.each();
    Some(CachedAnswer {
        status: filed.answer.status(),
        fields: fields
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        body_bytes: filed.answer.body().len() as u64,
        age: Duration::from_secs(u64::from(filed.times.age(clock::now().micros()))),
        ttl: Duration::from_secs(u64::from(filed.times.lifetime)),
    })
}
