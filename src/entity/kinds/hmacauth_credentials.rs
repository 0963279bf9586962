//! Secrets with which consumers sign requests.

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Schema;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("username"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            common::CREATED_AT,
            common::CONSUMER,
            Field::text("username", "the name that stands beside signatures")
                .required()
                .unique(),
            Field::text("secret", "the secret; one is made up if none is given")
                .secret()
                .preset(Preset::Key),
            common::TAGS,
        ],
        checks: &[],
    })
};
