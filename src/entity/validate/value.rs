//! Whether one value is of its type, down to its innermost parts.

use serde_json::Value;

use super::protocols_of;
use super::record;
use super::record_of;
use super::rule;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Kind;
use crate::entity::PluginSchema;
use crate::entity::Rule;
use crate::entity::Type;
use crate::entity::schema::Fields;

/// Checks a value that is not null. The blame is a text, or mirrors the value: a list with nulls for its good
/// elements, an object for a record.
pub(super) fn check(
    kind: &Type,
    rules: &[Rule],
    value: &Value,
    plugin: Option<PluginSchema>,
) -> Result<(), Value> {
    check_type(kind, value, plugin)?;
    rule::check_all(rules, value).map_err(Value::String)
}

fn check_type(kind: &Type, value: &Value, plugin: Option<PluginSchema>) -> Result<(), Value> {
    match kind {
        Type::Text => expect(value.is_string(), "expected a string"),
        Type::Integer => expect(
            value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "expected an integer",
        ),
        Type::Number => expect(value.is_number(), "expected a number"),
        Type::Boolean => expect(value.is_boolean(), "expected a boolean"),
        Type::Array(element) => check_list(value, "expected an array", plugin, element),
        Type::Set(element) => check_list(value, "expected a set", plugin, element),
        Type::Map(key, of) => check_map(key, of, value, plugin),
        Type::Record(_) | Type::Checked(_) | Type::Config => check_record(kind, value, plugin),
        Type::Foreign(parent) => check_reference(*parent, value),
        Type::OneOrMore(element) if value.is_array() => {
            check_list(value, "expected an array", plugin, element)?;
            rule::check_all(&[Rule::LengthMin(1)], value).map_err(Value::String)
        }
        Type::OneOrMore(element) => check(&element.kind, element.rules, value, plugin),
        Type::Protocols => {
            let rules = [Rule::OneOf(protocols_of(plugin))];
            check_elements(value, "expected a set", |value| {
                check(&Type::Text, &rules, value, plugin)
            })
        }
    }
}

fn expect(holds: bool, text: &str) -> Result<(), Value> {
    if holds {
        Ok(())
    } else {
        Err(Value::String(text.to_owned()))
    }
}

fn check_list(
    value: &Value,
    text: &str,
    plugin: Option<PluginSchema>,
    element: &Element,
) -> Result<(), Value> {
    check_elements(value, text, |value| {
        check(&element.kind, element.rules, value, plugin)
    })
}

fn check_elements(
    value: &Value,
    text: &str,
    check: impl Fn(&Value) -> Result<(), Value>,
) -> Result<(), Value> {
    let Value::Array(values) = value else {
        return expect(false, text);
    };
    let mut blames: Vec<Value> = values
        .iter()
        .map(|value| match value {
            Value::Null => Value::String("required field missing".to_owned()),
            value => check(value).err().unwrap_or_default(),
        })
        .collect();
    while blames.last().is_some_and(Value::is_null) {
        blames.pop();
    }
    if blames.is_empty() {
        return Ok(());
    }
    Err(Value::Array(blames))
}

/// Kong names the first entry that is wrong by what is wrong with it alone.
fn check_map(
    key: &Element,
    of: &Element,
    value: &Value,
    plugin: Option<PluginSchema>,
) -> Result<(), Value> {
    let members = match value {
        Value::Object(members) => members,
        Value::Array(_) => return expect(false, "expected a string"),
        _ => return expect(false, "expected a map"),
    };
    for (name, value) in members {
        let name = Value::String(name.clone());
        check(&key.kind, key.rules, &name, plugin)?;
        match value {
            Value::Null => expect(false, "required field missing")?,
            value => check(&of.kind, of.rules, value, plugin)?,
        }
    }
    Ok(())
}

fn check_record(kind: &Type, value: &Value, plugin: Option<PluginSchema>) -> Result<(), Value> {
    let Value::Object(members) = value else {
        return expect(false, "expected a record");
    };
    let Some((fields, checks)) = record_of(kind, plugin) else {
        return Ok(());
    };
    let blame = record::check(fields, checks, members, plugin);
    if blame.is_empty() {
        return Ok(());
    }
    Err(Value::Object(blame))
}

/// A reference holds an id. What holds none is blamed for what it holds instead.
fn check_reference(parent: Kind, value: &Value) -> Result<(), Value> {
    let missing = || {
        let blame = ("id".to_owned(), "missing primary key".into());
        Value::Object(Document::from_iter([blame]))
    };
    let Value::Object(members) = value else {
        return Err(missing());
    };
    let id = members.get("id").and_then(Value::as_str);
    if id.is_some_and(rule::is_uuid) {
        return Ok(());
    }
    let blame = record::check_some(Fields::new(parent.entity().schema.fields), members);
    if blame.is_empty() {
        return Err(missing());
    }
    Err(Value::Object(blame))
}
