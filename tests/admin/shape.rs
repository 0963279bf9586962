//! Whether a value is as a schema says: that part of JSON Schema (2020-12) which the OpenAPI document uses.

use serde_json::Map;
use serde_json::Value;

/// What is wrong with a value; references lead into the document.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(document, schema, value, "", &mut faults);
    faults
}

/// A schema, its reference followed.
pub(crate) fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(target) => {
            let place = target.strip_prefix('#').unwrap();
            resolve(document, document.pointer(place).unwrap())
        }
        None => schema,
    }
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolve(document, schema);
    let Value::Object(members) = schema else {
        return;
    };
    for (word, rule) in members {
        let mut fault = |text: String| faults.push(format!("{at}: {text}"));
        match word.as_str() {
            "type" if !types(rule).any(|kind| is(value, kind)) => {
                fault(format!("{value} is no {rule}"))
            }
            "enum" if !rule.as_array().unwrap().contains(value) => {
                fault(format!("{value} is none of {rule}"))
            }
            "const" if rule != value => fault(format!("{value} is not {rule}")),
            "minimum" if number(value) < number(rule) => fault(format!("{value} is below {rule}")),
            "maximum" if number(value) > number(rule) => fault(format!("{value} is above {rule}")),
            "exclusiveMinimum" if number(value).is_some() && number(value) <= number(rule) => {
                fault(format!("{value} is not above {rule}"));
            }
            "minLength" if value.as_str().is_some_and(|text| text.len() < size(rule)) => {
                fault("the text is too short".to_owned());
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, rule, item, &format!("{at}[{index}]"), faults);
                }
            }
            "required" if value.is_object() => {
                let names = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                let missing = names.filter(|name| value.get(name).is_none());
                missing.for_each(|name| fault(format!("{name} is missing")));
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(document, rule, member, &format!("{at}.{name}"), faults);
                    }
                }
            }
            "additionalProperties" => additional(document, members, rule, value, at, faults),
            "allOf" => {
                for part in rule.as_array().unwrap() {
                    check(document, part, value, at, faults);
                }
            }
            "anyOf" => {
                let parts = rule.as_array().unwrap().iter();
                let mut tried = parts.map(|part| self::faults(document, part, value));
                if !tried.any(|faults| faults.is_empty()) {
                    fault(format!("{value} is none of the alternatives"));
                }
            }
            "if" if self::faults(document, rule, value).is_empty() => {
                check(document, &members["then"], value, at, faults);
            }
            "not" if self::faults(document, rule, value).is_empty() => {
                fault(format!("{value} is not permitted"))
            }
            _ => {}
        }
    }
}

fn additional(
    document: &Value,
    members: &Map<String, Value>,
    rule: &Value,
    value: &Value,
    at: &str,
    faults: &mut Vec<String>,
) {
    let known = members.get("properties").and_then(Value::as_object);
    let is_known = |name: &String| known.is_some_and(|known| known.contains_key(name));
    for (name, member) in value.as_object().into_iter().flatten() {
        match rule {
            _ if is_known(name) => {}
            Value::Bool(false) => faults.push(format!("{at}: {name} is not in the schema")),
            _ => check(document, rule, member, &format!("{at}.{name}"), faults),
        }
    }
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    let one = rule.as_str().into_iter();
    let several = rule
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    one.chain(several)
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn size(rule: &Value) -> usize {
    rule.as_u64().unwrap() as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::faults;

    #[test]
    fn shapes_are_told_apart() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": { "type": ["string", "null"], "minLength": 1 },
                "b": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
                "c": { "enum": ["x", null] },
            },
            "required": ["a"],
            "additionalProperties": false,
            "allOf": [{ "if": { "properties": { "c": { "const": "x" } }, "required": ["c"] }, "then": { "required": ["b"] } }],
        });
        let good = [
            json!({"a": null}),
            json!({"a": "t", "b": [1, 2]}),
            json!({"a": "t", "b": [], "c": "x"}),
        ];
        for value in good {
            assert!(faults(&schema, &schema, &value).is_empty(), "{value}");
        }
        let bad = [
            json!({}),
            json!({"a": 1}),
            json!({"a": ""}),
            json!({"a": "t", "b": [0]}),
            json!({"a": "t", "d": 1}),
            json!({"a": "t", "c": "y"}),
            json!({"a": "t", "c": "x"}),
            json!([]),
        ];
        for value in bad {
            assert!(!faults(&schema, &schema, &value).is_empty(), "{value}");
        }
    }
}
