//! Groups of consumers.

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Schema;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("group"),
    together: &["consumer", "group"],
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            common::CREATED_AT,
            common::CONSUMER,
            Field::text("group", "the group's name").required(),
            common::TAGS,
        ],
        checks: &[],
    })
};
