//! Passwords are hashed before the write that brings them, where that holds nobody up: a hash takes longer than a hundred
//! writes, and the owner of the entities does one after the other.
//!
//! What is worked out here is what the write would work out itself, so it does not matter if something has come
//! between: a write that finds nothing ready for it takes its time.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Api;
use super::backend::Backend;
use super::operate;
use super::operate::Outcome;
use super::operate::Task;
use super::table::Place;
use super::table::Verb;
use crate::base::limits::HASHED_AT_ONCE;
use crate::base::limits::HASHERS;
use crate::control::reload::yield_to_workers;
use crate::declarative::Declaration;
use crate::entity::Entities;
use crate::entity::Kind;
use crate::entity::Ready;
use crate::entity::Transform;

/// Whose turn it is: hashing takes a core from those who serve requests.
pub(super) struct Hashing {
    turns: Arc<Semaphore>,
}

/// A text of which something else is kept.
struct Text {
    transform: Transform,
    id: Option<Uuid>,
    given: String,
    stored: Option<String>,
}

impl Hashing {
    /// Nobody's.
    pub(super) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(HASHERS)),
        }
    }

    /// Works through the texts, a few at a time: whoever has one does not wait for another's thousands.
    async fn run(&self, texts: Vec<Text>) -> Ready {
        let (mut ready, mut texts) = (Ready::default(), texts.into_iter());
        loop {
            let some: Vec<Text> = texts.by_ref().take(HASHED_AT_ONCE).collect();
            if some.is_empty() {
                return ready;
            }
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            let work = spawn_blocking(move || {
                yield_to_workers();
                let kept = some.into_iter().map(|text| {
                    let kept = (text.transform.apply)(&text.given, text.stored.as_deref());
                    (text.id, text.given, kept)
                });
                let kept: Vec<_> = kept.collect();
                // The turn ends with the work, also where nobody waits for it any more.
                drop(turn);
                kept
            });
            for (id, given, kept) in work.await.unwrap_or_default() {
                ready.put(id, given, kept);
            }
        }
    }
}

/// What is kept of the text that a task brings, if it brings one.
pub(super) async fn of_task<B: Backend>(api: &Api<B>, task: &Task) -> Ready {
    let text = api
        .plugins
        .transform(task.place.kind())
        .and_then(|transform| {
            let given = task.input.document.get(transform.field)?.as_str()?;
            Some((transform, given.to_owned()))
        });
    let Some((transform, given)) = text else {
        return Ready::default();
    };
    let stored = match task.place {
        Place::One(_) | Place::OneOf(_) => {
            let look = Task {
                verb: Verb::Get,
                place: task.place,
                keys: task.keys.clone(),
                input: Default::default(),
                condition: Default::default(),
                paging: Default::default(),
            };
            let stored = api.backend.read(move |entities| {
                let Outcome::Shown(mut document) = operate::look(entities, &look) else {
                    return None;
                };
                text_of(document.remove(transform.field)?)
            });
            stored.await.ok().flatten()
        }
        Place::All(_) | Place::AllOf(_) | Place::Parent(_) => None,
    };
    let text = Text {
        transform,
        id: None,
        given,
        stored,
    };
    api.hashing.run(vec![text]).await
}

/// What is kept of the texts in a document.
pub(super) async fn of_declaration<B: Backend>(api: &Api<B>, declaration: &Declaration) -> Ready {
    let declared = declaration
        .entities
        .iter()
        .filter(|_| declaration.transform);
    let found = declared.filter_map(|one| {
        let transform = api.plugins.transform(one.kind)?;
        let given = one.fields.get(transform.field)?.as_str()?;
        Some((one.kind, one.id, transform, given.to_owned()))
    });
    let found: Vec<(Kind, Uuid, Transform, String)> = found.collect();
    if found.is_empty() {
        return Ready::default();
    }
    let texts = api.backend.read(move |entities| {
        let texts = found.into_iter().map(|(kind, id, transform, given)| Text {
            transform,
            id: Some(id),
            given,
            stored: stored(entities, kind, id, transform.field),
        });
        texts.collect()
    });
    // Without an owner of the entities there is nobody to write to either.
    api.hashing.run(texts.await.unwrap_or_default()).await
}

fn stored(entities: &Entities, kind: Kind, id: Uuid, field: &str) -> Option<String> {
    text_of(entities.get(kind, id)?.remove(field)?)
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
