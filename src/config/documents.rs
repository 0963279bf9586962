//! A model's entities as the Admin API shows them.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::model::Algorithm;
use super::model::HashInput;
use super::model::Model;
use super::model::PathHandling;
use super::model::Plugin;
use super::model::Route;
use super::model::Service;
use super::model::Target;
use super::model::Upstream;
use super::stored::health::healthchecks;
use crate::entity::Document;
use crate::entity::Kind;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::plugin::Secret;

/// Every entity; what is not said is its default.
pub fn documents(model: &Model) -> impl Iterator<Item = (Kind, Uuid, Document)> {
    let services = model.services.iter();
    let services = services.map(|it| (Kind::Services, it.id, service(it)));
    let routes = model.routes.iter();
    let routes = routes.map(|it| (Kind::Routes, it.id, route(it, model)));
    let upstreams = model.upstreams.iter();
    let upstreams = upstreams.map(|it| (Kind::Upstreams, it.id, upstream(it)));
    let targets = model.upstreams.iter().flat_map(|upstream| {
        let targets = upstream.targets.iter();
        targets.map(|it| (Kind::Targets, it.id, target(it, upstream.id)))
    });
    let consumers = model.consumers.iter();
    let consumers = consumers.map(|it| (Kind::Consumers, it.id, consumer(it)));
    let credentials = model.credentials.iter();
    let credentials = credentials.map(|it| {
        let (kind, document) = credential(it);
        (kind, it.id, document)
    });
    let plugins = model.plugins.iter();
    let plugins = plugins.map(|it| (Kind::Plugins, it.id, plugin(it)));
    services
        .chain(upstreams)
        .chain(targets)
        .chain(consumers)
        .chain(routes)
        .chain(credentials)
        .chain(plugins)
}

fn object(value: Value) -> Document {
    match value {
        Value::Object(map) => map,
        _ => Document::new(),
    }
}

/// A list that is null when it is empty, as Kong shows it.
fn list(items: &[String]) -> Value {
    if items.is_empty() {
        return Value::Null;
    }
    json!(items)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn service(service: &Service) -> Document {
    let host = if service.host.contains(':') {
        format!("[{}]", service.host)
    } else {
        service.host.clone()
    };
    object(json!({
        "name": service.name,
        "protocol": service.protocol.as_str(),
        "host": host,
        "port": service.port,
        "path": service.path,
        "retries": service.retries,
        "connect_timeout": millis(service.timeouts.connect),
        "write_timeout": millis(service.timeouts.write),
        "read_timeout": millis(service.timeouts.read),
        "enabled": service.enabled,
        "tls_verify": service.tls.as_ref().map(|tls| tls.verify),
        "tls_verify_depth": service.tls.as_ref().and_then(|tls| tls.depth),
        "tags": list(&service.tags),
    }))
}

fn route(route: &Route, model: &Model) -> Document {
    let service = model.service_of(route).map(|service| service.id);
    let headers: Document = route
        .headers
        .iter()
        .map(|header| (header.name.clone(), json!(header.values)))
        .collect();
    let protocols: Vec<&str> = route.protocols.names().collect();
    object(json!({
        "name": route.name,
        "service": service.map(|id| json!({ "id": id })),
        "protocols": protocols,
        "methods": list(&route.methods),
        "hosts": list(&route.hosts),
        "paths": list(&route.paths),
        "headers": (!headers.is_empty()).then_some(headers),
        "snis": list(&route.snis),
        "https_redirect_status_code": route.https_redirect_status_code,
        "regex_priority": route.regex_priority,
        "strip_path": route.strip_path,
        "path_handling": match route.path_handling {
            PathHandling::V0 => "v0",
            PathHandling::V1 => "v1",
        },
        "preserve_host": route.preserve_host,
        "request_buffering": route.request_buffering,
        "response_buffering": route.response_buffering,
        "tags": list(&route.tags),
        "created_at": route.created_at,
    }))
}

fn upstream(upstream: &Upstream) -> Document {
    let mut algorithms = Algorithm::ALL.iter();
    let algorithm = algorithms.find(|(_, algorithm)| *algorithm == upstream.algorithm);
    let mut document = object(json!({
        "name": upstream.name,
        "algorithm": algorithm.map(|(name, _)| *name),
        "slots": upstream.slots,
        "host_header": upstream.host_header,
        "use_srv_name": upstream.use_srv_name,
        "tags": list(&upstream.tags),
    }));
    for (key, input) in [
        ("hash_on", &upstream.hash_on),
        ("hash_fallback", &upstream.hash_fallback),
    ] {
        document.insert(key.to_owned(), input.kind().into());
        let (field, value) = match input {
            HashInput::None | HashInput::Consumer | HashInput::Ip | HashInput::Path => continue,
            HashInput::Header(name) => (format!("{key}_header"), name),
            HashInput::QueryArg(name) => (format!("{key}_query_arg"), name),
            HashInput::UriCapture(name) => (format!("{key}_uri_capture"), name),
            HashInput::Cookie { name, path } => {
                document.insert("hash_on_cookie_path".to_owned(), path.as_str().into());
                ("hash_on_cookie".to_owned(), name)
            }
        };
        document.insert(field, value.as_str().into());
    }
    if let Some(rules) = &upstream.resilience {
        document.insert("healthchecks".to_owned(), healthchecks(rules));
    }
    document
}

fn target(target: &Target, upstream: Uuid) -> Document {
    object(json!({
        "target": target.to_string(),
        "weight": target.weight,
        "upstream": { "id": upstream },
        "tags": list(&target.tags),
    }))
}

fn consumer(consumer: &Consumer) -> Document {
    object(json!({
        "username": consumer.username,
        "custom_id": consumer.custom_id,
        "tags": list(&consumer.tags),
        "created_at": consumer.created_at,
    }))
}

fn credential(credential: &Credential) -> (Kind, Document) {
    let (kind, parts) = match &credential.secret {
        Secret::Key { key } => (Kind::KeyauthCredentials, json!({ "key": key })),
        Secret::Basic { username, password } => (
            Kind::BasicauthCredentials,
            json!({ "username": username, "password": password }),
        ),
        Secret::Hmac { username, secret } => (
            Kind::HmacauthCredentials,
            json!({ "username": username, "secret": secret }),
        ),
        Secret::Jwt(jwt) => (
            Kind::JwtSecrets,
            json!({
                "key": jwt.key,
                "algorithm": jwt.algorithm,
                "secret": jwt.secret,
                "rsa_public_key": jwt.rsa_public_key,
            }),
        ),
        Secret::Group { group } => (Kind::Acls, json!({ "group": group })),
    };
    let mut document = object(parts);
    document.extend(object(json!({
        "consumer": { "id": credential.consumer },
        "tags": list(&credential.tags),
        "created_at": credential.created_at,
    })));
    (kind, document)
}

fn plugin(plugin: &Plugin) -> Document {
    let scope = &plugin.configured.scope;
    let reference = |id: Option<Uuid>| id.map(|id| json!({ "id": id }));
    let config: Value = serde_json::from_str(plugin.config()).unwrap_or_default();
    let mut document = object(json!({
        "name": plugin.name(),
        "instance_name": plugin.instance_name,
        "service": reference(scope.service),
        "route": reference(scope.route),
        "consumer": reference(scope.consumer),
        "enabled": plugin.enabled,
        "config": config,
        "tags": list(&plugin.tags),
        "created_at": plugin.created_at,
    }));
    // Without a word all protocols are meant.
    let protocols: Vec<&str> = plugin.protocols.names().collect();
    if protocols.len() == 1 {
        document.insert("protocols".to_owned(), protocols.into());
    }
    document
}
