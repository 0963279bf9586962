//! The fields of request-transformer's `config`, with Kong's texts for what is wrong with them.

use serde_json::Value;

use super::super::transform::are_headers;
use super::super::transform::fits_a_field;
use super::super::transform::has_colon;
use super::super::transform::is_header;
use super::super::transform::list;
use super::super::transform::pair;
use super::template::Template;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;

/// All of them.
pub(super) const SCHEMA: Schema = Schema {
    fields: &[
        Field::text("http_method", "the method that the origin sees").rules(&[METHOD]),
        Field::record("remove", REMOVE, "what is taken away").required(),
        Field::record("rename", RENAME, "`old:new`, where the old is there").required(),
        Field::record("replace", REPLACE, "`name:value`, where the name is there").required(),
        Field::record("add", ADD, "`name:value`, where the name is not there").required(),
        Field::record("append", APPEND, "`name:value`, besides what is there").required(),
    ],
    checks: &[],
};

const REMOVE: &[Field] = &[
    list(
        "body",
        &Element::TEXT,
        "members of a JSON object, of a form or of a multipart form",
    ),
    list("headers", &HEADER, "fields"),
    list("querystring", &Element::TEXT, "arguments of the query"),
];
const RENAME: &[Field] = &[
    list("body", &VALUED, "as in `remove`"),
    list("headers", &RENAMED_HEADER, "fields"),
    list("querystring", &VALUED, "arguments of the query"),
];
const REPLACE: &[Field] = &[
    list("body", &VALUED, "as in `remove`"),
    list(
        "headers",
        &HEADER_VALUED,
        "fields; Host can be replaced only",
    ),
    list("querystring", &VALUED, "arguments of the query"),
    Field::text("uri", "the path that the origin sees").rules(&[Rule::Custom(template)]),
];
const ADD: &[Field] = &[
    list("body", &VALUED, "as in `remove`"),
    list("headers", &HEADER_VALUED, "fields"),
    list("querystring", &VALUED, "arguments of the query"),
];
const APPEND: &[Field] = &[
    list("body", &VALUED, "as in `remove`, but no multipart forms"),
    list("headers", &HEADER_VALUED, "fields"),
    list("querystring", &VALUED, "arguments of the query"),
];

const METHOD: Rule = Rule::Custom(method);
const HEADER: Element = Element::new(Type::Text).rules(&[Rule::Custom(header)]);
const VALUED: Element = Element::new(Type::Text).rules(&[Rule::Custom(valued)]);
const HEADER_VALUED: Element = Element::new(Type::Text).rules(&[
    Rule::Custom(has_colon),
    Rule::Custom(header),
    Rule::Custom(fits_a_field),
    Rule::Custom(template_of_pair),
]);
const RENAMED_HEADER: Element =
    Element::new(Type::Text).rules(&[Rule::Custom(has_colon), Rule::Custom(are_headers)]);

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn method(value: &Value) -> Result<(), String> {
    let method = text(value);
    if !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(format!("invalid value: {method}"))
}

fn header(value: &Value) -> Result<(), String> {
    is_header(pair(text(value)).0)
}

fn valued(value: &Value) -> Result<(), String> {
    let (name, of_name) = pair(text(value));
    if name.is_empty() || of_name.is_empty() {
        return Err(format!("key '{name}' has no value"));
    }
    template_of_pair(value)
}

fn template_of_pair(value: &Value) -> Result<(), String> {
    parse(pair(text(value)).1).map(|_| ())
}

fn template(value: &Value) -> Result<(), String> {
    parse(text(value)).map(|_| ())
}

/// A template, or Kong's words for one that is none.
pub(super) fn parse(text: &str) -> Result<Template, String> {
    Template::parse(text)
        .map_err(|fault| format!("value '{text}' is not in supported format, error:{fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(element: &Element, entry: &str) -> String {
        let rules = element.rules.iter();
        let mut found = rules.filter_map(|rule| match rule {
            Rule::Custom(rule) => rule(&entry.into()).err(),
            _ => None,
        });
        found.next().unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_is_said_in_kongs_words() {
        for (element, entry, expected) in [
            (&HEADER, "X-A", ""),
            (&HEADER, "X A", "'X A' is not a valid header"),
            (&HEADER, ":x", "'' is not a valid header"),
            (&RENAMED_HEADER, "X-A", "invalid value: X-A"),
            (&RENAMED_HEADER, "X-A:X B", "'X B' is not a valid header"),
            (&RENAMED_HEADER, "X-A:", "'' is not a valid header"),
            (&HEADER_VALUED, "X-A:b:c d", ""),
            (&HEADER_VALUED, ":b", "invalid value: :b"),
            (&HEADER_VALUED, "X-A:", ""),
            (
                &HEADER_VALUED,
                "X-A:b\nX-B: c",
                "the value of 'X-A' has a CR, LF or NUL in it",
            ),
            (
                &HEADER_VALUED,
                "X-A:b\0",
                "the value of 'X-A' has a CR, LF or NUL in it",
            ),
            (&VALUED, "a:b", ""),
            (&VALUED, "a", "key 'a' has no value"),
            (&VALUED, "a:", "key 'a' has no value"),
        ] {
            assert_eq!(said(element, entry), expected, "{entry}");
        }
        let lua = said(&HEADER_VALUED, "X-Lua:$(1+1)");
        assert!(lua.starts_with("value '$(1+1)' is not in supported format, error:"));
        assert!(said(&VALUED, "x:$(a)").contains("an unknown name in $(a)"));
        assert_eq!(
            method(&"post".into()),
            Err("invalid value: post".to_owned())
        );
        assert_eq!(method(&"POST".into()), Ok(()));
        assert!(template(&"/a/$(uri_captures.b or 'c')".into()).is_ok());
    }
}
