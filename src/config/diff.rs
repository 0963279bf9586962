//! What a reload changes: entities added, removed and changed, by kind and name; sections by name.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use super::model::ExchangeTimeouts;
use super::model::Model;
use super::model::Plugin;
use super::model::Route;
use super::model::Service;
use super::model::Upstream;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::resilience::Rules;

/// What happened to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// These keys of it differ.
    Changed(Vec<&'static str>),
}

/// One entity or section that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `service`, `route`, `upstream`, `consumer`, `credential`, `plugin`, or `section`.
    pub kind: &'static str,
    /// Its name, or its id if it has none.
    pub name: String,
    /// What happened to it.
    pub change: Change,
}

/// Everything that is not as it was; empty if nothing changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff(pub Vec<Entry>);

impl Diff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Diff {
    /// Whether some pair of service and route may be gone under its name.
    pub fn take_names_away(&self) -> bool {
        self.0.iter().any(|entry| match &entry.change {
            Change::Added => false,
            Change::Removed => true,
            Change::Changed(keys) => keys.contains(&"name") || keys.contains(&"service"),
        })
    }
}

impl fmt::Display for Diff {
    /// A line for each: `+ service orders`, `- route x`, `~ route y (paths, methods)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Entry { kind, name, change } in &self.0 {
            match change {
                Change::Added => writeln!(f, "+ {kind} {name}")?,
                Change::Removed => writeln!(f, "- {kind} {name}")?,
                Change::Changed(keys) => writeln!(f, "~ {kind} {name} ({})", keys.join(", "))?,
            }
        }
        Ok(())
    }
}

/// The keys of two values that differ; the field and the key mostly share their name.
macro_rules! differing {
    ($old:expr, $new:expr; $($field:ident $(as $key:literal)?),* $(,)?) => {{
        let mut keys: Vec<&'static str> = Vec::new();
        $(
            if $old.$field != $new.$field {
                keys.push(differing!(@name $field $(as $key)?));
            }
        )*
        keys
    }};
    (@name $field:ident as $key:literal) => { $key };
    (@name $field:ident) => { stringify!($field) };
}

/// What makes `new` of `old`.
pub fn diff(old: &Model, new: &Model) -> Diff {
    let mut entries = sections(old, new);
    entities(
        "service",
        &old.services,
        &new.services,
        service_keys,
        &mut entries,
    );
    let route = |a: &Route, b: &Route| route_keys((old, a), (new, b));
    entities("route", &old.routes, &new.routes, route, &mut entries);
    entities(
        "upstream",
        &old.upstreams,
        &new.upstreams,
        upstream_keys,
        &mut entries,
    );
    entities(
        "consumer",
        &old.consumers,
        &new.consumers,
        consumer_keys,
        &mut entries,
    );
    entities(
        "credential",
        &old.credentials,
        &new.credentials,
        credential_keys,
        &mut entries,
    );
    entities(
        "plugin",
        &old.plugins,
        &new.plugins,
        plugin_keys,
        &mut entries,
    );
    Diff(entries)
}

fn sections(old: &Model, new: &Model) -> Vec<Entry> {
    let keys = differing!(old, new; gateway, limits, overload, timeouts, listeners, admin, access_log, store, dns);
    let entry = |name: &'static str| Entry {
        kind: "section",
        name: name.to_owned(),
        change: Change::Changed(section_keys(name, old, new)),
    };
    keys.into_iter().map(entry).collect()
}

fn section_keys(name: &str, old: &Model, new: &Model) -> Vec<&'static str> {
    match name {
        "gateway" => differing!(old.gateway, new.gateway;
            workers, drain_timeout, user, group, trusted_ips, real_ip_header, real_ip_recursive),
        "limits" => differing!(old.limits, new.limits;
            request_head_bytes, request_headers, request_line_bytes, request_body_bytes,
            response_head_bytes, response_headers, connections, connection_requests,
            upstream_keepalive_pool, upstream_keepalive_requests),
        "overload" => differing!(old.overload, new.overload;
            requests, queue_delay, upstream_requests, upstream_adaptive, upstream_wait,
            connections_per_address),
        "timeouts" => differing!(old.timeouts, new.timeouts;
            client_header, client_body_idle, client_write_idle, keep_alive, upstream_keepalive_idle),
        "dns" => differing!(old.dns, new.dns;
            servers, family, timeout, valid_ttl, stale_ttl, not_found_ttl, error_ttl),
        "access_log" => match (&old.access_log, &new.access_log) {
            (Some(old), Some(new)) => differing!(old, new; path, format),
            (_, _) => vec!["path", "format"],
        },
        "store" => vec!["path"],
        _ => vec!["address"],
    }
}

/// What `entities` needs of an entity.
trait Identity {
    fn id(&self) -> Uuid;
    fn label(&self) -> String;
}

impl Identity for Service {
    fn id(&self) -> Uuid {
        self.id
    }

    fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }
}

impl Identity for Route {
    fn id(&self) -> Uuid {
        self.id
    }

    fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }
}

impl Identity for Upstream {
    fn id(&self) -> Uuid {
        self.id
    }

    fn label(&self) -> String {
        self.name.clone()
    }
}

impl Identity for Consumer {
    fn id(&self) -> Uuid {
        self.id
    }

    fn label(&self) -> String {
        let name = self.username.as_deref().or(self.custom_id.as_deref());
        name.map_or_else(|| self.id.to_string(), str::to_owned)
    }
}

impl Identity for Credential {
    fn id(&self) -> Uuid {
        self.id
    }

    /// Its id: whatever else it has may be what is presented.
    fn label(&self) -> String {
        self.id.to_string()
    }
}

impl Identity for Plugin {
    fn id(&self) -> Uuid {
        self.id
    }

    fn label(&self) -> String {
        let instance = self.instance_name.clone();
        let name = instance.unwrap_or_else(|| self.id.to_string());
        format!("{} {name}", self.name())
    }
}

/// Compares two lists by id: what is gone first, then what is new or changed in the order of `new`.
fn entities<T: Identity + PartialEq>(
    kind: &'static str,
    old: &[Arc<T>],
    new: &[Arc<T>],
    keys: impl Fn(&T, &T) -> Vec<&'static str>,
    entries: &mut Vec<Entry>,
) {
    let (old, new) = differing_middle(old, new);
    let by_id = |list: &[Arc<T>]| -> HashMap<Uuid, usize> {
        let ids = list.iter().enumerate();
        ids.map(|(index, entity)| (entity.id(), index)).collect()
    };
    let (before, after) = (by_id(old), by_id(new));
    let entry = |entity: &T, change| Entry {
        kind,
        name: entity.label(),
        change,
    };
    let gone = old
        .iter()
        .filter(|entity| !after.contains_key(&entity.id()));
    entries.extend(gone.map(|entity| entry(entity, Change::Removed)));
    for entity in new {
        let Some(earlier) = before.get(&entity.id()) else {
            entries.push(entry(entity, Change::Added));
            continue;
        };
        // Routes of equal contents may still belong to different services: an index says little.
        let keys = keys(&old[*earlier], entity);
        if !keys.is_empty() {
            entries.push(entry(entity, Change::Changed(keys)));
        }
    }
}

/// Both lists without what they share at either end. A reload shares what it did not read anew, so that of
/// 15,000 entities a handful is left to be compared.
///
/// A shared route has the same index of its service and the same timeouts; that its service is another by
/// now, with services added and removed before it, shows as changes of the services.
fn differing_middle<'a, T>(old: &'a [Arc<T>], new: &'a [Arc<T>]) -> (&'a [Arc<T>], &'a [Arc<T>]) {
    let same = |(a, b): &(&Arc<T>, &Arc<T>)| Arc::ptr_eq(a, b);
    let front = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[front..], &new[front..]);
    let back = old.iter().rev().zip(new.iter().rev());
    let back = back.take_while(same).count();
    (&old[..old.len() - back], &new[..new.len() - back])
}

fn timeout_keys(old: &ExchangeTimeouts, new: &ExchangeTimeouts) -> Vec<&'static str> {
    differing!(old, new;
        connect as "connect_timeout",
        write as "write_timeout",
        read as "read_timeout",
        idle as "idle_timeout",
        total as "total_timeout",
    )
}

fn service_keys(old: &Service, new: &Service) -> Vec<&'static str> {
    let mut keys =
        differing!(old, new; name, protocol, host, port, path, retries, enabled, tls, tags);
    keys.extend(timeout_keys(&old.timeouts, &new.timeouts));
    keys
}

/// Timeouts that a route inherits are reported with its service only.
fn route_keys(
    (old_model, old): (&Model, &Route),
    (new_model, new): (&Model, &Route),
) -> Vec<&'static str> {
    let mut keys = differing!(old, new;
        name, protocols, methods, hosts, paths, headers, snis, https_redirect_status_code, regex_priority,
        strip_path, path_handling, preserve_host, request_buffering, response_buffering, tags, created_at);
    let (before, after) = (old_model.service_of(old), new_model.service_of(new));
    let id = |service: Option<&Service>| service.map(|service| service.id);
    if id(before) != id(after) {
        keys.push("service");
    }
    let inherits = |route: &Route, service: Option<&Service>| {
        service.is_some_and(|service| service.timeouts == route.timeouts)
    };
    if !(inherits(old, before) && inherits(new, after)) {
        keys.extend(timeout_keys(&old.timeouts, &new.timeouts));
    }
    keys
}

fn upstream_keys(old: &Upstream, new: &Upstream) -> Vec<&'static str> {
    let mut keys = differing!(old, new;
        name, algorithm, hash_on, hash_fallback, slots, host_header, use_srv_name, tags, targets,
        client as "client_certificate");
    if old.resilience != new.resilience {
        let usual = Rules::default();
        let old = old.resilience.as_deref().unwrap_or(&usual);
        let new = new.resilience.as_deref().unwrap_or(&usual);
        let named = [
            ("active_checks", old.active != new.active),
            ("passive_checks", old.passive != new.passive),
            ("circuit_breaker", old.breaker != new.breaker),
            ("retry_budget", old.budget != new.budget),
            ("max_connections", old.connections != new.connections),
        ];
        keys.extend(
            named
                .iter()
                .filter(|(_, differs)| *differs)
                .map(|(key, _)| *key),
        );
        keys.extend(differing!(old, new; threshold, panic_threshold, slow_start, retry_on));
    }
    keys
}

fn consumer_keys(old: &Consumer, new: &Consumer) -> Vec<&'static str> {
    differing!(old, new; username, custom_id, tags, created_at)
}

fn credential_keys(old: &Credential, new: &Credential) -> Vec<&'static str> {
    differing!(old, new; consumer, secret, tags, created_at)
}

fn plugin_keys(old: &Plugin, new: &Plugin) -> Vec<&'static str> {
    let mut keys = differing!(old, new;
        instance_name, protocols, enabled, tags, created_at);
    if old.config() != new.config() {
        keys.push("config");
    }
    let (before, after) = (&old.configured.scope, &new.configured.scope);
    keys.extend(differing!(before, after; service, route, consumer));
    keys
}

impl Model {
    /// 32 hexadecimal digits that equal models share, in this process and in others of the same build.
    pub fn content_hash(&self) -> String {
        let mut hasher = Xxh3::new();
        self.hash(&mut hasher);
        format!("{:032x}", hasher.digest128())
    }
}
