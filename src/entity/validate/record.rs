//! Whether the fields of a record are what they must be, each for itself and together.

use serde_json::Value;

use super::Intent;
use super::checks;
use super::value;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::PluginSchema;
use crate::entity::schema::Fields;

/// Checks a complete record that stands in another one.
pub(super) fn check(
    fields: Fields,
    checks: &[Check],
    record: &Document,
    plugin: Option<PluginSchema>,
) -> Document {
    let mut blame = check_fields(fields, record, plugin);
    checks::run(checks, record, &[], Intent::Put, &mut blame);
    blame
}

/// Checks the fields of a complete record, each for itself.
pub(super) fn check_fields(
    fields: Fields,
    record: &Document,
    plugin: Option<PluginSchema>,
) -> Document {
    let mut blame = check_members(fields, record, plugin);
    let missing =
        |field: &&Field| field.required && record.get(field.name).unwrap_or(&Value::Null).is_null();
    for field in fields.iter().filter(missing) {
        blame.insert(field.name.to_owned(), "required field missing".into());
    }
    blame
}

/// Checks those fields that are there.
pub(super) fn check_some(fields: Fields, record: &Document) -> Document {
    check_members(fields, record, None)
}

fn check_members(fields: Fields, record: &Document, plugin: Option<PluginSchema>) -> Document {
    let mut blame = Document::new();
    for (name, value) in record {
        let field = fields.find(name);
        let result = match field {
            None => Err("unknown field".into()),
            Some(_) if value.is_null() => Ok(()),
            Some(field) => value::check(&field.kind, field.rules, value, plugin),
        };
        if let Err(fault) = result {
            blame.insert(name.clone(), fault);
        }
    }
    blame
}
