//! Keys with which the tokens of consumers are verified.

use serde_json::Value;

use super::Entity;
use super::common;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Misfit;
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
            Check::Custom(fits),
        ],
    })
};

/// The public key can verify what is signed with the algorithm.
fn fits(document: &Document) -> Result<(), Misfit> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let (Some(algorithm), Some(key)) = (text("algorithm"), text("rsa_public_key")) else {
        return Ok(());
    };
    let is_secret = algorithm.starts_with("HS");
    if is_secret || !rules::is_for_another(algorithm, key) {
        return Ok(());
    }
    let message = format!("invalid key: it is none for {algorithm}");
    Err(Misfit::at("rsa_public_key", message))
}

const PUBLIC_KEY: Rule = Rule::OneOf(&[
    "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA",
]);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fits;

    #[test]
    fn a_key_is_one_for_the_algorithm() {
        // One of P-256.
        let key = "-----BEGIN PUBLIC KEY-----\n\
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjyUADqnUKjY/H9lH2lbPMVTQHKWp\n\
            JJd20w/enoNIZABmgPd51U/JnCtGAINQ0Y22zZ7HHSI3ikx4ZQqC4lJHVQ==\n\
            -----END PUBLIC KEY-----\n";
        let fits = |algorithm: &str| {
            let secret = json!({ "algorithm": algorithm, "rsa_public_key": key });
            fits(secret.as_object().unwrap()).map_err(|misfit| misfit.message)
        };
        assert_eq!((fits("ES256"), fits("HS256")), (Ok(()), Ok(())));
        for other in ["RS256", "PS512", "ES384", "EdDSA"] {
            let told = format!("invalid key: it is none for {other}");
            assert_eq!(fits(other), Err(told));
        }
    }
}
