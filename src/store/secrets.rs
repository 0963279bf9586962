//! What the history shows of keys and passwords: that there is one.

use serde_json::Value;

use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::PluginSchemas;
use crate::entity::Type;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Puts a mark in place of every secret of an entity.
pub fn hide_secrets(kind: Kind, document: &mut Document, plugins: &dyn PluginSchemas) {
    let plugin = match kind {
        Kind::Plugins => document.get("name").and_then(Value::as_str),
        _ => None,
    };
    let config = plugin.and_then(|name| plugins.schema(name));
    if let (Some(plugin), Some(Value::Object(config))) = (config, document.get_mut("config")) {
        hide_fields(plugin.config.fields, config);
    }
    hide_fields(kind.entity().schema.fields, document);
}

fn hide_fields(fields: &[Field], document: &mut Document) {
    for field in fields {
        match document.get_mut(field.name) {
            None | Some(Value::Null) => {}
            Some(value) if field.secret => *value = HIDDEN.into(),
            Some(value) => hide(&field.kind, value),
        }
    }
}

fn hide(kind: &Type, value: &mut Value) {
    match (kind, value) {
        (Type::Record(fields), Value::Object(record)) => hide_fields(fields, record),
        (Type::Checked(schema), Value::Object(record)) => hide_fields(schema.fields, record),
        (Type::Array(element) | Type::Set(element), Value::Array(values)) => {
            values
                .iter_mut()
                .for_each(|value| hide(&element.kind, value));
        }
        (Type::Map(_, element), Value::Object(values)) => {
            values
                .values_mut()
                .for_each(|value| hide(&element.kind, value));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::hide_secrets;
    use crate::entity::Check;
    use crate::entity::Document;
    use crate::entity::Element;
    use crate::entity::Field;
    use crate::entity::Kind;
    use crate::entity::NoPlugins;
    use crate::entity::PluginSchema;
    use crate::entity::PluginSchemas;
    use crate::entity::Schema;
    use crate::entity::Type;

    fn hidden(kind: Kind, document: Value, plugins: &dyn PluginSchemas) -> Value {
        let mut document: Document = document.as_object().cloned().unwrap();
        hide_secrets(kind, &mut document, plugins);
        Value::Object(document)
    }

    #[test]
    fn credentials_keep_their_users_and_lose_their_secrets() {
        let secrets = [
            (Kind::KeyauthCredentials, "key"),
            (Kind::BasicauthCredentials, "password"),
            (Kind::HmacauthCredentials, "secret"),
            (Kind::JwtSecrets, "secret"),
            (Kind::Certificates, "key"),
        ];
        for (kind, field) in secrets {
            let shown = hidden(
                kind,
                json!({ "username": "a", field: "canary" }),
                &NoPlugins,
            );
            assert_eq!(shown, json!({ "username": "a", field: "***" }), "{kind:?}");
            let none = json!({ field: null });
            assert_eq!(hidden(kind, none.clone(), &NoPlugins), none);
        }
    }

    const NO_CHECKS: &[Check] = &[];
    const INNER: &[Field] = &[
        Field::text("user", ""),
        Field::text("password", "").secret(),
    ];
    const CONFIG: Schema = Schema {
        fields: &[
            Field::record("redis", INNER, ""),
            Field::new("all", Type::Array(&Element::new(Type::Record(INNER))), ""),
            Field::texts("keys", "").secret(),
        ],
        checks: NO_CHECKS,
    };

    #[derive(Debug)]
    struct One;

    impl PluginSchemas for One {
        fn schema(&self, name: &str) -> Option<PluginSchema> {
            (name == "one").then_some(PluginSchema {
                config: &CONFIG,
                consumer_scope: true,
                denies: false,
                protocols: PluginSchema::HTTP,
            })
        }

        fn names(&self) -> Vec<&'static str> {
            vec!["one"]
        }
    }

    #[test]
    fn configurations_of_plugins_are_looked_through() {
        let inner = |password: &str| json!({ "user": "u", "password": password });
        let config = |password: &str, keys: Value| {
            json!({
                "name": "one",
                "config": { "redis": inner(password), "all": [inner(password)], "keys": keys },
            })
        };
        assert_eq!(
            hidden(Kind::Plugins, config("canary", json!(["canary"])), &One),
            config("***", json!("***"))
        );
        let unknown = json!({ "name": "two", "config": { "keys": ["a"] } });
        assert_eq!(hidden(Kind::Plugins, unknown.clone(), &One), unknown);
    }
}
