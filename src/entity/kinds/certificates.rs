//! Certificates with their keys.

use super::Entity;
use super::common;
use crate::entity::Check;
use crate::entity::Field;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::rules;

/// Its server names are entities of their own; inputs and answers list them under `snis`.
pub(super) const ENTITY: Entity = Entity::new(Schema {
    fields: &[
        common::ID,
        common::CREATED_AT,
        common::UPDATED_AT,
        Field::text("cert", "the certificate and its chain, in PEM")
            .required()
            .rules(&[Rule::Custom(rules::certificate)]),
        Field::text("key", "its private key, in PEM")
            .required()
            .secret()
            .rules(&[Rule::Custom(rules::private_key)]),
        Field::text("cert_alt", "a certificate with a key of another type")
            .rules(&[Rule::Custom(rules::certificate)]),
        Field::text("key_alt", "the private key of that")
            .secret()
            .rules(&[Rule::Custom(rules::private_key)]),
        common::TAGS,
    ],
    checks: &[Check::MutuallyRequired(&["cert_alt", "key_alt"])],
});
