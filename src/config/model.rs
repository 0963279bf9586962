//! The configuration as the rest of the gateway sees it: domain types that cannot be wrong.
//!
//! Nothing here knows TOML or where a value stood in a file. `resolve` is the only road that makes a
//! [`Model`], so whoever holds one may rely on what the fields say: names are unique, indices point at
//! something, numbers are in range, patterns are well formed. Entities and defaults are Kong's.

mod plugin;
mod service;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use uuid::Uuid;

pub use plugin::Plugin;
pub use service::Service;
pub use service::ServiceProtocol;
pub use service::ServiceTls;

use crate::base::ids::ServiceIndex;
use crate::entity::Kind;
use crate::net::tls::Certificate;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::resilience::Rules;

/// A whole configuration. Entities are shared with the model of the previous load where they did not change,
/// so that a reload of 15,000 services costs what changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    /// `[gateway]`
    pub gateway: Gateway,
    /// `[limits]`
    pub limits: Limits,
    /// `[overload]`
    pub overload: Overload,
    /// `[timeouts]`
    pub timeouts: Timeouts,
    /// `[[listeners]]`, at least one.
    pub listeners: Vec<Listener>,
    /// What is shown for which name on every listener that speaks TLS.
    pub server_names: Vec<(String, Arc<Certificate>)>,
    /// `[admin]`; without it there is no admin listener.
    pub admin: Option<Admin>,
    /// `[access_log]`; without it there is no access log.
    pub access_log: Option<AccessLog>,
    /// `[store]`; without it nothing can be written over REST.
    pub store: Option<PathBuf>,
    /// `[dns]`
    pub dns: Dns,
    /// Every service, in the order of the files; a [`ServiceIndex`] counts from its start.
    pub services: Vec<Arc<Service>>,
    /// Every route, by its service's place, then in the order of the files; those without a service last.
    pub routes: Vec<Arc<Route>>,
    /// Every upstream, in the order of the files. A service uses the one whose name equals its host.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Every consumer.
    pub consumers: Vec<Arc<Consumer>>,
    /// Every credential and group membership of a consumer.
    pub credentials: Vec<Arc<Credential>>,
    /// Every plugin.
    pub plugins: Vec<Arc<Plugin>>,
    /// What is in the store and of no use to the data plane.
    pub unserved: Vec<Arc<Unserved>>,
}

/// An entity that is stored and not served.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unserved {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: Option<String>,
    /// A sentence that says why.
    pub why: String,
}

impl Model {
    /// Every file that it names and that was read with it.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let tls = self.listeners.iter().filter_map(|it| it.tls.as_deref());
        let listeners = tls.flat_map(super::resolve::tls::files);
        let origins = self.services.iter().filter_map(|it| it.tls.as_deref());
        listeners.chain(origins.flat_map(super::resolve::origin_tls::files))
    }

    /// The service that `index` points at.
    pub fn service(&self, index: ServiceIndex) -> &Service {
        &self.services[index.0 as usize]
    }

    /// The names that plugins take credentials under in queries, besides those that everybody knows.
    pub fn carriers(&self) -> impl Iterator<Item = &str> {
        let carriers = self
            .plugins
            .iter()
            .flat_map(|plugin| &plugin.configured.compiled.carriers);
        carriers.map(|name| &**name)
    }

    /// The service that `route` sends its requests to, if it has one.
    pub fn service_of(&self, route: &Route) -> Option<&Service> {
        route.service.map(|index| self.service(index))
    }
}

/// The process as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gateway {
    /// How many worker threads.
    pub workers: Workers,
    /// How long exchanges in flight may take to end after SIGTERM.
    pub drain_timeout: Duration,
    /// Whom a process that was started as root becomes; a name of /etc/passwd or a number.
    pub user: Option<String>,
    /// The group it then has instead of the user's own; a name of /etc/group or a number.
    pub group: Option<String>,
    /// Peers whose `X-Forwarded-*` and real-IP fields are believed.
    pub trusted_ips: Vec<IpNet>,
    /// The field that a trusted peer names the client's address in.
    pub real_ip_header: String,
    /// Whether that field is walked backwards over trusted addresses (nginx's `real_ip_recursive`).
    pub real_ip_recursive: bool,
}

/// How many worker threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Workers {
    /// One for each core that the cpuset and the cgroup quota leave.
    Auto,
    /// Exactly so many, at least one.
    Count(u16),
}

/// Bounds an operator may change; sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Longest request head.
    pub request_head_bytes: usize,
    /// Most field lines of a request.
    pub request_headers: usize,
    /// Longest request line; not above `request_head_bytes`.
    pub request_line_bytes: usize,
    /// Longest request body; none: no bound.
    pub request_body_bytes: Option<u64>,
    /// Longest response head.
    pub response_head_bytes: usize,
    /// Most field lines of a response.
    pub response_headers: usize,
    /// Most client connections of the process; beyond it new ones wait in the kernel's queue.
    pub connections: usize,
    /// Requests after which a client connection is closed (announced); none: no bound.
    pub connection_requests: Option<u32>,
    /// Idle connections one worker keeps for one target; zero: none is kept.
    pub upstream_keepalive_pool: usize,
    /// Requests after which an upstream connection is not used again; none: no bound.
    pub upstream_keepalive_requests: Option<u32>,
}

/// What is done about too much at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Overload {
    /// Most requests in flight in the process; none: no bound.
    pub requests: Option<u32>,
    /// How long requests may wait for their core before it sheds some; none: it never does.
    pub queue_delay: Option<Duration>,
    /// Most requests in flight at an upstream; none: no bound.
    pub upstream_requests: Option<u32>,
    /// Whether the bound of an upstream follows what the upstream can take.
    pub upstream_adaptive: bool,
    /// How long requests may wait for their turn at a full upstream.
    pub upstream_wait: Duration,
    /// Most connections of one client address; none: no bound.
    pub connections_per_address: Option<u32>,
}

/// How long the gateway waits on the client's side, and how long an idle upstream connection lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// From a request's first byte to the end of its head.
    pub client_header: Duration,
    /// Between two reads of a request body.
    pub client_body_idle: Duration,
    /// Between two writes to the client.
    pub client_write_idle: Duration,
    /// Between two requests of a connection.
    pub keep_alive: Duration,
    /// How long an idle upstream connection is kept.
    pub upstream_keepalive_idle: Duration,
}

/// An address to accept clients on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listener {
    /// Where to listen; no two listeners collide.
    pub address: SocketAddr,
    /// Whether every connection starts with a PROXY protocol header (version 1 or 2).
    pub proxy_protocol: bool,
    /// Length of the kernel's queue of connections not yet accepted.
    pub backlog: u32,
    /// What is shown to clients, if they have to speak TLS.
    pub tls: Option<Arc<Tls>>,
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Certificates from files; the first is shown to who asks for a name that nobody knows.
    pub certificates: Vec<CertificateFiles>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Whether clients have to show a certificate.
    pub client_auth: ClientAuth,
    /// The authorities that theirs are verified with.
    pub client_ca: Vec<CaFile>,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

/// A certificate from files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    /// The certificate and its chain, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// An answer of its OCSP responder, in DER.
    pub ocsp: Option<PathBuf>,
    /// The names that it is for.
    pub names: Vec<String>,
    /// What the files held.
    pub loaded: Arc<Certificate>,
}

/// Certificates of authorities from a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaFile {
    /// The file.
    pub path: PathBuf,
    /// What it held.
    pub pem: Box<[u8]>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsVersion {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// Whether a client has to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// It is not asked for one.
    None,
    /// It may; one that cannot be verified is refused.
    Optional,
    /// It must.
    Required,
}

impl Listener {
    /// Whether it can be had from `other` without another socket.
    pub fn is_at_home_in(&self, other: &Self) -> bool {
        self.address == other.address
            && self.proxy_protocol == other.proxy_protocol
            && self.backlog == other.backlog
            && self.tls.is_some() == other.tls.is_some()
    }
}

/// The admin listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Admin {
    /// Where to listen.
    pub address: SocketAddr,
    /// Who may ask; empty only where nobody but this machine can.
    pub tokens: Vec<AdminToken>,
}

/// A token of the Admin API, which itself is written down nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AdminToken {
    /// Who has it, for the audit log.
    pub name: String,
    /// What it is good for.
    pub role: AdminRole,
    /// The SHA-256 of the token.
    pub hash: [u8; 32],
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AdminRole {
    /// Looking.
    Read,
    /// Looking and changing.
    Write,
}

/// One line for each exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessLog {
    /// Where the lines go.
    pub path: LogPath,
    /// What a line looks like.
    pub format: LogFormat,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogPath {
    /// The process's standard output.
    Stdout,
    /// A file, appended to; reopened on SIGUSR1.
    File(PathBuf),
}

/// What a log line looks like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// The combined format of Apache and nginx.
    Combined,
    /// Text with `$name` or `${name}` in it; every name is known, `$$` stands for a dollar sign.
    Template(String),
}

/// Name resolution; it happens on the control thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dns {
    /// Servers to ask; empty: those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
    /// Which addresses are asked for.
    pub family: DnsFamily,
    /// How long one attempt waits for one server.
    pub timeout: Duration,
    /// Overrides the TTL of every good answer.
    pub valid_ttl: Option<Duration>,
    /// How long a good answer outlives its TTL while no newer one can be had.
    pub stale_ttl: Duration,
    /// How long "no such name" is remembered.
    pub not_found_ttl: Duration,
    /// How long any other failure is remembered.
    pub error_ttl: Duration,
}

/// Which addresses a name is resolved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DnsFamily {
    /// IPv4, and IPv6 where there is no IPv4 address.
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

/// How long each stage of an exchange with an origin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeTimeouts {
    /// `connect_timeout`: establishing a connection, for each attempt.
    pub connect: Duration,
    /// `write_timeout`: between two writes of the request.
    pub write: Duration,
    /// `read_timeout`: from the request's end to the response's first byte.
    pub read: Duration,
    /// `idle_timeout`: between two reads of the response.
    pub idle: Duration,
    /// `total_timeout`: the whole exchange, attempts and bodies included; none: no bound.
    pub total: Option<Duration>,
}

/// Which requests go to which service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Given, or Kong's deterministic id of the name.
    pub id: Uuid,
    /// Unique among routes.
    pub name: Option<String>,
    /// Where its requests go; without it they are answered 503.
    pub service: Option<ServiceIndex>,
    /// How the client may speak to it.
    pub protocols: Protocols,
    /// Upper-case tokens; empty: any method.
    pub methods: Vec<String>,
    /// Host names, perhaps with a port and one wildcard at either end; empty: any host.
    pub hosts: Vec<String>,
    /// Prefixes that start with `/`, and regexes that start with `~`; empty: any path.
    pub paths: Vec<String>,
    /// Every one must match; sorted by name.
    pub headers: Vec<HeaderMatch>,
    /// Server names of TLS, perhaps with a wildcard at either end; empty: any.
    pub snis: Vec<String>,
    /// What plain HTTP is answered with on a route for HTTPS only: 426, 301, 302, 307, or 308.
    pub https_redirect_status_code: u16,
    /// Which regex path is tried first.
    pub regex_priority: i32,
    /// Whether the matched prefix is taken off the upstream path.
    pub strip_path: bool,
    /// How service path and request path are joined.
    pub path_handling: PathHandling,
    /// Whether the client's `Host` is forwarded.
    pub preserve_host: bool,
    /// Whether the whole request body is read before an origin is chosen.
    pub request_buffering: bool,
    /// Whether the response body may be buffered.
    pub response_buffering: bool,
    /// Its own, or its service's.
    pub timeouts: ExchangeTimeouts,
    /// Labels for the Admin API.
    pub tags: Vec<String>,
    /// Seconds since the Unix epoch: the older of two equal routes wins. Zero unless given; the order of
    /// [`Model::routes`] decides between equals.
    pub created_at: u64,
}

/// One header that a request must carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderMatch {
    /// The field's name in lower case.
    pub name: String,
    /// Any of these values; a single one that begins with `~*` is a regex.
    pub values: Vec<String>,
}

/// A set of client-side protocols, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocols {
    /// Plain HTTP.
    pub http: bool,
    /// HTTP over TLS.
    pub https: bool,
}

impl Protocols {
    /// The members' spellings, in Kong's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let http = self.http.then_some("http");
        let https = self.https.then_some("https");
        http.into_iter().chain(https)
    }
}

/// How service path and request path are joined (Kong's `path_handling`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathHandling {
    /// Slashes at the seam are fixed up.
    V0,
    /// They are not.
    V1,
}

/// A virtual host with several targets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Given, or Kong's deterministic id of the name.
    pub id: Uuid,
    /// A host name, unique among upstreams.
    pub name: String,
    /// How a target is chosen.
    pub algorithm: Algorithm,
    /// What is hashed; not [`HashInput::None`] with consistent hashing.
    pub hash_on: HashInput,
    /// What is hashed where a request lacks the first.
    pub hash_fallback: HashInput,
    /// Kong's size of the ring; accepted for compatibility.
    pub slots: u32,
    /// What origins see as `Host` in place of the target's name.
    pub host_header: Option<String>,
    /// Whether SRV names are used as host names.
    pub use_srv_name: bool,
    /// Labels for the Admin API.
    pub tags: Vec<String>,
    /// In the order of the file; a weight of zero takes no requests.
    pub targets: Vec<Target>,
    /// What services that name no certificate of their own show to its targets.
    pub client: Option<Arc<Certificate>>,
    /// How targets that fail are dealt with; none if all of it is the default.
    pub resilience: Option<Arc<Rules>>,
}

/// How a target is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Smooth weighted round robin.
    RoundRobin,
    /// The lowest (connections + 1) / weight.
    LeastConnections,
    /// A ring of points.
    ConsistentHashing,
    /// The faster of two.
    Latency,
}

impl Algorithm {
    /// Every algorithm with its spelling in a configuration.
    pub const ALL: [(&'static str, Self); 4] = [
        ("round-robin", Self::RoundRobin),
        ("least-connections", Self::LeastConnections),
        ("consistent-hashing", Self::ConsistentHashing),
        ("latency", Self::Latency),
    ];
}

/// What consistent hashing hashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HashInput {
    /// Nothing: any target.
    None,
    /// The consumer's id.
    Consumer,
    /// The client's address.
    Ip,
    /// A request field by its name in lower case.
    Header(String),
    /// A cookie, which is made when a request lacks it.
    Cookie {
        /// The cookie's name.
        name: String,
        /// The `Path` of a cookie that is made.
        path: String,
    },
    /// The request path.
    Path,
    /// A query argument by its name.
    QueryArg(String),
    /// A named capture of the route's regex.
    UriCapture(String),
}

impl HashInput {
    /// The spelling of the kind in a configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Consumer => "consumer",
            Self::Ip => "ip",
            Self::Header(_) => "header",
            Self::Cookie { .. } => "cookie",
            Self::Path => "path",
            Self::QueryArg(_) => "query_arg",
            Self::UriCapture(_) => "uri_capture",
        }
    }
}

/// One origin server of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Given, or Kong's deterministic id of the target within its upstream.
    pub id: Uuid,
    /// A host name or IP address; IPv6 without brackets.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// Its share of the requests, relative to the others'; zero takes it out.
    pub weight: u16,
    /// Labels for the Admin API.
    pub tags: Vec<String>,
}

impl fmt::Display for Target {
    /// As in a configuration: `host:port`, IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
