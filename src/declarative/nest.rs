//! From rows to a nested document, in an order that depends on nothing but the rows.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::entity::Document;
use crate::entity::Kind;

use super::flatten::NESTED;

/// A document of format 3.0 that holds these entities. Nulls are left out; passwords are said to be hashed.
pub fn nest(entities: impl IntoIterator<Item = (Kind, Uuid, Document)>) -> Value {
    let mut rows: BTreeMap<(Kind, Uuid), Document> = BTreeMap::new();
    for (kind, id, mut fields) in entities {
        fields.retain(|_, value| !value.is_null());
        if kind == Kind::Certificates {
            // Its server names are entities, which are put into it.
            fields.remove(Kind::Snis.as_str());
        }
        rows.insert((kind, id), fields);
    }
    // Inner lists are put into their parents from the innermost kind on.
    for (outer, inner, field) in [2, 0, 1, 3, 4, 5, 6, 7, 9, 10, 8].map(|at: usize| NESTED[at]) {
        put_inside(&mut rows, outer, inner, field);
    }
    let mut document = Map::new();
    document.insert("_format_version".to_owned(), json!("3.0"));
    document.insert("_transform".to_owned(), json!(false));
    for ((kind, _), fields) in rows {
        let list = document
            .entry(kind.as_str().to_owned())
            .or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(Value::Object(fields));
        }
    }
    Value::Object(document)
}

/// Moves entities of the inner kind that refer to one of the outer kind, and to nothing else, into it.
fn put_inside(rows: &mut BTreeMap<(Kind, Uuid), Document>, outer: Kind, inner: Kind, field: &str) {
    let first = (inner, Uuid::nil());
    let last = (inner, Uuid::max());
    let moving: Vec<(Uuid, Uuid)> = rows
        .range(first..=last)
        .filter_map(|((_, id), fields)| Some((*id, only_reference(fields, field)?)))
        .filter(|(_, parent)| rows.contains_key(&(outer, *parent)))
        .collect();
    for (id, parent) in moving {
        let Some(mut fields) = rows.remove(&(inner, id)) else {
            continue;
        };
        fields.remove(field);
        let Some(parent) = rows.get_mut(&(outer, parent)) else {
            continue;
        };
        let list = parent
            .entry(inner.as_str().to_owned())
            .or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(Value::Object(fields));
        }
    }
}

/// What `field` refers to, if no other field refers to an entity that could hold this one.
fn only_reference(fields: &Document, field: &str) -> Option<Uuid> {
    let others = ["service", "route", "consumer"];
    let mut others = others.iter().filter(|other| **other != field);
    if others.any(|other| fields.contains_key(*other)) {
        return None;
    }
    let id = fields.get(field)?.get("id")?.as_str()?;
    Uuid::parse_str(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::flatten;
    use crate::declarative::to_yaml;

    #[test]
    fn server_names_stand_in_their_certificate_once() {
        let certificate = Uuid::from_u128(1);
        let rows = [
            (
                Kind::Certificates,
                certificate,
                json!({ "id": certificate, "snis": ["a.test"] }),
            ),
            (
                Kind::Snis,
                Uuid::from_u128(2),
                json!({ "name": "a.test", "certificate": { "id": certificate } }),
            ),
        ];
        let rows = rows
            .map(|(kind, id, fields)| (kind, id, fields.as_object().cloned().unwrap_or_default()));
        let document = nest(rows);
        assert_eq!(
            document["certificates"][0]["snis"],
            json!([{ "name": "a.test" }])
        );
    }

    #[test]
    fn what_is_nested_flattens_to_the_same() {
        let declared = flatten(json!({
            "_format_version": "3.0",
            "services": [{ "name": "s", "host": "a.test", "routes": [
                { "name": "r", "paths": ["/r"], "plugins": [{ "name": "key-auth" }] },
            ], "plugins": [{ "name": "cors" }] }],
            "plugins": [
                { "name": "acl", "service": "s" , "route": "r" },
                { "name": "correlation-id" },
            ],
            "consumers": [{ "username": "c", "keyauth_credentials": [{ "key": "k" }],
                "plugins": [{ "name": "rate-limiting" }] }],
            "upstreams": [{ "name": "u", "targets": [{ "target": "a.test:80" }] }],
        }))
        .unwrap();
        let rows = |declared: &[super::super::Declared]| -> Vec<(Kind, Uuid, Document)> {
            let row = |one: &super::super::Declared| (one.kind, one.id, one.fields.clone());
            declared.iter().map(row).collect()
        };
        let document = nest(rows(&declared.entities));
        assert_eq!(
            document["services"][0]["routes"][0]["plugins"][0]["name"],
            "key-auth"
        );
        assert_eq!(document["plugins"].as_array().unwrap().len(), 2);
        let again = flatten(document.clone()).unwrap();
        let mut before = rows(&declared.entities);
        let mut after = rows(&again.entities);
        before.sort_by_key(|(kind, id, _)| (*kind, *id));
        after.sort_by_key(|(kind, id, _)| (*kind, *id));
        assert_eq!(before, after);
        assert_eq!(nest(rows(&again.entities)), document);
        let text = to_yaml(&document).unwrap();
        assert_eq!(super::super::read(&text).unwrap().entities.len(), 11);
    }
}
