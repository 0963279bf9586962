//! key-auth: a key in a field, the query or the body names the consumer.
//!
//! The usual request, a good key in a field, costs a scan of the field lines, one look-up and one copy, and allocates
//! nothing.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::http::Name;

use super::Blueprint;
use super::Definition;
use super::Found;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::auth;
use super::auth::body;
use super::auth::pairs;
use super::auth::pairs::Lookup;

#[cfg(test)]
mod tests;

/// The plugin's definition.
pub(super) const DEFINITION: Definition = Definition {
    name: "key-auth",
    priority: 1250,
    about: "authenticates consumers by a key in a header, the query or the body",
    config: Schema {
        fields: FIELDS,
        checks: &[],
    },
    consumer_scope: false,
    denies: true,
    compile,
};

const FIELDS: &[Field] = &[
    Field::new(
        "key_names",
        Type::Array(&Element::TEXT.rules(&[Rule::Custom(header_name)])),
        "the names of fields, parameters and members that may hold the key, in the order in which they are tried",
    )
    .required()
    .preset(Preset::Texts(&["apikey"])),
    Field::flag(
        "hide_credentials",
        false,
        "keep the key from the origin, wherever it stands",
    ),
    Field::text(
        "anonymous",
        "the id or the username of the consumer that stands in when authentication fails",
    ),
    Field::flag("key_in_header", true, "look into the header"),
    Field::flag("key_in_query", true, "look into the query"),
    Field::flag(
        "key_in_body",
        false,
        "look into the body: a form, a JSON object or a multipart form",
    ),
    Field::flag(
        "run_on_preflight",
        true,
        "authenticate OPTIONS requests too; otherwise they are let through",
    ),
    Field::text("realm", "the realm of the challenge"),
];

/// Kong's rule about names of header fields.
fn header_name(value: &Value) -> Result<(), String> {
    let name = value.as_str().unwrap_or_default();
    if name.is_empty() {
        return Err("no header name provided".to_owned());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "bad header name '{name}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
    ))
}

#[derive(Deserialize)]
struct Config {
    key_names: Vec<String>,
    hide_credentials: bool,
    anonymous: Option<Box<str>>,
    key_in_header: bool,
    key_in_query: bool,
    key_in_body: bool,
    run_on_preflight: bool,
    realm: Option<String>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    Ok(Arc::new(KeyAuth {
        names: config.key_names.into_iter().map(KeyName::new).collect(),
        hide: config.hide_credentials,
        anonymous: config.anonymous,
        in_header: config.key_in_header,
        in_query: config.key_in_query,
        in_body: config.key_in_body,
        run_on_preflight: config.run_on_preflight,
        challenge: auth::challenge("Key", config.realm.as_deref()),
    }))
}

#[derive(Debug)]
struct KeyAuth {
    names: Box<[KeyName]>,
    hide: bool,
    anonymous: Option<Box<str>>,
    in_header: bool,
    in_query: bool,
    in_body: bool,
    run_on_preflight: bool,
    challenge: Box<[u8]>,
}

/// A name that may hold the key.
#[derive(Debug)]
struct KeyName {
    text: Box<[u8]>,
    known: Name,
    /// The same with `-` for `_`, if that is another: nginx takes both for one name.
    dashed: Option<Box<[u8]>>,
}

/// Why there is no consumer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Missing,
    Duplicate,
    Unknown,
}

impl KeyName {
    fn new(text: String) -> Self {
        let dashed = text.contains('_').then(|| text.replace('_', "-"));
        Self {
            known: Name::of(text.as_bytes()),
            text: text.into_bytes().into(),
            dashed: dashed.map(|dashed| dashed.into_bytes().into()),
        }
    }
}

impl Plugin for KeyAuth {
    fn needs(&self) -> Needs {
        if self.in_body {
            Needs::REQUEST.and(Needs::REQUEST_BODY)
        } else {
            Needs::REQUEST
        }
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let anonymous = self.anonymous.as_deref();
        if auth::is_excused(request, anonymous, self.run_on_preflight) {
            return ControlFlow::Continue(());
        }
        let attempt = self.attempt(request);
        auth::settle(request, anonymous, attempt, |fault| {
            let message = match fault {
                Fault::Missing => "No API key found in request",
                Fault::Duplicate => "Duplicate API key found",
                Fault::Unknown => "Unauthorized",
            };
            auth::unauthorized(message, &self.challenge)
        })
    }
}

impl KeyAuth {
    /// The first of the names that holds a text decides.
    fn attempt<'a>(&self, request: &mut Request<'a>) -> Result<Found<'a>, Fault> {
        for name in &self.names {
            match self.look_up(request, name) {
                Lookup::Missing | Lookup::Bare => {}
                Lookup::Many => return Err(Fault::Duplicate),
                Lookup::One(key) => {
                    let found = find(request, &key);
                    if self.hide {
                        self.conceal(request, name);
                    }
                    return found;
                }
            }
        }
        Err(Fault::Missing)
    }

    /// What stands under a name in the first place that has it.
    #[inline]
    fn look_up<'a>(&self, request: &Request<'a>, name: &KeyName) -> Lookup<'a> {
        if self.in_header {
            let found = in_header(request, name);
            if found != Lookup::Missing {
                return found;
            }
        }
        if self.in_query
            && let Some(query) = request.query()
        {
            let found = pairs::look_up(query, &name.text);
            if found != Lookup::Missing {
                return found;
            }
        }
        match request.body {
            Some(body) if self.in_body => {
                let content_type = request.received_field(b"content-type");
                body::look_up(content_type, body, &name.text)
            }
            _ => Lookup::Missing,
        }
    }

    /// Keeps the key from the origin, in every place where one may stand.
    fn conceal(&self, request: &mut Request<'_>, name: &KeyName) {
        request.upstream.remove(&name.text);
        if let Some(dashed) = &name.dashed {
            request.upstream.remove(dashed);
        }
        let query = match &request.rewrite.query {
            Some(query) => query.as_deref(),
            None => request.query(),
        };
        let rest = query.and_then(|query| pairs::without(query, &name.text));
        if let Some(rest) = rest {
            request.rewrite.query = Some((!rest.is_empty()).then(|| rest.into()));
        }
        if !self.in_body {
            return;
        }
        let content_type = request.received_field(b"content-type");
        let body = request.rewrite.body.as_deref().or(request.body);
        let rest = body.and_then(|body| body::without(content_type, body, &name.text));
        if let Some(rest) = rest {
            request.rewrite.body = Some(rest);
        }
    }
}

#[inline]
fn find<'a>(request: &Request<'a>, key: &[u8]) -> Result<Found<'a>, Fault> {
    if key.is_empty() {
        return Err(Fault::Missing);
    }
    let found = request.directory.by_key(key).ok_or(Fault::Unknown)?;
    if found.expires_at <= request.unix_micros / 1_000_000 {
        return Err(Fault::Unknown);
    }
    Ok(found)
}

#[inline]
fn in_header<'a>(request: &Request<'a>, name: &KeyName) -> Lookup<'a> {
    let found = of_fields(request, name.known, &name.text);
    match &name.dashed {
        Some(dashed) if found == Lookup::Missing => of_fields(request, Name::of(dashed), dashed),
        _ => found,
    }
}

#[inline]
fn of_fields<'a>(request: &Request<'a>, known: Name, name: &[u8]) -> Lookup<'a> {
    let mut values = request.head.fields.lines().iter().filter(|field| {
        field.known == known
            && (known != Name::Other || field.name.of(request.bytes).eq_ignore_ascii_case(name))
    });
    match (values.next(), values.next()) {
        (None, _) => Lookup::Missing,
        (Some(field), None) => Lookup::One(Cow::Borrowed(field.value.of(request.bytes))),
        (Some(_), Some(_)) => Lookup::Many,
    }
}
