//! Names of forms, which say where in a document a value belongs: `config.headers[2].name`, `tags[]`.
//!
//! A dot leads into a record, `[n]` to the n-th element of a list, counted from 1, `[]` to the next one; a name that
//! is repeated is a list. Elements are ordered by their numbers, which are never used as sizes.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::entity::Document;

/// Deepest place that a name may lead to; no schema is half as deep.
const DEPTH_MAX: usize = 16;

/// What has come together at a place.
enum Node {
    Leaf(Value),
    Record(Map<String, Value>, BTreeMap<String, Node>),
    List(BTreeMap<u64, Node>),
}

enum Step {
    Key(String),
    Element(u64),
    Next,
}

/// The document that the fields describe.
pub(super) fn nest(fields: Vec<(String, Value)>) -> Result<Document, String> {
    let mut root = Node::record();
    for (name, value) in fields {
        let steps = steps(&name)?;
        let clash = || format!("field '{name}' contradicts another one");
        root.put(&steps, value).ok_or_else(clash)?;
    }
    match root.into_value() {
        Value::Object(document) => Ok(document),
        _ => Err("the form has no fields".to_owned()),
    }
}

impl Node {
    fn record() -> Self {
        Self::Record(Map::new(), BTreeMap::new())
    }

    /// `None` if the place is of another kind already.
    fn put(&mut self, steps: &[Step], value: Value) -> Option<()> {
        let Some((step, rest)) = steps.split_first() else {
            return self.repeat(value);
        };
        match (&mut *self, step) {
            (Self::Record(_, fields), Step::Key(key)) => match fields.get_mut(key) {
                Some(node) => node.put(rest, value),
                None => {
                    fields.insert(key.clone(), Self::fresh(rest, value)?);
                    Some(())
                }
            },
            (Self::List(items), Step::Element(number)) => match items.get_mut(number) {
                Some(node) => node.put(rest, value),
                None => {
                    items.insert(*number, Self::fresh(rest, value)?);
                    Some(())
                }
            },
            (Self::List(items), Step::Next) => {
                // The fields of one record come one after the other: the first that the last element has
                // already begins the next.
                if let Some(mut last) = items.last_entry()
                    && last.get().lacks(rest)
                {
                    return last.get_mut().put(rest, value);
                }
                let next = items.last_key_value().map_or(1, |(last, _)| last + 1);
                items.insert(next, Self::fresh(rest, value)?);
                Some(())
            }
            _ => None,
        }
    }

    fn fresh(steps: &[Step], value: Value) -> Option<Self> {
        let mut node = match steps.first() {
            None => return Some(Self::Leaf(value)),
            Some(Step::Key(_)) => Self::record(),
            Some(Step::Element(_) | Step::Next) => Self::List(BTreeMap::new()),
        };
        node.put(steps, value)?;
        Some(node)
    }

    /// A second value at a place makes a list of it.
    fn repeat(&mut self, value: Value) -> Option<()> {
        match self {
            Self::Leaf(first) => {
                let items = [std::mem::take(first), value].map(Self::Leaf);
                *self = Self::List((1..).zip(items).collect());
            }
            Self::List(items) => {
                let next = items.last_key_value().map_or(1, |(last, _)| last + 1);
                items.insert(next, Self::Leaf(value));
            }
            Self::Record(..) => return None,
        }
        Some(())
    }

    /// Whether a field of this record is still free.
    fn lacks(&self, steps: &[Step]) -> bool {
        match (self, steps.first()) {
            (Self::Record(_, fields), Some(Step::Key(key))) => match fields.get(key) {
                Some(node) => steps.len() > 1 && node.lacks(steps.get(1..).unwrap_or_default()),
                None => true,
            },
            _ => false,
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::List(items) => items.into_values().map(Self::into_value).collect(),
            Self::Record(mut values, fields) => {
                let fields = fields.into_iter();
                values.extend(fields.map(|(key, node)| (key, node.into_value())));
                Value::Object(values)
            }
        }
    }
}

/// Where a name leads. One whose dots or brackets make no sense is a key as it stands, and will be refused as an
/// unknown field.
fn steps(name: &str) -> Result<Vec<Step>, String> {
    if name.split('.').any(str::is_empty) {
        return Ok(vec![Step::Key(name.to_owned())]);
    }
    let mut steps = Vec::new();
    for part in name.split('.') {
        let (key, mut elements) = elements(part);
        steps.push(Step::Key(key.to_owned()));
        steps.append(&mut elements);
    }
    if steps.len() > DEPTH_MAX {
        return Err(format!("a field leads deeper than {DEPTH_MAX} levels"));
    }
    Ok(steps)
}

/// The key and the brackets behind it, the first one first.
fn elements(part: &str) -> (&str, Vec<Step>) {
    let (mut key, mut steps) = (part, Vec::new());
    while let Some((before, number)) = key.strip_suffix(']').and_then(|open| open.rsplit_once('['))
    {
        let step = match number {
            "" => Step::Next,
            _ if number.bytes().all(|byte| byte.is_ascii_digit()) => match number.parse() {
                Ok(number) => Step::Element(number),
                Err(_) => break,
            },
            _ => break,
        };
        if before.is_empty() {
            break;
        }
        steps.push(step);
        key = before;
    }
    steps.reverse();
    (key, steps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::prelude::prop;
    use proptest::proptest;
    use serde_json::Value;
    use serde_json::json;

    use super::nest;

    fn read(form: &str) -> Result<Value, String> {
        nest(super::super::pairs(form.as_bytes())?).map(Value::Object)
    }

    #[test]
    fn names_lead_into_records_and_lists() {
        for (form, expected) in [
            ("a=1&b=2", json!({"a": "1", "b": "2"})),
            (
                "config.a.b=1&config.c=2",
                json!({"config": {"a": {"b": "1"}, "c": "2"}}),
            ),
            ("tags[]=a&tags[]=b", json!({"tags": ["a", "b"]})),
            ("tags=a&tags=b&tags=c", json!({"tags": ["a", "b", "c"]})),
            ("p[2]=b&p[1]=a&p[]=c", json!({"p": ["a", "b", "c"]})),
            ("p[99999999999]=b&p[7]=a", json!({"p": ["a", "b"]})),
            (
                "s[1].ip=x&s[1].port=1&s[2].ip=y",
                json!({"s": [{"ip": "x", "port": "1"}, {"ip": "y"}]}),
            ),
            (
                "s[].ip=x&s[].port=1&s[].ip=y",
                json!({"s": [{"ip": "x", "port": "1"}, {"ip": "y"}]}),
            ),
            ("h.x-a[]=1&h.x-a[]=2", json!({"h": {"x-a": ["1", "2"]}})),
            ("m[1][2]=b&m[1][1]=a", json!({"m": [["a", "b"]]})),
        ] {
            assert_eq!(read(form), Ok(expected), "{form}");
        }
    }

    #[test]
    fn names_that_make_no_sense_are_keys() {
        for name in [
            ".a",
            "a.",
            "a..b",
            "a[x]",
            "[1]",
            "a[-1]",
            "a]",
            "a[99999999999999999999]",
        ] {
            assert_eq!(
                read(&format!("{name}=1")),
                Ok(json!({ name: "1" })),
                "{name}"
            );
        }
    }

    #[test]
    fn contradictions_and_depths_are_refused() {
        for form in ["a=1&a.b=2", "a.b=1&a=2", "a.b=1&a[1]=2", "a[1]=1&a.b=2"] {
            assert!(read(form).unwrap_err().contains("contradicts"), "{form}");
        }
        assert!(read(&format!("{}a=1", "a.".repeat(20))).is_err());
    }

    proptest! {
        #[test]
        fn no_names_break_it(names in prop::collection::vec("[ab.\\[\\]0-2]{0,12}", 0..8), value in any::<u8>()) {
            let fields = names.into_iter().map(|name| (name, value.into()));
            let _ = nest(fields.collect());
        }
    }
}
