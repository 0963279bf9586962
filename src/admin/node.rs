//! `GET /`: who answers here, in Kong's shape.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Api;
use super::backend::Backend;
use super::reply::Reply;
use crate::base::node::Node;
use crate::entity::Kind;
use crate::plugin::registry;

/// The version of Kong whose API this is. Clients of Kong choose their requests by it.
const KONG: &str = "3.9.1";

/// `GET /`
pub(super) async fn root<B: Backend>(api: &Api<B>) -> Reply {
    let enabled = api.backend.read(|entities| {
        let rows = entities.iter(Kind::Plugins);
        let names = rows.filter_map(|row| Some(row.doc().get("name")?.as_str()?.to_owned()));
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    });
    let Ok(enabled) = enabled.await else {
        return Reply::leaving();
    };
    let available = registry::ALL.iter().map(|definition| {
        let about = json!({ "version": KONG, "priority": definition.priority });
        (definition.name.to_owned(), about)
    });
    let available: Map<String, Value> = available.collect();
    let node = Node::own();
    Reply::ok(json!({
        "tagline": "Welcome to silverback",
        "version": KONG,
        "edition": "community",
        "hostname": node.hostname,
        "node_id": node.id,
        "timers": { "running": 0, "pending": 0 },
        "plugins": { "available_on_server": available, "enabled_in_cluster": enabled },
        "lua_version": "none",
        "configuration": {
            // Clients of Kong refuse to write where this is "off".
            "database": "silverback",
            "router_flavor": "traditional_compatible",
            "role": "traditional",
        },
        "pids": { "master": node.pid, "workers": [node.pid] },
        "silverback": { "version": env!("CARGO_PKG_VERSION") },
    }))
}
