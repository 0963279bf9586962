//! hmac-auth: a signature over parts of the request, made with a secret that both sides know, names the consumer.
//!
//! What is signed is what was received, whatever other plugins change of it. A request must be dated, so that a
//! recorded one is worth nothing after a while.

use std::ops::ControlFlow;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::base::limits::AUTH_SIGNED_BYTES;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::http::Framing;
use crate::http::Name;
use crate::http::Version;

use super::Blueprint;
use super::Definition;
use super::Found;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Secret;
use super::auth;
use super::auth::base64;

mod date;
mod parameters;
#[cfg(test)]
mod tests;

use parameters::Parameters;

/// The plugin's definition.
pub(super) const DEFINITION: Definition = Definition {
    name: "hmac-auth",
    priority: 1030,
    about: "authenticates consumers by a signature over parts of the request",
    config: Schema {
        fields: FIELDS,
        checks: &[],
    },
    consumer_scope: false,
    denies: true,
    compile,
};

/// How many seconds a date may be off where nothing is said.
const CLOCK_SKEW: i64 = 300;

const FIELDS: &[Field] = &[
    Field::flag(
        "hide_credentials",
        false,
        "keep the header that holds the signature from the origin",
    ),
    Field::number("clock_skew", "how many seconds a request's date may be off")
        .preset(Preset::Int(CLOCK_SKEW))
        .rules(&[Rule::GreaterThan(0.0)]),
    Field::text(
        "anonymous",
        "the id or the username of the consumer that stands in when authentication fails",
    ),
    Field::flag(
        "validate_request_body",
        false,
        "compare the body with the header `Digest`; a body that is too long to be read whole is refused",
    ),
    Field::texts(
        "enforce_headers",
        "the names of what a signature must cover",
    )
    .preset(Preset::EmptyList),
    Field::new(
        "algorithms",
        Type::Array(&Element::TEXT.rules(&[Rule::OneOf(ALGORITHMS)])),
        "the algorithms that a client may use",
    )
    .preset(Preset::Texts(ALGORITHMS)),
    Field::text("realm", "the realm of the challenge"),
];

const ALGORITHMS: &[&str] = &["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"];

#[derive(Deserialize)]
struct Config {
    hide_credentials: bool,
    clock_skew: Option<f64>,
    anonymous: Option<Box<str>>,
    validate_request_body: bool,
    enforce_headers: Option<Box<[Box<str>]>>,
    algorithms: Option<Box<[Box<str>]>>,
    realm: Option<String>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    Ok(Arc::new(HmacAuth {
        hide: config.hide_credentials,
        // A null is no way to accept requests of any age.
        clock_skew: config.clock_skew.unwrap_or(CLOCK_SKEW as f64),
        anonymous: config.anonymous,
        validate_body: config.validate_request_body,
        enforced: config.enforce_headers.unwrap_or_default(),
        algorithms: config
            .algorithms
            .unwrap_or_else(|| ALGORITHMS.iter().map(|&name| name.into()).collect()),
        challenge: auth::challenge("hmac", config.realm.as_deref()),
    }))
}

#[derive(Debug)]
struct HmacAuth {
    hide: bool,
    clock_skew: f64,
    anonymous: Option<Box<str>>,
    validate_body: bool,
    enforced: Box<[Box<str>]>,
    algorithms: Box<[Box<str>]>,
    challenge: Box<[u8]>,
}

/// Why there is no consumer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Missing,
    Date,
    Unverifiable,
    Different,
}

impl Plugin for HmacAuth {
    fn needs(&self) -> Needs {
        if self.validate_body {
            Needs::REQUEST.and(Needs::REQUEST_BODY)
        } else {
            Needs::REQUEST
        }
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let anonymous = self.anonymous.as_deref();
        if auth::is_excused(request, anonymous, true) {
            return ControlFlow::Continue(());
        }
        let attempt = self.attempt(request);
        auth::settle(request, anonymous, attempt, |fault| {
            let message = match fault {
                Fault::Missing => "Unauthorized",
                Fault::Date => UNDATED,
                Fault::Unverifiable => "HMAC signature cannot be verified",
                Fault::Different => "HMAC signature does not match",
            };
            auth::unauthorized(message, &self.challenge)
        })
    }
}

impl HmacAuth {
    fn attempt<'a>(&self, request: &mut Request<'a>) -> Result<Found<'a>, Fault> {
        let fields = &request.head.fields;
        if !fields.has(Name::Authorization) && !fields.has(Name::ProxyAuthorization) {
            return Err(Fault::Missing);
        }
        if !self.is_dated(request) {
            return Err(Fault::Date);
        }
        let parameters = self.parameters(request).ok_or(Fault::Unverifiable)?;
        let algorithm = self.algorithm(&parameters).ok_or(Fault::Unverifiable)?;
        if !self.covers_enforced(&parameters) {
            return Err(Fault::Unverifiable);
        }
        let found = request.directory.by_hmac_username(parameters.username);
        let found = found.ok_or(Fault::Unverifiable)?;
        let credential = request.directory.credential(found.credential);
        let Some(Secret::Hmac { secret, .. }) = credential.map(|found| &found.secret) else {
            return Err(Fault::Unverifiable);
        };
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        let signature = base64::decode(parameters.signature).ok_or(Fault::Different)?;
        let expected = sign(&key, &parameters, request).ok_or(Fault::Unverifiable)?;
        let same: bool = expected.as_ref().ct_eq(&signature).into();
        if !same || (self.validate_body && !has_good_digest(request)) {
            return Err(Fault::Different);
        }
        Ok(found)
    }

    /// Whether one of the two fields that may hold a date holds one that is near enough.
    fn is_dated(&self, request: &Request<'_>) -> bool {
        let now = request.unix_micros / 1_000_000;
        let is_near = |value: &[u8]| {
            date::parse(value).is_some_and(|date| date.abs_diff(now) as f64 <= self.clock_skew)
        };
        let x_date = request.received_field(b"x-date");
        x_date.is_some_and(is_near) || request.received_field(b"date").is_some_and(is_near)
    }

    /// The parameters in the first of the two fields that holds any.
    fn parameters<'a>(&self, request: &mut Request<'a>) -> Option<Parameters<'a>> {
        for name in [Name::ProxyAuthorization, Name::Authorization] {
            let value = request.head.fields.get(name, request.bytes);
            let parameters = value.and_then(Parameters::of);
            if self.hide && (parameters.is_some() || name == Name::Authorization) {
                request.upstream.remove(name.as_str().as_bytes());
            }
            if parameters.is_some() {
                return parameters;
            }
        }
        None
    }

    fn algorithm(&self, parameters: &Parameters<'_>) -> Option<hmac::Algorithm> {
        let allowed = self
            .algorithms
            .iter()
            .any(|name| name.as_bytes() == parameters.algorithm);
        parameters::algorithm(parameters.algorithm).filter(|_| allowed)
    }

    fn covers_enforced(&self, parameters: &Parameters<'_>) -> bool {
        self.enforced.iter().all(|enforced| {
            let mut names = parameters.names();
            names.any(|name| name.eq_ignore_ascii_case(enforced.as_bytes()))
        })
    }
}

/// The signature that the request should have: over a line for each name, without a line end after the last. None if
/// it would cover more than is reasonable.
fn sign(key: &hmac::Key, parameters: &Parameters<'_>, request: &Request<'_>) -> Option<hmac::Tag> {
    let mut signing = hmac::Context::with_key(key);
    let mut left = AUTH_SIGNED_BYTES;
    let mut put = |part: &[u8]| {
        left = left.checked_sub(part.len())?;
        signing.update(part);
        Some(())
    };
    for (number, name) in parameters.names().enumerate() {
        if number > 0 {
            put(b"\n")?;
        }
        match name {
            b"request-line" => {
                put(request.method())?;
                put(b" ")?;
                put(target(request))?;
                put(match request.head.version {
                    Version::Http10 => b" HTTP/1.0",
                    Version::Http11 => b" HTTP/1.1",
                })?;
            }
            b"@request-target" => {
                put(b"@request-target: ")?;
                put(&request.method().to_ascii_lowercase())?;
                put(b" ")?;
                put(target(request))?;
            }
            name => {
                put(name)?;
                put(b":")?;
                if let Some(value) = request.received_field(name) {
                    put(b" ")?;
                    put(value)?;
                }
            }
        }
    }
    Some(signing.sign())
}

/// The path and the query as received.
fn target<'a>(request: &Request<'a>) -> &'a [u8] {
    let target = &request.head.target;
    let end = target.query.unwrap_or(target.path).end;
    let start = usize::from(target.path.start);
    let received = request.bytes.get(start..usize::from(end));
    match received {
        Some(received) if received.starts_with(b"/") => received,
        _ => b"/",
    }
}

/// Whether `Digest` is that of the body; a request without a body needs none.
fn has_good_digest(request: &Request<'_>) -> bool {
    let body = match request.body {
        Some(body) => body,
        None if request.head.framing == Framing::Empty => b"",
        // Too long to be looked at.
        None => return false,
    };
    let Some(received) = request.received_field(b"digest") else {
        return body.is_empty();
    };
    let received = received.strip_prefix(b"SHA-256=").and_then(base64::decode);
    let expected = digest::digest(&digest::SHA256, body);
    received.is_some_and(|received| expected.as_ref().ct_eq(&received).into())
}

const UNDATED: &str = "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC \
    Authentication";
