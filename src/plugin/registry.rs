//! Every plugin there is: one line each.

use super::Definition;
use crate::entity::PluginSchema;
use crate::entity::PluginSchemas;

/// All definitions, in the order of their names.
pub const ALL: &[&Definition] = &[
    &super::bot_detection::DEFINITION,
    &super::correlation_id::DEFINITION,
    &super::cors::DEFINITION,
    &super::ip_restriction::DEFINITION,
    &super::key_auth::DEFINITION,
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
        find(name).map(|definition| PluginSchema {
            config: &definition.config,
            consumer_scope: definition.consumer_scope,
            protocols: match name {
                "ip-restriction" => PluginSchema::HTTP_AND_STREAM,
                _ => PluginSchema::HTTP,
            },
        })
    }

    fn names(&self) -> Vec<&'static str> {
        ALL.iter().map(|definition| definition.name).collect()
    }
}
