//! Keys of consumers.

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Schema;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("key"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            common::CREATED_AT,
            common::CONSUMER,
            Field::text("key", "the key; one is made up if none is given")
                .unique()
                .secret()
                .preset(Preset::Key),
            common::TAGS,
            common::TTL,
        ],
        checks: &[],
    })
};
