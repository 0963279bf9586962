//! Every value of an entity with the field that it stands in.

use serde_json::Value;

use super::Shape;
use super::record_of;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::PluginSchema;
use crate::entity::Type;
use crate::entity::schema::Fields;

impl Shape {
    /// Shows each value to a visitor, outer ones first. What stands under an old name of a field is shown with the
    /// field itself.
    pub(in crate::entity) fn visit(
        &self,
        document: &mut Document,
        visitor: &mut dyn FnMut(&Field, &mut Value),
    ) {
        visit(self.fields(), document, self.plugin, visitor);
    }
}

fn visit(
    fields: Fields,
    record: &mut Document,
    plugin: Option<PluginSchema>,
    visitor: &mut dyn FnMut(&Field, &mut Value),
) {
    for (name, value) in record {
        let Some(field) = fields.find(name) else {
            continue;
        };
        visitor(real(fields, field), value);
        let element = match &field.kind {
            Type::Array(element) | Type::Set(element) | Type::Map(_, element) => &element.kind,
            kind => kind,
        };
        let Some((inner, _)) = record_of(element, plugin) else {
            continue;
        };
        match value {
            Value::Object(members) if matches!(field.kind, Type::Map(..)) => {
                let records = members
                    .iter_mut()
                    .filter_map(|(_, value)| value.as_object_mut());
                records.for_each(|record| visit(inner, record, plugin, visitor));
            }
            Value::Object(record) => visit(inner, record, plugin, visitor),
            Value::Array(values) => {
                let records = values.iter_mut().filter_map(Value::as_object_mut);
                records.for_each(|record| visit(inner, record, plugin, visitor));
            }
            _ => {}
        }
    }
}

/// The field that an old name means.
fn real(fields: Fields, field: &'static Field) -> &'static Field {
    let Some((last, records)) = field.alias.split_last() else {
        return field;
    };
    let mut fields = fields;
    for name in records {
        let record = fields
            .find(name)
            .and_then(|field| record_of(&field.kind, None));
        match record {
            Some((inner, _)) => fields = inner,
            None => return field,
        }
    }
    fields.find(last).unwrap_or(field)
}
