//! What several fields of a record must satisfy together.

use serde_json::Value;

use super::Intent;
use super::rule;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Misfit;
use crate::entity::Then;
use crate::entity::error::ENTITY;

/// Runs the checks of a record. `prefix` is where the record stands in the entity that is blamed.
pub(super) fn run(
    checks: &[Check],
    record: &Document,
    prefix: &[&str],
    intent: Intent,
    blame: &mut Document,
) {
    for check in checks {
        for misfit in find(check, record, prefix, intent, !blame.is_empty()) {
            put(blame, prefix, misfit);
        }
    }
}

/// What a check finds; the paths count from the record, but texts show them from the entity.
fn find(
    check: &Check,
    record: &Document,
    prefix: &[&str],
    intent: Intent,
    is_faulty: bool,
) -> Vec<Found> {
    let is_set = |path: &&&str| Check::value(record, path).is_some_and(is_filled);
    let count = |paths: &[&str]| paths.iter().filter(is_set).count();
    let whole = |text: &str, paths: &[&str]| vec![Found::Entity(listed(text, prefix, paths))];
    match check {
        Check::AtLeastOneOf(paths) if count(paths) == 0 => {
            let text = "at least one of these fields must be non-empty";
            match intent {
                Intent::Put => whole(text, paths),
                Intent::Patch => whole(&format!("when updating, {text}"), paths),
            }
        }
        Check::OnlyOneOf(paths) if count(paths) > 1 => {
            whole("only one or none of these fields must be set", paths)
        }
        Check::ExactlyOneOf(paths) if count(paths) != 1 => {
            whole("exactly one of these fields must be non-empty", paths)
        }
        Check::MutuallyRequired(paths) if !matches!(count(paths), n if n == 0 || n == paths.len()) => {
            whole("all or none of these fields must be set", paths)
        }
        Check::Distinct(paths) if has_twins(record, paths) => {
            whole("values of these fields must be distinct", paths)
        }
        Check::If(path, condition, other, then) => {
            let value = Check::value(record, path).unwrap_or(&Value::Null);
            let other_value = Check::value(record, other).unwrap_or(&Value::Null);
            if value.is_null() || rule::check(condition, value).is_err() {
                return Vec::new();
            }
            let Err(text) = check_then(then, other_value) else {
                return Vec::new();
            };
            let path = shown(prefix, path);
            vec![
                Found::Misfit(Misfit::at(other, text)),
                Found::Entity(format!(
                    "failed conditional validation given value of field '{path}'"
                )),
            ]
        }
        Check::Custom(check) if !is_faulty => {
            let found = check(record).err();
            found.into_iter().map(Found::Misfit).collect()
        }
        Check::Each(check) => check(record).into_iter().map(Found::Misfit).collect(),
        Check::AtLeastOneOf(_)
        | Check::OnlyOneOf(_)
        | Check::ExactlyOneOf(_)
        | Check::MutuallyRequired(_)
        | Check::Distinct(_)
        | Check::Custom(_) => Vec::new(),
    }
}

/// Something that is wrong.
pub(super) enum Found {
    /// With the entity, wherever the record stands in it.
    Entity(String),
    /// With the record or a part of it.
    Misfit(Misfit),
}

impl From<Misfit> for Found {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

fn check_then(then: &Then, value: &Value) -> Result<(), String> {
    match then {
        Then::Required if value.is_null() => Err("required field missing".to_owned()),
        Then::Null if !value.is_null() => Err("value must be null".to_owned()),
        Then::Is(wanted) if !value.is_null() => rule::check(wanted, value),
        Then::Holds(wanted) if !holds(value, wanted) => {
            Err(format!("expected to contain: {wanted}"))
        }
        Then::Required | Then::Null | Then::Is(_) | Then::Holds(_) => Ok(()),
    }
}

fn holds(list: &Value, wanted: &str) -> bool {
    let values = list.as_array();
    values.is_some_and(|values| values.iter().any(|value| value == wanted))
}

fn has_twins(record: &Document, paths: &[&str]) -> bool {
    let values: Vec<&Value> = paths
        .iter()
        .filter_map(|path| Check::value(record, path).filter(|value| is_filled(value)))
        .collect();
    let mut rest = values.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if others.contains(first) {
            return true;
        }
        rest = others;
    }
    false
}

/// Neither null nor an empty text, list or object.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn shown(prefix: &[&str], path: &str) -> String {
    [prefix, &[path]].concat().join(".")
}

fn listed(text: &str, prefix: &[&str], paths: &[&str]) -> String {
    let quoted = paths
        .iter()
        .map(|path| format!("'{}'", shown(prefix, path)));
    let quoted: Vec<String> = quoted.collect();
    format!("{text}: {}", quoted.join(", "))
}

/// Notes what was found. What is said of a field replaces what was said of it before.
pub(super) fn put(blame: &mut Document, prefix: &[&str], found: impl Into<Found>) {
    let misfit = match found.into() {
        Found::Misfit(misfit) => misfit,
        Found::Entity(text) => return put_whole(blame, text),
    };
    let path = prefix.iter().copied();
    let path: Vec<&str> = path.chain(misfit.path.iter().map(String::as_str)).collect();
    match path[..] {
        [] => put_whole(blame, misfit.message),
        [ref records @ .., field] => {
            let mut blame = blame;
            for record in records {
                let inner = blame
                    .entry(*record)
                    .or_insert_with(|| Value::Object(Document::new()));
                if !inner.is_object() {
                    // The record itself was blamed already.
                    return;
                }
                let Value::Object(inner) = inner else { return };
                blame = inner;
            }
            blame.insert(field.to_owned(), Value::String(misfit.message));
        }
    }
}

fn put_whole(blame: &mut Document, text: String) {
    let texts = blame
        .entry(ENTITY)
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(texts) = texts {
        texts.push(Value::String(text));
    }
}
