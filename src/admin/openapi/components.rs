//! What several operations share: entities, pages, plugins' configurations, errors.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::example;
use super::fields::Side;
use super::fields::needed;
use super::fields::object;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::PluginSchemas;

/// What the schema of a kind is called.
pub(super) const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Services => "service",
        Kind::Routes => "route",
        Kind::Consumers => "consumer",
        Kind::Plugins => "plugin",
        Kind::Upstreams => "upstream",
        Kind::Targets => "target",
        Kind::Certificates => "certificate",
        Kind::Snis => "sni",
        Kind::CaCertificates => "ca_certificate",
        Kind::KeyauthCredentials => "keyauth_credential",
        Kind::BasicauthCredentials => "basicauth_credential",
        Kind::HmacauthCredentials => "hmacauth_credential",
        Kind::JwtSecrets => "jwt_secret",
        Kind::Acls => "acl",
        Kind::Vaults => "vault",
    }
}

/// A reference to a schema.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All schemas.
pub(super) fn schemas(plugins: &dyn PluginSchemas) -> Value {
    let mut schemas = Map::new();
    for kind in Kind::ALL {
        let name = name(kind);
        let entity = kind.entity();
        let fields = entity.schema.fields;
        let mut answer = object(fields, Side::Answer);
        let mut patch = object(fields, Side::Request);
        if let Some(shorthand) = &entity.shorthand {
            let schema = json!({ "type": "string", "description": shorthand.about });
            add(&mut patch, shorthand.name, schema);
        }
        if kind == Kind::Certificates {
            let about = "Names of SNIs that are to have it.";
            let names =
                json!({ "type": "array", "items": { "type": "string" }, "description": about });
            add(&mut patch, "snis", names.clone());
            add(&mut answer, "snis", names);
        }
        if kind == Kind::Plugins {
            configured(&mut answer, plugins, Side::Answer);
            configured(&mut patch, plugins, Side::Request);
        }
        schemas.insert(name.to_owned(), Value::Object(answer));
        schemas.insert(format!("{name}-patch"), Value::Object(patch));
        schemas.insert(format!("{name}-input"), input(kind, fields));
        schemas.insert(format!("{name}-page"), page(name));
    }
    for plugin in plugins.names() {
        if let Some(schema) = plugins.schema(plugin) {
            for side in [Side::Answer, Side::Request] {
                let config = object(schema.config.fields, side);
                schemas.insert(config_name(plugin, side), Value::Object(config));
            }
        }
    }
    schemas.insert("message".to_owned(), message());
    schemas.insert("error".to_owned(), error());
    schemas.insert("declarative".to_owned(), declarative());
    Value::Object(schemas)
}

fn add(object: &mut Map<String, Value>, name: &str, schema: Value) {
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert(name.to_owned(), schema);
    }
}

/// A new entity: what a change may say, and some of it must be there.
fn input(kind: Kind, fields: &[Field]) -> Value {
    let mut needed = needed(fields);
    if kind == Kind::Services {
        // The host, or a URL that has one.
        needed.retain(|name| *name != "host");
    }
    json!({
        "allOf": [reference(&format!("{}-patch", name(kind)))],
        "required": needed,
        "examples": [example::of(kind)],
    })
}

fn page(name: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "data": { "type": "array", "items": reference(name) },
            "next": { "type": ["string", "null"], "description": "The path of the next page." },
            "offset": { "type": "string", "description": "Where the next page begins." },
        },
        "required": ["data", "next"],
        "additionalProperties": false,
    })
}

fn config_name(plugin: &str, side: Side) -> String {
    match side {
        Side::Answer => format!("config-{plugin}"),
        Side::Request => format!("config-{plugin}-input"),
    }
}

/// A plugin's `config` is what its name says.
fn configured(plugin: &mut Map<String, Value>, plugins: &dyn PluginSchemas, side: Side) {
    add(plugin, "config", json!({ "type": ["object", "null"] }));
    let names = plugins.names();
    let cases = names.iter().map(|name| {
        json!({
            "if": { "properties": { "name": { "const": name } }, "required": ["name", "config"] },
            "then": { "properties": { "config": reference(&config_name(name, side)) } },
        })
    });
    let cases: Vec<Value> = cases.collect();
    if !cases.is_empty() {
        plugin.insert("allOf".to_owned(), cases.into());
    }
}

fn message() -> Value {
    json!({
        "type": "object",
        "properties": { "message": { "type": "string" } },
        "required": ["message"],
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "properties": {
            "code": { "type": "integer", "description": "Kong's number of this sort of error." },
            "name": { "type": "string", "description": "What Kong calls it." },
            "message": { "type": "string", "description": "A sentence for people." },
            "fields": { "type": "object", "description": "What is to blame." },
            "options": { "type": "object", "description": "Which option of the query is to blame." },
        },
        "required": ["code", "name", "message"],
    })
}

fn declarative() -> Value {
    let lists = Kind::ALL.into_iter().map(|kind| {
        let items = json!({ "type": "array", "items": { "type": "object" } });
        (kind.as_str().to_owned(), items)
    });
    let mut properties: Map<String, Value> = lists.collect();
    let versions = json!({ "enum": ["1.1", "2.1", "3.0"] });
    properties.insert("_format_version".to_owned(), versions);
    json!({
        "type": "object",
        "properties": properties,
        "required": ["_format_version"],
        "examples": [{
            "_format_version": "3.0",
            "services": [{ "name": "orders", "url": "http://orders.internal:9000" }],
        }],
    })
}

/// Answers that any operation may give.
pub(super) fn responses() -> Value {
    let said = |about: &str| {
        json!({
            "description": about,
            "content": { "application/json": { "schema": reference("message") } },
        })
    };
    json!({
        "Unauthorized": said("No token, or one that is not known."),
        "Forbidden": said("The token may not do that, or a stranger's page asks."),
        "TooLarge": said("The body has more than 10 MB."),
        "MediaType": {
            "description": "The body is neither JSON nor a form.",
            "content": { "text/html": { "schema": { "type": "string" } } },
        },
    })
}
