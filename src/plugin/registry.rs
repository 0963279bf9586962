//! Every plugin there is: one line each.

use super::Definition;
use super::stored_password;
use crate::entity::Kind;
use crate::entity::PluginSchema;
use crate::entity::PluginSchemas;
use crate::entity::Transform;

/// All definitions, in the order of their names.
pub const ALL: &[&Definition] = &[
    &super::acl::DEFINITION,
    &super::basic_auth::DEFINITION,
    &super::bot_detection::DEFINITION,
    &super::correlation_id::DEFINITION,
    &super::cors::DEFINITION,
    &super::hmac_auth::DEFINITION,
    &super::ip_restriction::DEFINITION,
    &super::jwt::DEFINITION,
    &super::key_auth::DEFINITION,
    &super::mock::DEFINITION,
    &super::proxy_cache::DEFINITION,
    &super::rate_limiting::DEFINITION,
    &super::redirect::DEFINITION,
    &super::request_size_limiting::DEFINITION,
    &super::request_termination::DEFINITION,
    &super::request_transformer::DEFINITION,
    &super::response_ratelimiting::DEFINITION,
    &super::response_transformer::DEFINITION,
];

/// The definition with this name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter()
        .copied()
        .find(|definition| definition.name == name)
}

/// The registry, as the entities' checks see it.
#[derive(Clone, Copy, Debug)]
pub struct Registry;

impl PluginSchemas for Registry {
    fn schema(&self, name: &str) -> Option<PluginSchema> {
        find(name).map(Definition::schema)
    }

    fn names(&self) -> Vec<&'static str> {
        ALL.iter().map(|definition| definition.name).collect()
    }

    fn transform(&self, kind: Kind) -> Option<Transform> {
        (kind == Kind::BasicauthCredentials).then_some(Transform {
            field: "password",
            apply: stored_password,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::example;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use serde_json::json;
    use std::path::Path;

    fn page(name: &str) -> Option<String> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        std::fs::read_to_string(docs.join(name)).ok()
    }

    #[test]
    fn definitions_are_in_the_order_of_their_names() {
        assert!(ALL.is_sorted_by_key(|definition| definition.name));
    }

    #[test]
    fn every_plugin_has_a_row() {
        let page = page("plugins.md").unwrap();
        for definition in ALL {
            let (name, priority) = (definition.name, definition.priority);
            let row = format!("| [{name}](plugins/{name}.md) | {priority} | ");
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_page_names_every_field_of_its_plugin() {
        for definition in ALL {
            let Some(page) = page(&format!("plugins/{}.md", definition.name)) else {
                continue;
            };
            for field in definition.config.fields {
                // A record's fields are named with it: `redis.host`.
                let named = page.contains(&format!("`{}", field.name));
                assert!(named, "{}: {}", definition.name, field.name);
            }
        }
    }

    #[test]
    fn the_example_of_the_page_is_a_plugin() {
        let (page, example) = (
            page("plugins.md").unwrap(),
            page("plugins/example.rs").unwrap(),
        );
        assert!(page.contains(&format!("```rust\n{example}```\n")));
        assert!(example.lines().count() <= 40);
        let plugin = compile(&example::DEFINITION, json!({"name": "X-Team"}));
        assert!(Trial::new("GET /", &["x-team: a"]).passes(&*plugin));
        assert_eq!(Trial::new("GET /", &[]).refused_by(&*plugin).status, 400);
    }
}
