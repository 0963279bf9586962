//! What a route asks of a request: the compiler's input, made of patterns that cannot be wrong.

use uuid::Uuid;

use crate::router::HeaderPattern;
use crate::router::HostPattern;
use crate::router::PathPattern;

/// One route's criteria. An empty list asks for nothing; within a list any one value is enough.
#[derive(Clone, Debug, Default)]
pub struct RouteCriteria {
    /// The route's id, which decides when nothing else does; see [`crate::base::ids::kong_id`].
    pub id: Uuid,
    /// Seconds since the epoch; the older of two otherwise equal routes wins.
    pub created_at: i64,
    /// Methods, compared with case.
    pub methods: Vec<Box<str>>,
    /// Hosts.
    pub hosts: Vec<HostPattern>,
    /// Paths, each of which is a candidate of its own.
    pub paths: Vec<PathPattern>,
    /// Fields, all of which must match.
    pub headers: Vec<HeaderCriterion>,
    /// Server names of the TLS handshake, asked for over TLS only.
    pub snis: Vec<Box<str>>,
    /// Decides between regex paths, higher first.
    pub regex_priority: i64,
}

/// A field that a route asks for.
#[derive(Clone, Debug)]
pub struct HeaderCriterion {
    /// The field's name in any case.
    pub name: Box<str>,
    /// The values, one of which must be among the request's values.
    pub values: Vec<HeaderPattern>,
}
