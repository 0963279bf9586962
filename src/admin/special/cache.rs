//! `/proxy-cache` and `/mock`: what plugins remember, asked of control, which asks the workers.

use axum::http::StatusCode;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::admin::Api;
use crate::admin::backend::Backend;
use crate::admin::dispatch::Call;
use crate::admin::reply::Reply;
use crate::base::clock;
use crate::control::CacheAnswer;
use crate::control::CacheQuestion;
use crate::control::Handle;
use crate::entity::Kind;
use crate::plugin::mock;
use crate::plugin::proxy_cache;

/// `GET /proxy-cache/{cache_key}`, `GET /proxy-cache/{plugin_id}/caches/{cache_key}`
pub(super) async fn show(control: &Handle, call: &Call<'_>) -> Reply {
    ask(control, call, CacheQuestion::Show).await
}

/// `DELETE` of the same.
pub(super) async fn remove(control: &Handle, call: &Call<'_>) -> Reply {
    ask(control, call, CacheQuestion::Remove).await
}

async fn ask(
    control: &Handle,
    call: &Call<'_>,
    question: impl FnOnce(Option<Uuid>, String) -> CacheQuestion,
) -> Reply {
    let question = match call.keys.as_slice() {
        [key] => question(None, key.clone()),
        [plugin, key] => match plugin.parse() {
            Ok(plugin) => question(Some(plugin), key.clone()),
            Err(_) => return Reply::not_found(),
        },
        _ => return Reply::not_found(),
    };
    answer(control.cache(question).await).await
}

/// What part of the cache may be named by.
const CLEARED_BY: [&str; 3] = ["route", "plugin", "tag"];

/// `DELETE /proxy-cache`
pub(super) async fn clear<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    // A mistyped one would empty all of it.
    if let Some(unknown) = call.query.names().find(|name| !CLEARED_BY.contains(name)) {
        let text = format!(
            "unknown argument '{unknown}', expected one of: {}",
            CLEARED_BY.join(", ")
        );
        return Reply::message(StatusCode::BAD_REQUEST, &text);
    }
    let of = |name: &str| call.query.get(name).map(str::to_owned);
    let question = match (of("route"), of("plugin"), of("tag")) {
        (None, None, None) => CacheQuestion::Clear,
        (None, None, Some(tag)) => CacheQuestion::ClearTag(tag),
        (Some(key), None, None) => match find(api, Kind::Routes, key).await {
            Ok(route) => CacheQuestion::ClearRoute(route),
            Err(reply) => return reply,
        },
        (None, Some(key), None) => match find(api, Kind::Plugins, key).await {
            Ok(plugin) => CacheQuestion::ClearPlugin(plugin),
            Err(reply) => return reply,
        },
        _ => {
            let text = "only one of 'route', 'plugin' and 'tag' can be given";
            return Reply::message(StatusCode::BAD_REQUEST, text);
        }
    };
    answer(api.control.cache(question).await).await
}

/// The id of an entity, or the answer that there is none.
async fn find<B: Backend>(api: &Api<B>, kind: Kind, key: String) -> Result<Uuid, Reply> {
    let found = api.backend.read(move |entities| entities.find(kind, &key));
    match found.await {
        Ok(Some((id, _))) => Ok(id),
        Ok(None) => Err(Reply::not_found()),
        Err(_) => Err(Reply::leaving()),
    }
}

async fn answer(answer: Option<CacheAnswer>) -> Reply {
    match answer {
        Some(CacheAnswer::Missing) => Reply::not_found(),
        Some(CacheAnswer::Removed) => Reply::nothing(),
        Some(CacheAnswer::Late) => {
            let text = "a worker has not answered; it forgets the same as soon as it can";
            Reply::message(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        Some(CacheAnswer::Found(entry)) => {
            let now = clock::now().micros();
            // Its body may be megabytes.
            match spawn_blocking(move || proxy_cache::describe(&entry, now)).await {
                Ok(shown) => Reply::ok(shown),
                Err(_) => Reply::unexpected(),
            }
        }
        None => Reply::leaving(),
    }
}

/// `GET /mock/{plugins}/log`
pub(super) async fn mock_log<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let key = call.keys.first().cloned().unwrap_or_default();
    let id = match find(api, Kind::Plugins, key).await {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    match api.control.mock_log(id).await {
        // It may be megabytes.
        Some(Some(entries)) => match spawn_blocking(move || mock::har(&entries)).await {
            Ok(har) => Reply::ok(har),
            Err(_) => Reply::unexpected(),
        },
        Some(None) => Reply::not_found(),
        None => Reply::leaving(),
    }
}
