//! Values of forms, which are all texts, as the types that a schema wants.
//!
//! Whoever decodes a form makes objects and lists of its names; what is a text there and no text in the schema is
//! made what it says. What says nothing of the kind stays a text, and the schema refuses it.

use serde_json::Number;
use serde_json::Value;

use super::Document;
use super::Kind;
use super::PluginSchemas;
use super::Type;
use super::schema::Fields;

/// Makes an input of a decoded form.
pub fn infer(kind: Kind, mut form: Document, plugins: &dyn PluginSchemas) -> Document {
    let name = form.get("name").and_then(Value::as_str);
    let config = match kind {
        Kind::Plugins => name.and_then(|name| plugins.schema(name)),
        _ => None,
    };
    let config = config.map(|plugin| plugin.fields());
    infer_record(Fields::new(kind.entity().schema.fields), &mut form, config);
    form
}

fn infer_record(fields: Fields, record: &mut Document, config: Option<Fields>) {
    for (name, value) in record {
        if let Some(field) = fields.find(name) {
            infer_value(&field.kind, value, config);
        }
    }
}

fn infer_value(kind: &Type, value: &mut Value, config: Option<Fields>) {
    if value.as_str().is_some_and(str::is_empty) {
        *value = Value::Null;
        return;
    }
    match kind {
        Type::Integer | Type::Number => {
            if let Some(number) = value.as_str().and_then(read_number) {
                *value = Value::Number(number);
            }
        }
        Type::Boolean => match value.as_str() {
            Some("true") => *value = Value::Bool(true),
            Some("false") => *value = Value::Bool(false),
            _ => {}
        },
        Type::Array(element) | Type::Set(element) => infer_list(&element.kind, value, config),
        Type::Protocols => infer_list(&Type::Text, value, config),
        Type::Map(_, element) => {
            for (_, value) in value.as_object_mut().into_iter().flatten() {
                infer_value(&element.kind, value, config);
            }
        }
        Type::Record(fields) => infer_members(Fields::new(fields), value, config),
        Type::Checked(schema) => infer_members(Fields::new(schema.fields), value, config),
        Type::Config => {
            if let Some(fields) = config {
                infer_members(fields, value, config);
            }
        }
        // A list has brackets in its name.
        Type::OneOrMore(element) if value.is_array() => infer_list(&element.kind, value, config),
        Type::OneOrMore(element) => infer_value(&element.kind, value, config),
        Type::Text | Type::Foreign(_) => {}
    }
}

fn infer_members(fields: Fields, value: &mut Value, config: Option<Fields>) {
    if let Value::Object(members) = value {
        infer_record(fields, members, config);
    }
}

/// A single value is a list of one.
fn infer_list(kind: &Type, value: &mut Value, config: Option<Fields>) {
    if value.is_string() {
        *value = Value::Array(vec![value.take()]);
    }
    for value in value.as_array_mut().into_iter().flatten() {
        infer_value(kind, value, config);
    }
}

fn read_number(text: &str) -> Option<Number> {
    let whole = text.trim().parse::<i64>().ok().map(Number::from);
    whole.or_else(|| text.trim().parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::entity::NoPlugins;
    use serde_json::json;

    #[test]
    fn texts_become_what_the_schema_wants() {
        let form = json!({
            "name": "5",
            "retries": "2",
            "enabled": "false",
            "tags": "a",
            "path": "",
            "port": "abc",
        });
        let form = form.as_object().cloned().unwrap();
        let input = json!({
            "name": "5",
            "retries": 2,
            "enabled": false,
            "tags": ["a"],
            "path": null,
            "port": "abc",
        });
        let inferred = infer(Kind::Services, form, &NoPlugins);
        assert_eq!(Value::Object(inferred), input);
    }

    #[test]
    fn nested_values_do_too() {
        let form = json!({"name": "u", "healthchecks": {"active": {"timeout": "0.5"}}});
        let form = form.as_object().cloned().unwrap();
        let inferred = infer(Kind::Upstreams, form, &NoPlugins);
        assert_eq!(inferred["healthchecks"]["active"]["timeout"], json!(0.5));
    }
}
