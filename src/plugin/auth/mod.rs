//! What the plugins that authenticate have in common: who stands in for a request that could not be authenticated,
//! how a consumer is told to the origin, where a client may have put a credential, and what a core remembers of
//! those that it has verified.
//!
//! Several such plugins on one route: each that has `anonymous` is satisfied by any that came before it (Kong's
//! logical OR), each that has not must succeed itself (AND).

pub(super) mod base64;
pub(super) mod body;
mod json;
pub(super) mod memory;
mod multipart;
pub(super) mod pairs;
mod recent;
pub(super) mod scheme;

use std::ops::ControlFlow;

use crate::http::Cause;
use crate::http::Method;
use crate::http::Reply;

use super::Found;
use super::Interrupt;
use super::Request;

/// Whether an authentication plugin has nothing to do: the request is a preflight that need not be authenticated,
/// or another plugin has authenticated it and this one would be content with the anonymous consumer.
#[inline]
pub(super) fn is_excused(
    request: &Request<'_>,
    anonymous: Option<&str>,
    run_on_preflight: bool,
) -> bool {
    (!run_on_preflight && request.head.method == Method::Options)
        || (anonymous.is_some() && request.identity.is_authenticated())
}

/// Makes of an attempt what becomes of the request. The refusal is made only where it is needed: where there is
/// an anonymous consumer, failed attempts are the rule.
#[inline]
pub(super) fn settle<'a, E>(
    request: &mut Request<'a>,
    anonymous: Option<&str>,
    attempt: Result<Found<'a>, E>,
    refusal: impl FnOnce(E) -> Reply,
) -> ControlFlow<Interrupt> {
    match (attempt, anonymous) {
        (Ok(found), _) => {
            forget(request);
            request.identity.credential = Some(found.credential);
            request.identity.consumer = Some(found.consumer);
            request.upstream.add_lines(found.lines);
            ControlFlow::Continue(())
        }
        (Err(_), Some(anonymous)) => stand_in(request, anonymous),
        (Err(fault), None) => ControlFlow::Break(refusal(fault).into()),
    }
}

/// Lets the request go on as the anonymous consumer's.
fn stand_in(request: &mut Request<'_>, anonymous: &str) -> ControlFlow<Interrupt> {
    let Some(consumer) = request.directory.consumer_called(anonymous) else {
        let message = format!("anonymous consumer {anonymous} is configured but doesn't exist");
        return ControlFlow::Break(Reply::error(500, message).into());
    };
    forget(request);
    request.identity.consumer = Some(consumer);
    request.identity.anonymous = true;
    let lines = request.directory.consumer_lines(consumer.index);
    request.upstream.add_lines(lines);
    request
        .upstream
        .add_lines(b"X-Anonymous-Consumer: true\r\n");
    ControlFlow::Continue(())
}

/// Takes back what an earlier plugin has said of who it is; whatever the client said is left out in any case.
#[inline]
fn forget(request: &mut Request<'_>) {
    if request.identity.consumer.is_none() {
        return;
    }
    for name in IDENTITY_FIELDS {
        request.upstream.remove(name.as_bytes());
    }
    request.identity.credential = None;
    request.identity.consumer = None;
    request.identity.anonymous = false;
}

/// A refusal for want of a good credential, with the challenge that RFC 9110 section 11.6.1 asks for.
pub(super) fn unauthorized(message: &'static str, challenge: &[u8]) -> Reply {
    challenged(Reply::error(401, message), challenge)
}

/// The same answer as a refusal with this challenge.
pub(super) fn challenged(reply: Reply, challenge: &[u8]) -> Reply {
    denied(reply).with("WWW-Authenticate", challenge.to_vec())
}

/// The same answer as a refusal.
pub(super) fn denied(reply: Reply) -> Reply {
    Reply {
        cause: Some(Cause::Denied),
        ..reply
    }
}

/// A text as it stands in a quoted string (RFC 9110 section 5.6.4).
fn quotable(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A challenge: the scheme, with the realm if there is one.
pub(super) fn challenge(scheme: &str, realm: Option<&str>) -> Box<[u8]> {
    let text = match realm {
        Some(realm) => format!("{scheme} realm=\"{}\"", quotable(realm)),
        None => scheme.to_owned(),
    };
    text.into_bytes().into()
}

/// The fields that tell an origin who a request is from.
const IDENTITY_FIELDS: [&str; 5] = [
    "X-Consumer-ID",
    "X-Consumer-Custom-ID",
    "X-Consumer-Username",
    "X-Credential-Identifier",
    "X-Anonymous-Consumer",
];
