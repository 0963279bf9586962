//! Whose requests are counted together.

use serde::Deserialize;
use uuid::Uuid;

use crate::plugin::Request;
use crate::ratelimit::Class;
use crate::ratelimit::Counters;
use crate::ratelimit::Who;

/// `limit_by` as it is configured: one name as in Kong, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::plugin) enum Names {
    /// One.
    One(String),
    /// Requests are counted together if all of these are the same.
    Several(Vec<String>),
}

/// Whose requests are counted together. What a request lacks is replaced by the client's address, as in Kong.
#[derive(Clone, Debug)]
pub(in crate::plugin) enum LimitBy {
    One(Part),
    All(Box<[Part]>),
}

/// One thing that tells requests apart.
#[derive(Clone, Debug)]
pub(in crate::plugin) enum Part {
    Consumer,
    Credential,
    Ip,
    Service,
    Header(Box<[u8]>),
    /// Requests for this path, and who they all are.
    Path(Box<[u8]>, u128),
}

/// What a part of a request is.
enum Found<'a> {
    Known(u128),
    Sent(&'a [u8]),
}

impl LimitBy {
    /// The names that a configuration may hold.
    pub(in crate::plugin) const NAMES: &'static [&'static str] =
        &["consumer", "credential", "ip", "service", "header", "path"];

    /// What a configuration says; the header and the path go with their names.
    pub(in crate::plugin) fn new(
        names: Option<&Names>,
        header: Option<&str>,
        path: Option<&str>,
    ) -> Result<Self, String> {
        let part = |name: &str| Part::named(name, header, path);
        match names {
            None => Ok(Self::One(Part::Consumer)),
            Some(Names::One(name)) => Ok(Self::One(part(name)?)),
            Some(Names::Several(names)) => match names.as_slice() {
                [name] => Ok(Self::One(part(name)?)),
                names => Ok(Self::All(
                    names
                        .iter()
                        .map(|name| part(name))
                        .collect::<Result<_, _>>()?,
                )),
            },
        }
    }

    /// Who a request is counted for, by the plugin that is asked.
    #[inline]
    pub(in crate::plugin) fn who(&self, request: &Request<'_>) -> Who {
        let who = match self {
            Self::One(part) => match part.of(request) {
                Some(Found::Known(id)) => Who::known(id),
                Some(Found::Sent(value)) => {
                    let mut print = request.core.limiter.fingerprint();
                    print.part(Class::Invented, value);
                    print.finish()
                }
                None => Who::address(request.client),
            },
            Self::All(parts) => Self::all(parts, request),
        };
        who.within(request.own.counters)
    }

    fn all(parts: &[Part], request: &Request<'_>) -> Who {
        let mut print = request.core.limiter.fingerprint();
        for part in parts {
            match part.of(request) {
                Some(Found::Known(id)) => print.part(Class::Known, &id.to_be_bytes()),
                Some(Found::Sent(value)) => print.part(Class::Invented, value),
                None => {
                    let address = match request.client {
                        std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
                        std::net::IpAddr::V6(address) => address,
                    };
                    print.part(Class::Invented, &address.octets());
                }
            }
        }
        print.finish()
    }
}

impl Part {
    fn named(name: &str, header: Option<&str>, path: Option<&str>) -> Result<Self, String> {
        let needed = |value: Option<&str>, field: &str| {
            let value = value.filter(|value| !value.is_empty());
            let value = value.map(|value| value.as_bytes().into());
            value.ok_or_else(|| format!("limit_by '{name}' needs {field}"))
        };
        Ok(match name {
            "consumer" => Self::Consumer,
            "credential" => Self::Credential,
            "ip" => Self::Ip,
            "service" => Self::Service,
            "header" => Self::Header(needed(header, "header_name")?),
            "path" => {
                let path: Box<[u8]> = needed(path, "path")?;
                let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, &path).as_u128();
                Self::Path(path, id)
            }
            other => return Err(format!("cannot limit by '{other}'")),
        })
    }

    /// What it is of a request, if the request has it and it is not its address.
    #[inline]
    fn of<'r>(&self, request: &'r Request<'_>) -> Option<Found<'r>> {
        let known = |id: Uuid| Found::Known(id.as_u128());
        let credential = || {
            let index = request.identity.credential?;
            Some(known(request.directory.credential(index)?.id))
        };
        match self {
            Self::Consumer => match request.identity.consumer {
                Some(consumer) => Some(known(consumer.id)),
                None => credential(),
            },
            Self::Credential => credential(),
            Self::Ip => None,
            Self::Service => request.service.map(|service| known(service.id)),
            Self::Header(name) => request.field(name).map(Found::Sent),
            Self::Path(path, id) => (*request.path == **path).then_some(Found::Known(*id)),
        }
    }
}
