//! basic-auth: a username and a password (RFC 7617) name the consumer.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;

use crate::base::limits::RETRY_AFTER_SECS;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Schema;
use crate::http::Name;
use crate::http::Reply;

use super::Blueprint;
use super::Credential;
use super::Definition;
use super::Found;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Secret;
use super::auth;
use super::auth::base64;
use super::auth::scheme;

mod password;
#[cfg(test)]
mod tests;

pub use password::kong_password;
pub use password::stored_password;

/// The plugin's definition.
pub(super) const DEFINITION: Definition = Definition {
    name: "basic-auth",
    priority: 1100,
    about: "authenticates consumers by username and password",
    config: Schema {
        fields: FIELDS,
        checks: &[],
    },
    consumer_scope: false,
    denies: true,
    compile,
};

const FIELDS: &[Field] = &[
    Field::text(
        "anonymous",
        "the id or the username of the consumer that stands in when authentication fails",
    ),
    Field::flag(
        "hide_credentials",
        false,
        "keep the header that holds username and password from the origin",
    ),
    Field::text("realm", "the realm of the challenge")
        .required()
        .preset(Preset::Text("service")),
];

#[derive(Deserialize)]
struct Config {
    anonymous: Option<Box<str>>,
    hide_credentials: bool,
    realm: String,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    Ok(Arc::new(BasicAuth {
        hide: config.hide_credentials,
        anonymous: config.anonymous,
        challenge: auth::challenge("Basic", Some(&config.realm)),
    }))
}

#[derive(Debug)]
struct BasicAuth {
    hide: bool,
    anonymous: Option<Box<str>>,
    challenge: Box<[u8]>,
}

/// Why there is no consumer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Whatever is wrong: who guesses is not told how close the guess was.
    Unauthorized,
    /// This core has seen too many wrong passwords in this second to look at another.
    Busy,
}

/// What a client presents.
struct Presented {
    decoded: Vec<u8>,
    colon: usize,
}

impl Plugin for BasicAuth {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let anonymous = self.anonymous.as_deref();
        if auth::is_excused(request, anonymous, true) {
            return ControlFlow::Continue(());
        }
        let attempt = self.attempt(request);
        auth::settle(request, anonymous, attempt, |fault| match fault {
            Fault::Unauthorized => auth::unauthorized("Unauthorized", &self.challenge),
            Fault::Busy => Reply {
                retry_after_secs: Some(RETRY_AFTER_SECS),
                ..auth::denied(Reply::error(429, "Too many requests"))
            },
        })
    }
}

impl BasicAuth {
    /// The first of the two fields whose username is known decides.
    fn attempt<'a>(&self, request: &mut Request<'a>) -> Result<Found<'a>, Fault> {
        for name in [Name::ProxyAuthorization, Name::Authorization] {
            let Some(value) = request.head.fields.get(name, request.bytes) else {
                continue;
            };
            if self.hide {
                request.upstream.remove(name.as_str().as_bytes());
            }
            let Some(presented) = Presented::of(value) else {
                continue;
            };
            let found = request.directory.by_basic_username(presented.username());
            if let Some(found) = found {
                return check(request, found, presented.password()).map(|()| found);
            }
        }
        Err(Fault::Unauthorized)
    }
}

impl Presented {
    /// A username of at least one byte, a colon, a password.
    fn of(value: &[u8]) -> Option<Self> {
        let decoded = base64::decode(scheme::after(value, "basic")?)?;
        let colon = memchr::memchr(b':', &decoded).filter(|&colon| colon > 0)?;
        Some(Self { decoded, colon })
    }

    fn username(&self) -> &[u8] {
        self.decoded.get(..self.colon).unwrap_or_default()
    }

    fn password(&self) -> &[u8] {
        self.decoded.get(self.colon + 1..).unwrap_or_default()
    }
}

/// Whether the password is the credential's. A slow check that has succeeded is remembered for as long as the stored
/// password stays the same.
fn check(request: &Request<'_>, found: Found<'_>, presented: &[u8]) -> Result<(), Fault> {
    let credential: Option<&Credential> = request
        .directory
        .credential(found.credential)
        .map(|found| &**found);
    let Some(Credential {
        id,
        consumer,
        secret: Secret::Basic {
            password: stored, ..
        },
        ..
    }) = credential
    else {
        return Err(Fault::Unauthorized);
    };
    let is_good = || password::matches(stored, presented, *consumer);
    if !password::is_slow(stored) {
        return is_good().then_some(()).ok_or(Fault::Unauthorized);
    }
    let mut memory = request.core.auth.borrow_mut();
    let mark = memory.mark(&[id.as_bytes(), stored.as_bytes(), presented]);
    if mark.is_some_and(|mark| memory.knows_password(&mark)) {
        return Ok(());
    }
    if !memory.may_fail(*id, request.unix_micros / 1_000_000) {
        return Err(Fault::Busy);
    }
    if !is_good() {
        memory.failed(*id);
        return Err(Fault::Unauthorized);
    }
    if let Some(mark) = mark {
        memory.keep_password(mark);
    }
    Ok(())
}
