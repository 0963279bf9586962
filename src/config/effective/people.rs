//! Consumers, credentials and plugins as TOML.

use foldhash::HashMap;
use serde_json::Value;
use uuid::Uuid;

use super::Secrets;
use super::Writer;
use super::quoted;
use crate::config::KONG_HASH;
use crate::config::Model;
use crate::config::model::Plugin;
use crate::config::resolve::plugins::FRESH;
use crate::entity::Document;
use crate::entity::Kind;
use crate::entity::MASK;
use crate::entity::mask;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::plugin::Secret;
use crate::plugin::registry::Registry;

pub(super) fn write(model: &Model, secrets: Secrets, out: &mut Writer) {
    let mut held: HashMap<Uuid, Vec<&Credential>> = HashMap::default();
    for credential in &model.credentials {
        held.entry(credential.consumer)
            .or_default()
            .push(credential);
    }
    for consumer in &model.consumers {
        write_consumer(consumer, out);
        for credential in held.get(&consumer.id).into_iter().flatten() {
            write_credential(credential, secrets, out);
        }
    }
    for plugin in &model.plugins {
        write_plugin(plugin, secrets, out);
    }
}

fn write_consumer(consumer: &Consumer, out: &mut Writer) {
    out.header("[[consumers]]");
    out.string("id", &consumer.id.to_string());
    if let Some(username) = &consumer.username {
        out.string("username", username);
    }
    if let Some(custom_id) = &consumer.custom_id {
        out.string("custom_id", custom_id);
    }
    out.strings("tags", &consumer.tags);
    out.value("created_at", consumer.created_at);
}

fn write_credential(credential: &Credential, secrets: Secrets, out: &mut Writer) {
    let shown = |text: &str| match secrets {
        Secrets::Shown => text.to_owned(),
        Secrets::Masked => MASK.to_owned(),
    };
    let (table, fields): (&str, Vec<(&str, String)>) = match &credential.secret {
        Secret::Key { key } => ("keyauth_credentials", vec![("key", shown(key))]),
        Secret::Basic { username, password } => {
            let hash = if password.starts_with("$argon2") {
                password.to_string()
            } else {
                format!("{}{password}", KONG_HASH)
            };
            let fields = vec![
                ("username", username.to_string()),
                ("password", shown(&hash)),
            ];
            ("basicauth_credentials", fields)
        }
        Secret::Hmac { username, secret } => {
            let fields = vec![
                ("username", username.to_string()),
                ("secret", shown(secret)),
            ];
            ("hmacauth_credentials", fields)
        }
        Secret::Jwt(jwt) => {
            let mut fields = vec![
                ("key", jwt.key.to_string()),
                ("algorithm", jwt.algorithm.to_string()),
            ];
            let secret = jwt.secret.as_ref();
            fields.extend(secret.map(|secret| ("secret", shown(secret))));
            let public = jwt
                .rsa_public_key
                .as_ref()
                .map(|key| ("rsa_public_key", key.to_string()));
            fields.extend(public);
            ("jwt_secrets", fields)
        }
        Secret::Group { group } => ("acls", vec![("group", group.to_string())]),
    };
    out.header(&format!("[[consumers.{table}]]"));
    out.string("id", &credential.id.to_string());
    for (key, value) in fields {
        out.string(key, &value);
    }
    out.strings("tags", &credential.tags);
    out.value("created_at", credential.created_at);
}

fn write_plugin(plugin: &Plugin, secrets: Secrets, out: &mut Writer) {
    out.header("[[plugins]]");
    out.string("id", &plugin.id.to_string());
    out.string("name", plugin.name());
    if let Some(name) = &plugin.instance_name {
        out.string("instance_name", name);
    }
    let scope = &plugin.configured.scope;
    let on = [
        ("service", scope.service),
        ("route", scope.route),
        ("consumer", scope.consumer),
    ];
    for (key, id) in on {
        if let Some(id) = id {
            out.string(key, &id.to_string());
        }
    }
    let protocols: Vec<&str> = plugin.protocols.names().collect();
    out.value("protocols", super::listed(&protocols));
    out.value("enabled", plugin.enabled);
    let mut config = config(plugin, secrets);
    for (_, field, _, meant) in FRESH.iter().filter(|(name, ..)| *name == plugin.name()) {
        // Written over REST, or by Kong, it means something else than nothing does in a file.
        if config[*field].is_null() {
            config[*field] = Value::from(*meant);
        }
    }
    out.value("config", inline(&config));
    out.strings("tags", &plugin.tags);
    out.value("created_at", plugin.created_at);
}

fn config(plugin: &Plugin, secrets: Secrets) -> Value {
    let config: Value = serde_json::from_str(plugin.config()).unwrap_or_default();
    let mut document = Document::from_iter([
        ("name".to_owned(), plugin.name().into()),
        ("config".to_owned(), config),
    ]);
    match secrets {
        Secrets::Masked => mask(Kind::Plugins, &mut document, &Registry),
        Secrets::Shown => {}
    }
    document.remove("config").unwrap_or_default()
}

/// JSON as an inline value of TOML, which has no null: keys without a value are left out.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries = map.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{} = {}", quoted(key), inline(value)))
                .collect();
            if entries.is_empty() {
                return "{}".to_owned();
            }
            format!("{{ {} }}", entries.join(", "))
        }
    }
}
