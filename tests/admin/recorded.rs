//! Replays what a real Kong 3.9.1 was recorded to answer, in order, and compares status, body and fields.
//!
//! `tests/golden/admin.json` is the recording: fields that every answer had stand once, `<uuid:N>` is the same generated id
//! wherever it stands, `<ts>` a time, `<n>` a number; parts in which two recordings of Kong itself differed are marked.
//! Prose is our own: of schemas everything but their descriptions is compared.
//! `tests/golden/admin-differences.txt` lists where we answer otherwise, with the reason; a case in it must differ.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use crate::behaviour;
use crate::client::Answer;
use crate::client::Client;
use crate::gateway;

/// Of 1,000 cases so many must be answered as Kong answers them.
const IDENTICAL_MIN: usize = 968;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    usual: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    label: String,
    method: String,
    path: String,
    #[serde(default)]
    sent: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    answer: Value,
    #[serde(default)]
    unstable: Vec<String>,
    #[serde(default)]
    unordered: bool,
}

#[test]
fn answers_are_those_of_kong() {
    let recording: Recording = serde_json::from_str(&golden("admin.json")).unwrap();
    let differences = differences();
    behaviour::listen();
    let mut client = Client::new(gateway::start_with_a_clock_of_its_own());
    let mut ids = Ids::default();
    let (mut identical, mut unexpected, mut vanished) = (0, Vec::new(), Vec::new());
    for case in &recording.cases {
        let answer = ask(&mut client, case, &ids);
        let found = compare(case, &recording.usual, &answer, &mut ids);
        let known = differences.iter().any(|(id, _)| *id == case.id);
        match (found, known) {
            (Ok(()), false) => identical += 1,
            (Ok(()), true) => vanished.push(case.id.as_str()),
            (Err(_), true) => {}
            (Err(what), false) => {
                let (id, label) = (&case.id, &case.label);
                unexpected.push(format!(
                    "{id} {label}: {what}\n  {} {}",
                    answer.status,
                    answer.text()
                ));
            }
        }
    }
    assert!(
        unexpected.is_empty(),
        "{} differ:\n{}",
        unexpected.len(),
        unexpected.join("\n")
    );
    assert!(
        vanished.is_empty(),
        "listed and do not differ: {vanished:?}"
    );
    let all = recording.cases.len();
    println!("{identical} of {all} are identical");
    assert!(
        identical * 1_000 >= all * IDENTICAL_MIN,
        "{identical} of {all}"
    );
}

fn golden(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::fs::read_to_string(directory.join(name)).unwrap()
}

/// Case and reason, one in a line.
fn differences() -> Vec<(String, String)> {
    let text = golden("admin-differences.txt");
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = lines.map(|line| line.split_once(' ').expect("a case and its reason"));
    split
        .map(|(id, reason)| (id.to_owned(), reason.trim().to_owned()))
        .collect()
}

fn ask(client: &mut Client, case: &Case, ids: &Ids) -> Answer {
    // Whatever is stored would be gone, and with it what later cases ask for.
    let dry_run = case.method == "POST" && case.path == "/config";
    let path = ids.fill_all(&case.path) + if dry_run { "?dry_run=1" } else { "" };
    let body = match &case.body {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        json => Some(ids.fill_all(&json.to_string())),
    };
    let sent: Vec<(&str, &str)> = case
        .sent
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    client.send(
        &case.method,
        &path,
        &sent,
        body.as_deref().map(str::as_bytes),
    )
}

fn compare(
    case: &Case,
    usual: &BTreeMap<String, String>,
    answer: &Answer,
    ids: &mut Ids,
) -> Result<(), String> {
    if answer.status != case.status {
        return Err(format!("status, not {}", case.status));
    }
    let body_is_stable = !case.unstable.iter().any(|part| part == "body");
    let body = match answer.body.is_empty() {
        true => Value::Null,
        false => answer.value(),
    };
    let (recorded, body) = match case.path.starts_with("/schemas/") && answer.status == 200 {
        true => (bare(&case.answer, false), bare(&body, false)),
        false => (case.answer.clone(), body),
    };
    let same = ids.unify(&recorded, &body, case.unordered);
    if body_is_stable {
        same?;
    }
    let is_schema = case.path.starts_with("/schemas/");
    let length_is_stable =
        body_is_stable && !is_schema && !case.unstable.iter().any(|part| part == "headers");
    fields(case, usual, answer, length_is_stable)
}

/// A schema without its prose, and without what Kong's depend on: `len_min` comes to a field with the first value that
/// is checked, and some say what goes without saying (`required: false`, the defaults of records).
fn bare(schema: &Value, is_element: bool) -> Value {
    match schema {
        Value::Array(values) => values.iter().map(|value| bare(value, false)).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, value)| match name.as_str() {
                "description" | "deprecation" | "encrypted" | "referenceable" => false,
                "required" => **value != Value::Bool(false) && !is_element,
                "len_min" => value.as_u64() != Some(1),
                "default" => !value.is_null() && !value.is_object(),
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

/// Our own name stands in `Server`, and an entity has a tag, which Kong's have not.
fn fields(
    case: &Case,
    usual: &BTreeMap<String, String>,
    answer: &Answer,
    length_is_stable: bool,
) -> Result<(), String> {
    let mut expected = usual.clone();
    expected.extend(case.headers.clone());
    let mut actual = BTreeMap::new();
    for (name, value) in &answer.headers {
        let value = match name.as_str() {
            "date" | "etag" => continue,
            "server" => value.replace(
                concat!("silverback/", env!("CARGO_PKG_VERSION")),
                "kong/3.9.1",
            ),
            "x-kong-admin-latency" if value.parse::<u64>().is_ok() => "<n>".to_owned(),
            _ => value.clone(),
        };
        actual.insert(name.clone(), value);
    }
    for (name, value) in expected {
        let name = name.to_ascii_lowercase();
        let found = actual.remove(&name);
        let may_vary = name == "content-length" && !length_is_stable && found.is_some();
        if found.as_ref() != Some(&value) && !may_vary {
            return Err(format!("{name} is {found:?}, not {value}"));
        }
    }
    match actual.is_empty() {
        true => Ok(()),
        false => Err(format!("fields of our own: {actual:?}")),
    }
}

/// Which generated id stands for which.
#[derive(Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    /// A text with the ids that are known.
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (placeholder, id) in &self.0 {
            text = text.replace(placeholder.as_str(), id);
        }
        text
    }

    /// The same for a request; what an earlier case should have brought is nobody's id.
    fn fill_all(&self, text: &str) -> String {
        let mut text = self.fill(text);
        while let Some((before, after)) = text.split_once("<uuid:") {
            let rest = after.split_once('>').map_or("", |(_, rest)| rest);
            text = format!("{before}{}{rest}", uuid::Uuid::max());
        }
        text
    }

    /// Whether a value is what was recorded; ids are learned on the way.
    fn unify(&mut self, recorded: &Value, actual: &Value, unordered: bool) -> Result<(), String> {
        match (recorded, actual) {
            (Value::String(recorded), _) => self.unify_text(recorded, actual),
            (Value::Array(recorded), Value::Array(actual)) => {
                self.unify_lists(recorded, actual, unordered)
            }
            (Value::Object(recorded), Value::Object(actual)) => {
                self.unify_objects(recorded, actual, unordered)
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
        unordered: bool,
    ) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (name, value) in recorded {
            match actual.get(name) {
                Some(actual) => {
                    let same = self.unify(value, actual, unordered);
                    wrong.extend(same.err().map(|what| format!("{name}: {what}")));
                }
                None => wrong.push(format!("{name} is missing, not {value}")),
            }
        }
        let more = actual.keys().filter(|name| !recorded.contains_key(*name));
        wrong.extend(more.map(|name| format!("{name} is too much")));
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("; ")),
        }
    }

    fn unify_lists(
        &mut self,
        recorded: &[Value],
        actual: &[Value],
        unordered: bool,
    ) -> Result<(), String> {
        if recorded.len() != actual.len() {
            return Err(format!("{} elements, not {}", actual.len(), recorded.len()));
        }
        let mut left: Vec<&Value> = actual.iter().collect();
        for (at, value) in recorded.iter().enumerate() {
            let place = match unordered {
                true => left
                    .iter()
                    .position(|actual| self.unify(value, actual, true).is_ok()),
                false => Some(0),
            };
            let Some(place) = place else {
                return Err(format!("no element is {value}"));
            };
            let same = self.unify(value, left[place], unordered);
            same.map_err(|what| format!("[{at}] {what}"))?;
            left.remove(place);
        }
        Ok(())
    }

    fn unify_text(&mut self, recorded: &str, actual: &Value) -> Result<(), String> {
        let differs = || format!("{actual} is not {recorded:?}");
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
