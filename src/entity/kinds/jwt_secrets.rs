//! Keys with which the tokens of consumers are verified.

use super::Entity;
use super::common;
use crate::entity::Check;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Then;
use crate::entity::rules;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("key"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            common::CREATED_AT,
            common::CONSUMER,
            Field::text(
                "key",
                "what tokens are known by; made up if it is not given",
            )
            .unique()
            .preset(Preset::Key),
            Field::text("secret", "the secret; one is made up if none is given")
                .secret()
                .preset(Preset::Key),
            Field::text(
                "rsa_public_key",
                "the public key of the algorithms that need one, in PEM",
            ),
            Field::text("algorithm", "how tokens are signed")
                .preset(Preset::Text("HS256"))
                .rules(&[Rule::OneOf(&[
                    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384",
                    "ES512", "PS256", "PS384", "PS512", "EdDSA",
                ])]),
            common::TAGS,
        ],
        checks: &[
            Check::If("algorithm", PUBLIC_KEY, "rsa_public_key", Then::Required),
            Check::If(
                "algorithm",
                PUBLIC_KEY,
                "rsa_public_key",
                Then::Is(Rule::Custom(rules::public_key)),
            ),
        ],
    })
};

const PUBLIC_KEY: Rule = Rule::OneOf(&[
    "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA",
]);
