//! What the router is told about a request, and what it answers.

use crate::base::ids::RouteIndex;
use crate::http::Fields;

/// How the request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Over plain TCP.
    Http,
    /// Over TLS.
    Https,
}

/// Everything that a route can ask for.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How the request arrived.
    pub scheme: Scheme,
    /// The method's spelling.
    pub method: &'a [u8],
    /// The host without port and trailing dot, in any case; empty if there is none.
    pub host: &'a [u8],
    /// The port that the authority names, else the one that the connection arrived at.
    pub port: u16,
    /// The canonical path, see [`crate::http::path::canonicalize`].
    pub path: &'a [u8],
    /// The field lines.
    pub fields: &'a Fields,
    /// The bytes that `fields` refers to.
    pub head: &'a [u8],
    /// The server name of the TLS handshake.
    pub sni: Option<&'a [u8]>,
}

/// The route that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The route's index in the compiler's input.
    pub route: RouteIndex,
    /// Which of the route's paths matched; none if it asks for no path.
    pub pattern: Option<u16>,
    /// How many bytes of the canonical path the pattern matched. A route that asks for no path matches
    /// like the path `/`, that is, one byte.
    pub prefix: u32,
    /// The program whose captures the match has, for [`crate::router::Router::captures`].
    pub(crate) program: u32,
    /// Where in the path that program began.
    pub(crate) literal: u16,
}
