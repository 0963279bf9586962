//! What a configuration asks for, compiled: names, and values as they will be written.

use serde::Deserialize;
use serde_json::Number;
use serde_json::Value;

use super::super::transform::object::quoted;
use super::super::transform::pair;

/// The configuration as it stands in the entity.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    remove: Lists,
    rename: Lists,
    replace: Lists,
    add: Lists,
    append: Lists,
}

#[derive(Debug, Deserialize)]
struct Lists {
    json: Vec<String>,
    headers: Vec<String>,
    #[serde(default)]
    json_types: Vec<String>,
}

/// The rules for fields or for the body, to be applied in this order.
#[derive(Debug)]
pub(super) struct Rules {
    /// Names.
    pub(super) remove: Box<[Box<str>]>,
    /// Old and new names.
    pub(super) rename: Pairs,
    /// Names and values, as the following; those of the body are JSON.
    pub(super) replace: Pairs,
    pub(super) add: Pairs,
    pub(super) append: Pairs,
}

/// Names with what is to become of them.
pub(super) type Pairs = Box<[(Box<str>, Box<str>)]>;

impl Config {
    /// The rules for fields.
    pub(super) fn headers(&self) -> Rules {
        Rules {
            remove: names(&self.remove.headers),
            rename: pairs(&self.rename.headers),
            replace: pairs(&self.replace.headers),
            add: pairs(&self.add.headers),
            append: pairs(&self.append.headers),
        }
    }

    /// The rules for the body.
    pub(super) fn json(&self) -> Rules {
        Rules {
            remove: names(&self.remove.json),
            rename: pairs(&self.rename.json),
            replace: self.replace.members(),
            add: self.add.members(),
            append: self.append.members(),
        }
    }
}

impl Lists {
    /// Names and JSON values. A number that is none is left out.
    fn members(&self) -> Pairs {
        let types = self.json_types.iter().map(Some);
        let types = types.chain(std::iter::repeat(None));
        let typed = self.json.iter().zip(types);
        let members = typed.filter_map(|(entry, kind)| {
            let (name, value) = pair(entry);
            let value = member(value, kind.map(String::as_str))?;
            Some((name.into(), value.into()))
        });
        members.collect()
    }
}

impl Rules {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        let lists = [&self.rename, &self.replace, &self.add, &self.append];
        self.remove.is_empty() && lists.iter().all(|list| list.is_empty())
    }
}

fn names(entries: &[String]) -> Box<[Box<str>]> {
    entries.iter().map(|entry| pair(entry).0.into()).collect()
}

/// Entries without a value change nothing, so they are left out.
fn pairs(entries: &[String]) -> Pairs {
    let pairs = entries.iter().map(|entry| pair(entry));
    let pairs = pairs.filter(|(_, value)| !value.is_empty());
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Whether the value of an entry is a number.
pub(super) fn is_number(entry: &str) -> bool {
    number(&half_escaped(pair(entry).1)).is_some()
}

/// A configured value as JSON of a type.
fn member(value: &str, kind: Option<&str>) -> Option<String> {
    let text = half_escaped(value);
    match kind {
        Some("boolean") => Some((text == "true").to_string()),
        Some("number") => number(&text),
        Some(_) | None => Some(quoted(&text)),
    }
}

/// What Kong makes of a configured value before it writes it as JSON: it has been JSON once already and has lost its quotes
/// again, but a backslash stays doubled and a line end is a backslash with a letter. None at all is `null`.
fn half_escaped(value: &str) -> String {
    if value.is_empty() {
        return "null".to_owned();
    }
    let escaped = quoted(value);
    let inner = escaped
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().replace("\\\"", "\"")
}

/// A number as Lua reads it, as JSON writes it.
fn number(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let hexadecimal = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    let value = match hexadecimal {
        Some(digits) => u64::from_str_radix(digits, 16).ok()? as f64,
        None if text.bytes().any(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        // What Rust calls a number besides: inf and nan.
        None => return None,
    };
    let is_whole = value.fract() == 0.0 && value.abs() < 2_f64.powi(53);
    if is_whole {
        return Some(Value::from(value as i64).to_string());
    }
    Some(Number::from_f64(value)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_type_that_is_asked_for() {
        for (value, kind, expected) in [
            ("v1", Some("string"), Some("\"v1\"")),
            ("1.50", None, Some("\"1.50\"")),
            ("1.50", Some("number"), Some("1.5")),
            (" 10.0 ", Some("number"), Some("10")),
            ("-0x", Some("number"), None),
            ("0x10", Some("number"), Some("16")),
            ("1e400", Some("number"), None),
            ("1e300", Some("number"), Some("1e+300")),
            ("inf", Some("number"), None),
            ("", Some("number"), None),
            ("true", Some("boolean"), Some("true")),
            ("yes", Some("boolean"), Some("false")),
            ("", None, Some("\"null\"")),
            (
                "{\"a\": \"b/c\"}",
                None,
                Some("\"{\\\"a\\\": \\\"b/c\\\"}\""),
            ),
            ("a\\b\n", None, Some("\"a\\\\\\\\b\\\\n\"")),
        ] {
            assert_eq!(member(value, kind).as_deref(), expected, "{value} {kind:?}");
        }
    }

    #[test]
    fn types_belong_to_values_by_their_place() {
        let lists = Lists {
            json: ["a:1", "b:x", "c:true", "d:1"].map(str::to_owned).to_vec(),
            headers: Vec::new(),
            json_types: ["number", "number", "boolean"].map(str::to_owned).to_vec(),
        };
        let members = lists.members();
        let members: Vec<_> = members.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(members, [("a", "1"), ("c", "true"), ("d", "\"1\"")]);
    }
}
