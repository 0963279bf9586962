//! The query of a request: which page, which tags, which options.

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::body::pairs;

/// The arguments in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Query {
    pairs: Vec<(String, Value)>,
}

/// What need not be escaped in a component of a URL (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Query {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let pairs = pairs(text.as_bytes())?;
        Ok(Self { pairs })
    }

    /// The first argument of this name; empty where it has no value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every argument of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.pairs.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_str().unwrap_or_default())
    }

    /// The names of all arguments.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }

    /// Whether an option is on: `1`, `true`, or nothing but its name.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| matches!(value, "1" | "true" | ""))
    }
}

/// A text as a component of a URL.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// What a segment of a path says; `None` if that is not UTF-8.
pub(super) fn unescape(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::Query;
    use super::escape;
    use super::unescape;

    #[test]
    fn arguments_are_found_by_name() {
        let query = Query::parse("a=1&b=x+y&a=2&flag&off=0&on=true").unwrap();
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.get("b"), Some("x y"));
        assert_eq!(query.get("c"), None);
        assert!(query.is_on("flag") && query.is_on("on"));
        assert!(!query.is_on("off") && !query.is_on("c"));
        assert!(Query::parse("a=%ff").is_err());
    }

    #[test]
    fn components_survive_the_round_trip() {
        for text in ["", "a b", "a/b?c&d=e", "ü%", "a~b-c.d_e"] {
            assert_eq!(unescape(&escape(text)).as_deref(), Some(text));
        }
        assert_eq!(escape("a,b/c"), "a%2Cb%2Fc");
        assert_eq!(unescape("%ff"), None);
        assert_eq!(unescape("a+b").as_deref(), Some("a+b"));
    }
}
