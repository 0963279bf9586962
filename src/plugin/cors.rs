//! cors: says which pages of other origins a browser lets in.
//!
//! A browser that asks beforehand (a preflight) is answered here, before anybody asks it for credentials, which it does not
//! send. Every other answer gets the fields on its way out, whoever gave it.

mod origin;

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Number;
use serde_json::Value;

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::http::Method;
use crate::http::Reply;
use crate::http::RequestHead;

use super::Blueprint;
use super::Definition;
use super::Edits;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Response;
use super::patterns::Pattern;
use origin::Allowed;
use origin::Origins;

/// cors.
pub const DEFINITION: Definition = Definition {
    name: "cors",
    priority: 2000,
    about: "says which pages of other origins a browser lets in",
    config: Schema {
        fields: &[
            Field::new(
                "origins",
                ORIGINS,
                "the origins that are let in: `*`, an origin, or a regex that an origin must match; all of them if it is not set",
            ),
            Field::texts(
                "headers",
                "what `Access-Control-Allow-Headers` says; what was asked for if it is not set",
            ),
            Field::texts(
                "exposed_headers",
                "what `Access-Control-Expose-Headers` says",
            ),
            Field::new(
                "methods",
                METHODS,
                "what `Access-Control-Allow-Methods` says",
            )
            .preset(Preset::Texts(ALL_METHODS)),
            Field::number(
                "max_age",
                "how many seconds a browser may remember the answer to a preflight",
            ),
            Field::flag("credentials", false, "pages may send credentials"),
            Field::flag(
                "private_network",
                false,
                "pages of public networks may ask services of private ones",
            ),
            Field::flag(
                "preflight_continue",
                false,
                "preflights are the origin's to answer",
            ),
            Field::flag(
                "allow_origin_absent",
                true,
                "answers to requests without an Origin have the fields too",
            )
            .extension(),
        ],
        checks: &[],
    },
    consumer_scope: false,
    denies: false,
    compile,
};

const ORIGINS: Type = Type::Array(&Element::TEXT.rules(&[Rule::Custom(is_origin)]));
const METHODS: Type = Type::Array(&Element::TEXT.rules(&[Rule::OneOf(ALL_METHODS)]));
const ALL_METHODS: &[&str] = &[
    "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT",
];

fn is_origin(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if text != "*" && Pattern::whole(text).is_err() => {
            Err(format!("'{text}' is not a valid regex"))
        }
        Some(_) | None => Ok(()),
    }
}

#[derive(Debug)]
struct Cors {
    origins: Origins,
    headers: Option<Box<[u8]>>,
    exposed_headers: Option<Box<[u8]>>,
    methods: Box<[u8]>,
    max_age: Option<Box<[u8]>>,
    credentials: bool,
    private_network: bool,
    preflight_continue: bool,
    allow_origin_absent: bool,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize)]
    struct Config {
        origins: Option<Vec<Box<str>>>,
        headers: Option<Vec<Box<str>>>,
        exposed_headers: Option<Vec<Box<str>>>,
        methods: Option<Vec<Box<str>>>,
        max_age: Option<Number>,
        credentials: bool,
        private_network: bool,
        preflight_continue: bool,
        allow_origin_absent: Option<bool>,
    }
    let config: Config = blueprint.parse()?;
    let joined = |texts: Option<Vec<Box<str>>>| {
        let texts = texts.filter(|texts| !texts.is_empty())?;
        Some(texts.join(",").into_boxed_str().into_boxed_bytes())
    };
    let all_methods = || ALL_METHODS.join(",").into_boxed_str().into_boxed_bytes();
    let methods = config
        .methods
        .map(|methods| methods.join(",").into_boxed_str().into_boxed_bytes());
    Ok(Arc::new(Cors {
        origins: Origins::new(&config.origins.unwrap_or_default())?,
        headers: joined(config.headers),
        exposed_headers: joined(config.exposed_headers),
        methods: methods.unwrap_or_else(all_methods),
        max_age: config.max_age.map(|seconds| text_of(&seconds)),
        credentials: config.credentials,
        private_network: config.private_network,
        preflight_continue: config.preflight_continue,
        allow_origin_absent: config.allow_origin_absent.unwrap_or(true),
    }))
}

/// A number as Kong writes it: a whole one without a fraction, however it was spelled.
fn text_of(number: &Number) -> Box<[u8]> {
    let whole = number.as_f64().filter(|value| value.fract() == 0.0);
    let text = match whole {
        Some(whole) => (whole as i64).to_string(),
        None => number.to_string(),
    };
    text.into_boxed_str().into_boxed_bytes()
}

/// A received field.
fn received<'a>((head, bytes): (&RequestHead, &'a [u8]), name: &[u8]) -> Option<&'a [u8]> {
    head.fields.all_named(name, bytes).next()
}

/// Whether a browser asks before it sends something (Fetch section 3.3.2).
fn is_preflight(request: (&RequestHead, &[u8])) -> bool {
    request.0.method == Method::Options
        && received(request, b"Origin").is_some()
        && received(request, b"Access-Control-Request-Method").is_some()
}

impl Cors {
    /// Says who is let in, in an answer to a request from this origin.
    fn let_in(&self, origin: Option<&[u8]>, edits: &mut Edits) {
        if self.origins.differ() {
            edits.add(b"Vary", b"Origin");
        }
        let allowed = self.origins.allow(origin);
        match (allowed, origin) {
            // With credentials a browser does not take `*`.
            (Allowed::Everybody, Some(origin)) if self.credentials => {
                edits.add(b"Vary", b"Origin");
                edits.set(b"Access-Control-Allow-Origin", origin);
            }
            (Allowed::Everybody, _) => edits.set(b"Access-Control-Allow-Origin", b"*"),
            (Allowed::Origin(origin), _) => edits.set(b"Access-Control-Allow-Origin", origin),
            (Allowed::Nobody, _) => edits.remove(b"Access-Control-Allow-Origin"),
        }
        if self.credentials && (origin.is_some() || !matches!(allowed, Allowed::Everybody)) {
            edits.set(b"Access-Control-Allow-Credentials", b"true");
        }
    }

    fn answer_preflight(&self, request: &mut Request<'_>) -> Reply {
        let received = |name: &[u8]| received((request.head, request.bytes), name);
        let edits = &mut *request.downstream;
        self.let_in(received(b"Origin"), edits);
        let asked = received(b"Access-Control-Request-Headers");
        if let Some(headers) = self.headers.as_deref().or(asked) {
            edits.set(b"Access-Control-Allow-Headers", headers);
        }
        edits.set(b"Access-Control-Allow-Methods", &self.methods);
        if let Some(seconds) = &self.max_age {
            edits.set(b"Access-Control-Max-Age", seconds);
        }
        let private = received(b"Access-Control-Request-Private-Network") == Some(b"true");
        if self.private_network && private {
            edits.set(b"Access-Control-Allow-Private-Network", b"true");
        }
        Reply::empty(200)
    }
}

impl Plugin for Cors {
    fn needs(&self) -> Needs {
        Needs::REQUEST.and(Needs::RESPONSE)
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        if self.preflight_continue || !is_preflight((request.head, request.bytes)) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(self.answer_preflight(request).into())
    }

    fn on_response(&self, response: &mut Response<'_>) -> ControlFlow<Interrupt> {
        // A preflight has its fields already, or they are the origin's.
        if is_preflight(response.request) {
            return ControlFlow::Continue(());
        }
        let origin = received(response.request, b"Origin");
        if origin.is_none() && !self.allow_origin_absent {
            return ControlFlow::Continue(());
        }
        self.let_in(origin, response.edits);
        if let Some(headers) = &self.exposed_headers {
            response
                .edits
                .set(b"Access-Control-Expose-Headers", headers);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
