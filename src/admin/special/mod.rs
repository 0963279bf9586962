//! Everything that is not an operation on one kind of entities.

mod cache;
mod explain;
mod health;
mod level;
mod schema;
mod tags;

use serde_json::Value;
use serde_json::json;

use super::Api;
use super::audit;
use super::audit::Subject;
use super::backend::Backend;
use super::configuration;
use super::dispatch::Call;
use super::lint;
use super::node;
use super::openapi;
use super::reload;
use super::reply::Reply;
use super::status;
use super::table::TABLE;
use super::table::What;
use crate::control::Handle;
use crate::telemetry::prometheus;

pub(super) use level::Level;

/// Answers.
pub(super) async fn reply<B: Backend>(api: &Api<B>, what: What, call: Call<'_>) -> Reply {
    match what {
        What::Root => node::root(api).await,
        What::Status => status::status(api, &call.query).await,
        What::Ready => status::ready(api).await,
        What::Metrics => match api.control.metrics().await {
            Some(text) => Reply::text(prometheus::CONTENT_TYPE, text),
            None => Reply::leaving(),
        },
        What::Endpoints => Reply::ok(json!({ "data": endpoints() })),
        What::OpenApi => Reply::ok(openapi::document(api.plugins)),
        What::LogLevel => level::show(&api.level),
        What::Schema => schema::of_entity(&call),
        What::PluginSchema => schema::of_plugin(api.plugins, &call),
        What::Validate => schema::validate(api, call).await,
        What::ValidatePlugin => schema::validate_plugin(api, call).await,
        What::PluginsEnabled => Reply::ok(json!({ "enabled_plugins": api.plugins.names() })),
        What::Tags => tags::list(api, None, &call).await,
        What::Tag => {
            let tag = call.keys.first().cloned();
            tags::list(api, tag, &call).await
        }
        What::AllTargets => health::all_targets(api, call).await,
        What::Health => health::health(api, call).await,
        What::Config => large(&api.control, configuration::get(api)).await,
        What::Replace if call.query.is_on("dry_run") => configuration::post(api, call).await,
        What::Lint => lint::list(&api.control).await,
        What::History => configuration::list(api).await,
        What::HistoryEntry => large(&api.control, configuration::show(api, &call)).await,
        What::HistoryDiff => large(&api.control, configuration::diff(api, &call)).await,
        What::Explain => explain::explain(&api.control, &call.query).await,
        What::Cached | What::CachedOf => cache::show(&api.control, &call).await,
        What::MockLog => cache::mock_log(api, &call).await,
        What::EntityCache => Reply::not_found(),
        What::PurgeEntityCache => Reply::nothing(),
        What::Reload
        | What::Replace
        | What::Rollback
        | What::SetLogLevel
        | What::SetHealth
        | What::Leave
        | What::PurgeCache
        | What::Purge
        | What::PurgeOf => write(api, what, call).await,
    }
}

/// Does what leaves a line in the log.
async fn write<B: Backend>(api: &Api<B>, what: What, call: Call<'_>) -> Reply {
    let (who, peer, verb) = (call.who.clone(), call.peer, call.verb);
    let (subject, reply) = match what {
        What::Reload => ("reload", reload::reload(&api.control, &call.query).await),
        What::Replace => ("config", configuration::post(api, call).await),
        What::Rollback => ("rollback", configuration::roll_back(api, &call).await),
        What::SetLogLevel => ("log-level", level::change(&api.level, &call)),
        What::SetHealth => ("health", health::set(api, &call).await),
        What::Leave => ("readiness", status::leave(api, &call)),
        What::PurgeCache => ("proxy-cache", cache::clear(api, &call).await),
        _ => ("proxy-cache", cache::remove(&api.control, &call).await),
    };
    audit::wrote(&who, peer, verb, Subject::Other(subject), reply.status);
    reply
}

/// An answer that took many times its own size to make: the memory is given back soon.
async fn large(control: &Handle, reply: impl Future<Output = Reply>) -> Reply {
    let reply = reply.await;
    control.freed();
    reply
}

fn endpoints() -> Vec<Value> {
    let paths = TABLE.endpoints().iter();
    paths
        .map(|endpoint| endpoint.path.as_str().into())
        .collect()
}
