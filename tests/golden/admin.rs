//! Reads the recording of a Kong's Admin API beside this file, and compares answers with it.
//!
//! In it `<uuid:N>` is the same generated id wherever it stands, `<ts>` a time, and `<any>` what no two runs have in
//! common, Kong's own among them. Two tests replay it: one over HTTP, one at the level of the collection of entities.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The recording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "one of the two tests has no fields to compare")]
pub(crate) struct Recording {
    /// The fields that every answer had.
    pub(crate) usual: BTreeMap<String, String>,
    /// In the order in which they were asked, since each depends on those before it.
    pub(crate) cases: Vec<Case>,
}

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "one of the two tests has no fields to compare")]
pub(crate) struct Case {
    /// Its number, of three digits.
    pub(crate) id: String,
    /// What it is about.
    pub(crate) label: String,
    /// The method.
    pub(crate) method: String,
    /// The target.
    pub(crate) path: String,
    /// The fields that were sent.
    #[serde(default)]
    pub(crate) sent: BTreeMap<String, String>,
    /// What was sent: a text, or JSON.
    #[serde(default)]
    pub(crate) body: Value,
    /// The status of the answer.
    pub(crate) status: u16,
    /// Its fields, the usual ones left out.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Its body.
    #[serde(default)]
    pub(crate) answer: Value,
    /// The order of `data` follows ids, which are random.
    #[serde(default)]
    pub(crate) unordered: bool,
    /// The length of the body is not the same in two runs.
    #[serde(default)]
    pub(crate) unsized_body: bool,
    /// The answer may say more than the recorded one, which is about the node.
    #[serde(default)]
    pub(crate) open: bool,
}

/// Reads the recording.
pub(crate) fn read() -> Recording {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(directory.join("admin.json"));
    serde_json::from_str(&text.expect("the recording is readable")).expect("it has this layout")
}

impl Case {
    /// Whether it asked for a schema, and got one.
    pub(crate) fn is_schema(&self) -> bool {
        self.method == "GET" && self.path.starts_with("/schemas/") && self.status == 200
    }
}

/// Which generated id stands for which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(BTreeMap<String, String>);

/// How an answer is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// The elements of the outermost `data` may have any order.
    pub(crate) unordered: bool,
    /// There may be more members.
    pub(crate) open: bool,
}

impl Known {
    /// A text with the ids that are known.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (placeholder, id) in &self.0 {
            text = text.replace(placeholder.as_str(), id);
        }
        text
    }

    /// The same for a request; what an earlier case should have brought is nobody's id.
    pub(crate) fn fill_all(&self, text: &str) -> String {
        let mut text = self.fill(text);
        while let Some((before, after)) = text.split_once("<uuid:") {
            let rest = after.split_once('>').map_or("", |(_, rest)| rest);
            text = format!("{before}{}{rest}", uuid::Uuid::max());
        }
        text
    }

    /// Compares the answer to a case with the recorded one; ids are learned on the way.
    ///
    /// # Errors
    /// All that differs.
    pub(crate) fn compare(
        &mut self,
        case: &Case,
        answer: &Value,
        unordered: bool,
    ) -> Result<(), String> {
        let manner = Manner {
            unordered,
            open: case.open,
        };
        match case.is_schema() {
            true => self.unify(&bare(&case.answer, false), &bare(answer, false), manner),
            false => self.unify(&case.answer, answer, manner),
        }
    }

    fn unify(&mut self, recorded: &Value, actual: &Value, manner: Manner) -> Result<(), String> {
        match (recorded, actual) {
            (Value::String(recorded), _) => self.unify_text(recorded, actual),
            (Value::Array(recorded), Value::Array(actual)) => {
                self.unify_lists(recorded, actual, manner)
            }
            (Value::Object(recorded), Value::Object(actual)) => {
                self.unify_objects(recorded, actual, manner)
            }
            (Value::Number(recorded), Value::Number(actual))
                if recorded.as_f64() == actual.as_f64() =>
            {
                Ok(())
            }
            _ if recorded == actual => Ok(()),
            _ => Err(format!("{actual} is not {recorded}")),
        }
    }

    fn unify_objects(
        &mut self,
        recorded: &Map<String, Value>,
        actual: &Map<String, Value>,
        manner: Manner,
    ) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (name, value) in recorded {
            let unordered = manner.unordered && name == "data";
            let Some(actual) = actual.get(name) else {
                wrong.push(format!("{name} is missing, not {value}"));
                continue;
            };
            let same = self.unify(
                value,
                actual,
                Manner {
                    unordered,
                    ..manner
                },
            );
            wrong.extend(same.err().map(|what| format!("{name}: {what}")));
        }
        if !manner.open {
            let more = actual.keys().filter(|name| !recorded.contains_key(*name));
            wrong.extend(more.map(|name| format!("{name} is too much")));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("; ")),
        }
    }

    fn unify_lists(
        &mut self,
        recorded: &[Value],
        actual: &[Value],
        manner: Manner,
    ) -> Result<(), String> {
        if recorded.len() != actual.len() {
            return Err(format!("{} elements, not {}", actual.len(), recorded.len()));
        }
        let within = Manner {
            unordered: false,
            ..manner
        };
        let mut left: Vec<&Value> = actual.iter().collect();
        for (at, value) in recorded.iter().enumerate() {
            let place = match manner.unordered {
                true => left
                    .iter()
                    .position(|actual| self.clone().unify(value, actual, within).is_ok()),
                false => Some(0),
            };
            let Some(place) = place else {
                return Err(format!("no element is {value}"));
            };
            let same = self.unify(value, left[place], within);
            same.map_err(|what| format!("[{at}] {what}"))?;
            left.remove(place);
        }
        Ok(())
    }

    fn unify_text(&mut self, recorded: &str, actual: &Value) -> Result<(), String> {
        let differs = || format!("{actual} is not {recorded:?}");
        if recorded == "<any>" {
            return (!actual.is_null()).then_some(()).ok_or_else(differs);
        }
        if recorded == "<ts>" {
            return actual.is_number().then_some(()).ok_or_else(differs);
        }
        let text = actual.as_str().ok_or_else(differs)?;
        let whole = recorded
            .strip_prefix("<uuid:")
            .and_then(|rest| rest.strip_suffix('>'));
        if whole.is_some() && !self.0.contains_key(recorded) && uuid::Uuid::parse_str(text).is_ok()
        {
            self.0.insert(recorded.to_owned(), text.to_owned());
        }
        (self.fill(recorded) == text)
            .then_some(())
            .ok_or_else(differs)
    }
}

/// A schema without its prose, which is our own; without what depends on what that Kong had checked before, since the
/// first value of a field adds `len_min: 1` to it, and the first of a list `required: true` to its elements; without
/// `required: false` and `default: null`, which go without saying; and without `referenceable`, since we follow no reference.
fn bare(schema: &Value, is_element: bool) -> Value {
    match schema {
        Value::Array(values) => values.iter().map(|value| bare(value, false)).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, value)| match name.as_str() {
                "description" | "referenceable" => false,
                "required" => **value != json!(false) && !is_element,
                "len_min" => **value != json!(1),
                "default" => !value.is_null(),
                _ => true,
            });
            let bared = kept.map(|(name, value)| {
                let is_element = matches!(name.as_str(), "elements" | "keys" | "values");
                (name.clone(), bare(value, is_element))
            });
            Value::Object(bared.collect())
        }
        value => value.clone(),
    }
}
