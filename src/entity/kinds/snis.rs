//! Server names, and the certificates that are shown for them.

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::rules;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("name"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            Field::text(
                "name",
                "the server name; an asterisk may stand at one of its ends",
            )
            .required()
            .unique()
            .rules(&[Rule::Custom(rules::wildcard_host)]),
            common::CREATED_AT,
            common::UPDATED_AT,
            common::TAGS,
            Field::foreign("certificate", Kind::Certificates, "what is shown for it")
                .required()
                .cascade(),
        ],
        checks: &[],
    })
};
