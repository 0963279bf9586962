//! What a plugin sees of an exchange that has ended.

use super::Core;
use super::Directory;
use super::Identity;
use super::Named;
use super::Notes;

/// An exchange that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// The status that the client was told; zero if nothing.
    pub status: u16,
    /// The answer came from an origin.
    pub proxied: bool,
    /// The route.
    pub route: Option<&'a Named>,
    /// The service.
    pub service: Option<&'a Named>,
    /// Who the request was from.
    pub identity: &'a Identity,
    /// Consumers and credentials.
    pub directory: &'a Directory,
    /// What plugins have left for later phases.
    pub notes: &'a Notes,
    /// This core's memory.
    pub core: &'a Core,
    /// The wall clock when the request was received, in microseconds since the Unix epoch.
    pub unix_micros: u64,
    /// From the request's head to now, in nanoseconds.
    pub total_ns: u64,
}
