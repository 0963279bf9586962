//! Entities as the data plane wants them: what a request needs is one index away, nothing is looked up by name.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::balance::HashOn;
use crate::balance::Policy;
use crate::base::ids::ServiceIndex;
use crate::base::ids::UpstreamIndex;
use crate::base::tier::Tier;
use crate::plugin::Chain;
use crate::plugin::Named;
use crate::router::StripPath;
use crate::snapshot::Addresses;
use crate::snapshot::Admission;

/// A route.
#[derive(Debug)]
pub struct RoutePlan {
    /// Its id and its name.
    pub named: Named,
    /// The plugins that its requests meet.
    pub chain: Chain,
    /// Where its requests go.
    pub destination: Option<Destination>,
    /// Whether the matched prefix is taken off.
    pub strip: StripPath,
    /// The client's Host goes upstream.
    pub preserve_host: bool,
    /// It serves requests that came over plain TCP.
    pub serves_http: bool,
    /// What such a request is answered otherwise.
    pub https_redirect_status: u16,
    /// How much its requests matter under overload.
    pub tier: Tier,
    /// Patience with its upstream; routes of equal patience share it.
    pub timeouts: Arc<RouteTimeouts>,
}

impl RoutePlan {
    /// Its service.
    #[inline]
    pub fn service(&self) -> Option<ServiceIndex> {
        Some(self.destination.as_ref()?.service)
    }
}

/// Patience with an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteTimeouts {
    /// For a connection.
    pub connect: Duration,
    /// While the origin takes no byte of the request.
    pub write: Duration,
    /// For the answer's head, once the request is sent.
    pub read: Duration,
    /// Between two bytes of the answer's body.
    pub idle: Duration,
    /// For the whole exchange.
    pub total: Option<Duration>,
}

/// What forwarding needs of a service. Each of its routes has it, so that a request has one entity less to fetch.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The service.
    pub service: ServiceIndex,
    /// Where its requests go.
    pub upstream: UpstreamIndex,
    /// Further attempts after the first.
    pub retries: u32,
    /// The service's path, `/` if it has none.
    pub path: Cow<'static, [u8]>,
}

/// An upstream: targets and how to choose between them.
#[derive(Debug)]
pub struct UpstreamPlan {
    /// Its name, or the host and port that a service names.
    pub name: Box<str>,
    /// How a target is chosen.
    pub policy: Policy,
    /// What is hashed, first choice and fallback.
    pub hash_on: HashOn,
    /// Bounds a hash ring's points.
    pub slots: u32,
    /// The targets.
    pub targets: Vec<TargetPlan>,
    /// What bounds its requests in flight.
    pub admission: Option<Box<Admission>>,
}

impl UpstreamPlan {
    /// Whether its targets are at the same addresses by `before` as by `after`.
    pub fn is_alike(&self, before: &Addresses, after: &Addresses) -> bool {
        self.targets.iter().all(|target| match target.endpoint {
            Endpoint::At(_) => true,
            Endpoint::Named(name, _) => {
                before.names.get(name as usize) == after.names.get(name as usize)
            }
        })
    }
}

/// A target.
#[derive(Debug)]
pub struct TargetPlan {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Its share; zero takes it out.
    pub weight: u16,
    /// The Host that is sent to it.
    pub host_header: Box<[u8]>,
}

/// Where a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// At this address.
    At(SocketAddr),
    /// At whatever the snapshot's name with this index resolves to, at this port.
    Named(u32, u16),
}
