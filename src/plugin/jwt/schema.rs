//! The fields of jwt's configuration.

use serde_json::Value;

use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::plugin::Definition;

/// The plugin's definition.
pub(in crate::plugin) const DEFINITION: Definition = Definition {
    name: "jwt",
    priority: 1450,
    about: "authenticates consumers by a signed token",
    config: Schema {
        fields: FIELDS,
        checks: &[Check::Custom(expiration), Check::Custom(expiration_claim)],
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

/// Kong's two errors for one fault: the configuration's, and the field's.
fn expiration(config: &Document) -> Result<(), Misfit> {
    misfit(
        config,
        &[],
        "failed conditional validation given value of field 'config.maximum_expiration'",
    )
}

fn expiration_claim(config: &Document) -> Result<(), Misfit> {
    misfit(config, &["claims_to_verify"], "expected to contain: exp")
}

/// How far ahead a token ends is known only of one that must say when.
fn misfit(config: &Document, path: &[&str], message: &str) -> Result<(), Misfit> {
    let limit = config.get("maximum_expiration").and_then(Value::as_f64);
    let claims = config.get("claims_to_verify").and_then(Value::as_array);
    let verified = claims.is_some_and(|claims| claims.iter().any(|claim| claim == "exp"));
    if verified || limit.is_none_or(|limit| limit <= 0.0) {
        return Ok(());
    }
    Err(Misfit {
        path: path.iter().map(|&name| name.to_owned()).collect(),
        message: message.to_owned(),
    })
}
