//! Names and passwords of consumers.

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Schema;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("username"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            common::CREATED_AT,
            common::CONSUMER,
            Field::text("username", "the name").required().unique(),
            Field::text("password", "the password, hashed before it is kept")
                .required()
                .secret(),
            common::TAGS,
        ],
        checks: &[],
    })
};
