//! The members of a JSON object, found and taken away in its text, so that what stays is what was sent: numbers keep
//! their digits and members their order. Like Kong's, what is written anew has no white space.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::pairs::Lookup;

/// The value of the member called `name`, if the text is an object that has it.
pub(super) fn look_up<'a>(text: &'a [u8], name: &[u8]) -> Lookup<'a> {
    let mut found = Lookup::Missing;
    for (key, value) in members(text) {
        if !spells(&text[key], name) {
            continue;
        }
        if found != Lookup::Missing {
            return Lookup::Many;
        }
        let value = &text[value];
        found = match value.first() {
            Some(b'"') => string(value).map_or(Lookup::Bare, Lookup::One),
            Some(b'{' | b'[') => Lookup::Many,
            _ => Lookup::Bare,
        };
    }
    found
}

/// The object without the members called `name`; none if there is none.
pub(super) fn without(text: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut kept = vec![b'{'];
    let mut removed = false;
    for (key, value) in members(text) {
        if spells(&text[key.clone()], name) {
            removed = true;
            continue;
        }
        if kept.len() > 1 {
            kept.push(b',');
        }
        kept.extend_from_slice(&text[key]);
        kept.push(b':');
        compact(&text[value], &mut kept);
    }
    kept.push(b'}');
    removed.then_some(kept)
}

/// The members of a text that is a JSON object, as ranges of name and value; nothing of any other text.
fn members(text: &[u8]) -> Members<'_> {
    let valid = serde_json::from_slice::<IgnoredAny>(text).is_ok();
    let mut members = Members { text, at: 0 };
    members.skip_blanks();
    if valid && members.peek() == Some(b'{') {
        members.at += 1;
    } else {
        members.at = text.len();
    }
    members
}

struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl Members<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// From an opening quote to behind the closing one.
    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        start..self.at.min(self.text.len())
    }

    /// From the first byte of a value to behind its last.
    fn value(&mut self) -> Range<usize> {
        let (start, mut depth) = (self.at, 0_usize);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        let value = self.text.get(start..self.at).unwrap_or_default();
        start..start + value.trim_ascii_end().len()
    }
}

impl Iterator for Members<'_> {
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.skip_blanks();
        }
        if self.peek() != Some(b'"') {
            return None;
        }
        let key = self.string();
        self.skip_blanks();
        self.at += 1;
        self.skip_blanks();
        Some((key, self.value()))
    }
}

/// The text of a string with its quotes.
fn string(quoted: &[u8]) -> Option<Cow<'_, [u8]>> {
    let plain = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', plain).is_none() {
        return Some(Cow::Borrowed(plain));
    }
    let text: String = serde_json::from_slice(quoted).ok()?;
    Some(Cow::Owned(text.into_bytes()))
}

fn spells(quoted: &[u8], name: &[u8]) -> bool {
    string(quoted).is_some_and(|text| *text == *name)
}

/// Copies a value without the white space outside of its strings.
fn compact(value: &[u8], out: &mut Vec<u8>) {
    let mut scan = Members { text: value, at: 0 };
    while let Some(byte) = scan.peek() {
        if byte == b'"' {
            let string = scan.string();
            out.extend_from_slice(&value[string]);
            continue;
        }
        if !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        scan.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::Strategy;
    use proptest::prop_assert_eq;
    use proptest::proptest;
    use serde_json::Value;
    use serde_json::json;

    fn one(value: &str) -> Lookup<'_> {
        Lookup::One(value.as_bytes().into())
    }

    #[test]
    fn members_are_found_by_what_their_name_means() {
        let text = br#" { "a" : "1" , "\u0062": "x\"\n", "c": {"a": "no", "k": [1, "]"]}, "n": 12.50, "z": null } "#;
        assert_eq!(look_up(text, b"a"), one("1"));
        assert_eq!(look_up(text, b"b"), one("x\"\n"));
        assert_eq!(look_up(text, b"c"), Lookup::Many);
        assert_eq!(look_up(text, b"n"), Lookup::Bare);
        assert_eq!(look_up(text, b"z"), Lookup::Bare);
        assert_eq!(look_up(text, b"k"), Lookup::Missing);
        assert_eq!(look_up(br#"{"a":"1","a":"2"}"#, b"a"), Lookup::Many);
        for text in [
            &b""[..],
            b"[\"a\"]",
            b"{\"a\":\"1\"",
            b"{\"a\":1}x",
            b"\"a\"",
        ] {
            assert_eq!(look_up(text, b"a"), Lookup::Missing);
        }
    }

    #[test]
    fn what_stays_keeps_its_digits_and_its_order() {
        let text = br#"{"k": "1", "z": 10000000000000000000001.50, "a": {"k": " x "}, "k": 2}"#;
        let rest = br#"{"z":10000000000000000000001.50,"a":{"k":" x "}}"#;
        assert_eq!(without(text, b"k").unwrap(), rest);
        assert_eq!(without(text, b"x"), None);
        assert_eq!(
            without(br#"{"x-a": "k-alice", "o": 1}"#, b"x-a").unwrap(),
            br#"{"o":1}"#
        );
        assert_eq!(without(br#"{"k":1}"#, b"k").unwrap(), b"{}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = proptest::prop_oneof![
            proptest::strategy::Just(Value::Null),
            proptest::num::i64::ANY.prop_map(Value::from),
            "[\\\\\"{}k,: \u{e9}\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let map = proptest::collection::btree_map("[k\"\\\\a]{0,2}", inner.clone(), 0..4);
            proptest::prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Value::from),
                map.prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_is_read_as_by_a_parser(value in value(), pretty in proptest::bool::ANY) {
            let text = if pretty {
                serde_json::to_vec_pretty(&value).unwrap()
            } else {
                serde_json::to_vec(&value).unwrap()
            };
            let expected = match value.get("k") {
                None => Lookup::Missing,
                Some(Value::String(text)) => one(text),
                Some(Value::Array(_) | Value::Object(_)) => Lookup::Many,
                Some(_) => Lookup::Bare,
            };
            prop_assert_eq!(look_up(&text, b"k"), expected);
            let mut expected = json!(value);
            let removed = expected.as_object_mut().and_then(|map| map.remove("k"));
            let rest = without(&text, b"k");
            prop_assert_eq!(rest.is_some(), removed.is_some());
            if let Some(rest) = rest {
                prop_assert_eq!(serde_json::to_vec(&expected).unwrap(), rest);
            }
        }
    }
}
