//! `/proxy-cache` and `/mock`: what plugins remember, asked of control, which asks the workers.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::admin::Api;
use crate::admin::backend::Backend;
use crate::admin::dispatch::Call;
use crate::admin::reply::Reply;
use crate::control::CacheAnswer;
use crate::control::CacheQuestion;
use crate::control::CachedAnswer;
use crate::control::Handle;
use crate::entity::Kind;
use crate::plugin::mock;

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
    answer(control.cache(question).await)
}

/// `DELETE /proxy-cache`
pub(super) async fn clear<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let mut route = None;
    if let Some(key) = call.query.get("route").map(str::to_owned) {
        let found = api
            .backend
            .read(move |entities| entities.find(Kind::Routes, &key));
        match found.await {
            Ok(Some((id, _))) => route = Some(id),
            Ok(None) => return Reply::not_found(),
            Err(_) => return Reply::leaving(),
        }
    }
    let tag = call.query.get("tag").map(str::to_owned);
    answer(api.control.cache(CacheQuestion::Clear { route, tag }).await)
}

fn answer(answer: Option<CacheAnswer>) -> Reply {
    match answer {
        Some(CacheAnswer::Missing) => Reply::not_found(),
        Some(CacheAnswer::Removed) => Reply::nothing(),
        Some(CacheAnswer::Found(found)) => Reply::ok(shown(&found)),
        None => Reply::leaving(),
    }
}

fn shown(found: &CachedAnswer) -> Value {
    let mut headers = Map::new();
    for (name, value) in &found.fields {
        match headers.get_mut(name) {
            None => {
                headers.insert(name.clone(), value.as_str().into());
            }
            Some(Value::Array(values)) => values.push(value.as_str().into()),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    json!({
        "status": found.status,
        "headers": headers,
        "body_len": found.body_bytes,
        "age": found.age.as_secs(),
        "ttl": found.ttl.as_secs(),
    })
}

/// `GET /mock/{plugins}/log`
pub(super) async fn mock_log<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let key = call.keys.first().cloned().unwrap_or_default();
    let found = api
        .backend
        .read(move |entities| entities.find(Kind::Plugins, &key));
    let id = match found.await {
        Ok(Some((id, _))) => id,
        Ok(None) => return Reply::not_found(),
        Err(_) => return Reply::leaving(),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::shown;
    use crate::control::CachedAnswer;

    #[test]
    fn repeated_fields_of_a_stored_answer_are_lists() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let shown = shown(&CachedAnswer {
            status: 200,
            fields: vec![
                field("A", "1"),
                field("B", "x"),
                field("B", "y"),
                field("B", "z"),
            ],
            body_bytes: 5,
            age: Duration::from_secs(1),
            ttl: Duration::from_secs(9),
        });
        assert_eq!(shown["headers"]["A"], "1");
        assert_eq!(shown["headers"]["B"], serde_json::json!(["x", "y", "z"]));
        assert_eq!(shown["body_len"], 5);
    }
}
