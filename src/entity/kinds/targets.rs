//! Targets: the addresses behind an upstream.

use serde_json::Value;

use super::Entity;
use super::common;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::rules;
use crate::entity::rules::normalize_address;

/// The port of a target that names none.
const PORT: u16 = 8_000;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("target"),
    together: &["upstream", "target"],
    canonical: Some(canonical),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            Field::number(
                "created_at",
                "when it was made, in seconds since the Unix epoch",
            )
            .preset(Preset::NowMillis)
            .rules(&[Rule::Timestamp]),
            Field::number(
                "updated_at",
                "when it was last changed, in seconds since the Unix epoch",
            )
            .preset(Preset::NowMillis)
            .rules(&[Rule::Timestamp]),
            Field::foreign("upstream", Kind::Upstreams, "whose target it is")
                .required()
                .cascade(),
            Field::text("target", "its host or address, and its port")
                .required()
                .rules(&[Rule::Custom(rules::target)]),
            Field::integer("weight", "its share of the requests; 0 takes it out")
                .preset(Preset::Int(100))
                .rules(&[Rule::Between(0, 65_535)]),
            common::TAGS,
        ],
        checks: &[],
    })
};

/// One address has one spelling, so that it is found and is not there twice.
fn canonical(target: &mut Document) {
    let address = target.get("target").and_then(Value::as_str);
    let Some(Ok(address)) = address.map(normalize_address) else {
        return;
    };
    let port = address.port.unwrap_or(PORT);
    let text = format!("{}:{port}", address.host);
    target.insert("target".to_owned(), Value::String(text));
}
