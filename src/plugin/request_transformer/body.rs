//! The rules for a request's body: a form, the top level of a JSON object, or a multipart form.

use super::super::transform::Unfit;
use super::super::transform::args::Args;
use super::super::transform::mentions;
use super::super::transform::multipart::Multipart;
use super::super::transform::object::Object;
use super::super::transform::object::quoted;
use super::rules::Rules;
use super::template::Source;
use crate::base::limits;

/// What a body is by its Content-Type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Multipart,
    Form,
}

/// A body is too much to be looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Kind {
    /// What a body with this Content-Type is, if it is something that can be changed.
    pub(super) fn of(content_type: &[u8]) -> Option<Self> {
        if mentions(content_type, b"application/json") {
            Some(Self::Json)
        } else if mentions(content_type, b"multipart/form-data") {
            Some(Self::Multipart)
        } else if mentions(content_type, b"application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else {
            None
        }
    }
}

/// A body as the rules make it; none if it stays as it is.
pub(super) fn transform(
    rules: &Rules,
    source: &dyn Source,
    kind: Kind,
    content_type: &[u8],
    body: &[u8],
) -> Result<Option<Vec<u8>>, TooLarge> {
    match kind {
        Kind::Json => json(rules, source, body),
        Kind::Form => form(rules, source, body),
        Kind::Multipart => multipart(rules, source, content_type, body),
    }
}

/// A body that does not parse is left to the origin.
fn json(rules: &Rules, source: &dyn Source, body: &[u8]) -> Result<Option<Vec<u8>>, TooLarge> {
    let before = match Object::parse(body) {
        Ok(object) => object,
        Err(Unfit::TooMany) => return Err(TooLarge),
        Err(Unfit::Unreadable) if body.is_empty() => Object::empty(),
        Err(Unfit::Unreadable) => return Ok(None),
    };
    let mut object = before.clone();
    for name in &rules.remove {
        object.remove(name);
    }
    for rule in &rules.rename {
        let new = rule.value.render(source);
        object.rename(&rule.name, &String::from_utf8_lossy(&new));
    }
    let text = |value: &[u8]| quoted(&String::from_utf8_lossy(value));
    for rule in &rules.replace {
        if object.holds(&rule.name) {
            object.set(&rule.name, text(&rule.value.render(source)));
        }
    }
    for rule in &rules.add {
        if !object.holds(&rule.name) {
            object.set(&rule.name, text(&rule.value.render(source)));
        }
    }
    for rule in &rules.append {
        object.append(&rule.name, &text(&rule.value.render(source)));
    }
    Ok((object != before).then(|| object.write()))
}

fn form(rules: &Rules, source: &dyn Source, body: &[u8]) -> Result<Option<Vec<u8>>, TooLarge> {
    if Args::count(body) > limits::TRANSFORM_MEMBERS {
        return Err(TooLarge);
    }
    let before = Args::decode(body);
    let mut args = before.clone();
    change(rules, source, &mut args);
    Ok((args != before).then(|| args.encode()))
}

/// Applies the rules to arguments, of a form or of the query.
pub(super) fn change(rules: &Rules, source: &dyn Source, args: &mut Args<'_>) {
    for name in &rules.remove {
        args.remove(name.as_bytes());
    }
    for rule in &rules.rename {
        args.rename(rule.name.as_bytes(), &rule.value.render(source));
    }
    for rule in &rules.replace {
        args.replace(rule.name.as_bytes(), &rule.value.render(source));
    }
    for rule in &rules.add {
        args.add(rule.name.as_bytes(), &rule.value.render(source));
    }
    for rule in &rules.append {
        args.append(rule.name.as_bytes(), &rule.value.render(source));
    }
}

/// Kong renames before it removes here, and appends nothing.
fn multipart(
    rules: &Rules,
    source: &dyn Source,
    content_type: &[u8],
    body: &[u8],
) -> Result<Option<Vec<u8>>, TooLarge> {
    let before = match Multipart::parse(content_type, body) {
        Ok(form) => form,
        Err(Unfit::TooMany) => return Err(TooLarge),
        Err(Unfit::Unreadable) => return Ok(None),
    };
    let mut form = before.clone();
    for rule in &rules.rename {
        form.rename(rule.name.as_bytes(), &rule.value.render(source));
    }
    for name in &rules.remove {
        form.remove(name.as_bytes());
    }
    for rule in &rules.replace {
        let name = rule.name.as_bytes();
        if form.has(name) {
            form.replace(name, &rule.value.render(source));
        }
    }
    for rule in &rules.add {
        if !form.has(rule.name.as_bytes()) {
            form.set(rule.name.as_bytes(), &rule.value.render(source));
        }
    }
    Ok((form != before).then(|| form.write()))
}
