//! What plugins share that look into bodies and queries: arguments, JSON objects, multipart forms.
//!
//! All of it reads bytes of clients and origins: it is bounded by `limits::TRANSFORM_MEMBERS`, takes time in proportion
//! to the bytes, and copies what it does not change.

pub(super) mod args;
pub(super) mod multipart;
pub(super) mod object;

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

/// Whether a Content-Type (any part of it, as in Kong) speaks of this media type, which is in lower case.
pub(super) fn mentions(content_type: &[u8], media_type: &[u8]) -> bool {
    content_type
        .windows(media_type.len())
        .any(|window| window.eq_ignore_ascii_case(media_type))
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
        assert!(mentions(b"a; Application/JSON", b"application/json"));
        assert!(!mentions(b"json", b"application/json"));
    }
}
