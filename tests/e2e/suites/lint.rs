//! What is most likely not meant is said wherever a configuration is read: by the check, in the log, and over REST, whether it
//! stands in a file or was written over REST.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::cases;
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::tools::silverback;

use super::cli::File;

cases! {
    the_check_prints_findings_and_passes: [];
    a_start_and_a_reload_say_what_is_odd: [];
    what_is_written_over_rest_is_linted_too: [];
}

/// Two routes that ask for the same.
const TWINS: &str = "[[services]]\nname = \"s\"\nurl = \"http://127.0.0.1:9\"\n\
    routes = [\n{ name = \"first\", paths = [\"/a\"], created_at = 1 },\n\
    { name = \"second\", paths = [\"/a\"], created_at = 2 } ]\n";

fn the_check_prints_findings_and_passes() {
    let file = File::with(&(Config::empty().toml() + TWINS));
    let run = silverback(&["check", "--config", file.name()]).expect(0);
    assert!(
        run.stderr
            .contains(": SB0402: route `second` asks for exactly the same as route `first`"),
        "{run:?}"
    );
    let run = silverback(&["check", "--config", file.name(), "--format", "json"]).expect(0);
    let rows: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&rows[0]["code"], &rows[0]["severity"], &rows[0]["name"]),
        (&"SB0402".into(), &"warning".into(), &"second".into())
    );
    let place = rows[0]["place"].as_str().unwrap();
    assert!(place.starts_with(file.name()), "{place}");
}

fn a_start_and_a_reload_say_what_is_odd() {
    let gateway = Config::empty().entities(TWINS).start();
    gateway.wait_log("SB0402: route `second`");
    let text = std::fs::read_to_string(gateway.file()).unwrap();
    let text = text.replace("second", "latter");
    std::fs::write(gateway.file(), text).unwrap();
    gateway.signal(Signal::HUP);
    gateway.wait_log("SB0402: route `latter`");
    let found = listed(&gateway);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]["place"]
            .as_str()
            .unwrap()
            .contains("silverback.toml:"),
        "{found:?}"
    );
}

fn what_is_written_over_rest_is_linted_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let gateway = Config::empty()
        .sections(&format!("[store]\npath = {path:?}\n"))
        .start();
    assert_eq!(listed(&gateway), [Value::Null; 0]);
    let mut client = Client::connect(gateway.admin);
    let body = "{\"name\":\"alone\",\"host\":\"h\"}";
    let request = format!(
        "POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let made = client.send(request).response().expect(201);
    let made: Value = serde_json::from_str(&made.text()).unwrap();
    // Workers serve by it a moment later.
    let found = eventually("the service is linted", || {
        Some(listed(&gateway)).filter(|found| !found.is_empty())
    });
    assert_eq!(found[0]["code"], "SB0405");
    let id = made["id"].as_str().unwrap();
    assert_eq!(found[0]["place"], format!("/services/{id}"));
}

fn listed(gateway: &Gateway) -> Vec<Value> {
    let answer = gateway.admin("GET", "/config/lint").expect(200);
    let answer: Value = serde_json::from_str(&answer.text()).unwrap();
    answer["data"].as_array().unwrap().clone()
}
