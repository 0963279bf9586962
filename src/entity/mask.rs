//! Entities for eyes that may not see everything: keys, passwords and secrets are covered.

use serde_json::Value;

use super::Document;
use super::Field;
use super::Kind;
use super::PluginSchemas;
use super::validate::Shape;

/// What stands in a secret's place.
pub const MASK: &str = "********";

/// Covers every secret of an entity, complete or sparse.
pub fn mask(kind: Kind, document: &mut Document, plugins: &dyn PluginSchemas) {
    let shape = Shape::of(kind, document, plugins);
    shape.visit(document, &mut |field: &Field, value: &mut Value| {
        if field.secret && !value.is_null() {
            *value = Value::String(MASK.to_owned());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::entity::NoPlugins;
    use crate::entity::PluginSchema;
    use crate::entity::Schema;
    use serde_json::json;

    fn masked(kind: Kind, document: &Value, plugins: &dyn PluginSchemas) -> Value {
        let mut document = document.as_object().cloned().unwrap();
        mask(kind, &mut document, plugins);
        Value::Object(document)
    }

    #[test]
    fn credentials_lose_their_secrets_alone() {
        let key = json!({"key": "k", "tags": ["t"]});
        assert_eq!(
            masked(Kind::KeyauthCredentials, &key, &NoPlugins),
            json!({"key": "********", "tags": ["t"]})
        );
        let certificate = json!({"cert": "c", "key": "k", "key_alt": null});
        assert_eq!(
            masked(Kind::Certificates, &certificate, &NoPlugins),
            json!({"cert": "c", "key": "********", "key_alt": null})
        );
    }

    #[test]
    fn secrets_of_plugins_are_covered_under_each_of_their_names() {
        const CONFIG: Schema = Schema {
            fields: &[
                Field::record("redis", &[Field::text("password", "").secret()], ""),
                Field::text("redis_password", "").alias(&["redis", "password"]),
            ],
            checks: &[],
        };
        #[derive(Debug)]
        struct One;
        impl PluginSchemas for One {
            fn schema(&self, _: &str) -> Option<PluginSchema> {
                Some(PluginSchema {
                    config: &CONFIG,
                    consumer_scope: true,
                    denies: false,
                    protocols: PluginSchema::HTTP,
                })
            }

            fn names(&self) -> Vec<&'static str> {
                Vec::new()
            }
        }
        let config = json!({"redis": {"password": "p"}, "redis_password": "p"});
        let plugin = json!({"name": "one", "config": config});
        assert_eq!(
            masked(Kind::Plugins, &plugin, &One)["config"],
            json!({"redis": {"password": "********"}, "redis_password": "********"})
        );
    }
}
