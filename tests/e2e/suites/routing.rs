//! Routing end to end: the recordings of a real Kong, replayed over sockets. Which route won is read from the
//! access log, what reached the origin from the origin.

use serde_json::Value;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    recorded_matches_are_repeated: ["A1", "A24", "B6"];
    recorded_paths_are_repeated: ["A23"];
}

fn recorded_matches_are_repeated() {
    replay("router-matching.json");
}

fn recorded_paths_are_repeated() {
    replay("router-path-handling.json");
}

fn recording(file: &str) -> Value {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The recording's entities, with our origin and without the plugins that named the routes.
fn entities(recording: &Value, origin: &Origin) -> String {
    let mut services = recording["config"]["services"].clone();
    for service in services.as_array_mut().unwrap() {
        if service.get("url").is_some() {
            service["url"] = format!("http://127.0.0.1:{}", origin.port()).into();
        } else {
            service["port"] = origin.port().into();
        }
        for route in service["routes"].as_array_mut().unwrap() {
            route.as_object_mut().unwrap().remove("plugins");
        }
    }
    toml::to_string(&serde_json::json!({ "services": services })).unwrap()
}

fn replay(file: &str) {
    let recording = recording(file);
    let origin = Origin::echo();
    let gateway = Config::empty()
        .sections("[access_log]\npath = \"stdout\"\nformat = \"$status $route\"\n")
        .entities(&entities(&recording, &origin))
        .start();
    let mut faults = Vec::new();
    let mut asked = 0;
    for case in recording["cases"].as_array().unwrap() {
        if case["request"]["listener"] != "proxy" || case["request"].get("raw").is_some() {
            continue;
        }
        asked += 1;
        if let Err(fault) = ask(case, &gateway, &origin, asked) {
            faults.push(format!("{} ({}): {fault}", case["id"], case["label"]));
        }
    }
    assert!(asked > 50, "{asked} cases were replayed");
    assert!(
        faults.is_empty(),
        "{} of {asked}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

fn ask(case: &Value, gateway: &Gateway, origin: &Origin, number: usize) -> Result<(), String> {
    let request = &case["request"];
    let (method, path) = (
        request["method"].as_str().unwrap(),
        request["path"].as_str().unwrap(),
    );
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    for field in request["headers"].as_array().unwrap() {
        head.push_str(&format!(
            "{}: {}\r\n",
            field[0].as_str().unwrap(),
            field[1].as_str().unwrap()
        ));
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
    let logged = eventually("the line is logged", || {
        gateway.stdout().lines().nth(number - 1).map(str::to_owned)
    });
    let Some(expected) = case["body"]["uri"].as_str() else {
        return Ok(());
    };
    let (_, forwarded) = origin.wait_head(heads);
    if forwarded.target() != expected {
        return Err(format!(
            "the origin was asked for {:?}, not {expected:?}",
            forwarded.target()
        ));
    }
    let named = case["body"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|h| h[0] == "X-Route");
    if let Some(name) = named.and_then(|field| field[1].as_str())
        && logged != format!("200 {name}")
    {
        return Err(format!("the log says {logged:?}, not route {name:?}"));
    }
    Ok(())
}
