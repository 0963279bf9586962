//! The fields of jwt's configuration.

use crate::entity::Check;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Then;
use crate::entity::Type;
use crate::plugin::Definition;

/// The plugin's definition.
pub(in crate::plugin) const DEFINITION: Definition = Definition {
    name: "jwt",
    priority: 1450,
    about: "authenticates consumers by a signed token",
    config: Schema {
        fields: FIELDS,
        // How far ahead a token ends is known only of one that must say when.
        checks: &[Check::If(
            "maximum_expiration",
            Rule::GreaterThan(0.0),
            "claims_to_verify",
            Then::Holds("exp"),
        )],
    },
    consumer_scope: false,
    denies: true,
    compile: super::compile,
};

const FIELDS: &[Field] = &[
    Field::text_set(
        "uri_param_names",
        "the parameters of the query that may hold a token",
    )
    .preset(Preset::Texts(&["jwt"])),
    Field::text_set("cookie_names", "the cookies that may hold a token").preset(Preset::EmptyList),
    Field::text(
        "key_claim_name",
        "the claim that names the credential; looked for in the claims, then in the token's header",
    )
    .preset(Preset::Text("iss")),
    Field::flag(
        "secret_is_base64",
        false,
        "the secrets of credentials are in base64",
    ),
    Field::new(
        "claims_to_verify",
        Type::Set(&Element::TEXT.rules(&[Rule::OneOf(&["exp", "nbf"])])),
        "the claims about time that are verified",
    ),
    Field::text(
        "anonymous",
        "the id or the username of the consumer that stands in when authentication fails",
    ),
    Field::flag(
        "run_on_preflight",
        true,
        "authenticate OPTIONS requests too; otherwise they are let through",
    ),
    Field::number(
        "maximum_expiration",
        "how many seconds ahead a token may end at most; 0 is without limit",
    )
    .preset(Preset::Int(0))
    .rules(&[Rule::Between(0, 31_536_000)]),
    Field::text_set(
        "header_names",
        "the headers that may hold a token behind the word Bearer",
    )
    .preset(Preset::Texts(&["authorization"])),
    Field::text("realm", "the realm of the challenge"),
];
