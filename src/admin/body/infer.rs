//! What the texts of a form mean, by the schema of what they are for.
//!
//! As in Kong: an empty value is null, a number is read where a number belongs, a single value where a list belongs
//! is a list of one. A text that is not what it should be stays as it is, for the schema to refuse in its own words.

use serde_json::Number;
use serde_json::Value;

use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Type;

/// Gives the values of a form the types of `fields`.
pub(in crate::admin) fn infer(document: &mut Document, fields: &[Field]) {
    for field in fields {
        if let Some(value) = document.get_mut(field.name) {
            give_type(value, &field.kind);
        }
    }
}

fn give_type(value: &mut Value, kind: &Type) {
    if value.as_str() == Some("") {
        *value = Value::Null;
        return;
    }
    match kind {
        Type::Integer | Type::Number => {
            if let Some(number) = value.as_str().and_then(number) {
                *value = Value::Number(number);
            }
        }
        Type::Boolean => match value.as_str() {
            Some("true") => *value = Value::Bool(true),
            Some("false") => *value = Value::Bool(false),
            Some(_) | None => {}
        },
        Type::Array(element) | Type::Set(element) => {
            if value.is_string() {
                *value = Value::Array(vec![value.take()]);
            }
            for item in value.as_array_mut().into_iter().flatten() {
                give_type(item, &element.kind);
            }
        }
        Type::Map(_, element) => {
            for (_, item) in value.as_object_mut().into_iter().flatten() {
                give_type(item, &element.kind);
            }
        }
        Type::Record(fields) => {
            if let Some(record) = value.as_object_mut() {
                infer(record, fields);
            }
        }
        Type::Checked(schema) => {
            if let Some(record) = value.as_object_mut() {
                infer(record, schema.fields);
            }
        }
        Type::Text | Type::Foreign(_) | Type::Any => {}
    }
}

/// Decimal or hexadecimal, as Lua reads numbers.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    let is_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !text.bytes().all(is_number) {
        return None;
    }
    let whole = text.parse::<i64>().ok().map(Number::from);
    whole.or_else(|| Number::from_f64(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::infer;
    use crate::entity::Element;
    use crate::entity::Field;
    use crate::entity::Type;

    const FIELDS: &[Field] = &[
        Field::integer("port", ""),
        Field::number("rate", ""),
        Field::flag("on", true, ""),
        Field::text_set("tags", ""),
        Field::text("name", ""),
        Field::new("codes", Type::Array(&Element::new(Type::Integer)), ""),
        Field::new(
            "headers",
            Type::Map(&Element::TEXT, &Element::new(Type::Array(&Element::TEXT))),
            "",
        ),
        Field::record("config", &[Field::flag("deep", false, "")], ""),
    ];

    #[test]
    fn texts_become_what_the_schema_wants() {
        let input = json!({
            "port": "80", "rate": " 1.5 ", "on": "false", "tags": "one", "name": "5", "codes": ["1", "0x10"],
            "headers": {"x-a": "1"}, "config": {"deep": "true", "other": "1"}, "unknown": "1",
        });
        let serde_json::Value::Object(mut document) = input else {
            return;
        };
        infer(&mut document, FIELDS);
        let expected = json!({
            "port": 80, "rate": 1.5, "on": false, "tags": ["one"], "name": "5", "codes": [1, 16],
            "headers": {"x-a": ["1"]}, "config": {"deep": true, "other": "1"}, "unknown": "1",
        });
        assert_eq!(serde_json::Value::Object(document), expected);
    }

    #[test]
    fn empty_is_null_and_what_does_not_fit_stays() {
        let input = json!({
            "port": "", "rate": "1e999", "on": "yes", "tags": "", "codes": "a", "config": "x",
        });
        let serde_json::Value::Object(mut document) = input else {
            return;
        };
        infer(&mut document, FIELDS);
        let expected = json!({
            "port": null, "rate": "1e999", "on": "yes", "tags": null, "codes": ["a"], "config": "x",
        });
        assert_eq!(serde_json::Value::Object(document), expected);
    }
}
