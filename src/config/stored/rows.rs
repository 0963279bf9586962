//! Rows of the store as entities of the model. A row has passed its kind's schema; what is read here are the fields
//! that the data plane needs, with Kong's defaults where a row says nothing.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::config::model::Algorithm;
use crate::config::model::ExchangeTimeouts;
use crate::config::model::HashInput;
use crate::config::model::HeaderMatch;
use crate::config::model::PathHandling;
use crate::config::model::Plugin;
use crate::config::model::Protocols;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::model::ServiceProtocol;
use crate::config::model::ServiceTls;
use crate::config::model::Target;
use crate::config::model::Upstream;
use crate::config::raw::nearest;
use crate::config::resolve::patterns;
use crate::config::resolve::services::DEFAULT_TIMEOUTS;
use crate::config::resolve::url::without_brackets;
use crate::config::stored::health::Healthchecks;
use crate::entity;
use crate::entity::Document;
use crate::entity::Kind;
use crate::net::tls::Certificate;
use crate::plugin::Compiler;
use crate::plugin::Configured;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::plugin::JwtSecret;
use crate::plugin::Scope;
use crate::plugin::Secret;
use crate::plugin::registry;
use crate::plugin::registry::Registry;
use std::sync::Arc;

/// Reads a row.
pub(super) fn read<T: DeserializeOwned>(row: &[u8]) -> Result<T, String> {
    serde_json::from_slice(row).map_err(|error| error.to_string())
}

/// What the entity of a row is called, if it has a name.
pub(super) fn name(row: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: Option<String>,
    }
    read::<Named>(row).ok()?.name
}

/// A reference to another entity.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) id: Uuid,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct ServiceRow {
    name: Option<String>,
    protocol: String,
    host: String,
    port: u16,
    path: Option<String>,
    retries: u16,
    connect_timeout: u64,
    write_timeout: u64,
    read_timeout: u64,
    enabled: bool,
    tls_verify: Option<bool>,
    tls_verify_depth: Option<u16>,
    pub(super) ca_certificates: Option<Vec<Uuid>>,
    pub(super) client_certificate: Option<Reference>,
    tags: Option<Vec<String>>,
}

impl Default for ServiceRow {
    fn default() -> Self {
        Self {
            name: None,
            protocol: "http".to_owned(),
            host: String::new(),
            port: 80,
            path: None,
            retries: 5,
            connect_timeout: 60_000,
            write_timeout: 60_000,
            read_timeout: 60_000,
            enabled: true,
            tls_verify: None,
            tls_verify_depth: None,
            ca_certificates: None,
            client_certificate: None,
            tags: None,
        }
    }
}

impl ServiceRow {
    /// The service; `None` if it is spoken to by a protocol that the data plane does not speak.
    pub(super) fn service(self, id: Uuid) -> Option<Service> {
        let read = Duration::from_millis(self.read_timeout);
        let known = [ServiceProtocol::Http, ServiceProtocol::Https];
        let protocol = known.into_iter().find(|it| it.as_str() == self.protocol);
        let usual = ServiceTls::default();
        let tls = ServiceTls {
            verify: self.tls_verify.unwrap_or(usual.verify),
            depth: self.tls_verify_depth,
            ..usual
        };
        protocol.map(|protocol| Service {
            id,
            name: self.name,
            protocol,
            tls: tls.unless_usual(),
            host: without_brackets(&self.host).to_owned(),
            port: self.port,
            path: self.path,
            retries: self.retries,
            timeouts: ExchangeTimeouts {
                connect: Duration::from_millis(self.connect_timeout),
                write: Duration::from_millis(self.write_timeout),
                read,
                idle: read,
                total: None,
            },
            enabled: self.enabled,
            tags: self.tags.unwrap_or_default(),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct RouteRow {
    name: Option<String>,
    pub(super) service: Option<Reference>,
    protocols: Option<Vec<String>>,
    methods: Option<Vec<String>>,
    hosts: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    headers: Option<std::collections::BTreeMap<String, Vec<String>>>,
    snis: Option<Vec<String>>,
    https_redirect_status_code: u16,
    regex_priority: i32,
    strip_path: bool,
    path_handling: String,
    preserve_host: bool,
    request_buffering: bool,
    response_buffering: bool,
    tags: Option<Vec<String>>,
    created_at: u64,
}

impl Default for RouteRow {
    fn default() -> Self {
        Self {
            name: None,
            service: None,
            protocols: None,
            methods: None,
            hosts: None,
            paths: None,
            headers: None,
            snis: None,
            https_redirect_status_code: 426,
            regex_priority: 0,
            strip_path: true,
            path_handling: "v0".to_owned(),
            preserve_host: false,
            request_buffering: true,
            response_buffering: true,
            tags: None,
            created_at: 0,
        }
    }
}

impl RouteRow {
    /// The route without its service; `None` if it is for protocols that the data plane does not speak.
    pub(super) fn route(self, id: Uuid) -> Option<Route> {
        let headers = self.headers.unwrap_or_default();
        Some(Route {
            id,
            name: self.name,
            service: None,
            protocols: protocols(self.protocols.as_deref())?,
            methods: self.methods.unwrap_or_default(),
            hosts: self.hosts.unwrap_or_default(),
            paths: self.paths.unwrap_or_default(),
            headers: headers
                .into_iter()
                .map(|(name, values)| HeaderMatch {
                    name: name.to_ascii_lowercase(),
                    values,
                })
                .collect(),
            snis: self.snis.unwrap_or_default(),
            https_redirect_status_code: self.https_redirect_status_code,
            regex_priority: self.regex_priority,
            strip_path: self.strip_path,
            path_handling: if self.path_handling == "v1" {
                PathHandling::V1
            } else {
                PathHandling::V0
            },
            preserve_host: self.preserve_host,
            request_buffering: self.request_buffering,
            response_buffering: self.response_buffering,
            timeouts: DEFAULT_TIMEOUTS,
            tags: self.tags.unwrap_or_default(),
            created_at: self.created_at,
        })
    }
}

/// The set that a list of names says; `None` if nothing of it is HTTP/1.
pub(super) fn protocols(names: Option<&[String]>) -> Option<Protocols> {
    let has = |wanted: &str| names.is_none_or(|names| names.iter().any(|name| name == wanted));
    let (http, https) = (has("http"), has("https"));
    (http || https).then_some(Protocols { http, https })
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct UpstreamRow {
    name: String,
    algorithm: String,
    hash_on: String,
    hash_fallback: String,
    hash_on_header: Option<String>,
    hash_fallback_header: Option<String>,
    hash_on_cookie: Option<String>,
    hash_on_cookie_path: String,
    hash_on_query_arg: Option<String>,
    hash_fallback_query_arg: Option<String>,
    hash_on_uri_capture: Option<String>,
    hash_fallback_uri_capture: Option<String>,
    slots: u32,
    host_header: Option<String>,
    use_srv_name: bool,
    pub(super) client_certificate: Option<Reference>,
    tags: Option<Vec<String>>,
    healthchecks: Option<Healthchecks>,
}

impl Default for UpstreamRow {
    fn default() -> Self {
        Self {
            name: String::new(),
            algorithm: "round-robin".to_owned(),
            hash_on: "none".to_owned(),
            hash_fallback: "none".to_owned(),
            hash_on_header: None,
            hash_fallback_header: None,
            hash_on_cookie: None,
            hash_on_cookie_path: "/".to_owned(),
            hash_on_query_arg: None,
            hash_fallback_query_arg: None,
            hash_on_uri_capture: None,
            hash_fallback_uri_capture: None,
            slots: 10_000,
            host_header: None,
            use_srv_name: false,
            client_certificate: None,
            tags: None,
            healthchecks: None,
        }
    }
}

impl UpstreamRow {
    /// The upstream without its targets.
    pub(super) fn upstream(self, id: Uuid) -> Upstream {
        let found = Algorithm::ALL
            .iter()
            .find(|(name, _)| *name == self.algorithm);
        let cookie = HashInput::Cookie {
            name: self.hash_on_cookie.unwrap_or_default(),
            path: self.hash_on_cookie_path,
        };
        Upstream {
            id,
            name: self.name,
            algorithm: found.map_or(Algorithm::RoundRobin, |(_, algorithm)| *algorithm),
            hash_on: hash_input(
                &self.hash_on,
                cookie.clone(),
                self.hash_on_header,
                self.hash_on_query_arg,
                self.hash_on_uri_capture,
            ),
            hash_fallback: hash_input(
                &self.hash_fallback,
                cookie,
                self.hash_fallback_header,
                self.hash_fallback_query_arg,
                self.hash_fallback_uri_capture,
            ),
            slots: self.slots,
            host_header: self.host_header,
            use_srv_name: self.use_srv_name,
            tags: self.tags.unwrap_or_default(),
            targets: Vec::new(),
            client: None,
            resilience: self.healthchecks.and_then(|checks| checks.rules().shared()),
        }
    }
}

fn hash_input(
    kind: &str,
    cookie: HashInput,
    header: Option<String>,
    query_arg: Option<String>,
    capture: Option<String>,
) -> HashInput {
    match kind {
        "consumer" => HashInput::Consumer,
        "ip" => HashInput::Ip,
        "header" => HashInput::Header(header.unwrap_or_default().to_ascii_lowercase()),
        "cookie" => cookie,
        "path" => HashInput::Path,
        "query_arg" => HashInput::QueryArg(query_arg.unwrap_or_default()),
        "uri_capture" => HashInput::UriCapture(capture.unwrap_or_default()),
        _ => HashInput::None,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct TargetRow {
    pub(super) upstream: Reference,
    target: String,
    #[serde(default = "usual_weight")]
    weight: u16,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

fn usual_weight() -> u16 {
    100
}

/// A certificate as it is stored.
#[derive(Deserialize)]
pub(super) struct CertificateRow {
    cert: String,
    key: String,
    #[serde(default)]
    cert_alt: Option<String>,
    #[serde(default)]
    key_alt: Option<String>,
}

impl CertificateRow {
    /// What clients are shown, the first choice first.
    pub(super) fn shown(self) -> Vec<Arc<Certificate>> {
        let certificate = |cert: String, key: String| {
            Arc::new(Certificate::new(cert.into_bytes(), key.into_bytes(), None))
        };
        let alternative = self.cert_alt.zip(self.key_alt);
        let alternative = alternative.map(|(cert, key)| certificate(cert, key));
        let first = certificate(self.cert, self.key);
        std::iter::once(first).chain(alternative).collect()
    }
}

/// A server name as it is stored.
#[derive(Deserialize)]
pub(super) struct SniRow {
    pub(super) name: String,
    pub(super) certificate: Reference,
}

impl TargetRow {
    pub(super) fn target(self, id: Uuid) -> Target {
        let (host, port) = patterns::split_port(&self.target);
        Target {
            id,
            host: without_brackets(host).to_owned(),
            port: port.and_then(|port| port.parse().ok()).unwrap_or(8_000),
            weight: self.weight,
            tags: self.tags.unwrap_or_default(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ConsumerRow {
    username: Option<Box<str>>,
    custom_id: Option<Box<str>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    created_at: u64,
}

impl ConsumerRow {
    pub(super) fn consumer(self, id: Uuid) -> Consumer {
        Consumer {
            id,
            username: self.username,
            custom_id: self.custom_id,
            tags: self.tags.unwrap_or_default(),
            created_at: self.created_at,
        }
    }
}

/// What all credentials have.
#[derive(Debug, Deserialize)]
struct CredentialRow {
    consumer: Reference,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    created_at: u64,
    expires_at: Option<u64>,
}

/// Reads a credential; `T` is what its kind has besides.
pub(super) fn credential<T>(id: Uuid, row: &[u8]) -> Result<Credential, String>
where
    T: DeserializeOwned + Into<Secret>,
{
    let common: CredentialRow = read(row)?;
    Ok(Credential {
        id,
        consumer: common.consumer.id,
        secret: read::<T>(row)?.into(),
        tags: common.tags.unwrap_or_default(),
        created_at: common.created_at,
        expires_at: common.expires_at,
    })
}

#[derive(Deserialize)]
#[serde(default)]
struct PluginRow {
    name: String,
    instance_name: Option<String>,
    service: Option<Reference>,
    route: Option<Reference>,
    consumer: Option<Reference>,
    protocols: Option<Vec<String>>,
    enabled: bool,
    config: Document,
    tags: Option<Vec<String>>,
    created_at: u64,
}

impl Default for PluginRow {
    fn default() -> Self {
        Self {
            name: String::new(),
            instance_name: None,
            service: None,
            route: None,
            consumer: None,
            protocols: None,
            enabled: true,
            config: Document::new(),
            tags: None,
            created_at: 0,
        }
    }
}

/// What is said of a plugin that does not exist, where the words need not be Kong's.
pub fn no_such_plugin(name: &str) -> String {
    let said = format!("there is no plugin '{}' here", name.escape_debug());
    match nearest(name, registry::ALL.iter().map(|known| known.name)) {
        Some(guess) => format!("{said}; {guess}"),
        None => said,
    }
}

/// Reads and compiles a plugin.
pub(super) fn plugin(id: Uuid, row: &[u8], compiler: &mut Compiler) -> Result<Plugin, String> {
    let row = entity::full(Kind::Plugins, row, &Registry)?;
    let row = PluginRow::deserialize(Value::Object(row)).map_err(|error| error.to_string())?;
    let of = |reference: Option<Reference>| reference.map(|reference| reference.id);
    let protocols = protocols(row.protocols.as_deref());
    let protocols = protocols.ok_or("only plugins for http are run yet")?;
    let name = row.name;
    let definition = registry::find(&name).ok_or_else(|| no_such_plugin(&name))?;
    let compiled = compiler.compile(definition, row.config);
    let compiled = compiled.map_err(|faults| {
        let said = faults.into_iter().map(|fault| fault.message);
        said.collect::<Vec<_>>().join("; ")
    })?;
    let scope = Scope {
        service: of(row.service),
        route: of(row.route),
        consumer: of(row.consumer),
    };
    Ok(Plugin {
        id,
        instance_name: row.instance_name,
        protocols,
        enabled: row.enabled,
        tags: row.tags.unwrap_or_default(),
        created_at: row.created_at,
        configured: Configured::new(id, scope, compiled),
    })
}

#[derive(Deserialize)]
pub(super) struct Key {
    key: Box<str>,
}

#[derive(Deserialize)]
pub(super) struct Basic {
    username: Box<str>,
    password: Box<str>,
}

#[derive(Deserialize)]
pub(super) struct Hmac {
    username: Box<str>,
    secret: Box<str>,
}

#[derive(Deserialize)]
pub(super) struct Jwt {
    key: Box<str>,
    #[serde(default = "usual_algorithm")]
    algorithm: Box<str>,
    secret: Option<Box<str>>,
    rsa_public_key: Option<Box<str>>,
}

fn usual_algorithm() -> Box<str> {
    "HS256".into()
}

#[derive(Deserialize)]
pub(super) struct Group {
    group: Box<str>,
}

impl From<Key> for Secret {
    fn from(parts: Key) -> Self {
        Self::Key { key: parts.key }
    }
}

impl From<Basic> for Secret {
    fn from(parts: Basic) -> Self {
        Self::Basic {
            username: parts.username,
            password: parts.password,
        }
    }
}

impl From<Hmac> for Secret {
    fn from(parts: Hmac) -> Self {
        Self::Hmac {
            username: parts.username,
            secret: parts.secret,
        }
    }
}

impl From<Jwt> for Secret {
    fn from(parts: Jwt) -> Self {
        Self::Jwt(Box::new(JwtSecret {
            key: parts.key,
            algorithm: parts.algorithm,
            secret: parts.secret,
            rsa_public_key: parts.rsa_public_key,
        }))
    }
}

impl From<Group> for Secret {
    fn from(parts: Group) -> Self {
        Self::Group { group: parts.group }
    }
}
