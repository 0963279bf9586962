//! One consumer with its credentials, groups and plugins.

use std::sync::Arc;

use uuid::Uuid;

use crate::base::ids::kong_id;
use crate::config::KONG_HASH;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::schema;
use crate::config::schema::Section;
use crate::config::source::Place;
use crate::plugin::Compiler;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::plugin::JwtSecret;
use crate::plugin::Secret;
use crate::plugin::kong_password;

use super::names;
use super::part::Entry;
use super::part::Part;
use super::part::Target;
use super::plugins;

/// Reads a table of `consumers`.
pub(super) fn read(table: &Table<'_>, part: &mut Part, compiler: &mut Compiler, sink: &mut Sink) {
    let id = names::id(table, sink);
    let username = table.text("username", sink);
    let custom_id = table.text("custom_id", sink);
    if table.get("username").is_none() && table.get("custom_id").is_none() {
        let message = "at least one of these fields must be non-empty: 'custom_id', 'username'";
        sink.add(Code::Missing, table.place, message);
    }
    let key = username.or(custom_id).map_or("", |text| text.value);
    let id_value = id.map_or_else(|| kong_id("consumers", key), |(id, _)| id);
    let consumer = Consumer {
        id: id_value,
        username: username.map(|text| text.value.into()),
        custom_id: custom_id.map(|text| text.value.into()),
        tags: names::tags(table, sink),
        created_at: created_at(table, sink),
    };
    part.consumers.push(Entry {
        at: username
            .or(custom_id)
            .map_or(table.place, |text| text.place),
        id_at: id.map(|(_, place)| place),
        value: Arc::new(consumer),
    });
    for (key, section, secret) in KINDS {
        for credential in table.tables(key, section, sink) {
            read_credential(&credential, key, secret, id_value, part, sink);
        }
    }
    for plugin in table.tables("plugins", &schema::PLUGINS, sink) {
        let within = Target::Consumer(part.consumers.len() - 1);
        plugins::read(&plugin, Some(within), part, compiler, sink);
    }
}

/// Reads the parts of a credential that its kind has; the text is what tells it from others.
type ReadSecret = for<'t> fn(&Table<'t>, &mut Sink) -> Option<(Text<'t>, Secret)>;

/// The lists of a consumer.
const KINDS: [(&str, &Section, ReadSecret); 5] = [
    ("keyauth_credentials", &schema::KEYAUTH, key),
    ("basicauth_credentials", &schema::BASICAUTH, basic),
    ("hmacauth_credentials", &schema::HMACAUTH, hmac),
    ("jwt_secrets", &schema::JWT, jwt),
    ("acls", &schema::ACLS, group),
];

fn read_credential(
    table: &Table<'_>,
    kind: &'static str,
    secret: ReadSecret,
    consumer: Uuid,
    part: &mut Part,
    sink: &mut Sink,
) {
    let id = names::id(table, sink);
    let tags = names::tags(table, sink);
    let created_at = created_at(table, sink);
    let Some((name, secret)) = secret(table, sink) else {
        return;
    };
    let secret = hashed(secret, consumer);
    let derived = match kind {
        "acls" => kong_id(kind, &format!("{}:{consumer}", name.value)),
        _ => kong_id(kind, name.value),
    };
    let credential = Credential {
        id: id.map_or(derived, |(id, _)| id),
        consumer,
        secret,
        tags,
        created_at,
        expires_at: None,
    };
    part.credentials.push(Entry {
        at: name.place,
        id_at: id.map(|(_, place): (Uuid, Place)| place),
        value: Arc::new(credential),
    });
}

/// A password that stands in the file as it is is kept as Kong's import keeps it: reading 60,000 of them must not take
/// an hour, and whoever reads the file knows them anyway.
fn hashed(secret: Secret, consumer: Uuid) -> Secret {
    match secret {
        Secret::Basic { username, password } if !password.starts_with("$argon2") => {
            let password = match password.strip_prefix(KONG_HASH) {
                Some(hash) => hash.into(),
                None => kong_password(&password, consumer).into(),
            };
            Secret::Basic { username, password }
        }
        secret => secret,
    }
}

fn key<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<(Text<'t>, Secret)> {
    let key = required(table, "key", sink)?;
    let secret = Secret::Key {
        key: key.value.into(),
    };
    Some((key, secret))
}

fn basic<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<(Text<'t>, Secret)> {
    let username = required(table, "username", sink);
    let password = required(table, "password", sink);
    let (username, password) = username.zip(password)?;
    let secret = Secret::Basic {
        username: username.value.into(),
        password: password.value.into(),
    };
    Some((username, secret))
}

fn hmac<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<(Text<'t>, Secret)> {
    let username = required(table, "username", sink);
    let shared = required(table, "secret", sink);
    let (username, shared) = username.zip(shared)?;
    let secret = Secret::Hmac {
        username: username.value.into(),
        secret: shared.value.into(),
    };
    Some((username, secret))
}

/// Kong's algorithms.
const ALGORITHMS: [(&str, &str); 13] = [
    ("HS256", "HS256"),
    ("HS384", "HS384"),
    ("HS512", "HS512"),
    ("RS256", "RS256"),
    ("RS384", "RS384"),
    ("RS512", "RS512"),
    ("ES256", "ES256"),
    ("ES384", "ES384"),
    ("ES512", "ES512"),
    ("PS256", "PS256"),
    ("PS384", "PS384"),
    ("PS512", "PS512"),
    ("EdDSA", "EdDSA"),
];

fn jwt<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<(Text<'t>, Secret)> {
    let key = required(table, "key", sink);
    let algorithm = table.word("algorithm", &ALGORITHMS, "HS256", sink);
    let shared = table.text("secret", sink);
    let public = table.text("rsa_public_key", sink);
    let needed = if algorithm.starts_with("HS") {
        ("secret", shared.is_some())
    } else {
        ("rsa_public_key", public.is_some())
    };
    if !needed.1 {
        table.missing(needed.0, sink);
    }
    let key = key?;
    let secret = Secret::Jwt(Box::new(JwtSecret {
        key: key.value.into(),
        algorithm: algorithm.into(),
        secret: shared.map(|text| text.value.into()),
        rsa_public_key: public.map(|text| text.value.into()),
    }));
    Some((key, secret))
}

fn group<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<(Text<'t>, Secret)> {
    let group = required(table, "group", sink)?;
    let secret = Secret::Group {
        group: group.value.into(),
    };
    Some((group, secret))
}

/// A text that must be there and not be empty.
fn required<'t>(table: &Table<'t>, key: &'static str, sink: &mut Sink) -> Option<Text<'t>> {
    if table.get(key).is_none() {
        table.missing(key, sink);
        return None;
    }
    let text = table.text(key, sink)?;
    if text.value.is_empty() {
        text.fault(Code::Missing, "length must be at least 1", sink);
        return None;
    }
    Some(text)
}

/// When the entity was made.
pub(super) fn created_at(table: &Table<'_>, sink: &mut Sink) -> u64 {
    let given = table.integer("created_at", 0, 0..=i64::MAX, sink);
    u64::try_from(given).unwrap_or_default()
}
