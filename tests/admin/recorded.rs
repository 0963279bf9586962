//! Replays what a real Kong 3.9.1 was recorded to answer, in order, and compares status, body and fields.
//!
//! `tests/golden/admin.json` is the recording. `tests/golden/admin-differences.txt` lists where we answer otherwise, with
//! the reason; a case in it must differ.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::behaviour;
use crate::client::Answer;
use crate::client::Client;
use crate::differences::differences;
use crate::gateway;
use crate::golden;
use crate::golden::Case;
use crate::golden::Known;

/// Of 1,000 cases so many must be answered as Kong answers them.
const IDENTICAL_MIN: usize = 980;

#[test]
fn answers_are_those_of_kong() {
    let recording = golden::read();
    let differences = differences("admin-differences.txt");
    behaviour::listen();
    let mut client = Client::new(gateway::start_with_a_clock_of_its_own());
    let mut known = Known::default();
    let (mut identical, mut unexpected, mut vanished) = (0, Vec::new(), Vec::new());
    // What replaces everything is asked last: other cases ask for what is there.
    let (last, rest): (Vec<&Case>, Vec<&Case>) =
        recording.cases.iter().partition(|case| replaces(case));
    for case in rest.into_iter().chain(last) {
        let answer = ask(&mut client, case, &known);
        let found = compare(case, &recording.usual, &answer, &mut known);
        let listed = differences.iter().any(|(id, _)| *id == case.id);
        match (found, listed) {
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

fn replaces(case: &Case) -> bool {
    case.method == "POST" && case.path == "/config"
}

fn ask(client: &mut Client, case: &Case, known: &Known) -> Answer {
    let body = match &case.body {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        json => Some(known.fill_all(&json.to_string())),
    };
    let sent: Vec<(&str, &str)> = case
        .sent
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    client.send(
        &case.method,
        &known.fill_all(&case.path),
        &sent,
        body.as_deref().map(str::as_bytes),
    )
}

fn compare(
    case: &Case,
    usual: &BTreeMap<String, String>,
    answer: &Answer,
    known: &mut Known,
) -> Result<(), String> {
    if answer.status != case.status {
        return Err(format!("status, not {}", case.status));
    }
    let body = match answer.body.is_empty() {
        true => Value::Null,
        false => answer.value(),
    };
    known.compare(case, &body, case.unordered)?;
    if case.unordered {
        check_order(&body)?;
    }
    // A schema has prose in it, which is our own.
    let length_is_stable = !case.unsized_body && !case.is_schema();
    fields(case, usual, answer, length_is_stable)
}

/// Kong lists entities in the order of their ids, which are not the recorded ones.
fn check_order(body: &Value) -> Result<(), String> {
    let data = body["data"].as_array().ok_or("no list")?;
    let ids: Vec<Option<&str>> = data.iter().map(|row| row["id"].as_str()).collect();
    let sorted = ids.is_sorted();
    sorted
        .then_some(())
        .ok_or_else(|| format!("not in the order of ids: {ids:?}"))
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
