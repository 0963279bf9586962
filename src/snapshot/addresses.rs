//! What the names of a snapshot resolve to; renewed by control as answers change.

use std::net::IpAddr;

use crate::base::ids::Generation;

/// A name to be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameQuery {
    /// The host name.
    pub host: Box<str>,
    /// What is asked for.
    pub kind: NameKind,
}

/// What is asked of a name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// Addresses (A and AAAA).
    Address,
    /// Service records, which name ports and weights as well; addresses where there are none.
    Service,
}

/// One address of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The port, where a service record named one.
    pub port: Option<u16>,
    /// The weight, where a service record named one.
    pub weight: Option<u16>,
}

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsFault {
    /// There is no such name, or it has no address.
    NotFound,
    /// No name server answered.
    Timeout,
}

/// What a name resolves to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolved {
    /// Not known yet.
    #[default]
    Pending,
    /// These addresses, at least one.
    Addresses(Vec<Address>),
    /// Nothing, and nothing was known before.
    Failed(DnsFault),
}

/// What all names of a snapshot resolve to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The snapshot whose names these are.
    pub generation: Generation,
    /// By the index of the name in the snapshot.
    pub names: Vec<Resolved>,
}
