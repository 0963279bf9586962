//! Fields as JSON Schema (2020-12, which OpenAPI 3.1 speaks).

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Type;

/// Whose fields they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Of an answer: every field is there.
    Answer,
    /// Of a request: a field may be left out, and a reference may name what it means.
    Request,
}

/// An object of these fields and no others.
pub(super) fn object(fields: &[Field], side: Side) -> Map<String, Value> {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field, side)))
        .collect();
    let shown = |field: &&Field| side == Side::Answer && !field.extension;
    let required: Vec<&str> = fields
        .iter()
        .filter(shown)
        .map(|field| field.name)
        .collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), "object".into());
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("additionalProperties".to_owned(), false.into());
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

/// The fields that a new entity cannot be without.
pub(super) fn needed(fields: &[Field]) -> Vec<&'static str> {
    let needed = |field: &&Field| {
        let is_record = matches!(field.kind, Type::Record(_) | Type::Checked(_));
        let is_reference = matches!(field.kind, Type::Foreign(_));
        // A reference is given by the path where there is one.
        field.required && field.default == Preset::Null && !is_record && !is_reference
    };
    fields
        .iter()
        .filter(needed)
        .map(|field| field.name)
        .collect()
}

fn property(field: &Field, side: Side) -> Value {
    let mut schema = typed(&field.kind, side);
    ruled(field.rules, &mut schema);
    let automatic = matches!(
        field.default,
        Preset::Uuid | Preset::Now | Preset::NowMillis | Preset::Key
    );
    if field.default == Preset::Uuid {
        schema.insert("format".to_owned(), "uuid".into());
    }
    if let Some(default) = default(field) {
        schema.insert("default".to_owned(), default);
    }
    if !(field.required || automatic && side == Side::Answer) {
        nullable(&mut schema);
    }
    if !field.about.is_empty() {
        schema.insert("description".to_owned(), field.about.into());
    }
    Value::Object(schema)
}

/// What a field is when it is absent, where that is always the same and not null.
pub(in crate::admin) fn default(field: &Field) -> Option<Value> {
    let default = match field.default {
        Preset::Null | Preset::Uuid | Preset::Now | Preset::NowMillis | Preset::Key => return None,
        Preset::Bool(value) => value.into(),
        Preset::Int(value) => value.into(),
        Preset::Num(value) => value.into(),
        Preset::Text(value) => value.into(),
        Preset::Texts(values) => json!(values),
        Preset::Ints(values) => json!(values),
        Preset::EmptyList => json!([]),
        Preset::EmptyMap => json!({}),
    };
    Some(default)
}

/// Null is fine as well.
fn nullable(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type")
        && kind.is_string()
    {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    if let Some(either) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        either.push(json!({ "type": "null" }));
    }
}

fn typed(kind: &Type, side: Side) -> Map<String, Value> {
    let schema = match kind {
        Type::Text => json!({ "type": "string" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::Number => json!({ "type": "number" }),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Array(inner) | Type::Set(inner) => {
            json!({ "type": "array", "items": element(inner, side) })
        }
        Type::Map(_, values) => {
            json!({ "type": "object", "additionalProperties": element(values, side) })
        }
        Type::Record(fields) => Value::Object(object(fields, side)),
        Type::Checked(schema) => Value::Object(object(schema.fields, side)),
        Type::Foreign(_) => match side {
            Side::Answer => json!({
                "type": "object",
                "properties": { "id": { "type": "string", "format": "uuid" } },
                "required": ["id"],
            }),
            Side::Request => json!({ "type": "object", "minProperties": 1, "maxProperties": 1 }),
        },
        Type::OneOrMore(inner) => json!({ "anyOf": [
            element(inner, side),
            { "type": "array", "items": element(inner, side), "minItems": 1 },
        ] }),
        Type::Protocols => json!({ "type": "array", "items": { "type": "string" } }),
        Type::Config => json!({ "type": "object" }),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn element(element: &Element, side: Side) -> Value {
    let mut schema = typed(&element.kind, side);
    ruled(element.rules, &mut schema);
    Value::Object(schema)
}

fn ruled(rules: &[Rule], schema: &mut Map<String, Value>) {
    let is_text = schema.get("type").is_some_and(|kind| kind == "string");
    let (least, most) = match is_text {
        true => ("minLength", "maxLength"),
        false => ("minItems", "maxItems"),
    };
    if is_text && !rules.iter().any(|rule| matches!(rule, Rule::AllowEmpty)) {
        schema.insert("minLength".to_owned(), 1.into());
    }
    for rule in rules {
        let mut set = |name: &str, value: Value| {
            schema.insert(name.to_owned(), value);
        };
        match rule {
            Rule::Eq(text) => set("const", json!(text)),
            Rule::OneOf(texts) => set("enum", json!(texts)),
            Rule::OneOfInts(numbers) => set("enum", json!(numbers)),
            Rule::Between(low, high) => {
                set("minimum", json!(low));
                set("maximum", json!(high));
            }
            Rule::GreaterThan(low) => set("exclusiveMinimum", json!(low)),
            Rule::LengthMin(length) => set(least, json!(length)),
            Rule::LengthMax(length) => set(most, json!(length)),
            Rule::Length(length) => {
                set(least, json!(length));
                set(most, json!(length));
            }
            Rule::StartsWith(text) => set("pattern", format!("^{}", quoted(text)).into()),
            Rule::NotOneOf(texts) => set("not", json!({ "enum": texts })),
            Rule::Uuid => set("format", "uuid".into()),
            // What a function checks is told by the error.
            Rule::AllowEmpty
            | Rule::Timestamp
            | Rule::Form(_)
            | Rule::Exclusive(_)
            | Rule::Custom(_) => {}
        }
    }
}

/// A text as a pattern that matches it alone.
fn quoted(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if !(c.is_alphanumeric() || "/-_ ".contains(c)) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::Side;
    use super::needed;
    use super::object;
    use crate::entity::Element;
    use crate::entity::Field;
    use crate::entity::Kind;
    use crate::entity::Preset;
    use crate::entity::Rule;
    use crate::entity::Type;

    const FIELDS: &[Field] = &[
        Field::text("id", "").preset(Preset::Uuid),
        Field::text("host", "Where.")
            .required()
            .rules(&[Rule::StartsWith("a.")]),
        Field::integer("port", "")
            .preset(Preset::Int(80))
            .rules(&[Rule::Between(0, 65535)]),
        Field::text("mode", "").rules(&[Rule::OneOf(&["x", "y"])]),
        Field::new("tags", Type::Set(&Element::TEXT), ""),
        Field::new("owner", Type::Foreign(Kind::Consumers), "").required(),
    ];

    #[test]
    fn fields_of_answers_are_all_there() {
        let schema = Value::Object(object(FIELDS, Side::Answer));
        assert_eq!(
            schema["required"],
            json!(["id", "host", "port", "mode", "tags", "owner"])
        );
        let properties = &schema["properties"];
        assert_eq!(
            properties["id"],
            json!({"type": "string", "format": "uuid", "minLength": 1})
        );
        assert_eq!(
            properties["host"],
            json!({"type": "string", "minLength": 1, "pattern": "^a\\.", "description": "Where."})
        );
        assert_eq!(
            properties["port"],
            json!({"type": ["integer", "null"], "minimum": 0, "maximum": 65535, "default": 80})
        );
        assert_eq!(properties["mode"]["enum"], json!(["x", "y", null]));
        assert_eq!(properties["owner"]["required"], json!(["id"]));
    }

    #[test]
    fn fields_of_requests_may_be_left_out() {
        let schema = Value::Object(object(FIELDS, Side::Request));
        assert!(schema.get("required").is_none());
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(needed(FIELDS), ["host"]);
    }
}
