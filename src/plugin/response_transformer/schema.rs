//! The fields of response-transformer's `config`, with Kong's texts for what is wrong with them.

use super::super::transform::are_headers;
use super::super::transform::fits_a_field;
use super::super::transform::has_colon;
use super::super::transform::list;
use super::super::transform::pair;
use super::rules::is_number;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;

/// All of them.
pub(super) const SCHEMA: Schema = Schema {
    fields: &[
        Field::record("remove", REMOVE, "what is taken away").required(),
        Field::record("rename", RENAME, "`old:new`, where the old is there").required(),
        Field::record("replace", CHANGE, "`name:value`, where the name is there").required(),
        Field::record("add", CHANGE, "`name:value`, where the name is not there").required(),
        Field::record("append", CHANGE, "`name:value`, besides what is there").required(),
    ],
    checks: &[Check::Each(numbers)],
};

/// What is said to be a number is one.
fn numbers(config: &Document) -> Vec<Misfit> {
    let parts = ["replace", "add", "append"].into_iter();
    let lists = parts.filter_map(|part| {
        let list = |name: &str| Check::value(config, part)?.get(name)?.as_array();
        Some((part, list("json")?, list("json_types")?))
    });
    let typed = lists.flat_map(|(part, json, types)| {
        let typed = json.iter().zip(types);
        typed.map(move |(entry, kind)| (part, entry, kind))
    });
    let wrong = typed.filter(|(_, entry, kind)| {
        *kind == "number" && entry.as_str().is_some_and(|entry| !is_number(entry))
    });
    wrong
        .map(|(part, entry, _)| {
            let name = pair(entry.as_str().unwrap_or_default()).0;
            let message = format!("the value of '{name}' is no number");
            Misfit::at(&format!("{part}.json"), message)
        })
        .collect()
}

const REMOVE: &[Field] = &[
    list("json", &Element::TEXT, "members of a JSON object"),
    list(
        "headers",
        &Element::TEXT,
        "fields; what stands behind a colon is ignored",
    ),
];
const RENAME: &[Field] = &[
    list("json", &VALUED, "members of a JSON object"),
    list("headers", &HEADERS, "fields"),
];
const CHANGE: &[Field] = &[
    list("json", &VALUED, "members of a JSON object"),
    list(
        "json_types",
        &JSON_TYPE,
        "what the values of `json` are, one after the other; texts if nothing is said",
    ),
    list("headers", &FIELD, "fields"),
];

const VALUED: Element = Element::new(Type::Text).rules(&[Rule::Custom(has_colon)]);
const FIELD: Element =
    Element::new(Type::Text).rules(&[Rule::Custom(has_colon), Rule::Custom(fits_a_field)]);
const HEADERS: Element =
    Element::new(Type::Text).rules(&[Rule::Custom(has_colon), Rule::Custom(are_headers)]);
const JSON_TYPE: Element =
    Element::new(Type::Text).rules(&[Rule::OneOf(&["boolean", "number", "string"])]);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fits_a_field;
    use super::numbers;

    #[test]
    fn a_number_is_one() {
        let config = json!({
            "add": { "json": ["a:1.5", "b:x", "c:y", "d:"], "json_types": ["number", "number", "string", "number"] },
            "append": { "json": ["e:z"], "json_types": [] },
        });
        let wrong = numbers(config.as_object().unwrap());
        let told: Vec<&str> = wrong.iter().map(|misfit| &*misfit.message).collect();
        assert_eq!(
            told,
            [
                "the value of 'b' is no number",
                "the value of 'd' is no number"
            ]
        );
        assert_eq!(wrong[0].path, ["add", "json"]);
    }

    #[test]
    fn a_value_ends_no_line() {
        assert_eq!(fits_a_field(&"X-A:b:c".into()), Ok(()));
        assert!(fits_a_field(&"X-A:b\r\nX-B:c".into()).is_err());
    }
}
