//! A JSON object whose members can be changed one by one; whatever is not changed stays as it was written.
//!
//! Only the outermost object is taken apart. Its values are text that has been checked and is copied, so numbers keep
//! their digits, nested objects their order, and nothing recurses.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Unfit;
use crate::base::limits;

/// An object: names, and values as JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Object<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A name, borrowed where it is written without escapes.
struct Key<'a>(Cow<'a, str>);

/// Members as they come; whether there were more than are kept.
struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>, bool);

impl<'a> Object<'a> {
    /// An object without members.
    pub(in crate::plugin) fn empty() -> Self {
        Self(Vec::new())
    }

    /// Takes a text apart.
    ///
    /// # Errors
    /// It is no JSON object, or has too many members.
    pub(in crate::plugin) fn parse(text: &'a [u8]) -> Result<Self, Unfit> {
        let parsed: Result<Members<'a>, _> = serde_json::from_slice(text);
        match parsed {
            Ok(Members(members, false)) => Ok(Self(members)),
            Ok(Members(_, true)) => Err(Unfit::TooMany),
            Err(_) => Err(Unfit::Unreadable),
        }
    }

    /// The value under a name; the last of several, as usual.
    pub(in crate::plugin) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }

    /// Whether there is a value that Lua takes for true: any but `false`.
    pub(in crate::plugin) fn holds(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false")
    }

    /// Takes a member away.
    pub(in crate::plugin) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Gives a member another name, in place of whatever had it before.
    pub(in crate::plugin) fn rename(&mut self, old: &str, new: &str) {
        if old != new
            && let Some(value) = self.get(old)
        {
            let value = value.to_owned();
            self.remove(new);
            self.set(old, value);
            if let Some((name, _)) = self.0.iter_mut().find(|(name, _)| name == old) {
                *name = Cow::Owned(new.to_owned());
            }
        }
    }

    /// Gives a name this value, which is JSON text.
    pub(in crate::plugin) fn set(&mut self, name: &str, value: String) {
        let mut first = true;
        self.0
            .retain(|(known, _)| known != name || std::mem::take(&mut first));
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = Cow::Owned(value),
            None => self
                .0
                .push((Cow::Owned(name.to_owned()), Cow::Owned(value))),
        }
    }

    /// Puts a value behind the one that is there, if that is a text or a list; any other becomes a list of the new
    /// value alone. A nested object stays as it is: it has no place for a value without a name.
    pub(in crate::plugin) fn append(&mut self, name: &str, value: &str) {
        let present = self.get(name).unwrap_or_default();
        let list = match present.as_bytes().first() {
            Some(b'{') => return,
            Some(b'"') => format!("[{present},{value}]"),
            Some(b'[') => {
                let start = present.trim_end_matches(']').trim_end();
                // Nested lists end with brackets of their own; only the last one is the list's.
                let start = if start == "[" {
                    start
                } else {
                    present.strip_suffix(']').unwrap_or(present)
                };
                let comma = if start == "[" { "" } else { "," };
                format!("{start}{comma}{value}]")
            }
            Some(_) | None => format!("[{value}]"),
        };
        self.set(name, list);
    }

    /// The object as JSON text.
    pub(in crate::plugin) fn write(&self) -> Vec<u8> {
        let length = self
            .0
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4);
        let mut out = Vec::with_capacity(length.sum::<usize>() + 2);
        out.push(b'{');
        for (name, value) in &self.0 {
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(quoted(name).as_bytes());
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
        out
    }
}

/// A text as JSON.
pub(in crate::plugin) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                let mut more = false;
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    if members.len() < limits::TRANSFORM_MEMBERS {
                        members.push((name, Cow::Borrowed(value.get())));
                    } else {
                        more = true;
                    }
                }
                Ok(Members(members, more))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(object: &Object<'_>) -> String {
        String::from_utf8(object.write()).unwrap()
    }

    #[test]
    fn what_is_not_changed_stays_as_it_was_written() {
        let raw = br#" { "n" : 1.50e3 , "o" : { "b" : 1, "a" : [ 12345678901234567890123 ] }, "k\u0065y\"" : "\u00e9" } "#;
        let mut object = Object::parse(raw).unwrap();
        assert_eq!(object.get("key\""), Some(r#""\u00e9""#));
        object.set("n", "2".to_owned());
        object.set("new", quoted("x\ny"));
        let expected = r#"{"n":2,"o":{ "b" : 1, "a" : [ 12345678901234567890123 ] },"key\"":"\u00e9","new":"x\ny"}"#;
        assert_eq!(text(&object), expected);
    }

    #[test]
    fn members_are_removed_renamed_and_appended_to() {
        let raw =
            br#"{"a":1,"b":"t","c":[],"d":[[1] , [ ] ],"e":{"x":1},"f":null,"a":2,"g":false}"#;
        let mut object = Object::parse(raw).unwrap();
        assert_eq!(object.get("a"), Some("2"));
        assert!(object.holds("f") && !object.holds("g") && !object.holds("h"));
        object.rename("a", "z");
        object.rename("absent", "b");
        object.rename("g", "g");
        for name in ["b", "c", "d", "e", "f", "h"] {
            object.append(name, "\"v\"");
        }
        object.append("h", "\"w\"");
        object.remove("g");
        let expected = r#"{"z":2,"b":["t","v"],"c":["v"],"d":[[1] , [ ] ,"v"],"e":{"x":1},"f":["v"],"h":["v","w"]}"#;
        assert_eq!(text(&object), expected);
        object.rename("z", "b");
        assert!(text(&object).starts_with(r#"{"b":2,"c""#));
    }

    #[test]
    fn anything_else_is_no_object() {
        for raw in [
            &b""[..],
            b"[]",
            b"1",
            b"{",
            b"{\"a\":}",
            b"{} x",
            b"{\"a\":\"\xff\"}",
            b"null",
        ] {
            assert_eq!(Object::parse(raw), Err(Unfit::Unreadable), "{raw:?}");
        }
        let deep = [
            &b"{\"a\":"[..],
            &b"[".repeat(100_000),
            &b"]".repeat(100_000),
            b"}",
        ]
        .concat();
        assert!(Object::parse(&deep).is_ok());
        let many = format!(
            "{{{}\"a\":0}}",
            "\"a\":0,".repeat(limits::TRANSFORM_MEMBERS)
        );
        assert_eq!(Object::parse(many.as_bytes()), Err(Unfit::TooMany));
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_changed_and_read_again(
            raw in r#"\{("[ab]":(1|"t"|\[\]|\[1, 2 \]|\{"x":\[ \]\}|false|null),){0,4}"c":[0-9"\[\]{}]{0,3}\}"#,
        ) {
            let Ok(mut object) = Object::parse(raw.as_bytes()) else { return Ok(()) };
            object.append("a", "\"v\"");
            object.rename("b", "a");
            object.append("a", "1");
            object.set("c", "[]".to_owned());
            object.append("c", "null");
            let written = object.write();
            let value: Value = serde_json::from_slice(&written).unwrap();
            prop_assert_eq!(&value["c"], &serde_json::json!([null]));
            prop_assert!(Object::parse(&written).is_ok());
        }

        #[test]
        fn no_bytes_are_too_odd(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Object::parse(&raw);
        }
    }
}
