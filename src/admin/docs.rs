//! `docs/admin-api.md`, printed from the table of paths and the schemas; a test compares.

use std::fmt::Write;

use super::openapi;
use super::table::Action;
use super::table::Answer;
use super::table::Endpoint;
use super::table::Parameter;
use super::table::Special;
use super::table::TABLE;
use super::table::Verb;
use super::table::plural;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Rule;
use crate::entity::Type;

/// The kinds in the order in which one needs them.
const KINDS: [Kind; Kind::ALL.len()] = [
    Kind::Services,
    Kind::Routes,
    Kind::Consumers,
    Kind::Plugins,
    Kind::KeyauthCredentials,
    Kind::BasicauthCredentials,
    Kind::HmacauthCredentials,
    Kind::JwtSecrets,
    Kind::Acls,
    Kind::Upstreams,
    Kind::Targets,
    Kind::Certificates,
    Kind::Snis,
    Kind::CaCertificates,
    Kind::Vaults,
];

/// What stands before the tables.
const PROSE: &str = include_str!("docs.md");

/// The whole page.
pub fn reference() -> String {
    let mut out = PROSE.to_owned();
    for kind in KINDS {
        write_kind(kind, &mut out);
    }
    for group in openapi::GROUPS {
        let _ = write!(out, "\n## {}\n", openapi::heading(group));
        for endpoint in TABLE.endpoints() {
            for (verb, action) in &endpoint.actions {
                if let Action::Special(special) = action
                    && special.group == group
                {
                    write_special(endpoint, *verb, special, &mut out);
                }
            }
        }
    }
    out
}

// Writing to a string cannot fail.

fn write_kind(kind: Kind, out: &mut String) {
    let mut title = plural(kind).to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let _ = write!(
        out,
        "\n## {title}\n\n| method | path | what |\n|---|---|---|\n"
    );
    for endpoint in TABLE.endpoints() {
        for (verb, action) in &endpoint.actions {
            if let Action::Entity(place) = action
                && place.kind() == kind
            {
                let (method, path) = (verb.as_str(), &endpoint.path);
                let _ = writeln!(out, "| {method} | `{path}` | {} |", place.about(*verb));
            }
        }
    }
    let entity = kind.entity();
    out.push_str("\n| field | type | default | permitted | meaning |\n|---|---|---|---|---|\n");
    for field in entity.schema.fields {
        write_field(field, out);
    }
    if let Some(shorthand) = &entity.shorthand {
        let (name, about) = (shorthand.name, shorthand.about);
        let _ = writeln!(out, "| `{name}` | text | | in requests only | {about} |");
    }
    if let Some(key) = kind.endpoint_key() {
        let _ = write!(out, "\nA path names it by its id or its `{key}`.\n");
    }
    let example = openapi::example(kind);
    let _ = write!(out, "\n```json\n{example:#}\n```\n");
}

fn write_field(field: &Field, out: &mut String) {
    let default = match (openapi::default(field), field.required) {
        (Some(default), _) => format!("`{default}`"),
        (None, true) => "(required)".to_owned(),
        (None, false) => "`null`".to_owned(),
    };
    let rules = field.rules.iter().filter_map(permitted);
    let mut rules: Vec<String> = rules.collect();
    if field.unique {
        rules.push("unique".to_owned());
    }
    let (name, kind, about) = (field.name, kind_of(&field.kind), field.about);
    let rules = rules.join(", ");
    let _ = writeln!(out, "| `{name}` | {kind} | {default} | {rules} | {about} |");
}

fn kind_of(kind: &Type) -> String {
    match kind {
        Type::Text => "text".to_owned(),
        Type::Integer => "integer".to_owned(),
        Type::Number => "number".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Array(element) | Type::Set(element) => format!("list of {}", kind_of(&element.kind)),
        Type::Map(_, element) => format!("map to {}", kind_of(&element.kind)),
        Type::Record(_) | Type::Checked(_) | Type::Config => "record".to_owned(),
        Type::Foreign(parent) => format!("`{{\"id\": …}}` of {}", super::table::noun(*parent)),
        Type::OneOrMore(element) => {
            let kind = kind_of(&element.kind);
            format!("{kind} or list of {kind}")
        }
        Type::Protocols => "list of text".to_owned(),
    }
}

fn permitted(rule: &Rule) -> Option<String> {
    match rule {
        Rule::Eq(text) => Some(format!("`{text}`")),
        Rule::OneOf(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
            Some(texts.join(", "))
        }
        Rule::OneOfInts(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            Some(numbers.join(", "))
        }
        Rule::Between(low, high) => Some(format!("{low} to {high}")),
        Rule::GreaterThan(low) => Some(format!("above {low}")),
        Rule::StartsWith(text) => Some(format!("begins with `{text}`")),
        Rule::Uuid => Some("a UUID".to_owned()),
        Rule::LengthMin(_)
        | Rule::LengthMax(_)
        | Rule::Length(_)
        | Rule::NotOneOf(_)
        | Rule::AllowEmpty
        | Rule::Timestamp
        | Rule::Form(_)
        | Rule::Exclusive(_)
        | Rule::Custom(_) => None,
    }
}

fn write_special(endpoint: &Endpoint, verb: Verb, special: &Special, out: &mut String) {
    let role = if special.writes {
        " Takes the role `write`."
    } else {
        ""
    };
    let (method, path, about) = (verb.as_str(), &endpoint.path, special.about);
    let _ = write!(out, "\n### {method} {path}\n\n{about}{role}\n\n");
    if !special.query.is_empty() {
        out.push_str("| argument | meaning |\n|---|---|\n");
        for Parameter { name, about, .. } in special.query {
            let _ = writeln!(out, "| `{name}` | {about} |");
        }
        out.push('\n');
    }
    out.push_str("| answer | when |\n|---|---|\n");
    for Answer { status, about, .. } in special.answers {
        let _ = writeln!(out, "| {status} | {about} |");
    }
}
