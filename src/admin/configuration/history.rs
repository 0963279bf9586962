//! The states that the store remembers: which, what they were, what a way back would change, and the way back.

use serde_json::Value;
use serde_json::json;

use super::changes;
use super::written;
use crate::admin::Api;
use crate::admin::backend::Backend;
use crate::admin::dispatch::Call;
use crate::admin::reply::Reply;
use crate::entity::mask;
use crate::store::Author;
use crate::store::Difference;
use crate::store::Hash;
use crate::store::PastError;
use crate::store::State;

/// `GET /config/history`
pub(in crate::admin) async fn list<B: Backend>(api: &Api<B>) -> Reply {
    match api.backend.history().await {
        Ok(states) => {
            let states = states.iter().map(shown);
            Reply::ok(json!({ "data": states.collect::<Vec<_>>(), "next": null }))
        }
        Err(_) => Reply::leaving(),
    }
}

fn shown(state: &State) -> Value {
    json!({
        "hash": state.hash.to_string(),
        "revision": state.revision.0,
        "at": state.at_ms as f64 / 1_000.0,
        "by": state.author.name(),
        "created": state.tally.created,
        "updated": state.tally.updated,
        "deleted": state.tally.deleted,
    })
}

/// `GET /config/history/{hash}`
pub(in crate::admin) async fn show<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let Some(hash) = hash(call) else {
        return Reply::not_found();
    };
    let plugins = api.plugins;
    let look =
        move |entities: &_| written(entities, |kind, document| mask(kind, document, plugins));
    match api.backend.look_back(hash, look).await {
        Ok(Ok(Ok(text))) => Reply::ok(json!({ "hash": hash.to_string(), "config": text })),
        Ok(Ok(Err(_))) => Reply::unexpected(),
        Ok(Err(error)) => refused(&error),
        Err(_) => Reply::leaving(),
    }
}

/// `GET /config/history/{hash}/diff`
pub(in crate::admin) async fn diff<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let Some(hash) = hash(call) else {
        return Reply::not_found();
    };
    match api.backend.differences(hash).await {
        Ok(Ok(differences)) => changed(hash, &differences),
        Ok(Err(error)) => refused(&error),
        Err(_) => Reply::leaving(),
    }
}

/// `POST /config/rollback/{hash}`
pub(in crate::admin) async fn roll_back<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let Some(hash) = hash(call) else {
        return Reply::not_found();
    };
    let author = Author::new(&call.who.name);
    match api.backend.roll_back(hash, author).await {
        Ok(Ok(differences)) => changed(hash, &differences),
        Ok(Err(error)) => refused(&error),
        Err(_) => Reply::leaving(),
    }
}

fn hash(call: &Call<'_>) -> Option<Hash> {
    call.keys.first()?.parse().ok()
}

fn changed(hash: Hash, differences: &[Difference]) -> Reply {
    let changes = differences.iter().filter_map(|difference| {
        let key = (difference.kind, difference.id);
        let (now, then) = (difference.now.as_ref(), difference.then.as_ref());
        let fields = difference.fields.iter().map(String::as_str);
        changes::change(key, now, then, fields)
    });
    Reply::ok(json!({ "hash": hash.to_string(), "changes": changes.collect::<Vec<_>>() }))
}

fn refused(error: &PastError) -> Reply {
    match error {
        PastError::Unknown => Reply::not_found(),
        PastError::Failed(error) => Reply::error(error),
    }
}
