//! Everything that is not an operation on one kind of entities.

mod cache;
mod explain;
mod health;
mod schema;
mod tags;

use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;
use tracing::level_filters::LevelFilter;

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
use crate::telemetry::prometheus;

/// Answers.
pub(super) async fn reply<B: Backend>(api: &Api<B>, what: What, call: Call<'_>) -> Reply {
    match what {
        What::Root => node::root(api).await,
        What::Status => status::status(&api.control).await,
        What::Ready => status::ready(&api.control).await,
        What::Metrics => match api.control.metrics().await {
            Some(text) => Reply::text(prometheus::CONTENT_TYPE, text),
            None => Reply::leaving(),
        },
        What::Reload => {
            let reply = reload::reload(&api.control, &call.query).await;
            wrote(&call, "reload", &reply);
            reply
        }
        What::Endpoints => Reply::ok(json!({ "data": endpoints() })),
        What::OpenApi => Reply::ok(openapi::document(api.plugins)),
        What::LogLevel => {
            let text = format!("log level: {}", log_level());
            Reply::message(StatusCode::OK, &text)
        }
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
        What::Config => configuration::get(api).await,
        What::Replace => {
            let (who, peer, verb) = (call.who.clone(), call.peer, call.verb);
            let tried = call.query.is_on("dry_run");
            let reply = configuration::post(api, call).await;
            if !tried {
                audit::wrote(&who, peer, verb, Subject::Other("config"), reply.status);
            }
            reply
        }
        What::Lint => lint::list(&api.control).await,
        What::History => configuration::list(api).await,
        What::HistoryEntry => configuration::show(api, &call).await,
        What::HistoryDiff => configuration::diff(api, &call).await,
        What::Rollback => {
            let reply = configuration::roll_back(api, &call).await;
            wrote(&call, "rollback", &reply);
            reply
        }
        What::Explain => explain::explain(&api.control, &call.query).await,
        What::PurgeCache => {
            let reply = cache::clear(api, &call).await;
            wrote(&call, "proxy-cache", &reply);
            reply
        }
        What::Cached | What::CachedOf => cache::show(&api.control, &call).await,
        What::Purge | What::PurgeOf => {
            let reply = cache::remove(&api.control, &call).await;
            wrote(&call, "proxy-cache", &reply);
            reply
        }
        What::MockLog => cache::mock_log(api, &call).await,
        What::EntityCache => Reply::not_found(),
        What::PurgeEntityCache => Reply::nothing(),
    }
}

fn wrote(call: &Call<'_>, what: &'static str, reply: &Reply) {
    let subject = Subject::Other(what);
    audit::wrote(&call.who, call.peer, call.verb, subject, reply.status);
}

fn endpoints() -> Vec<Value> {
    let paths = TABLE.endpoints().iter();
    paths
        .map(|endpoint| endpoint.path.as_str().into())
        .collect()
}

/// In the words of nginx, whose three levels below `warn` are ours from `info` down.
fn log_level() -> &'static str {
    let level = LevelFilter::current();
    if level >= LevelFilter::TRACE {
        "debug"
    } else if level >= LevelFilter::DEBUG {
        "info"
    } else if level >= LevelFilter::INFO {
        "notice"
    } else if level >= LevelFilter::WARN {
        "warn"
    } else {
        "error"
    }
}
