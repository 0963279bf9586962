//! Schemas as Kong's Admin API shows them, and what a form's values mean by them.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::entity;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::PluginSchema;
use crate::entity::PluginSchemas;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Then;
use crate::entity::Type;
use crate::entity::schema::Form;
use crate::entity::schema::How;

/// Gives the values of a form their types. A plugin's `config` has those of the plugin that the form names, or else
/// of the one that is stored.
pub(super) fn infer(
    kind: Kind,
    document: &mut Document,
    current: Option<&Document>,
    plugins: &dyn PluginSchemas,
) {
    let mut form = std::mem::take(document);
    if let Some(name) = current.and_then(|current| current.get("name"))
        && kind == Kind::Plugins
    {
        form.entry("name").or_insert_with(|| name.clone());
    }
    *document = entity::infer(kind, form, plugins);
}

/// `GET /schemas/{entity}`
pub(super) fn of_kind(kind: Kind) -> Value {
    of_schema(&kind.entity().schema)
}

/// `GET /schemas/plugins/{name}`: the fields of a plugin that depend on its kind.
pub(super) fn of_plugin(plugin: &PluginSchema) -> Value {
    let about = "What it listens to.";
    let protocols = json!({
        "type": "set",
        "required": true,
        "default": plugin.protocols,
        "elements": { "type": "string", "required": true, "len_min": 1, "one_of": plugin.protocols },
        "description": about,
    });
    let config = json!({
        "type": "record",
        "required": true,
        "fields": fields(plugin.config.fields),
    });
    let mut shown = vec![
        json!({ "protocols": protocols }),
        json!({ "config": config }),
    ];
    if !plugin.consumer_scope {
        let consumer = json!({ "type": "foreign", "reference": "consumers", "eq": null });
        shown.insert(0, json!({ "consumer": consumer }));
    }
    let checks = plugin
        .config
        .checks
        .iter()
        .filter_map(|found| check(found, "config."));
    json!({ "fields": shown, "entity_checks": checks.collect::<Vec<_>>() })
}

fn of_schema(schema: &Schema) -> Value {
    let checks = schema.checks.iter().filter_map(|found| check(found, ""));
    json!({
        "fields": fields(schema.fields),
        "entity_checks": checks.collect::<Vec<_>>(),
    })
}

fn fields(fields: &[Field]) -> Value {
    let shown = fields
        .iter()
        .map(|field| json!({ field.name: shown(field) }));
    shown.collect()
}

fn shown(field: &Field) -> Value {
    let mut shown = typed(&field.kind);
    if field.required {
        shown.insert("required".to_owned(), true.into());
    }
    if field.unique {
        shown.insert("unique".to_owned(), true.into());
    }
    if field.secret {
        shown.insert("encrypted".to_owned(), true.into());
    }
    match field.default {
        Preset::Null => {}
        Preset::Uuid => {
            shown.insert("uuid".to_owned(), true.into());
            shown.insert("auto".to_owned(), true.into());
        }
        Preset::Now | Preset::NowMillis => {
            shown.insert("timestamp".to_owned(), true.into());
            shown.insert("auto".to_owned(), true.into());
        }
        Preset::Key => {
            shown.insert("auto".to_owned(), true.into());
        }
        preset => {
            shown.insert("default".to_owned(), default(preset));
        }
    }
    ruled(field.rules, &mut shown);
    if !field.about.is_empty() {
        shown.insert("description".to_owned(), field.about.into());
    }
    Value::Object(shown)
}

fn typed(kind: &Type) -> Map<String, Value> {
    let shown = match kind {
        Type::Text => json!({ "type": "string" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::Number => json!({ "type": "number" }),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Array(inner) => json!({ "type": "array", "elements": element(inner) }),
        Type::Set(inner) => json!({ "type": "set", "elements": element(inner) }),
        Type::Map(keys, values) => {
            json!({ "type": "map", "keys": element(keys), "values": element(values) })
        }
        Type::Record(inner) => json!({ "type": "record", "fields": fields(inner) }),
        Type::Checked(schema) => {
            let mut shown = of_schema(schema);
            shown["type"] = "record".into();
            shown
        }
        Type::Foreign(kind) => json!({ "type": "foreign", "reference": kind.as_str() }),
        Type::Any => json!({ "type": "any" }),
        Type::Protocols => json!({ "type": "set", "elements": { "type": "string" } }),
        // Which fields it has depends on the plugin.
        Type::Config => json!({ "type": "record", "abstract": true }),
    };
    match shown {
        Value::Object(shown) => shown,
        _ => Map::new(),
    }
}

fn element(element: &Element) -> Value {
    let mut shown = typed(&element.kind);
    ruled(element.rules, &mut shown);
    Value::Object(shown)
}

fn ruled(rules: &[Rule], shown: &mut Map<String, Value>) {
    for rule in rules {
        let (name, value) = match rule {
            Rule::Eq(text) => ("eq", json!(text)),
            Rule::Timestamp => ("timestamp", json!(true)),
            Rule::Exclusive(sets) => ("mutually_exclusive_subsets", json!(sets)),
            Rule::Form(form) => formed(form),
            Rule::OneOf(texts) => ("one_of", json!(texts)),
            Rule::OneOfInts(numbers) => ("one_of", json!(numbers)),
            Rule::Between(low, high) => ("between", json!([low, high])),
            Rule::GreaterThan(low) => ("gt", json!(low)),
            Rule::LengthMin(length) => ("len_min", json!(length)),
            Rule::LengthMax(length) => ("len_max", json!(length)),
            Rule::Length(length) => ("len_eq", json!(length)),
            Rule::StartsWith(text) => ("starts_with", json!(text)),
            Rule::NotOneOf(texts) => ("not_one_of", json!(texts)),
            Rule::AllowEmpty => ("len_min", json!(0)),
            Rule::Uuid => ("uuid", json!(true)),
            // What a function checks can be tried, not shown.
            Rule::Custom(_) => continue,
        };
        shown.insert(name.to_owned(), value);
    }
}

fn formed(form: &Form) -> (&'static str, Value) {
    let each = || {
        let patterns = form.patterns.iter();
        let patterns = patterns.map(|pattern| json!({ "pattern": pattern, "err": form.error }));
        patterns.collect::<Value>()
    };
    match form.how {
        How::Match => ("match", json!(form.patterns.first())),
        How::None => ("match_none", each()),
        How::All => ("match_all", each()),
        How::Any => (
            "match_any",
            json!({ "patterns": form.patterns, "err": form.error }),
        ),
    }
}

/// What a field is when it is absent, where that is always the same.
pub(super) fn default(preset: Preset) -> Value {
    match preset {
        Preset::Null | Preset::Uuid | Preset::Now | Preset::NowMillis | Preset::Key => Value::Null,
        Preset::Bool(value) => value.into(),
        Preset::Int(value) => value.into(),
        Preset::Num(value) => value.into(),
        Preset::Text(value) => value.into(),
        Preset::Texts(values) => json!(values),
        Preset::Ints(values) => json!(values),
        Preset::EmptyList => json!([]),
        Preset::EmptyMap => json!({}),
    }
}

fn check(check: &Check, prefix: &str) -> Option<Value> {
    let paths = |fields: &[&str]| -> Vec<String> {
        fields
            .iter()
            .map(|field| format!("{prefix}{field}"))
            .collect()
    };
    let shown = match check {
        Check::AtLeastOneOf(fields) => json!({ "at_least_one_of": paths(fields) }),
        Check::OnlyOneOf(fields) => json!({ "mutually_exclusive": paths(fields) }),
        Check::ExactlyOneOf(fields) => json!({ "only_one_of": paths(fields) }),
        Check::MutuallyRequired(fields) => json!({ "mutually_required": paths(fields) }),
        Check::Distinct(fields) => json!({ "distinct": paths(fields) }),
        Check::If(field, rule, other, then) => {
            let one = |rule: &Rule| {
                let mut shown = Map::new();
                ruled(std::slice::from_ref(rule), &mut shown);
                Value::Object(shown)
            };
            let then = match then {
                Then::Required => json!({ "required": true }),
                Then::Null => json!({ "eq": null }),
                Then::Is(rule) => one(rule),
            };
            json!({ "conditional": {
                "if_field": format!("{prefix}{field}"),
                "if_match": one(rule),
                "then_field": format!("{prefix}{other}"),
                "then_match": then,
            }})
        }
        Check::Custom(_) | Check::Each(_) => return None,
    };
    Some(shown)
}
