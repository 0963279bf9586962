//! Routing end to end: the recordings of a real Kong (`tests/golden`), replayed over sockets. Which route won
//! is read from the access log, what reached the origin from the origin.

use serde_json::Value;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::message::text;

cases! {
    recorded_matches_are_repeated: ["A1", "A24", "B6"];
    recorded_paths_are_repeated: ["A23"];
}

/// Targets that are refused before they are routed: with a fragment, which no form of target has (RFC 9112
/// section 3.2; nginx takes it for path).
const REFUSED: [&str; 2] = ["068", "069"];

fn recorded_matches_are_repeated() {
    replay("matching.json", &REFUSED);
}

fn recorded_paths_are_repeated() {
    replay("path-handling.json", &[]);
}

fn recording(file: &str) -> Value {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The recording's services as TOML, each in front of our origin.
fn entities(recording: &Value, origin: &Origin) -> String {
    let mut services = recording["services"].clone();
    for (number, service) in services.as_array_mut().unwrap().iter_mut().enumerate() {
        let path = service["path"].as_str().map(str::to_owned);
        service["name"] = format!("s{number}").into();
        service["host"] = "127.0.0.1".into();
        service["port"] = origin.port().into();
        if path.is_none() {
            service.as_object_mut().unwrap().remove("path");
        }
    }
    toml::to_string(&serde_json::json!({ "services": services })).unwrap()
}

fn replay(file: &str, refused: &[&str]) {
    let recording = recording(file);
    let origin = Origin::echo();
    let gateway = Config::empty()
        .sections("[access_log]\npath = \"stdout\"\nformat = \"$status <$route>\"\n")
        .entities(&entities(&recording, &origin))
        .start();
    let mut faults = Vec::new();
    let mut logged = Vec::new();
    for case in recording["cases"].as_array().unwrap() {
        if case["listener"] != "http" {
            continue; // TLS comes with its own part
        }
        let name = format!("{} {}", case["id"], case["target"]);
        if refused.contains(&word(case, "id")) {
            let request = format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", word(case, "target"));
            gateway.client().send(request).response().expect(400);
            logged.push((name, None));
            continue;
        }
        if let Err(fault) = ask(case, &gateway, &origin) {
            faults.push(format!("{name}: {fault}"));
        }
        let route = case["uri"].is_string().then(|| word(case, "route"));
        logged.push((name, route.map(|route| format!("200 <{route}>"))));
    }
    let asked = logged.len();
    assert!(asked > 50, "{asked} cases were replayed");
    faults.extend(misrouted(&gateway, &logged));
    assert!(
        faults.is_empty(),
        "{} of {asked}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// Compares the access log with the lines that the recording asks for, where it asks for one.
fn misrouted(gateway: &Gateway, expected: &[(String, Option<String>)]) -> Vec<String> {
    let log = eventually("every request is logged", || {
        let log = gateway.stdout();
        (log.lines().count() == expected.len()).then_some(log)
    });
    let lines = expected.iter().zip(log.lines());
    lines
        .filter(|((_, expected), line)| expected.as_ref().is_some_and(|route| route != line))
        .map(|((name, expected), line)| format!("{name}: the log says {line:?}, not {expected:?}"))
        .collect()
}

fn ask(case: &Value, gateway: &Gateway, origin: &Origin) -> Result<(), String> {
    let (method, target) = (word(case, "method"), word(case, "target"));
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    for field in case["headers"].as_array().unwrap() {
        let (name, value) = (field[0].as_str().unwrap(), field[1].as_str().unwrap());
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let heads = origin.heads();
    let response = gateway
        .client()
        .send(head + "\r\n")
        .try_response(method)
        .map_err(|broken| format!("no answer: {:?}", broken.end))?;
    if Some(u64::from(response.status())) != case["status"].as_u64() {
        return Err(format!("got {}, not {}", response.status(), case["status"]));
    }
    let Some(uri) = case["uri"].as_str() else {
        return Ok(());
    };
    let (_, forwarded) = origin.wait_head(heads);
    let told = [
        (forwarded.target(), uri),
        (
            forwarded.one("x-forwarded-path").unwrap_or_default(),
            case["forwarded_path"].as_str().unwrap_or_default(),
        ),
        (
            forwarded.one("x-forwarded-prefix").unwrap_or_default(),
            case["forwarded_prefix"].as_str().unwrap_or_default(),
        ),
    ];
    let differs = |(got, expected): &&(&str, &str)| *got != text(expected.as_bytes());
    match told.iter().find(differs) {
        Some((got, expected)) => Err(format!("the origin was told {got:?}, not {expected:?}")),
        None => Ok(()),
    }
}

fn word<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key]
        .as_str()
        .unwrap_or_else(|| panic!("{case} has no {key}"))
}
