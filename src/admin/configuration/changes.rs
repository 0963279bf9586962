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
    let changes = all.into_iter().filter_map(|key| {
        let (before, after) = (before.get(key), after.get(key));
        let keys = before.zip(after).map(|(before, after)| keys(before, after));
        change(*key, before, after, keys.into_iter().flatten())
    });
    changes.collect()
}

/// What has become of an entity, if anything has; `keys` are the fields in which two versions of it differ, which they
/// may not show any more.
pub(super) fn change<'k>(
    (kind, id): (Kind, Uuid),
    before: Option<&Document>,
    after: Option<&Document>,
    keys: impl Iterator<Item = &'k str>,
) -> Option<Value> {
    let (what, keys) = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => ("added", Vec::new()),
        (Some(_), None) => ("removed", Vec::new()),
        (Some(_), Some(_)) => {
            let keys: Vec<&str> = keys.filter(|key| is_said(key)).collect();
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
    all.filter(|name| is_said(name))
}

/// When an entity was changed, and how long it has to live, change by themselves.
fn is_said(field: &str) -> bool {
    !matches!(field, "updated_at" | "ttl")
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
    use std::collections::BTreeMap;

    use serde_json::json;
    use uuid::Uuid;

    use super::between;
    use crate::entity::Document;
    use crate::entity::Kind;

    fn document(value: serde_json::Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn changes_name_keys_and_no_values() {
        let key = |kind| (kind, Uuid::from_u128(1));
        let one = |kind, value| BTreeMap::from([(key(kind), document(value))]);
        let consumer = |value| one(Kind::Consumers, value);
        let old = consumer(json!({ "username": "u", "tags": null, "updated_at": 1 }));
        let new = consumer(json!({ "username": "u", "tags": ["a"], "updated_at": 2 }));
        let changed = between(&old, &new);
        assert_eq!(changed[0]["keys"], json!(["tags"]));
        assert_eq!(changed[0]["name"], "u");
        let touched = consumer(json!({ "username": "u", "tags": null, "updated_at": 3 }));
        assert!(between(&old, &touched).is_empty());
        let credential = |value: &str| one(Kind::KeyauthCredentials, json!({ "key": value }));
        let added = between(&BTreeMap::new(), &credential("canary"));
        assert_eq!(added[0]["change"], "added");
        let changed = between(&credential("canary"), &credential("canary-2"));
        assert_eq!(changed[0]["keys"], json!(["key"]));
        assert!(!json!([added, changed]).to_string().contains("canary"));
    }
}
