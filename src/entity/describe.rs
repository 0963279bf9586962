//! Schemas in the JSON form of Kong's `/schemas`, which its clients read to learn fields and defaults.
//!
//! Fields of our own are left out: clients would miss them in answers that do not show them.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Check;
use super::Element;
use super::Field;
use super::Kind;
use super::PluginSchema;
use super::Preset;
use super::Rule;
use super::Schema;
use super::Then;
use super::Type;
use super::schema::Form;
use super::schema::How;

type Object = Map<String, Value>;

/// What `/schemas/{entity}` answers.
pub fn entity(kind: Kind) -> Value {
    let mut shown = schema(&kind.entity().schema);
    if kind == Kind::Routes {
        shown["entity_checks"] = checks_of_routes();
    }
    if kind == Kind::Upstreams {
        tell_defaults(&mut shown);
    }
    shown
}

/// Of upstreams Kong also says what each record is when it is absent: its fields' defaults.
fn tell_defaults(schema: &mut Value) -> Object {
    let mut defaults = Object::new();
    let fields = schema.get_mut("fields").and_then(Value::as_array_mut);
    let fields = fields
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut);
    for (name, field) in fields.flatten() {
        if field["type"] == "record" {
            field["default"] = Value::Object(tell_defaults(field));
        }
        // Kong's own list of them is older than this field.
        let is_listed = name != "threshold";
        if let Some(default) = field.get("default").filter(|_| is_listed) {
            defaults.insert(name.clone(), default.clone());
        }
    }
    defaults
}

/// What Kong says of the checks that are functions with us: which fields they are about, those of its own router
/// among them.
fn checks_of_routes() -> Value {
    let tls = json!(["grpcs", "https", "tls", "tls_passthrough"]);
    json!([
        { "conditional": {
            "if_field": "protocols",
            "if_match": { "elements": { "type": "string", "required": true, "not_one_of": tls } },
            "then_field": "snis",
            "then_match": { "len_eq": 0 },
            "then_err": "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
        } },
        { "custom_entity_check": { "field_sources": ["path_handling"] } },
        { "custom_entity_check": {
            "run_with_missing_fields": true,
            "field_sources": [
                "id", "protocols", "snis", "sources", "destinations", "methods", "hosts", "paths", "headers",
                "expression", "regex_priority", "priority",
            ],
        } },
    ])
}

/// What `/schemas/plugins/{name}` answers.
pub fn plugin(name: &str, plugin: &PluginSchema) -> Value {
    let mut fields = Vec::new();
    if !plugin.consumer_scope {
        let scope = json!({"type": "foreign", "reference": "consumers", "eq": null});
        fields.push(json!({ "consumer": scope }));
    }
    let protocols = json!({
        "type": "set",
        "required": true,
        "default": plugin.protocols,
        "elements": {"type": "string", "one_of": plugin.protocols},
    });
    fields.push(json!({ "protocols": protocols }));
    let mut config = record(plugin.config.fields);
    let aliases = plugin.config.fields.iter();
    let aliases: Vec<Value> = aliases
        .filter(|field| !field.alias.is_empty())
        .map(|field| alias(name, field))
        .collect();
    if !aliases.is_empty() {
        config.insert("shorthand_fields".to_owned(), Value::Array(aliases));
    }
    config.insert("required".to_owned(), Value::Bool(true));
    fields.push(json!({ "config": config }));
    let checks = plugin.config.checks.iter();
    let checks: Vec<Value> = checks.filter_map(|one| check(one, "config.")).collect();
    json!({ "fields": fields, "entity_checks": checks })
}

fn schema(schema: &Schema) -> Value {
    let checks = schema.checks.iter();
    let checks: Vec<Value> = checks.filter_map(|one| check(one, "")).collect();
    json!({ "fields": fields(schema.fields), "entity_checks": checks })
}

fn fields(fields: &[Field]) -> Vec<Value> {
    let shown = fields
        .iter()
        .filter(|field| !field.extension && field.alias.is_empty());
    shown.map(|shown| named(shown.name, field(shown))).collect()
}

fn named(name: &str, value: Object) -> Value {
    Value::Object(Object::from_iter([(name.to_owned(), Value::Object(value))]))
}

fn record(of: &[Field]) -> Object {
    let mut record = Object::new();
    record.insert("type".to_owned(), json!("record"));
    record.insert("fields".to_owned(), Value::Array(fields(of)));
    record
}

fn field(field: &Field) -> Object {
    let mut shown = of_type(&field.kind);
    shown.insert("description".to_owned(), json!(field.about));
    let mut mark = |name: &str, holds: bool| {
        if holds {
            shown.insert(name.to_owned(), Value::Bool(true));
        }
    };
    mark("required", field.required);
    mark("unique", field.unique);
    mark("encrypted", field.secret);
    let default = match field.default {
        Preset::Null => None,
        Preset::Uuid | Preset::Now | Preset::NowMillis | Preset::Key => {
            mark("auto", true);
            None
        }
        Preset::Bool(flag) => Some(json!(flag)),
        Preset::Int(number) => Some(json!(number)),
        Preset::Num(number) => Some(json!(number)),
        Preset::Text(text) => Some(json!(text)),
        Preset::Texts(texts) => Some(json!(texts)),
        Preset::Ints(numbers) => Some(json!(numbers)),
        Preset::EmptyList => Some(json!([])),
        Preset::EmptyMap => Some(json!({})),
    };
    shown.extend(default.map(|default| ("default".to_owned(), default)));
    shown.extend(field.rules.iter().filter_map(rule));
    shown
}

/// An old name of a field.
fn alias(plugin: &str, field: &Field) -> Value {
    let mut shown = of_type(&field.kind);
    shown.extend(field.rules.iter().filter_map(rule));
    let (name, path) = (field.name, field.alias.join("."));
    let deprecation = json!({
        "removal_in_version": "4.0",
        "replaced_with": [{ "path": field.alias }],
        "message": format!("{plugin}: config.{name} is deprecated, please use config.{path} instead"),
    });
    shown.insert("deprecation".to_owned(), deprecation);
    named(field.name, shown)
}

fn element(element: &Element) -> Value {
    Value::Object(of_element(element))
}

fn of_element(element: &Element) -> Object {
    let mut shown = of_type(&element.kind);
    shown.extend(element.rules.iter().filter_map(rule));
    shown
}

fn of_type(kind: &Type) -> Object {
    let mut shown = Object::new();
    let mut put = |key: &str, value: Value| _ = shown.insert(key.to_owned(), value);
    match kind {
        Type::Text => put("type", json!("string")),
        Type::Integer => put("type", json!("integer")),
        Type::Number => put("type", json!("number")),
        Type::Boolean => put("type", json!("boolean")),
        Type::Array(of) => {
            put("type", json!("array"));
            put("elements", element(of));
        }
        Type::Set(of) => {
            put("type", json!("set"));
            put("elements", element(of));
        }
        Type::Map(key, of) => {
            put("type", json!("map"));
            put("keys", element(key));
            put("values", element(of));
        }
        Type::Record(of) => return record(of),
        Type::Checked(of) => {
            put("type", json!("record"));
            if let Value::Object(members) = schema(of) {
                shown.extend(members);
            }
        }
        Type::Foreign(parent) => {
            put("type", json!("foreign"));
            put("reference", json!(parent.as_str()));
        }
        Type::OneOrMore(of) => return of_element(of),
        Type::Protocols => {
            put("type", json!("set"));
            put("default", json!(PluginSchema::HTTP));
            put("elements", json!({ "type": "string" }));
        }
        Type::Config => {
            put("type", json!("record"));
            put("abstract", json!(true));
        }
    }
    shown
}

/// A rule under Kong's name for it, if it has one.
fn rule(rule: &Rule) -> Option<(String, Value)> {
    let (name, value) = match rule {
        Rule::Eq(text) => ("eq", json!(text)),
        Rule::OneOf(texts) => ("one_of", json!(texts)),
        Rule::OneOfInts(numbers) => ("one_of", json!(numbers)),
        Rule::NotOneOf(texts) => ("not_one_of", json!(texts)),
        Rule::Between(low, high) => ("between", json!([low, high])),
        Rule::GreaterThan(low) if low.fract() == 0.0 => ("gt", json!(*low as i64)),
        Rule::GreaterThan(low) => ("gt", json!(low)),
        Rule::LengthMin(length) => ("len_min", json!(length)),
        Rule::LengthMax(length) => ("len_max", json!(length)),
        Rule::Length(length) => ("len_eq", json!(length)),
        Rule::StartsWith(start) => ("starts_with", json!(start)),
        Rule::AllowEmpty => ("len_min", json!(0)),
        Rule::Uuid => ("uuid", json!(true)),
        Rule::Timestamp => ("timestamp", json!(true)),
        Rule::Form(form) => return Some(pattern(form)),
        Rule::Exclusive(sets) => ("mutually_exclusive_subsets", json!(sets)),
        Rule::Custom(_) => return None,
    };
    Some((name.to_owned(), value))
}

fn pattern(form: &Form) -> (String, Value) {
    let each = || {
        let patterns = form.patterns.iter();
        patterns
            .map(|pattern| json!({ "pattern": pattern, "err": form.error }))
            .collect::<Vec<Value>>()
    };
    let (name, value) = match form.how {
        How::Match => ("match", json!(form.patterns.first())),
        How::None => ("match_none", json!(each())),
        How::All => ("match_all", json!(each())),
        How::Any => (
            "match_any",
            json!({ "patterns": form.patterns, "err": form.error }),
        ),
    };
    (name.to_owned(), value)
}

/// A check under Kong's name for it, if it has one; paths begin with `prefix`.
fn check(check: &Check, prefix: &str) -> Option<Value> {
    let all = |paths: &[&str]| -> Vec<String> {
        paths.iter().map(|path| format!("{prefix}{path}")).collect()
    };
    Some(match check {
        Check::AtLeastOneOf(paths) => json!({ "at_least_one_of": all(paths) }),
        Check::OnlyOneOf(paths) => json!({ "mutually_exclusive": all(paths) }),
        Check::ExactlyOneOf(paths) => json!({ "only_one_of": all(paths) }),
        Check::MutuallyRequired(paths) => json!({ "mutually_required": all(paths) }),
        Check::Distinct(paths) => json!({ "distinct": all(paths) }),
        Check::If(path, condition, other, then) => json!({ "conditional": {
            "if_field": format!("{prefix}{path}"),
            "if_match": Object::from_iter(rule(condition)),
            "then_field": format!("{prefix}{other}"),
            "then_match": match then {
                Then::Required => Object::from_iter([("required".to_owned(), json!(true))]),
                Then::Null => Object::from_iter([("eq".to_owned(), Value::Null)]),
                Then::Is(wanted) => Object::from_iter(rule(wanted)),
                Then::Holds(wanted) => Object::from_iter([("contains".to_owned(), json!([wanted]))]),
            },
        }}),
        Check::Custom(_) | Check::Each(_) => return None,
    })
}
