//! One line in the log for each write: who, from where, what, to which entity, with what success.
//!
//! A path may hold a key (`/consumers/alice/key-auth/k-1`) and a body any secret, so neither is ever written: an entity
//! is named by its kind and its id. The lines have the target `audit`, to be filtered and kept by.

use std::fmt;
use std::net::SocketAddr;

use axum::http::StatusCode;
use uuid::Uuid;

use super::guard::Denied;
use super::guard::Who;
use super::table::Verb;
use crate::entity::Kind;

/// What was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// An entity; its id, if it got that far.
    Entity(Kind, Option<Uuid>),
    /// Anything else, by the name of the operation.
    Other(&'static str),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity(kind, Some(id)) => write!(f, "{}/{id}", kind.as_str()),
            Self::Entity(kind, None) => f.write_str(kind.as_str()),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// A write was tried.
pub(super) fn wrote(
    who: &Who,
    peer: Option<SocketAddr>,
    verb: Verb,
    subject: Subject,
    status: StatusCode,
) {
    let outcome = match status {
        status if status.is_success() => "done",
        status if status.is_server_error() => "failed",
        _ => "refused",
    };
    tracing::info!(
        target: "audit",
        who = who.name,
        peer = peer.map(tracing::field::display),
        verb = verb.as_str(),
        entity = %subject,
        outcome,
        status = status.as_u16(),
        "audit",
    );
}

/// A write was not let in.
pub(super) fn denied(peer: Option<SocketAddr>, denied: Denied) {
    let (status, why) = denied.answer();
    tracing::warn!(
        target: "audit",
        peer = peer.map(tracing::field::display),
        outcome = "denied",
        status = status.as_u16(),
        why,
        "audit",
    );
}
