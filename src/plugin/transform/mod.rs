//! What plugins share that look into bodies and queries: arguments, JSON objects, multipart forms.
//!
//! All of it reads bytes of clients and origins: it is bounded by `limits::TRANSFORM_MEMBERS`, takes time in proportion
//! to the bytes, and copies what it does not change.

pub(super) mod args;
pub(super) mod multipart;
pub(super) mod object;

use serde_json::Value;

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Type;

/// Why a body is not taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is not what its Content-Type says.
    Unreadable,
    /// It has more members than anybody should be made to look through.
    TooMany,
}

/// A configured `name:value` taken apart as Kong does: at the first colon, and colons right behind it are no part of the
/// value. The value may be empty.
pub(super) fn pair(entry: &str) -> (&str, &str) {
    let (name, value) = entry.split_once(':').unwrap_or((entry, ""));
    (name, value.trim_start_matches(':'))
}

/// A rule for entries: something, a colon, and perhaps more.
pub(super) fn has_colon(value: &Value) -> Result<(), String> {
    let entry = value.as_str().unwrap_or_default();
    if entry.find(':').is_some_and(|at| at > 0) {
        return Ok(());
    }
    Err(format!("invalid value: {entry}"))
}

/// A rule for entries: what can stand in a field (RFC 9110 section 5.5), which a line end and NUL cannot.
pub(super) fn fits_a_field(value: &Value) -> Result<(), String> {
    let entry = value.as_str().unwrap_or_default();
    if !entry.contains(['\r', '\n', '\0']) {
        return Ok(());
    }
    let name = pair(entry).0.escape_debug();
    Err(format!("the value of '{name}' has a CR, LF or NUL in it"))
}

/// A rule for entries: two field names with a colon between them.
pub(super) fn are_headers(value: &Value) -> Result<(), String> {
    let (old, new) = pair(value.as_str().unwrap_or_default());
    is_header(old)?;
    is_header(new)
}

/// Whether Kong takes a text for a field's name; else what it says of it.
pub(super) fn is_header(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!("'{name}' is not a valid header"))
}

/// A list of such elements, which is empty unless something else is said.
pub(super) const fn list(
    name: &'static str,
    element: &'static Element,
    about: &'static str,
) -> Field {
    Field::new(name, Type::Array(element), about)
        .required()
        .preset(Preset::EmptyList)
}

/// Whether a Content-Type (any part of it, as in Kong) speaks of this media type, which is in lower case.
pub(super) fn mentions(content_type: &[u8], media_type: &[u8]) -> bool {
    content_type
        .windows(media_type.len())
        .any(|window| window.eq_ignore_ascii_case(media_type))
}

/// Whether one of the media types in a Content-Type is JSON and nothing that is merely built upon it.
pub(super) fn is_json(content_type: &[u8]) -> bool {
    content_type.split(|&byte| byte == b',').any(|one| {
        let essence = one.split(|&byte| byte == b';').next().unwrap_or_default();
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_as_in_kong() {
        assert_eq!(pair("a:b:c"), ("a", "b:c"));
        assert_eq!(pair("a::b"), ("a", "b"));
        assert_eq!(pair("a:"), ("a", ""));
        assert_eq!(pair("a"), ("a", ""));
        assert_eq!(pair(":b"), ("", "b"));
    }

    #[test]
    fn media_types_are_told_apart() {
        assert!(is_json(b"Application/JSON; charset=utf-8"));
        assert!(is_json(b"text/plain, application/json"));
        assert!(!is_json(b"application/problem+json"));
        assert!(!is_json(b"application/jsonl"));
        assert!(!is_json(b""));
        assert!(mentions(b"a; Application/JSON", b"application/json"));
        assert!(!mentions(b"json", b"application/json"));
    }
}
