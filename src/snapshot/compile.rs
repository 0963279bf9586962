//! Compiling a model: patterns into a router, entities into plans, names into a list for control to resolve.

use std::borrow::Cow;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::HashMapExt;
use uuid::Uuid;

use crate::balance::HashInput;
use crate::balance::HashOn;
use crate::balance::Policy;
use crate::base::ids::Generation;
use crate::base::ids::ServiceIndex;
use crate::base::ids::UpstreamIndex;
use crate::base::tier::Tier;
use crate::config::Model;
use crate::config::model as config;
use crate::config::model::ServiceProtocol;
use crate::http::IpSet;
use crate::http::forwarded::RealIpHeader;
use crate::http::forwarded::TrustPolicy;
use crate::http1::HeadLimits;
use crate::plugin::Chain;
use crate::plugin::Directory;
use crate::plugin::Named;
use crate::router::HeaderCriterion;
use crate::router::HeaderPattern;
use crate::router::HostPattern;
use crate::router::PathPattern;
use crate::router::PatternFault;
use crate::router::RouteCriteria;
use crate::router::Router;
use crate::router::StripPath;
use crate::snapshot::Admission;
use crate::snapshot::ClientTimeouts;
use crate::snapshot::ConnectionShares;
use crate::snapshot::Destination;
use crate::snapshot::Endpoint;
use crate::snapshot::Heritage;
use crate::snapshot::KeepAlive;
use crate::snapshot::NameKind;
use crate::snapshot::NameQuery;
use crate::snapshot::RoutePlan;
use crate::snapshot::RouteTimeouts;
use crate::snapshot::Snapshot;
use crate::snapshot::TargetPlan;
use crate::snapshot::UpstreamPlan;
use crate::snapshot::chains::Chains;
use crate::snapshot::origins::Origins;
use crate::snapshot::overload;

/// Compiles a model for so many workers.
///
/// # Errors
/// A sentence that names the route, when one of its patterns needs too large a program; a model's patterns are
/// well formed otherwise.
pub fn compile(model: &Model, generation: Generation, workers: usize) -> Result<Snapshot, String> {
    recompile(model, generation, workers, None)
}

/// As [`compile`], with what the snapshot `before` passes on, which is shared as far as it is the same.
///
/// # Errors
/// As [`compile`].
pub fn recompile(
    model: &Model,
    generation: Generation,
    workers: usize,
    before: Option<&Heritage>,
) -> Result<Snapshot, String> {
    let served = served(model);
    let router = router(&served)?;
    let mut targets = Targets::new(model, workers);
    let mut origins = Origins::new(model, before.map(|before| &*before.origins));
    let destinations: Vec<Destination> = (0..)
        .zip(&model.services)
        .map(|(index, service)| {
            destination(ServiceIndex(index), service, &mut targets, &mut origins)
        })
        .collect();
    let before = before.map(|before| &before.directory);
    let directory = Directory::renewed(before, &model.consumers, &model.credentials);
    let chains = Chains::new(model, &directory);
    let mut patience = Patience::default();
    let limits = &model.limits;
    Ok(Snapshot {
        generation,
        router,
        routes: served
            .iter()
            .map(|route| RoutePlan {
                chain: chains.of(route, model),
                destination: route
                    .service
                    .and_then(|index| destinations.get(index.0 as usize).cloned()),
                ..route_plan(route, tier(route, model), patience.of(route))
            })
            .collect(),
        services: model
            .services
            .iter()
            .map(|service| named(service))
            .collect(),
        upstreams: targets.upstreams,
        directory,
        names: targets.names,
        trust: trust(&model.gateway),
        head_limits: HeadLimits {
            head_bytes: limits.request_head_bytes,
            line_bytes: limits.request_line_bytes,
            fields: limits.request_headers,
        },
        response_head_limits: HeadLimits {
            head_bytes: limits.response_head_bytes,
            line_bytes: limits.response_head_bytes,
            fields: limits.response_headers,
        },
        request_body_bytes: limits.request_body_bytes.unwrap_or(u64::MAX),
        connection_requests: limits.connection_requests.unwrap_or(u32::MAX),
        connections: ConnectionShares {
            limit: limits.connections,
            workers,
        },
        overload: overload::plan(&model.overload, workers),
        timeouts: client_timeouts(&model.timeouts),
        keep_alive: KeepAlive {
            pool_size: limits.upstream_keepalive_pool,
            requests: limits.upstream_keepalive_requests.unwrap_or(u32::MAX),
            idle: model.timeouts.upstream_keepalive_idle,
        },
        tls: super::tls::listeners(model)?,
        origins: Arc::new(origins.known),
        client_certificates: model
            .listeners
            .iter()
            .filter_map(|listener| listener.tls.as_ref())
            .any(|tls| tls.client_auth != config::ClientAuth::None),
    })
}

fn client_timeouts(timeouts: &config::Timeouts) -> ClientTimeouts {
    ClientTimeouts {
        client_header: timeouts.client_header,
        client_body_idle: timeouts.client_body_idle,
        client_write_idle: timeouts.client_write_idle,
        keep_alive: timeouts.keep_alive,
    }
}

fn router(served: &[&config::Route]) -> Result<Router, String> {
    let mut criteria = Vec::with_capacity(served.len());
    for route in served {
        let fault = |fault: PatternFault| format!("route {}: {fault}", name_of(route));
        criteria.push(criteria_of(route).map_err(fault)?);
    }
    Router::compile(&criteria).map_err(|fault| {
        let name = served
            .get(fault.route)
            .map_or_else(String::new, |route| name_of(route));
        format!("route {name}: {}", fault.fault)
    })
}

/// The routes that requests can match, by their index in the router: a disabled service's match nothing, as
/// in Kong.
pub fn served(model: &Model) -> Vec<&config::Route> {
    let enabled = |route: &&config::Route| {
        model
            .service_of(route)
            .is_none_or(|service| service.enabled)
    };
    model
        .routes
        .iter()
        .map(AsRef::as_ref)
        .filter(enabled)
        .collect()
}

fn name_of(route: &config::Route) -> String {
    route.name.clone().unwrap_or_else(|| route.id.to_string())
}

fn trust(gateway: &config::Gateway) -> TrustPolicy {
    let by_list = gateway
        .real_ip_header
        .eq_ignore_ascii_case("X-Forwarded-For");
    TrustPolicy {
        trusted: IpSet::new(gateway.trusted_ips.iter().copied()),
        header: if by_list {
            RealIpHeader::XForwardedFor
        } else {
            RealIpHeader::XRealIp
        },
        recursive: gateway.real_ip_recursive,
    }
}

/// The criteria that the router orders and matches by.
pub fn criteria_of(route: &config::Route) -> Result<RouteCriteria, PatternFault> {
    let boxed = |list: &[String]| list.iter().map(|item| item.as_str().into()).collect();
    let mut headers = Vec::with_capacity(route.headers.len());
    for header in &route.headers {
        let values: Result<Vec<_>, _> = header
            .values
            .iter()
            .map(|v| HeaderPattern::parse(v))
            .collect();
        headers.push(HeaderCriterion {
            name: header.name.as_str().into(),
            values: values?,
        });
    }
    Ok(RouteCriteria {
        id: route.id,
        created_at: i64::try_from(route.created_at).unwrap_or(i64::MAX),
        methods: boxed(&route.methods),
        hosts: route
            .hosts
            .iter()
            .map(|host| HostPattern::parse(host))
            .collect::<Result<_, _>>()?,
        paths: route
            .paths
            .iter()
            .map(|path| path_pattern(path))
            .collect::<Result<_, _>>()?,
        headers,
        snis: boxed(&route.snis),
        regex_priority: i64::from(route.regex_priority),
    })
}

/// A model's expressions were parsed when it was made, and will be again when they become programs: a third
/// time would cost as much as all other patterns together.
fn path_pattern(path: &str) -> Result<PathPattern, PatternFault> {
    match path.strip_prefix('~') {
        Some(regex) => Ok(PathPattern::Regex(regex.into())),
        None => PathPattern::parse(path),
    }
}

/// How much a route's requests matter: by its own tags, else by its service's.
fn tier(route: &config::Route, model: &Model) -> Tier {
    let of_service = |service: &config::Service| Tier::of_tags(&service.tags);
    let tier = Tier::of_tags(&route.tags);
    tier.or_else(|| model.service_of(route).and_then(of_service))
        .unwrap_or_default()
}

/// A route without plugins and without a service.
fn route_plan(route: &config::Route, tier: Tier, timeouts: Arc<RouteTimeouts>) -> RoutePlan {
    RoutePlan {
        named: Named {
            id: route.id,
            label: name_of(route).into(),
            is_named: route.name.is_some(),
        },
        chain: Chain::default(),
        destination: None,
        strip: if route.strip_path {
            StripPath::Strip
        } else {
            StripPath::Keep
        },
        preserve_host: route.preserve_host,
        serves_http: route.protocols.http,
        https_redirect_status: route.https_redirect_status_code,
        tier,
        timeouts,
    }
}

/// Timeouts, each combination of them once.
#[derive(Default)]
struct Patience(HashMap<RouteTimeouts, Arc<RouteTimeouts>>);

impl Patience {
    fn of(&mut self, route: &config::Route) -> Arc<RouteTimeouts> {
        let timeouts = &route.timeouts;
        let timeouts = RouteTimeouts {
            connect: timeouts.connect,
            write: timeouts.write,
            read: timeouts.read,
            idle: timeouts.idle,
            total: timeouts.total,
        };
        let shared = self.0.entry(timeouts);
        Arc::clone(shared.or_insert_with(|| Arc::new(timeouts)))
    }
}

fn named(service: &config::Service) -> Named {
    let name = service.name.as_deref();
    Named {
        id: service.id,
        label: name.map_or_else(|| service.id.to_string().into(), Into::into),
        is_named: name.is_some(),
    }
}

fn destination<'m>(
    index: ServiceIndex,
    service: &'m config::Service,
    targets: &mut Targets<'m>,
    origins: &mut Origins<'m>,
) -> Destination {
    let path = service.path.as_deref();
    Destination {
        service: index,
        upstream: targets.upstream_of(service),
        retries: u32::from(service.retries),
        tls: origins.of(service),
        path: path.map_or(Cow::Borrowed(b"/"), |path| {
            Cow::Owned(path.as_bytes().to_vec())
        }),
    }
}

/// Upstreams and the names that their targets need.
struct Targets<'m> {
    overload: &'m config::Overload,
    workers: usize,
    upstreams: Vec<UpstreamPlan>,
    /// The configured ones.
    by_name: HashMap<&'m str, UpstreamIndex>,
    /// Those of services that name none, by their host and port.
    by_host: HashMap<(&'m str, u16), UpstreamIndex>,
    names: Vec<NameQuery>,
    by_query: HashMap<NameQuery, u32>,
}

impl<'m> Targets<'m> {
    fn new(model: &'m Model, workers: usize) -> Self {
        let mut targets = Self {
            overload: &model.overload,
            workers,
            upstreams: Vec::with_capacity(model.upstreams.len()),
            by_name: HashMap::with_capacity(model.upstreams.len()),
            by_host: HashMap::with_capacity(model.services.len()),
            names: Vec::new(),
            by_query: HashMap::new(),
        };
        for upstream in &model.upstreams {
            let plan = targets.configured(upstream);
            let index = targets.add(plan);
            targets.by_name.insert(&upstream.name, index);
        }
        targets
    }

    fn add(&mut self, plan: UpstreamPlan) -> UpstreamIndex {
        let index = UpstreamIndex(u32::try_from(self.upstreams.len()).unwrap_or(u32::MAX));
        self.upstreams.push(plan);
        index
    }

    /// The upstream that a service names by its host, or one for its own host and port.
    fn upstream_of(&mut self, service: &'m config::Service) -> UpstreamIndex {
        if let Some(index) = self.by_name.get(service.host.as_str()) {
            return *index;
        }
        let key = (service.host.as_str(), service.port);
        if let Some(index) = self.by_host.get(&key) {
            return *index;
        }
        let target = self.target(&service.host, service.port, 100, None);
        let plan = UpstreamPlan {
            name: service.host.as_str().into(),
            policy: Policy::RoundRobin,
            hash_on: HashOn::default(),
            slots: 0,
            targets: vec![target],
            admission: self.admission(|| format!("{}:{}", key.0, key.1).into(), &service.tags),
            id: Uuid::nil(),
            rules: None,
            connections: None,
        };
        let index = self.add(plan);
        self.by_host.insert(key, index);
        index
    }

    fn configured(&mut self, upstream: &config::Upstream) -> UpstreamPlan {
        let host = upstream.host_header.as_deref();
        let admission = self.admission(|| upstream.name.as_str().into(), &upstream.tags);
        let targets = upstream.targets.iter();
        let rules = upstream.resilience.as_ref();
        let rules = rules.and_then(|rules| rules.connections);
        UpstreamPlan {
            name: upstream.name.as_str().into(),
            policy: policy(upstream.algorithm),
            hash_on: HashOn {
                input: hash_input(&upstream.hash_on),
                fallback: hash_input(&upstream.hash_fallback),
            },
            slots: upstream.slots,
            targets: targets
                .map(|target| self.target(&target.host, target.port, target.weight, host))
                .collect(),
            admission,
            id: upstream.id,
            rules: upstream.resilience.clone(),
            connections: rules.map(|rule| ConnectionShares {
                limit: rule.max as usize,
                workers: self.workers,
            }),
        }
    }

    fn admission(&self, key: impl FnOnce() -> Box<str>, tags: &[String]) -> Option<Box<Admission>> {
        overload::admission(key, tags, self.overload, self.workers)
    }

    fn target(
        &mut self,
        host: &str,
        port: u16,
        weight: u16,
        host_header: Option<&str>,
    ) -> TargetPlan {
        let literal = host.parse::<IpAddr>();
        let bracketed = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let endpoint = match literal {
            Ok(ip) => Endpoint::At(SocketAddr::new(ip, port)),
            Err(_) => Endpoint::Named(self.name(host), port),
        };
        // As in Kong, a configured name is completed by the target's port like the target's own.
        let name = host_header.unwrap_or(&bracketed);
        let ported = host_header.is_some_and(|name| name.contains(':'));
        let host_header = if port == ServiceProtocol::Http.default_port() || ported {
            name.to_owned()
        } else {
            format!("{name}:{port}")
        };
        TargetPlan {
            endpoint,
            weight,
            host_header: host_header.into_bytes().into(),
        }
    }

    fn name(&mut self, host: &str) -> u32 {
        let query = NameQuery {
            host: host.into(),
            kind: NameKind::Service,
        };
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.by_query.entry(query.clone()).or_insert_with(|| {
            self.names.push(query);
            next
        })
    }
}

fn policy(algorithm: config::Algorithm) -> Policy {
    match algorithm {
        config::Algorithm::RoundRobin => Policy::RoundRobin,
        config::Algorithm::LeastConnections => Policy::LeastConnections,
        config::Algorithm::ConsistentHashing => Policy::ConsistentHashing,
        config::Algorithm::Latency => Policy::Latency,
    }
}

fn hash_input(input: &config::HashInput) -> HashInput {
    match input {
        config::HashInput::None => HashInput::None,
        config::HashInput::Consumer => HashInput::Consumer,
        config::HashInput::Ip => HashInput::Ip,
        config::HashInput::Header(name) => HashInput::Header(name.as_str().into()),
        config::HashInput::Cookie { name, path } => HashInput::Cookie {
            name: name.as_str().into(),
            path: path.as_str().into(),
        },
        config::HashInput::Path => HashInput::Path,
        config::HashInput::QueryArg(name) => HashInput::QueryArg(name.as_str().into()),
        config::HashInput::UriCapture(name) => HashInput::UriCapture(name.as_str().into()),
    }
}
