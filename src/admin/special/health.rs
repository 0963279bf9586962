//! The targets of an upstream: all of them, and how they are.
//!
//! As in Kong a target is `HEALTHY`, `UNHEALTHY`, `HEALTHCHECKS_OFF` where nothing is checked, or `DNS_ERROR` where its
//! name has no address; it is healthy if one of its addresses is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

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
use crate::control::HealthView;
use crate::control::Mark;
use crate::entity::Document;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::snapshot::Resolved;

const OFF: &str = "HEALTHCHECKS_OFF";
const NO_ADDRESS: &str = "DNS_ERROR";
const HEALTHY: &str = "HEALTHY";
const UNHEALTHY: &str = "UNHEALTHY";

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
    let Some(view) = api.control.health(id).await else {
        return Reply::leaving();
    };
    let Some(hosts) = resolve(&api.control, targets).await else {
        return Reply::leaving();
    };
    if call.query.is_on("balancer_health") {
        return Reply::ok(of_upstream(id, &hosts, view.as_ref()));
    }
    let shown = |host| of_target(host, view.as_ref());
    let data: Vec<Value> = hosts.into_iter().map(shown).collect();
    Reply::ok(json!({ "data": data, "next": null, "node_id": Node::own().id }))
}

/// `PUT /upstreams/{upstreams}/targets/{targets}/healthy`, `unhealthy`, and the same of one of its addresses
///
/// Refused as by Kong where nobody checks the targets: there is no state of health that could be set. What is set
/// holds until checks say otherwise.
pub(super) async fn set<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let mut keys = call.keys.iter().cloned();
    let mut key = || keys.next().unwrap_or_default();
    let (upstream, target) = (key(), key());
    let address = call.keys.get(2).cloned();
    let found = api.backend.read(move |entities| {
        let (id, upstream) = entities.find(Kind::Upstreams, &upstream)?;
        let (_, target) = entities.find_in(Kind::Targets, ("upstream", id), &target)?;
        let name = upstream.get("name").and_then(Value::as_str)?;
        Some((id, name.to_owned(), target))
    });
    let (id, name, target) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return Reply::not_found(),
        Err(_) => return Reply::leaving(),
    };
    let Some(hosts) = resolve(&api.control, vec![target]).await else {
        return Reply::leaving();
    };
    let mut addresses: Vec<SocketAddr> = hosts.iter().flat_map(Host::sockets).collect();
    if let Some(wanted) = &address {
        let is_wanted =
            |at: &SocketAddr| at.to_string() == *wanted || at.ip().to_string() == *wanted;
        addresses.retain(is_wanted);
    }
    let mark = Mark {
        upstream: id,
        addresses,
        healthy: call.found.endpoint.path.ends_with("/healthy"),
    };
    let lost = address.is_some() && mark.addresses.is_empty();
    match api.control.mark(mark).await {
        Some(true) if lost => Reply::not_found(),
        Some(true) => Reply::nothing(),
        Some(false) => {
            let text = format!("no healthchecker found for {name}");
            Reply::message(StatusCode::BAD_REQUEST, &text)
        }
        None => Reply::leaving(),
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

    /// Its addresses with its port.
    fn sockets(&self) -> impl Iterator<Item = SocketAddr> {
        let ips = self
            .addresses
            .iter()
            .map(|ip| ip.trim_matches(['[', ']']).parse());
        ips.filter_map(|ip| Some(SocketAddr::new(ip.ok()?, self.port)))
    }

    /// How its addresses are, in their order; nothing is known of one that was just added.
    fn healthy(&self, view: Option<&HealthView>) -> Vec<bool> {
        let known = |at: SocketAddr| view.and_then(|view| view.healthy.get(&at).copied());
        self.sockets().map(|at| known(at).unwrap_or(true)).collect()
    }

    /// The weight that is to be had: each address has all of it, as in Kong.
    fn available(&self, view: Option<&HealthView>) -> (u64, u64) {
        let healthy = self.healthy(view);
        let up = healthy.iter().filter(|up| **up).count() as u64;
        let weight = weight(&self.target);
        let total = weight * (healthy.len() as u64).max(1);
        (total, weight * up)
    }

    fn shown(&self, view: Option<&HealthView>, address: impl Fn(&String, bool) -> Value) -> Value {
        let (total, available) = self.available(view);
        let addresses = self.addresses.iter().zip(self.healthy(view));
        json!({
            "host": self.host,
            "port": self.port,
            "dns": self.dns,
            "nodeWeight": weight(&self.target),
            "weight": { "total": total, "available": available, "unavailable": total - available },
            "addresses": addresses.map(|(ip, up)| address(ip, up)).collect::<Vec<_>>(),
        })
    }

    fn health(&self, view: Option<&HealthView>) -> &'static str {
        if self.addresses.is_empty() {
            NO_ADDRESS
        } else if view.is_none() {
            OFF
        } else {
            word(self.healthy(view).contains(&true))
        }
    }
}

fn word(healthy: bool) -> &'static str {
    if healthy { HEALTHY } else { UNHEALTHY }
}

fn of_target(host: Host, view: Option<&HealthView>) -> Value {
    let weight = weight(&host.target);
    let data = host.shown(view, |ip, up| {
        let health = view.map_or(OFF, |_| word(up));
        json!({ "ip": ip, "port": host.port, "weight": weight, "health": health })
    });
    let health = host.health(view);
    let mut target = host.target;
    target.insert("health".to_owned(), health.into());
    target.insert("data".to_owned(), data);
    Value::Object(target)
}

fn of_upstream(id: Uuid, hosts: &[Host], view: Option<&HealthView>) -> Value {
    let weights = hosts.iter().map(|host| host.available(view));
    let (total, available) = weights.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let threshold = view.map_or(0, |view| u64::from(view.threshold));
    let healthy = available > 0 && available * 100 >= total * threshold;
    // The oldest first, where the list of targets has the newest first.
    let shown = hosts.iter().rev().map(|host| {
        let weight = weight(&host.target);
        host.shown(
            view,
            |ip, up| json!({ "ip": ip, "port": host.port, "weight": weight, "healthy": up }),
        )
    });
    json!({ "next": null, "node_id": Node::own().id, "data": {
        "id": id,
        "health": view.map_or(OFF, |_| word(healthy)),
        "balancer_health": word(healthy),
        "details": {
            "healthy": healthy,
            "hosts": shown.collect::<Vec<_>>(),
            "weight": { "total": total, "available": available, "unavailable": total - available },
        },
    }})
}
