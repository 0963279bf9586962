//! `/schemas`: what entities and plugins are made of, and whether one is right.

use axum::http::StatusCode;
use uuid::Uuid;

use crate::admin::Api;
use crate::admin::backend::Backend;
use crate::admin::dispatch::Call;
use crate::admin::forms;
use crate::admin::reply::Reply;
use crate::base::clock;
use crate::entity::Env;
use crate::entity::Kind;
use crate::entity::PluginSchemas;
use crate::entity::describe;

/// `GET /schemas/{name}`
pub(super) fn of_entity(call: &Call<'_>) -> Reply {
    match kind(call) {
        Ok(kind) => Reply::ok(describe::entity(kind)),
        Err(unknown) => unknown,
    }
}

/// `GET /schemas/plugins/{name}`
pub(super) fn of_plugin(plugins: &dyn PluginSchemas, call: &Call<'_>) -> Reply {
    let name = call.keys.first().map_or("", String::as_str);
    match plugins.schema(name) {
        Some(plugin) => Reply::ok(describe::plugin(name, &plugin)),
        None => {
            let text = format!("No plugin named '{name}'");
            Reply::message(StatusCode::NOT_FOUND, &text)
        }
    }
}

/// `POST /schemas/{name}/validate`
pub(super) async fn validate<B: Backend>(api: &Api<B>, call: Call<'_>) -> Reply {
    match kind(&call) {
        Ok(kind) => check(api, kind, call).await,
        Err(unknown) => unknown,
    }
}

/// `POST /schemas/plugins/validate`
pub(super) async fn validate_plugin<B: Backend>(api: &Api<B>, call: Call<'_>) -> Reply {
    check(api, Kind::Plugins, call).await
}

fn kind(call: &Call<'_>) -> Result<Kind, Reply> {
    let name = call.keys.first().map_or("", String::as_str);
    Kind::of(name).ok_or_else(|| {
        let text = format!("No entity named '{name}'");
        Reply::message(StatusCode::NOT_FOUND, &text)
    })
}

async fn check<B: Backend>(api: &Api<B>, kind: Kind, call: Call<'_>) -> Reply {
    let mut input = call.input;
    if input.untyped {
        forms::infer(kind, &mut input.document, None, api.plugins);
    }
    let checked = api.backend.read(move |entities| {
        let now_ms = clock::unix_micros() / 1_000;
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(now_ms, &mut new_id);
        entities.check(kind, input.document, &mut env)
    });
    match checked.await {
        Ok(Ok(_)) => Reply::message(StatusCode::OK, "schema validation successful"),
        Ok(Err(error)) => Reply::error(&error),
        Err(_) => Reply::leaving(),
    }
}
