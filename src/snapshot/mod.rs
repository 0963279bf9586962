//! From a model to an immutable snapshot, and the pure decision over it.
//!
//! A snapshot is compiled off the request path, shared by all cores, and never changed: what a core keeps for it
//! (balancers, pools) stands in that core's instance. Names of targets are resolved on control and
//! travel beside the snapshot, in [`Addresses`].

mod addresses;
mod chains;
mod compile;
mod decide;
mod marks;
mod origins;
mod overload;
mod plan;
mod shares;
mod tls;

use std::sync::Arc;
use std::time::Duration;

pub use addresses::Address;
pub use addresses::Addresses;
pub use addresses::DnsFault;
pub use addresses::NameKind;
pub use addresses::NameQuery;
pub use addresses::Resolved;
pub use compile::compile;
pub use compile::criteria_of;
pub use compile::recompile;
pub use compile::served;
pub use decide::Decision;
pub use decide::decide;
pub use marks::Marks;
pub use marks::News;
pub use marks::Notice;
pub use marks::TargetKey;
pub use origins::KnownOrigins;
pub use overload::Admission;
pub use overload::OverloadPlan;
pub use overload::misspelt_limit;
pub use plan::Destination;
pub use plan::Endpoint;
pub use plan::RoutePlan;
pub use plan::RouteTimeouts;
pub use plan::TargetPlan;
pub use plan::UpstreamPlan;
pub use shares::ConnectionShares;
pub use tls::ListenerTls;

use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::base::ids::ServiceIndex;
use crate::base::ids::UpstreamIndex;
use crate::http::forwarded::TrustPolicy;
use crate::http1::HeadLimits;
use crate::plugin::Directory;
use crate::plugin::Named;
use crate::router::Router;

/// A compiled configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Its place in the order of installs.
    pub generation: Generation,
    /// From a request to a route.
    pub router: Router,
    /// Routes by their index in the router.
    pub routes: Vec<RoutePlan>,
    /// Services.
    pub services: Vec<Named>,
    /// Upstreams: the configured ones, then one for each other host and port that a service names.
    pub upstreams: Vec<UpstreamPlan>,
    /// Consumers and credentials.
    pub directory: Arc<Directory>,
    /// Names that control resolves.
    pub names: Vec<NameQuery>,
    /// Whose forwarding fields are believed.
    pub trust: TrustPolicy,
    /// Bounds of a request's head.
    pub head_limits: HeadLimits,
    /// Bounds of a response's head.
    pub response_head_limits: HeadLimits,
    /// Most bytes of a request's body.
    pub request_body_bytes: u64,
    /// Requests after which a client connection is closed.
    pub connection_requests: u32,
    /// Most client connections of each worker.
    pub connections: ConnectionShares,
    /// What is done about too much at a time.
    pub overload: OverloadPlan,
    /// Patience with clients.
    pub timeouts: ClientTimeouts,
    /// Bounds of the pools of idle upstream connections.
    pub keep_alive: KeepAlive,
    /// The TLS of the listeners, by their place.
    pub tls: Vec<Option<ListenerTls>>,
    /// The TLS of services.
    pub origins: Arc<KnownOrigins>,
    /// Some listener asks clients for certificates.
    pub client_certificates: bool,
}

/// What a snapshot passes on to the next.
#[derive(Clone, Debug)]
pub struct Heritage {
    /// Consumers and credentials.
    pub directory: Arc<Directory>,
    /// The TLS of services, with its sessions.
    pub origins: Arc<KnownOrigins>,
}

impl Snapshot {
    /// What the next one may share with it.
    pub fn heritage(&self) -> Heritage {
        Heritage {
            directory: Arc::clone(&self.directory),
            origins: Arc::clone(&self.origins),
        }
    }
}

/// Patience with clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// For a whole head, from its first byte; and for a first byte, from the connection's beginning.
    pub client_header: Duration,
    /// Between two bytes of a body.
    pub client_body_idle: Duration,
    /// While a client takes no byte of its answer.
    pub client_write_idle: Duration,
    /// For the next request.
    pub keep_alive: Duration,
}

/// The bounds of a pool of idle upstream connections, as in Kong's `upstream_keepalive_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Most idle connections for each peer and core.
    pub pool_size: usize,
    /// Most requests on one connection.
    pub requests: u32,
    /// How long a connection may stay idle.
    pub idle: Duration,
}

impl Snapshot {
    /// A route.
    #[inline]
    pub fn route(&self, index: RouteIndex) -> &RoutePlan {
        &self.routes[index.0 as usize]
    }

    /// A service.
    #[inline]
    pub fn service(&self, index: ServiceIndex) -> &Named {
        &self.services[index.0 as usize]
    }

    /// An upstream.
    #[inline]
    pub fn upstream(&self, index: UpstreamIndex) -> &UpstreamPlan {
        &self.upstreams[index.0 as usize]
    }
}
