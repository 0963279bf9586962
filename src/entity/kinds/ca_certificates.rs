//! Certificates of authorities, with which the certificates of services are verified.

use serde_json::Value;

use super::Entity;
use super::common;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::rules;

pub(super) const ENTITY: Entity = Entity::new(Schema {
    fields: &[
        common::ID,
        common::CREATED_AT,
        common::UPDATED_AT,
        Field::text("cert", "the certificate, in PEM")
            .required()
            .rules(&[Rule::Custom(rules::certificate)]),
        Field::text("cert_digest", "its SHA-256 digest in hexadecimal").unique(),
        common::TAGS,
    ],
    checks: &[Check::Custom(check_single)],
});

fn check_single(authority: &Document) -> Result<(), Misfit> {
    let cert = authority.get("cert").and_then(Value::as_str);
    let count = cert.map(|cert| cert.matches("-----BEGIN CERTIFICATE-----").count());
    match count {
        Some(2..) => Err(Misfit::whole(
            "please submit only one certificate at a time",
        )),
        _ => Ok(()),
    }
}
