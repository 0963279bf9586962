//! Entities as the data plane wants them: what a request needs is one index away, nothing is looked up by name.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::balance::HashOn;
use crate::balance::Policy;
use crate::base::ids::ServiceIndex;
use crate::base::ids::UpstreamIndex;
use crate::base::tier::Tier;
use crate::net::tls::UpstreamTls;
use crate::plugin::Chain;
use crate::plugin::Named;
use crate::resilience::Rules;
use crate::router::StripPath;
use crate::snapshot::Addresses;
use crate::snapshot::Admission;
use crate::snapshot::ConnectionShares;
use crate::snapshot::Resolved;
use crate::snapshot::Snapshot;

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
    /// The TLS that its targets are spoken to by.
    pub tls: Option<Arc<UpstreamTls>>,
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
    /// Its identity; that of one that only a service names is nil.
    pub id: Uuid,
    /// How targets that fail are dealt with; none if by default.
    pub rules: Option<Arc<Rules>>,
    /// Requests that may be under way to each target.
    pub connections: Option<ConnectionShares>,
}

impl UpstreamPlan {
    /// Where its requests can go by these addresses, and with which weights; those of zero are left out.
    pub fn places(&self, addresses: &Addresses) -> Vec<(SocketAddr, u16, &TargetPlan)> {
        let mut places = Vec::new();
        for target in &self.targets {
            match target.endpoint {
                Endpoint::At(address) => places.push((address, target.weight, target)),
                Endpoint::Named(name, port) => {
                    let found = addresses.names.get(name as usize);
                    let Some(Resolved::Addresses(found)) = found else {
                        continue;
                    };
                    places.extend(found.iter().map(|found| {
                        let address = SocketAddr::new(found.ip, found.port.unwrap_or(port));
                        (address, found.weight.unwrap_or(target.weight), target)
                    }));
                }
            }
        }
        places.retain(|(_, weight, _)| *weight > 0);
        places
    }

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

impl TargetPlan {
    /// The Host that is sent to it over TLS, where it is another, because another port is the default.
    pub fn host_over_tls(&self) -> Option<Box<[u8]>> {
        let host = &*self.host_header;
        match self.endpoint.port() {
            80 if host.ends_with(b"]") || !host.contains(&b':') => {
                Some([host, b":80"].concat().into())
            }
            443 => host.strip_suffix(b":443").map(Into::into),
            _ => None,
        }
    }
}

/// Where a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// At this address.
    At(SocketAddr),
    /// At whatever the snapshot's name with this index resolves to, at this port.
    Named(u32, u16),
}

impl Endpoint {
    /// The port that is configured.
    pub fn port(self) -> u16 {
        match self {
            Self::At(address) => address.port(),
            Self::Named(_, port) => port,
        }
    }

    /// As it is configured, and the same without its port.
    pub fn named(self, snapshot: &Snapshot) -> (Box<str>, Box<str>) {
        match self {
            Self::At(address) => (address.to_string().into(), address.ip().to_string().into()),
            Self::Named(name, port) => {
                let query = snapshot.names.get(name as usize);
                let host = query.map_or("", |query| &*query.host);
                (format!("{host}:{port}").into(), host.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_ports_are_those_of_the_protocol() {
        let over_tls = |port: u16, host: &str| {
            let plan = TargetPlan {
                endpoint: Endpoint::Named(0, port),
                weight: 1,
                host_header: host.as_bytes().into(),
            };
            plan.host_over_tls()
                .map(|host| String::from_utf8(host.into_vec()).unwrap())
        };
        assert_eq!(over_tls(443, "a:443").as_deref(), Some("a"));
        assert_eq!(over_tls(80, "a").as_deref(), Some("a:80"));
        assert_eq!(over_tls(80, "[::1]").as_deref(), Some("[::1]:80"));
        assert_eq!(over_tls(80, "a:9"), None);
        assert_eq!(over_tls(8443, "a:8443"), None);
    }
}
