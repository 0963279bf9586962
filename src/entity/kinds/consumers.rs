//! Consumers: who makes requests.

use super::Entity;
use super::common;
use crate::entity::Check;
use crate::entity::Field;
use crate::entity::Schema;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("username"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            common::CREATED_AT,
            common::UPDATED_AT,
            Field::text("username", "the consumer's name").unique(),
            Field::text("custom_id", "what another system calls the consumer").unique(),
            common::TAGS,
        ],
        checks: &[Check::AtLeastOneOf(&["custom_id", "username"])],
    })
};
