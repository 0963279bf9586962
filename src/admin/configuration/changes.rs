//! What differs between two states: kinds, ids, names and the keys that changed, never a value.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::entity::Document;
use crate::entity::Kind;

/// Everything that differs, by kind and id.
pub(super) fn between(
    before: &BTreeMap<(Kind, Uuid), Document>,
    after: &BTreeMap<(Kind, Uuid), Document>,
) -> Vec<Value> {
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = all
        .into_iter()
        .filter_map(|key| change(*key, before.get(key), after.get(key)));
    changes.collect()
}

/// What has become of an entity, if anything has.
pub(super) fn change(
    (kind, id): (Kind, Uuid),
    before: Option<&Document>,
    after: Option<&Document>,
) -> Option<Value> {
    let (what, keys) = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => ("added", Vec::new()),
        (Some(_), None) => ("removed", Vec::new()),
        (Some(before), Some(after)) => {
            let keys: Vec<&str> = keys(before, after).collect();
            if keys.is_empty() {
                return None;
            }
            ("changed", keys)
        }
    };
    let name = name(kind, after.or(before)?);
    Some(json!({ "kind": kind.as_str(), "id": id, "name": name, "change": what, "keys": keys }))
}

/// The fields in which two versions of an entity differ; when it was changed is none of them.
pub(super) fn keys<'d>(before: &'d Document, after: &'d Document) -> impl Iterator<Item = &'d str> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let other = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value));
    let all = gone.chain(other.map(|(name, _)| name)).map(String::as_str);
    all.filter(|name| !matches!(*name, "updated_at" | "ttl"))
}

/// What an entity is called, unless that is a secret.
pub(super) fn name(kind: Kind, document: &Document) -> Option<&str> {
    let key = match kind {
        // Which one it is; its own name is rarely given.
        Kind::Plugins => "name",
        _ => kind.endpoint_key()?,
    };
    let field = kind.entity().schema.field(key)?;
    document.get(key)?.as_str().filter(|_| !field.secret)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::change;
    use crate::entity::Document;
    use crate::entity::Kind;

    fn document(value: serde_json::Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn changes_name_keys_and_no_values() {
        let id = Uuid::from_u128(1);
        let old = document(json!({ "username": "u", "tags": null, "updated_at": 1 }));
        let new = document(json!({ "username": "u", "tags": ["a"], "updated_at": 2 }));
        let changed = change((Kind::Consumers, id), Some(&old), Some(&new)).unwrap();
        assert_eq!(changed["keys"], json!(["tags"]));
        assert_eq!(changed["name"], "u");
        let touched = document(json!({ "username": "u", "tags": null, "updated_at": 3 }));
        assert_eq!(
            change((Kind::Consumers, id), Some(&old), Some(&touched)),
            None
        );
        let key = document(json!({ "key": "canary" }));
        let added = change((Kind::KeyauthCredentials, id), None, Some(&key)).unwrap();
        assert!(!added.to_string().contains("canary"), "{added}");
        assert_eq!(added["change"], "added");
    }
}
