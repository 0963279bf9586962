//! The Admin API in OpenAPI 3.1, from the table of paths and the schemas of entities and plugins.
//!
//! Nothing of it is written down twice: what a path does, takes and answers stands in the table, what an entity is made
//! of in its schema. So that the two stay true, `tests/openapi.rs` drives the API by nothing but this document.

mod answers;
mod components;
mod example;
mod fields;
mod operations;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

pub(super) use example::of as example;
pub(super) use fields::default;

use super::table::Group;
use super::table::TABLE;
use crate::entity::Kind;
use crate::entity::PluginSchemas;

/// The document.
pub(super) fn document(plugins: &dyn PluginSchemas) -> Value {
    let mut paths = Map::new();
    for endpoint in TABLE.endpoints() {
        let mut operations = Map::new();
        for (verb, action) in &endpoint.actions {
            let name = verb.as_str().to_ascii_lowercase();
            operations.insert(name, operations::operation(endpoint, *verb, *action));
        }
        paths.insert(endpoint.path.clone(), Value::Object(operations));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Silverback Admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Kong's Admin API, and what Silverback adds to it.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:8001" }],
        // On an admin listener without tokens nothing is needed.
        "security": [{}, { "bearer": [] }, { "token": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": components::schemas(plugins),
            "responses": components::responses(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "token": { "type": "apiKey", "in": "header", "name": "Kong-Admin-Token" },
            },
        },
    })
}

fn tags() -> Value {
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| json!({ "name": kind.as_str() }));
    let groups = GROUPS
        .iter()
        .map(|group| json!({ "name": heading(*group) }));
    kinds.chain(groups).collect()
}

/// The headings of what is not an entity's, in the order of the documentation.
pub(super) const GROUPS: [Group; 6] = [
    Group::Node,
    Group::Configuration,
    Group::Schemas,
    Group::Tags,
    Group::Health,
    Group::Plugins,
];

/// A heading in words.
pub(super) const fn heading(group: Group) -> &'static str {
    match group {
        Group::Node => "The node",
        Group::Configuration => "The configuration as a whole",
        Group::Schemas => "Schemas",
        Group::Tags => "Tags",
        Group::Health => "Health of targets",
        Group::Plugins => "What plugins remember",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::document;
    use crate::plugin::registry::Registry;

    /// Calls `see` with every member of every object.
    fn walk(value: &Value, see: &mut impl FnMut(&str, &Value)) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    see(name, member);
                    walk(member, see);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
            _ => {}
        }
    }

    #[test]
    fn references_lead_somewhere_and_operations_have_names_of_their_own() {
        let document = document(&Registry);
        let (mut references, mut names) = (0, BTreeSet::new());
        walk(&document, &mut |name, value| match (name, value) {
            ("$ref", Value::String(target)) => {
                references += 1;
                let place = target.strip_prefix('#').unwrap();
                assert!(document.pointer(place).is_some(), "{target}");
            }
            ("operationId", Value::String(id)) => {
                assert!(names.insert(id.clone()), "{id} stands twice");
            }
            _ => {}
        });
        assert!(references > 100 && names.len() > 100);
    }

    #[test]
    fn parameters_of_paths_are_declared() {
        let document = document(&Registry);
        for (path, operations) in document["paths"].as_object().unwrap() {
            let in_path: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            for operation in operations.as_object().unwrap().values() {
                let parameters = operation["parameters"].as_array().unwrap();
                let declared = parameters
                    .iter()
                    .filter(|parameter| parameter["in"] == "path");
                let declared = declared.map(|parameter| parameter["name"].as_str().unwrap());
                assert_eq!(declared.collect::<BTreeSet<_>>(), in_path, "{path}");
            }
        }
    }
}
