//! The access log: one line an exchange in every format, whole under load, never in the way.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    json_line_tells_the_exchange: [];
    logfmt_line_tells_the_exchange: [];
    combined_line_is_the_common_one: [];
    template_says_what_it_was_asked: [];
    failure_is_logged_once_with_its_cause: ["V11"];
    log_without_section_is_off: [];
    reopened_file_goes_on: [];
    hostile_bytes_cannot_forge_a_line: [];
    failing_sink_loses_lines_not_requests: ["FR3"];
    every_exchange_has_its_line: [];
    upload_is_counted_to_its_last_byte: [];
    names_of_keys_that_come_later_are_hidden: [];
}

fn names_of_keys_that_come_later_are_hidden() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .sections(
            "[access_log]\npath = \"stdout\"\nformat = \"$query\"\n[store]\npath = \"store.redb\"",
        )
        .start();
    gateway.get("/?x-late=before").expect(200);
    let plugin = r#"{"name":"key-auth","config":{"key_names":["x-late"]}}"#;
    let length = plugin.len();
    let mut admin = Client::connect(gateway.admin);
    admin.send(format!(
        "POST /plugins HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{plugin}"
    ));
    admin.response().expect(201);
    eventually("a key is asked for", || {
        (gateway.get("/").status() == 401).then_some(())
    });
    gateway.get("/?x-late=canary").expect(401);
    let log = eventually("it is logged", || {
        let text = gateway.stdout();
        text.contains("x-late=***").then_some(text)
    });
    assert!(!log.contains("canary"), "{log}");
}

fn upload_is_counted_to_its_last_byte() {
    let origin = Origin::echo();
    let gateway = logging(&origin, "path = \"stdout\"\nformat = \"json\"");
    let mut client = gateway.client();
    client
        .post("/x", &vec![b'x'; 1_000_000])
        .response()
        .expect(200);
    let line = lines(&gateway, 1).remove(0);
    let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
    let received = entry["bytes_received"].as_u64().unwrap();
    assert!((1_000_000..1_001_000).contains(&received), "{line}");
}

fn logging(origin: &Origin, section: &str) -> Gateway {
    Config::to(origin.port())
        .service_keys("retries = 0")
        .sections(&format!("[access_log]\n{section}\n"))
        .start()
}

/// Waits for this many lines on standard output.
#[track_caller]
fn lines(gateway: &Gateway, count: usize) -> Vec<String> {
    eventually("the log lines are written", || {
        let text = gateway.stdout();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count && text.ends_with('\n')).then_some(lines)
    })
}

const REQUEST: &str = "GET /a/b?x=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: test/1\r\n\
    Referer: http://r.test/\r\n\r\n";

fn json_line_tells_the_exchange() {
    let origin = Origin::hello();
    let gateway = logging(&origin, "path = \"stdout\"\nformat = \"json\"");
    let mut client = gateway.client();
    let id = client
        .send(REQUEST)
        .response()
        .head
        .one("x-kong-request-id")
        .map(str::to_owned);
    let line = lines(&gateway, 1).remove(0);
    let entry: serde_json::Value =
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    assert_eq!(entry["method"], "GET");
    assert_eq!(entry["path"], "/a/b");
    assert_eq!(entry["query"], "x=1");
    assert_eq!(entry["host"], "a.test");
    assert_eq!(entry["status"], 200);
    assert_eq!(entry["client_ip"], "127.0.0.1");
    assert_eq!(entry["route"], "r0");
    assert_eq!(entry["service"], "s0");
    assert_eq!(entry["upstream"], format!("127.0.0.1:{}", origin.port()));
    assert_eq!(entry["request_id"].as_str(), id.as_deref());
    assert_eq!(entry["user_agent"], "test/1");
    assert!(
        entry["duration"]
            .as_f64()
            .is_some_and(|s| (0.0..10.0).contains(&s)),
        "{line}"
    );
    assert!(
        entry["bytes_sent"].as_u64().is_some_and(|n| n > 5),
        "{line}"
    );
}

fn logfmt_line_tells_the_exchange() {
    let origin = Origin::hello();
    let gateway = logging(&origin, "path = \"stdout\"\nformat = \"logfmt\"");
    gateway.client().send(REQUEST).response().expect(200);
    let line = lines(&gateway, 1).remove(0);
    for pair in [
        "method=GET",
        "path=/a/b",
        "status=200",
        "route=r0",
        "service=s0",
    ] {
        assert!(
            line.split(' ').any(|word| word == pair),
            "{pair} is not in {line}"
        );
    }
}

fn combined_line_is_the_common_one() {
    let origin = Origin::hello();
    let gateway = logging(&origin, "path = \"stdout\"\nformat = \"combined\"");
    gateway.client().send(REQUEST).response().expect(200);
    let line = lines(&gateway, 1).remove(0);
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    let rest = line.split_once("] ").unwrap().1;
    assert!(rest.starts_with("\"GET /a/b?x=1 HTTP/1.1\" 200 "), "{line}");
    assert!(rest.ends_with(" \"http://r.test/\" \"test/1\""), "{line}");
}

fn template_says_what_it_was_asked() {
    let origin = Origin::hello();
    let gateway = logging(
        &origin,
        "path = \"stdout\"\nformat = \"$status $request_method <$route>\"",
    );
    gateway.client().send(REQUEST).response().expect(200);
    assert_eq!(lines(&gateway, 1)[0], "200 GET <r0>");
}

fn failure_is_logged_once_with_its_cause() {
    let origin = Origin::start(|peer| peer.reset());
    let gateway = logging(&origin, "path = \"stdout\"\nformat = \"json\"");
    gateway.get("/").expect(502);
    gateway
        .client()
        .send("GET / HTTP/1.1\r\n\r\n")
        .response()
        .expect(400);
    let lines = lines(&gateway, 2);
    let entry: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(entry["status"], 502);
    assert_eq!(entry["cause"], "connection_terminated");
    let entry: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(entry["status"], 400);
    assert_eq!(entry["cause"], "request_malformed");
    assert_eq!(lines.len(), 2);
    eventually("the metric counts the failure once", || {
        let count = gateway.metric("silverback_failures_total{cause=\"connection_terminated\"}");
        (count == 1.0).then_some(())
    });
}

fn log_without_section_is_off() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    gateway.get("/").expect(200);
    assert_eq!(gateway.stdout(), "");
}

fn reopened_file_goes_on() {
    let origin = Origin::hello();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let rotated = directory.path().join("access.log.1");
    let path = file.display();
    let gateway = logging(
        &origin,
        &format!("path = \"{path}\"\nformat = \"$request_uri\""),
    );
    gateway.get("/before").expect(200);
    eventually("the first line", || holds(&file, "/before\n"));
    std::fs::rename(&file, &rotated).unwrap();
    gateway.get("/between").expect(200);
    eventually("the old file is still the log", || {
        holds(&rotated, "/between\n")
    });
    gateway.signal(Signal::USR1);
    eventually("a new file is there", || file.exists().then_some(()));
    gateway.get("/after").expect(200);
    eventually("the new file is the log", || holds(&file, "/after\n"));
    assert!(holds(&rotated, "/after").is_none());
}

fn holds(file: &PathBuf, text: &str) -> Option<()> {
    std::fs::read_to_string(file)
        .ok()?
        .contains(text)
        .then_some(())
}

fn hostile_bytes_cannot_forge_a_line() {
    let origin = Origin::hello();
    for format in ["json", "logfmt", "combined"] {
        let gateway = logging(
            &origin,
            &format!("path = \"stdout\"\nformat = \"{format}\""),
        );
        let mut client = gateway.client();
        client.send(
            b"GET /%0A%22 HTTP/1.1\r\nHost: a\r\nUser-Agent: \"quote\\ \xFF\xE2\x80\xA8 status=999\r\n\r\n",
        );
        client.response().expect(200);
        let lines = lines(&gateway, 1);
        assert_eq!(lines.len(), 1, "{lines:?}");
        match format {
            "json" => {
                let entry: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
                assert_eq!(entry["status"], 200);
            }
            "logfmt" => assert!(
                !lines[0].split(' ').any(|w| w == "status=999") || lines[0].contains("\\\"quote")
            ),
            _ => assert!(lines[0].matches("\" 200 ").count() == 1, "{}", lines[0]),
        }
    }
}

fn failing_sink_loses_lines_not_requests() {
    let origin = Origin::hello();
    let gateway = logging(&origin, "path = \"/dev/full\"\nformat = \"json\"");
    let mut client = gateway.client();
    for _ in 0..50 {
        client.get("/").response().expect(200);
    }
    eventually("what was lost is counted", || {
        let dropped = gateway.metric("silverback_access_log_dropped_total");
        (dropped >= 50.0).then_some(())
    });
}

fn every_exchange_has_its_line() {
    const REQUESTS: usize = 500;
    let origin = Origin::hello();
    let gateway = logging(
        &origin,
        "path = \"stdout\"\nformat = \"$status $request_uri\"",
    );
    let mut clients: Vec<_> = (0..4).map(|_| gateway.client()).collect();
    for number in 0..REQUESTS {
        clients[number % 4]
            .get(&format!("/{number}"))
            .response()
            .expect(200);
    }
    let lines = lines(&gateway, REQUESTS);
    assert_eq!(lines.len(), REQUESTS);
    for number in 0..REQUESTS {
        assert!(
            lines.contains(&format!("200 /{number}")),
            "/{number} has no line"
        );
    }
}
