//! Certificates of authorities, with which the certificates of services are verified.

use serde_json::Value;

use super::Entity;
use super::common;
use crate::base::clock;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::rules;
use crate::entity::rules::Facts;

pub(super) const ENTITY: Entity = Entity {
    canonical: Some(tell_digest),
    ..Entity::new(Schema {
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
        checks: &[Check::Custom(check_authority)],
    })
};

/// As Kong has it, whatever the input says.
fn tell_digest(authority: &mut Document) {
    if let Some(facts) = facts(authority) {
        authority.insert("cert_digest".to_owned(), facts.digest.into());
    }
}

fn facts(authority: &Document) -> Option<Facts> {
    rules::facts(authority.get("cert")?.as_str()?).ok()
}

/// One certificate, which is in force and may sign others. What cannot be read has been told of already.
fn check_authority(authority: &Document) -> Result<(), Misfit> {
    let cert = authority.get("cert").and_then(Value::as_str);
    let count = cert.map(|cert| cert.matches("-----BEGIN CERTIFICATE-----").count());
    if count > Some(1) {
        let text = "please submit only one certificate at a time";
        return Err(Misfit::whole(text));
    }
    let Some(facts) = facts(authority) else {
        return Ok(());
    };
    let now_secs = clock::unix_micros() / 1_000_000;
    if facts.not_after < i64::try_from(now_secs).unwrap_or(i64::MAX) {
        let text = "certificate expired, \"Not After\" time is in the past";
        return Err(Misfit::whole(text));
    }
    if !facts.is_authority {
        return Err(Misfit::whole(
            "certificate does not appear to be a CA because it is missing the \"CA\" basic constraint",
        ));
    }
    Ok(())
}
