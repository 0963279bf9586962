//! Certificates with their keys.

use super::Entity;
use super::common;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Misfit;
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
    checks: &[
        Check::MutuallyRequired(&["cert_alt", "key_alt"]),
        Check::Custom(check_key),
        Check::Custom(check_alternative),
        Check::Custom(check_difference),
    ],
});

fn check_key(certificate: &Document) -> Result<(), Misfit> {
    check_pair(
        certificate,
        ["cert", "key"],
        "certificate does not match key",
    )
}

fn check_alternative(certificate: &Document) -> Result<(), Misfit> {
    check_pair(
        certificate,
        ["cert_alt", "key_alt"],
        "alternative certificate does not match key",
    )
}

/// What cannot be read has been told of already.
fn check_pair(certificate: &Document, names: [&str; 2], wrong: &str) -> Result<(), Misfit> {
    let [Some(cert), Some(key)] = names.map(|name| certificate.get(name)?.as_str()) else {
        return Ok(());
    };
    match rules::belong_together(cert, key) {
        Ok(false) => Err(Misfit::whole(wrong)),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// The other certificate is for clients that cannot do with the first.
fn check_difference(certificate: &Document) -> Result<(), Misfit> {
    let kind = |name: &str| {
        let facts = rules::facts(certificate.get(name)?.as_str()?);
        Some(facts.ok()?.algorithm)
    };
    match (kind("cert"), kind("cert_alt")) {
        (Some(one), Some(other)) if one == other => Err(Misfit::whole(
            "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), the provided \
             certificates were both of the same type",
        )),
        _ => Ok(()),
    }
}
