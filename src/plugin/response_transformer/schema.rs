//! The fields of response-transformer's `config`, with Kong's texts for what is wrong with them.

use super::super::transform::are_headers;
use super::super::transform::has_colon;
use super::super::transform::list;
use crate::entity::Element;
use crate::entity::Field;
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
    checks: &[],
};

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
    list("headers", &VALUED, "fields"),
];

const VALUED: Element = Element::new(Type::Text).rules(&[Rule::Custom(has_colon)]);
const HEADERS: Element =
    Element::new(Type::Text).rules(&[Rule::Custom(has_colon), Rule::Custom(are_headers)]);
const JSON_TYPE: Element =
    Element::new(Type::Text).rules(&[Rule::OneOf(&["boolean", "number", "string"])]);
