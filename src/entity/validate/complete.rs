//! From an input to an entity in which every field is there.

use serde_json::Number;
use serde_json::Value;
use serde_json::json;

use super::Intent;
use super::Shape;
use super::record_of;
use super::sparse;
use super::value;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Field;
use crate::entity::PluginSchema;
use crate::entity::Preset;
use crate::entity::Type;
use crate::entity::schema::Fields;

/// What entities are completed with.
struct Tools<'a, 'b> {
    env: &'a mut Env<'b>,
    intent: Intent,
    plugin: Option<PluginSchema>,
}

impl Shape {
    /// Expands short forms, makes up ids and keys, and unless this is a change of some fields fills in defaults.
    ///
    /// # Errors
    /// Code 2 if a short form is wrong.
    pub(in crate::entity) fn complete(
        &self,
        mut input: Document,
        intent: Intent,
        env: &mut Env<'_>,
    ) -> Result<Document, Error> {
        if let Some(shorthand) = &self.entity.shorthand
            && let Some(short) = input.remove(shorthand.name)
            && !short.is_null()
        {
            let Value::String(short) = short else {
                let blame = (shorthand.name.to_owned(), "expected a string".into());
                return Err(Error::schema_violation(Document::from_iter([blame])));
            };
            input.extend((shorthand.expand)(&short));
        }
        if let (Intent::Put, Some(prepare)) = (intent, self.entity.prepare) {
            prepare(&mut input);
        }
        let plugin = self.plugin;
        let mut tools = Tools {
            env,
            intent,
            plugin,
        };
        record(self.fields(), &mut input, &mut tools).map_err(Error::schema_violation)?;
        Ok(input)
    }
}

/// Completes a record that stands for itself.
pub(super) fn complete(
    fields: Fields,
    given: &mut Document,
    plugin: Option<PluginSchema>,
    env: &mut Env<'_>,
) -> Result<(), Document> {
    let intent = Intent::Put;
    let mut tools = Tools {
        env,
        intent,
        plugin,
    };
    record(fields, given, &mut tools)
}

/// Completes the members of a record.
fn record(
    fields: Fields,
    record: &mut Document,
    tools: &mut Tools<'_, '_>,
) -> Result<(), Document> {
    expand_aliases(fields, record, tools.plugin)?;
    for field in fields.iter().filter(|field| field.alias.is_empty()) {
        if let Some(made_up) = make_up(field, record.get(field.name), tools) {
            record.insert(field.name.to_owned(), made_up);
        }
        match record.get_mut(field.name) {
            Some(value) => tidy(&field.kind, value, tools)?,
            None if tools.intent == Intent::Patch || field.extension => {}
            None => {
                if let Some(default) = sparse::default_of(field, tools.plugin) {
                    record.insert(field.name.to_owned(), default);
                }
            }
        }
    }
    Ok(())
}

/// A value that is not the reader's to give, or that is made up because none was given.
fn make_up(field: &Field, given: Option<&Value>, tools: &mut Tools<'_, '_>) -> Option<Value> {
    let is_put = tools.intent == Intent::Put;
    let is_missing = given.is_none_or(Value::is_null);
    let is_due = match field.name {
        "updated_at" => is_missing || !tools.env.keeps_times,
        "id" | "created_at" => is_put && is_missing,
        _ => is_put && given.is_none(),
    };
    if !is_due {
        return None;
    }
    let env = &mut *tools.env;
    match field.default {
        Preset::Uuid => Some(Value::String((env.new_id)().to_string())),
        Preset::Now => Some(json!(env.now_secs)),
        Preset::NowMillis => Some(json!(env.now_ms as f64 / 1000.0)),
        Preset::Key => Some(Value::String(random_key(env))),
        _ => None,
    }
}

/// 32 letters and digits out of two random UUIDs, which have more randomness than those can hold.
fn random_key(env: &mut Env<'_>) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut key = String::new();
    for _ in 0..2 {
        // Version and variant are fixed bits: they go to the top, where no digit is taken from.
        let (high, low) = (env.new_id)().as_u64_pair();
        let mut bits =
            u128::from(low & (u64::MAX >> 2)) << 60 | u128::from((high >> 16) << 12 | high & 0xFFF);
        for _ in 0..16 {
            let digit = DIGITS.get((bits % 62) as usize).copied().unwrap_or(b'0');
            key.push(char::from(digit));
            bits /= 62;
        }
    }
    key
}

/// Gives a value its normal form, and completes the records in it.
fn tidy(kind: &Type, value: &mut Value, tools: &mut Tools<'_, '_>) -> Result<(), Document> {
    match kind {
        Type::Integer | Type::Number => make_whole(value),
        Type::Array(element) => tidy_list(&element.kind, value, tools),
        Type::Set(element) => {
            make_distinct(value);
            tidy_list(&element.kind, value, tools)
        }
        Type::Protocols => {
            make_distinct(value);
            tidy_list(&Type::Text, value, tools)
        }
        Type::Map(_, element) => {
            if value.as_array().is_some_and(Vec::is_empty) {
                *value = Value::Object(Document::new());
            }
            let values = value.as_object_mut();
            let mut values = values.into_iter().flatten();
            values.try_for_each(|(_, value)| tidy_part(&element.kind, value, tools))
        }
        Type::Record(_) | Type::Checked(_) | Type::Config => {
            if value.as_array().is_some_and(Vec::is_empty) {
                *value = Value::Object(Document::new());
            }
            match (value, record_of(kind, tools.plugin)) {
                (Value::Object(members), Some((fields, _))) => record(fields, members, tools),
                _ => Ok(()),
            }
        }
        Type::Foreign(_) => {
            keep_id(value);
            Ok(())
        }
        Type::OneOrMore(element) if value.is_array() => tidy_list(&element.kind, value, tools),
        Type::OneOrMore(element) => tidy_part(&element.kind, value, tools),
        Type::Text | Type::Boolean => Ok(()),
    }
}

/// Elements are written as a whole even if the entity is not.
fn tidy_part(kind: &Type, value: &mut Value, tools: &mut Tools<'_, '_>) -> Result<(), Document> {
    let intent = std::mem::replace(&mut tools.intent, Intent::Put);
    let result = tidy(kind, value, tools);
    tools.intent = intent;
    result
}

fn tidy_list(kind: &Type, value: &mut Value, tools: &mut Tools<'_, '_>) -> Result<(), Document> {
    // Lua does not tell an empty list from an empty object.
    if value.as_object().is_some_and(Document::is_empty) {
        *value = Value::Array(Vec::new());
    }
    let values = value.as_array_mut();
    let mut values = values.into_iter().flatten();
    values.try_for_each(|value| tidy_part(kind, value, tools))
}

/// `5.0` is `5`.
fn make_whole(value: &mut Value) -> Result<(), Document> {
    if let Some(whole) = value.as_f64().and_then(whole) {
        *value = Value::Number(whole);
    }
    Ok(())
}

/// The number as it is written without a point, if it can be.
pub(super) fn whole(number: f64) -> Option<Number> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && number.abs() < EXACT_MAX;
    is_whole.then(|| Number::from(number as i64))
}

/// A set keeps the first of equal texts, numbers and booleans.
fn make_distinct(value: &mut Value) {
    if let Value::Array(values) = value {
        let mut kept: Vec<Value> = Vec::with_capacity(values.len());
        for value in values.drain(..) {
            let is_plain = !value.is_object() && !value.is_array() && !value.is_null();
            if !(is_plain && kept.contains(&value)) {
                kept.push(value);
            }
        }
        *values = kept;
    }
}

/// A reference is its id, in lower case.
fn keep_id(value: &mut Value) {
    let id = value.get("id").and_then(Value::as_str);
    let id = id.filter(|id| super::rule::is_uuid(id));
    if let Some(id) = id {
        *value = json!({ "id": id.to_ascii_lowercase() });
    }
}

/// Moves what stands under an old name to where it belongs. What stands there wins if it is the same; if it is
/// not, the reader is told.
fn expand_aliases(
    fields: Fields,
    record: &mut Document,
    plugin: Option<PluginSchema>,
) -> Result<(), Document> {
    let mut blame = Document::new();
    for field in fields.iter().filter(|field| !field.alias.is_empty()) {
        let Some(old) = record.remove(field.name) else {
            continue;
        };
        if !old.is_null()
            && let Err(fault) = value::check(&field.kind, field.rules, &old, plugin)
        {
            blame.insert(field.name.to_owned(), fault);
            continue;
        }
        let path = field.alias.join(".");
        match Check::value(record, &path) {
            Some(new) if !new.is_null() && !old.is_null() && *new != old => {
                let plain = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
                let text = format!(
                    "both deprecated and new field are used but their values mismatch: {} = {} vs {path} = {}",
                    field.name,
                    plain(&old),
                    plain(new)
                );
                blame.insert(field.name.to_owned(), Value::String(text));
            }
            Some(new) if !new.is_null() => {}
            _ => put(record, field.alias, old),
        }
    }
    if blame.is_empty() { Ok(()) } else { Err(blame) }
}

fn put(record: &mut Document, path: &[&str], value: Value) {
    let [records @ .., name] = path else { return };
    let mut record = record;
    for name in records {
        let inner = record.entry(*name).or_insert(Value::Null);
        if inner.is_null() {
            *inner = Value::Object(Document::new());
        }
        let Value::Object(inner) = inner else { return };
        record = inner;
    }
    record.insert((*name).to_owned(), value);
}
