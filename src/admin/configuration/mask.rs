//! Entities without their secrets, for those who look at what was.

use serde_json::Value;

use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::PluginSchemas;
use crate::entity::Type;

/// What stands for a secret.
const MASK: &str = "******";

/// Puts a mask in place of every secret.
pub(super) fn mask(kind: Kind, document: &mut Document, plugins: &dyn PluginSchemas) {
    let config = match kind {
        Kind::Plugins => document
            .get("name")
            .and_then(Value::as_str)
            .and_then(|name| plugins.schema(name)),
        _ => None,
    };
    let config = config.map_or(&[][..], |plugin| plugin.config.fields);
    hide(kind.entity().schema.fields, document, config);
}

fn hide(fields: &[Field], record: &mut Document, config: &'static [Field]) {
    for field in fields {
        let Some(value) = record.get_mut(field.name) else {
            continue;
        };
        if field.secret && !value.is_null() {
            *value = MASK.into();
            continue;
        }
        let inner = match field.kind {
            Type::Record(inner) => inner,
            Type::Checked(schema) => schema.fields,
            Type::Config => config,
            _ => continue,
        };
        if let Value::Object(record) = value {
            hide(inner, record, config);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::mask;
    use crate::entity::Kind;
    use crate::plugin::registry::Registry;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let masked = |kind, value: serde_json::Value| {
            let mut document = value.as_object().cloned().unwrap_or_default();
            mask(kind, &mut document, &Registry);
            serde_json::Value::Object(document)
        };
        let key = masked(
            Kind::KeyauthCredentials,
            json!({ "key": "canary", "tags": ["t"] }),
        );
        assert_eq!(key, json!({ "key": "******", "tags": ["t"] }));
        let basic = masked(
            Kind::BasicauthCredentials,
            json!({ "username": "u", "password": "canary" }),
        );
        assert_eq!(basic["password"], "******");
        let plugin = json!({ "name": "rate-limiting", "config": { "redis": { "host": "h", "password": "canary" } } });
        let plugin = masked(Kind::Plugins, plugin);
        assert_eq!(
            plugin["config"]["redis"],
            json!({ "host": "h", "password": "******" })
        );
        let unset = masked(Kind::JwtSecrets, json!({ "key": "k", "secret": null }));
        assert_eq!(unset["secret"], json!(null));
    }
}
