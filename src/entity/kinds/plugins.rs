//! Plugins: what is done to requests, and to which.
//!
//! The schema of a plugin's configuration comes from its own file; what is said here is true of all plugins.

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::entity::rules;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("instance_name"),
    together: &["name", "route", "service", "consumer"],
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            Field::text("name", "which plugin it is").required(),
            Field::text("instance_name", "a name of its own, unique among plugins")
                .unique()
                .rules(&[Rule::Custom(rules::utf8_name)]),
            common::CREATED_AT,
            common::UPDATED_AT,
            Field::foreign("route", Kind::Routes, "the route whose requests it is for").cascade(),
            Field::foreign(
                "service",
                Kind::Services,
                "the service whose requests it is for",
            )
            .cascade(),
            Field::foreign(
                "consumer",
                Kind::Consumers,
                "the consumer whose requests it is for",
            )
            .cascade(),
            Field::new("config", Type::Config, "what the plugin is told").required(),
            Field::new(
                "protocols",
                Type::Protocols,
                "the protocols of the requests that it is for",
            )
            .required(),
            Field::flag("enabled", true, "whether it does anything"),
            common::TAGS,
        ],
        checks: &[],
    })
};
