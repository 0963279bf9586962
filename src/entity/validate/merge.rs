//! Changes of an entity laid over what it was.

use serde_json::Value;

use super::Shape;
use super::record_of;
use crate::entity::Document;
use crate::entity::PluginSchema;
use crate::entity::schema::Fields;

/// Records are merged field by field; everything else that the change names replaces what was there. The shape is
/// that of the entity as it was.
pub(in crate::entity) fn merge(shape: &Shape, before: Document, change: Document) -> Document {
    merge_fields(shape.fields(), before, change, shape.plugin)
}

fn merge_fields(
    fields: Fields,
    mut before: Document,
    change: Document,
    plugin: Option<PluginSchema>,
) -> Document {
    for (name, value) in change {
        let field = fields.find(&name);
        let record = field.and_then(|field| record_of(&field.kind, plugin));
        let merged = match (record, before.remove(&name), value) {
            (Some((fields, _)), Some(Value::Object(before)), Value::Object(change)) => {
                Value::Object(merge_fields(fields, before, change, plugin))
            }
            (_, _, value) => value,
        };
        before.insert(name, merged);
    }
    before
}
