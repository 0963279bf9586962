//! One look-up of one name, from the question to a bounded list of addresses.
//!
//! The order is Kong's `LAST,SRV,A`: the kind of record that answered last, then SRV where the name asks for
//! it, then A, then AAAA. So IPv6 serves names that have nothing else, and a host without IPv6 routes never
//! balances half of its connections into the void. Among SRV records only the lowest priority counts.
//! Literal addresses never come here; `/etc/hosts` and `localhost` are answered without a question.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::Hosts;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::config::NameServerConfig;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::DnsError;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::SRV;

use crate::base::limits::DNS_ADDRESSES;
use crate::config::model::Dns;
use crate::config::model::DnsFamily;
use crate::snapshot::Address;
use crate::snapshot::NameKind;
use crate::snapshot::NameQuery;

/// Longest that one name's look-up may take, all its questions and retries together.
pub const LOOKUP_MAX: Duration = Duration::from_secs(15);

/// A good answer.
#[derive(Debug)]
pub struct Answer {
    /// Never empty; not yet sorted or cut.
    pub addresses: Vec<Address>,
    /// The shortest TTL of the records that led here.
    pub ttl: Duration,
    /// Which kind of record answered.
    pub kind: RecordKind,
}

/// Kinds of record that lead to addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Host, port and weight.
    Srv,
    /// IPv4.
    A,
    /// IPv6.
    Aaaa,
}

/// Why there is no answer, from the mildest to the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The name does not exist or has no such record.
    NotFound,
    /// A name server refused or failed.
    Error,
    /// No name server answered in time.
    Timeout,
}

/// The client, cheap to clone into each look-up.
#[derive(Clone, Debug)]
pub struct Client {
    resolver: TokioResolver,
    hosts: Arc<Hosts>,
    family: DnsFamily,
}

impl Client {
    /// A client for these servers, with `/etc/hosts` as it is now.
    ///
    /// # Errors
    /// When `/etc/resolv.conf` is needed and cannot be understood.
    pub fn new(settings: &Dns) -> Result<Self, NetError> {
        let mut builder = if settings.servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = settings.servers.iter().map(|&server| name_server(server));
            let config = ResolverConfig::from_name_servers(servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        // Times to live are kept in the table, and a retry must really ask.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = settings.timeout;
        let hosts = Hosts::from_system().unwrap_or_default();
        Ok(Self {
            resolver: builder.build()?,
            hosts: hosts.into(),
            family: settings.family,
        })
    }

    /// Looks a name up, beginning with the kind that answered last.
    ///
    /// # Errors
    /// The gravest of the failures, when no kind of record leads to an address.
    pub async fn look_up(
        &self,
        query: &NameQuery,
        last: Option<RecordKind>,
    ) -> Result<Answer, Failure> {
        match tokio::time::timeout(LOOKUP_MAX, self.in_order(query, last)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Timeout),
        }
    }

    async fn in_order(
        &self,
        query: &NameQuery,
        last: Option<RecordKind>,
    ) -> Result<Answer, Failure> {
        // A name that is not a domain name has no address.
        let name: Name = query.host.parse().map_err(|_| Failure::NotFound)?;
        let service = match query.kind {
            NameKind::Address => None,
            NameKind::Service => Some(RecordKind::Srv),
        };
        let usual = || service.iter().chain(self.families()).copied();
        // After a reload the name may be asked for in another way than the one that answered.
        let last = last.filter(|last| usual().any(|kind| kind == *last));
        let mut worst = Failure::NotFound;
        for kind in last
            .into_iter()
            .chain(usual().filter(|&kind| Some(kind) != last))
        {
            let result = match kind {
                RecordKind::Srv => self.services(&name).await,
                RecordKind::A | RecordKind::Aaaa => self.hosts(&name, kind).await,
            };
            match result {
                Ok(answer) => return Ok(answer),
                // The other questions would go to the same silent servers.
                Err(Failure::Timeout) => return Err(Failure::Timeout),
                Err(failure) => worst = worst.max(failure),
            }
        }
        Err(worst)
    }

    fn families(&self) -> &'static [RecordKind] {
        match self.family {
            DnsFamily::Any => &[RecordKind::A, RecordKind::Aaaa],
            DnsFamily::Ipv4 => &[RecordKind::A],
            DnsFamily::Ipv6 => &[RecordKind::Aaaa],
        }
    }

    /// The addresses of one family.
    async fn hosts(&self, name: &Name, kind: RecordKind) -> Result<Answer, Failure> {
        let record_type = match kind {
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::A | RecordKind::Srv => RecordType::A,
        };
        let lookup = match self
            .hosts
            .lookup_static_host(&Query::query(name.clone(), record_type))
        {
            Some(lookup) => lookup,
            None => self.ask(name, record_type).await?,
        };
        let addresses = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            });
        let addresses = addresses.map(|ip| Address {
            ip,
            port: None,
            weight: None,
        });
        answer(addresses.collect(), ttl(&lookup), kind)
    }

    /// The addresses of the hosts that SRV records name (RFC 2782), lowest priority only.
    async fn services(&self, name: &Name) -> Result<Answer, Failure> {
        let lookup = self.ask(name, RecordType::SRV).await?;
        let records = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) if !srv.target.is_root() => Some(srv),
                _ => None,
            });
        let mut records: Vec<&SRV> = records.collect();
        records.sort_unstable_by_key(|srv| (srv.priority, &srv.target, srv.port));
        let first = records.first().map(|srv| srv.priority);
        records.retain(|srv| Some(srv.priority) == first);
        records.truncate(DNS_ADDRESSES);
        let mut addresses = Vec::new();
        let mut shortest = ttl(&lookup);
        let mut worst = Failure::NotFound;
        for srv in records {
            let mut hosts = Err(Failure::NotFound);
            for &kind in self.families() {
                if let Err(Failure::NotFound) = hosts {
                    hosts = self.hosts(&srv.target, kind).await;
                }
            }
            match hosts {
                Ok(hosts) => {
                    shortest = shortest.min(hosts.ttl);
                    addresses.extend(hosts.addresses.iter().map(|host| Address {
                        ip: host.ip,
                        port: Some(srv.port),
                        // Weight 0 means a small chance, not none: Kong counts it as 1.
                        weight: Some(srv.weight.max(1)),
                    }));
                }
                Err(failure) => worst = worst.max(failure),
            }
        }
        // Some of the hosts are better than none.
        answer(addresses, shortest, RecordKind::Srv).map_err(|_| worst)
    }

    async fn ask(&self, name: &Name, record_type: RecordType) -> Result<Lookup, Failure> {
        let result = self.resolver.lookup(name.clone(), record_type).await;
        result.map_err(|error| match error {
            NetError::Timeout => Failure::Timeout,
            NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
                ResponseCode::NXDomain | ResponseCode::NoError => Failure::NotFound,
                _ => Failure::Error,
            },
            _ => Failure::Error,
        })
    }
}

fn answer(addresses: Vec<Address>, ttl: Duration, kind: RecordKind) -> Result<Answer, Failure> {
    if addresses.is_empty() {
        return Err(Failure::NotFound);
    }
    Ok(Answer {
        addresses,
        ttl,
        kind,
    })
}

fn ttl(lookup: &Lookup) -> Duration {
    let shortest = lookup.answers().iter().map(|record| record.ttl).min();
    Duration::from_secs(shortest.unwrap_or_default().into())
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}
