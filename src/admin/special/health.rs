//! The targets of an upstream: all of them, and how they are.
//!
//! There are no health checks yet, so a target is `HEALTHCHECKS_OFF`, as in Kong, or its name has no address.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::admin::Api;
use crate::admin::backend::Backend;
use crate::admin::dispatch::Call;
use crate::admin::dispatch::Link;
use crate::admin::dispatch::paging;
use crate::admin::operate;
use crate::admin::reply::Reply;
use crate::base::node::Node;
use crate::control::Handle;
use crate::entity::Document;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::snapshot::Resolved;

const OFF: &str = "HEALTHCHECKS_OFF";
const NO_ADDRESS: &str = "DNS_ERROR";

/// `GET /upstreams/{upstreams}/targets/all`
pub(super) async fn all_targets<B: Backend>(api: &Api<B>, call: Call<'_>) -> Reply {
    let paging = match paging(None, &call.query) {
        Ok(paging) => paging,
        Err(error) => return Reply::error(&error),
    };
    let key = call.keys.first().cloned().unwrap_or_default();
    let found = api.backend.read(move |entities| {
        let (id, _) = entities.find(Kind::Upstreams, &key)?;
        let filter = Filter {
            foreign: Some(("upstream", id)),
            tags: paging.tags,
        };
        Some(entities.list(
            Kind::Targets,
            &filter,
            paging.size,
            paging.offset.as_deref(),
        ))
    });
    match found.await {
        Ok(Some(Ok(page))) => {
            let data = page.data.into_iter().map(Value::Object);
            Link::of(&call).page(data.collect(), page.offset)
        }
        Ok(Some(Err(error))) => Reply::error(&error),
        Ok(None) => Reply::not_found(),
        Err(_) => Reply::leaving(),
    }
}

/// `GET /upstreams/{upstreams}/health`
pub(super) async fn health<B: Backend>(api: &Api<B>, call: Call<'_>) -> Reply {
    let key = call.keys.first().cloned().unwrap_or_default();
    let found = api.backend.read(move |entities| {
        let (id, _) = entities.find(Kind::Upstreams, &key)?;
        Some((id, operate::targets(entities, id)))
    });
    let (id, targets) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return Reply::not_found(),
        Err(_) => return Reply::leaving(),
    };
    let Some(hosts) = resolve(&api.control, targets).await else {
        return Reply::leaving();
    };
    if call.query.is_on("balancer_health") {
        return Reply::ok(of_upstream(id, &hosts, Node::own().id));
    }
    let data: Vec<Value> = hosts.into_iter().map(of_target).collect();
    Reply::ok(json!({ "data": data, "next": null, "node_id": Node::own().id }))
}

/// `PUT /upstreams/{upstreams}/targets/{targets}/healthy`, `unhealthy`, and the same of one of its addresses
///
/// As Kong answers of an upstream whose targets nobody checks: there is no state of health that could be set.
pub(super) async fn set<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let mut keys = call.keys.iter().cloned();
    let (upstream, target) = (
        keys.next().unwrap_or_default(),
        keys.next().unwrap_or_default(),
    );
    let found = api.backend.read(move |entities| {
        let (id, upstream) = entities.find(Kind::Upstreams, &upstream)?;
        entities.find_in(Kind::Targets, ("upstream", id), &target)?;
        upstream
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    });
    match found.await {
        Ok(Some(name)) => {
            let text = format!("no healthchecker found for {name}");
            Reply::message(StatusCode::BAD_REQUEST, &text)
        }
        Ok(None) => Reply::not_found(),
        Err(_) => Reply::leaving(),
    }
}

fn weight(target: &Document) -> u64 {
    target
        .get("weight")
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// A target's host with its addresses.
struct Host {
    target: Document,
    host: String,
    port: u16,
    addresses: Vec<String>,
    dns: &'static str,
}

async fn resolve(control: &Handle, targets: Vec<Document>) -> Option<Vec<Host>> {
    let mut hosts: Vec<Host> = targets.into_iter().map(Host::of).collect();
    let is_name = |host: &&Host| host.addresses.is_empty();
    let names: Vec<String> = hosts
        .iter()
        .filter(is_name)
        .map(|host| host.host.clone())
        .collect();
    if names.is_empty() {
        return Some(hosts);
    }
    let known = control.addresses(names.clone()).await?;
    let known: BTreeMap<String, Resolved> = names.into_iter().zip(known).collect();
    for host in &mut hosts {
        if let Some(Resolved::Addresses(addresses)) = known.get(&host.host) {
            let addresses = addresses.iter().map(|address| address.ip.to_string());
            host.addresses = addresses.collect();
        }
    }
    Some(hosts)
}

impl Host {
    /// An address is its own answer.
    fn of(target: Document) -> Self {
        let text = target
            .get("target")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
        let (host, port) = (host.to_owned(), port.parse().unwrap_or_default());
        let is_v6 = host.starts_with('[');
        let is_address = is_v6 || host.parse::<std::net::Ipv4Addr>().is_ok();
        Self {
            addresses: is_address.then(|| host.clone()).into_iter().collect(),
            dns: if is_v6 { "AAAA" } else { "A" },
            target,
            host,
            port,
        }
    }

    fn shown(&self, address: impl Fn(&String) -> Value) -> Value {
        let weight = weight(&self.target);
        let available = if self.addresses.is_empty() { 0 } else { weight };
        json!({
            "host": self.host,
            "port": self.port,
            "dns": self.dns,
            "nodeWeight": weight,
            "weight": { "total": weight, "available": available, "unavailable": weight - available },
            "addresses": self.addresses.iter().map(address).collect::<Vec<_>>(),
        })
    }

    fn health(&self) -> &'static str {
        if self.addresses.is_empty() {
            NO_ADDRESS
        } else {
            OFF
        }
    }
}

fn of_target(host: Host) -> Value {
    let weight = weight(&host.target);
    let data =
        host.shown(|ip| json!({ "ip": ip, "port": host.port, "weight": weight, "health": OFF }));
    let health = host.health();
    let mut target = host.target;
    target.insert("health".to_owned(), health.into());
    target.insert("data".to_owned(), data);
    Value::Object(target)
}

fn of_upstream(id: Uuid, hosts: &[Host], node: Uuid) -> Value {
    let total: u64 = hosts.iter().map(|host| weight(&host.target)).sum();
    let reachable = hosts.iter().filter(|host| !host.addresses.is_empty());
    let available: u64 = reachable.map(|host| weight(&host.target)).sum();
    let healthy = available > 0;
    // The oldest first, where the list of targets has the newest first.
    let shown = hosts.iter().rev().map(|host| {
        let weight = weight(&host.target);
        host.shown(|ip| json!({ "ip": ip, "port": host.port, "weight": weight, "healthy": true }))
    });
    json!({ "next": null, "node_id": node, "data": {
        "id": id,
        "health": OFF,
        "balancer_health": if healthy { "HEALTHY" } else { "UNHEALTHY" },
        "details": {
            "healthy": healthy,
            "hosts": shown.collect::<Vec<_>>(),
            "weight": { "total": total, "available": available, "unavailable": total - available },
        },
    }})
}
