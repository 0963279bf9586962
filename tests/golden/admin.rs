//! Reads the recording of a Kong's Admin API beside this file, and compares answers with it.
//!
//! Ids and times stand in it as `<uuid:1>` and `<ts>`; `<any>` stands for what no two runs have in common.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The recording's number for it.
    pub(crate) case: u32,
    /// Method and target.
    #[serde(rename = "do")]
    pub(crate) request: String,
    /// The content type, if it is not JSON.
    #[serde(rename = "type")]
    pub(crate) content_type: Option<String>,
    /// The body; a text if it is no JSON, or if the content type is another.
    pub(crate) send: Option<Value>,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The body of the answer.
    #[serde(default)]
    pub(crate) answer: Option<Value>,
    /// The order of lists in the answer is chance.
    #[serde(default)]
    pub(crate) unordered: bool,
    /// The body of the answer is left out, because it is the recorder's own.
    #[serde(default)]
    pub(crate) partial: bool,
}

/// Reads the recording.
pub(crate) fn read() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(directory.join("entities.json"));
    serde_json::from_str(&text.expect("the recording is readable")).expect("it has this layout")
}

/// What placeholders have turned out to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(HashMap<String, String>);

impl Known {
    /// Puts in place of placeholders what they have turned out to be.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (placeholder, value) in &self.0 {
            filled = filled.replace(placeholder, value);
        }
        filled
    }

    /// The same in every text of a value.
    pub(crate) fn fill_all(&self, value: &Value) -> Value {
        serde_json::from_str(&self.fill(&value.to_string())).expect("ids need no escapes")
    }

    /// Compares an answer with the recorded one, and learns what its placeholders are.
    ///
    /// # Errors
    /// Where they differ.
    pub(crate) fn compare(
        &mut self,
        recorded: &Value,
        answer: &Value,
        unordered: bool,
    ) -> Result<(), String> {
        match (recorded, answer) {
            (Value::String(text), _) if text == "<any>" => Ok(()),
            (Value::String(text), Value::Number(_)) if text == "<ts>" => Ok(()),
            (Value::String(text), Value::String(got)) => self.compare_text(text, got),
            (Value::Object(recorded), Value::Object(answer)) => {
                self.compare_members(recorded, answer, unordered)
            }
            (Value::Array(recorded), Value::Array(answer)) => {
                self.compare_lists(recorded, answer, unordered)
            }
            (Value::Number(recorded), Value::Number(got)) if recorded.as_f64() == got.as_f64() => {
                Ok(())
            }
            _ if recorded == answer => Ok(()),
            _ => Err(format!("wanted {recorded}, got {answer}")),
        }
    }

    fn compare_text(&mut self, recorded: &str, got: &str) -> Result<(), String> {
        let is_placeholder = recorded.starts_with("<uuid:") && recorded.ends_with('>');
        if is_placeholder && !self.0.contains_key(recorded) {
            self.0.insert(recorded.to_owned(), got.to_owned());
        }
        if self.fill(recorded) == got {
            return Ok(());
        }
        Err(format!("wanted {recorded:?}, got {got:?}"))
    }

    fn compare_members(
        &mut self,
        recorded: &Map<String, Value>,
        answer: &Map<String, Value>,
        unordered: bool,
    ) -> Result<(), String> {
        for (name, recorded) in recorded {
            let got = answer.get(name).ok_or(format!("no {name}"))?;
            self.compare(recorded, got, unordered)
                .map_err(|fault| format!("{name}: {fault}"))?;
        }
        match answer.keys().find(|name| !recorded.contains_key(*name)) {
            Some(name) => Err(format!("{name} is too much")),
            None => Ok(()),
        }
    }

    fn compare_lists(
        &mut self,
        recorded: &[Value],
        answer: &[Value],
        unordered: bool,
    ) -> Result<(), String> {
        if recorded.len() != answer.len() {
            let (wanted, got) = (recorded.len(), answer.len());
            return Err(format!("wanted {wanted} elements, got {got}"));
        }
        let mut rest: Vec<&Value> = answer.iter().collect();
        for (at, recorded) in recorded.iter().enumerate() {
            let candidates = if unordered { rest.len() } else { 1 };
            let mut fault = String::new();
            let found = (0..candidates).find(|candidate| {
                let mut known = self.clone();
                match known.compare(recorded, rest[*candidate], unordered) {
                    Ok(()) => *self = known,
                    Err(text) => {
                        fault = text;
                        return false;
                    }
                }
                true
            });
            let found = found.ok_or(format!("{at}: {fault}"))?;
            rest.remove(found);
        }
        Ok(())
    }
}
