//! The plugin as a whole: what it answers, when, and what is left in the log.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::http::Method;
use crate::http::RequestHead;
use crate::http::ResponseHead;
use crate::http1::HeadLimits;
use crate::http1::response;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::field;
use crate::plugin::testing::rendered;
use crate::plugin::testing::said;

/// The id that tests give plugins.
const ID: Uuid = Uuid::from_u128(0x1d);

fn answer(config: Value, trial: &mut Trial) -> Reply {
    trial.refused_by(&*compile(&DEFINITION, config))
}

fn log(trial: &Trial) -> Value {
    let har = har(&merge([trial.core.mock.snapshot(ID)], 100));
    assert_eq!(har["log"]["version"], "1.2");
    har["log"]["entries"].clone()
}

#[test]
fn the_answer_is_as_configured() {
    let config = json!({
        "status": 418,
        "reason": "Short and stout",
        "headers": {"X-A": "1", "x-b": ""},
        "body": "{\"tea\":true}",
    });
    let reply = answer(config, &mut Trial::new("GET /", &[]));
    let text = rendered(&reply);
    assert!(text.starts_with("HTTP/1.1 418 Short and stout\r\n"));
    assert!(
        text.contains("Content-Type: application/json; charset=utf-8\r\nContent-Length: 12\r\n")
    );
    assert!(text.contains("X-A: 1\r\nx-b: \r\n") && text.ends_with("{\"tea\":true}"));
    let typed = json!({"body": "<p>", "content_type": "text/html"});
    let text = rendered(&answer(typed, &mut Trial::new("GET /", &[])));
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("Content-Type: text/html\r\n")
    );
    let empty = answer(json!({}), &mut Trial::new("GET /", &[]));
    assert_eq!(empty.body, Body::Empty);
}

#[test]
fn the_request_is_sent_back_as_an_origin_would_get_it() {
    let mut trial = Trial::with_body("POST /a/b?x=1&y", &["X-A: 1", "X-Gone: g"], b"hi");
    trial.upstream.remove(b"X-Gone");
    trial.upstream.add(b"x-a", b"2");
    let reply = answer(json!({"echo": "request"}), &mut trial);
    let echo: Value = serde_json::from_str(said(&reply)).unwrap();
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["url"], "http://api.test/a/b?x=1&y");
    assert_eq!(echo["queryString"], json!({"x": "1", "y": ""}));
    assert_eq!(echo["headers"]["x-a"], "1, 2");
    assert_eq!(echo["headers"].get("x-gone"), None);
    assert_eq!(
        (&echo["body"], &echo["bodySize"]),
        (&json!("hi"), &json!(2))
    );
    assert_eq!(field(&reply, "X-Content-Type-Options"), Some("nosniff"));

    let har = answer(json!({"echo": "har"}), &mut trial);
    let har: Value = serde_json::from_str(said(&har)).unwrap();
    assert_eq!(har["queryString"][0], json!({"name": "x", "value": "1"}));
    assert_eq!(har["postData"]["text"], "hi");
    let ip = answer(json!({"echo": "ip"}), &mut trial);
    assert_eq!(said(&ip), "{\n  \"ip\": \"127.0.0.1\"\n}\n");
    let headers = answer(json!({"echo": "headers"}), &mut trial);
    assert!(said(&headers).contains("\"host\": \"api.test\""));
    let mut typed = Trial::with_body("PUT /", &["Content-Type: text/x"], b"body");
    let body = answer(json!({"echo": "body"}), &mut typed);
    assert_eq!(said(&body), "body");
    assert!(rendered(&body).contains("Content-Type: text/x\r\n"));
}

#[test]
fn a_delay_comes_first_and_once() {
    let plugin = compile(&DEFINITION, json!({"delay": 250, "log_requests": 5}));
    let mut trial = Trial::new("GET /", &[]);
    let first = trial.run(|request| plugin.on_request(request));
    let ControlFlow::Break(Interrupt::Delay(delay)) = first else {
        panic!("it does not wait: {first:?}");
    };
    assert_eq!(delay, Duration::from_millis(250));
    assert_eq!(trial.refused_by(&*plugin).status, 200);
    assert_eq!(log(&trial).as_array().map(Vec::len), Some(1));
}

#[test]
fn an_origin_can_answer_after_a_delay() {
    let plugin = compile(&DEFINITION, json!({"passthrough": true, "delay": 1}));
    let mut trial = Trial::new("GET /", &[]);
    let first = trial.run(|request| plugin.on_request(request));
    assert!(matches!(first, ControlFlow::Break(Interrupt::Delay(_))));
    assert!(trial.passed_by(&*plugin).is_empty());
}

#[test]
fn bodies_are_asked_for_only_where_somebody_looks_at_them() {
    let needs = |config| compile(&DEFINITION, config).needs();
    assert_eq!(needs(json!({"body": "x", "delay": 5})), Needs::REQUEST);
    assert_eq!(needs(json!({"echo": "ip"})), Needs::REQUEST);
    let body = Needs::REQUEST.and(Needs::REQUEST_BODY);
    assert_eq!(needs(json!({"echo": "body"})), body);
    assert_eq!(needs(json!({"log_requests": 1})), body.and(Needs::LOG));
    let answers = Needs::RESPONSE.and(Needs::RESPONSE_BODY);
    let passing = needs(json!({"log_requests": 1, "passthrough": true}));
    assert_eq!(passing, body.and(Needs::LOG).and(answers));
}

#[test]
fn the_log_holds_requests_and_answers_and_nothing_secret() {
    let people = People::default()
        .consumer("alice", None)
        .key("alice", "CANARY1");
    let lines = [
        "My-Name: CANARY1",
        "Authorization: Bearer CANARY2",
        "Cookie: a=CANARY3",
        "X-Mine: CANARY4",
        "Content-Type: application/json",
        "X-A: 1",
    ];
    let body = br#"{"password": "CANARY5", "echo": "CANARY1"}"#;
    let start = "POST /p?apikey=CANARY6&k=CANARY1&a=1";
    for config in [
        json!({"status": 201, "body": "CANARY1 done", "content_type": "text/plain", "headers": {"Set-Cookie": "CANARY7"}}),
        json!({"status": 201, "echo": "request"}),
        json!({"status": 201, "echo": "body"}),
    ] {
        let mut config = config;
        config["log_requests"] = json!(10);
        config["mask"] = json!(["x-mine"]);
        let plugin = compile(&DEFINITION, config);
        let mut trial = Trial::with_body(start, &lines, body)
            .among(&people)
            .sent_by("alice");
        trial.refused_by(&*plugin);
        plugin.on_log(&Log {
            status: 201,
            proxied: false,
            route: None,
            service: None,
            identity: &trial.identity,
            directory: &trial.directory,
            notes: &trial.notes,
            core: &trial.core,
            unix_micros: trial.unix_micros,
            total_ns: 1_500_000,
        });
        let entries = log(&trial);
        assert!(!entries.to_string().contains("CANARY"), "{entries:#}");
        let entry = &entries[0];
        assert_eq!(entry["startedDateTime"], "2023-11-14T22:13:20.000000Z");
        assert_eq!(entry["time"], 1.5);
        let request = &entry["request"];
        assert_eq!(request["method"], "POST");
        assert_eq!(request["url"], "http://api.test/p?apikey=***&k=***&a=1");
        assert_eq!(
            request["queryString"][2],
            json!({"name": "a", "value": "1"})
        );
        assert_eq!(request["bodySize"], body.len());
        let text = request["postData"]["text"].as_str().unwrap();
        assert_eq!(text, r#"{"echo":"***","password":"***"}"#);
        assert_eq!(entry["response"]["status"], 201);
        assert_eq!(entry["response"]["statusText"], "Created");
    }
}

#[test]
fn the_log_of_an_origins_answers_is_filled_as_they_come() {
    let plugin = compile(
        &DEFINITION,
        json!({"passthrough": true, "log_requests": 10}),
    );
    let mut trial = Trial::new("GET /", &[]);
    assert!(trial.passes(&*plugin));
    assert_eq!(log(&trial)[0]["response"]["status"], 0);
    let bytes =
        b"HTTP/1.1 201 Fine\r\nContent-Type: text/plain\r\nX-Old: 1\r\nLocation: /there\r\n\r\n";
    let mut head = ResponseHead::default();
    let limits = HeadLimits {
        head_bytes: 1_000,
        line_bytes: 1_000,
        fields: 10,
    };
    let progress = &mut response::Progress::default();
    response::parse(bytes, &limits, progress, Method::Get, &mut head).unwrap();
    trial.downstream.remove(b"X-Old");
    trial.downstream.add(b"X-New", b"2");
    let mut response = Response {
        status: 201,
        origin: Some((&head, bytes)),
        method: Method::Get,
        request: (&RequestHead::default(), b""),
        path: b"/",
        route: None,
        service: None,
        identity: &trial.identity,
        directory: &trial.directory,
        edits: &mut trial.downstream,
        body: BodyWish::Nothing,
        notes: &mut trial.notes,
        core: &trial.core,
        unix_micros: 0,
    };
    assert!(plugin.on_response(&mut response).is_continue());
    assert_eq!(response.body, BodyWish::Copy(limits::MOCK_LOG_BODY_BYTES));
    plugin.on_response_body(&mut ResponseBody {
        bytes: &mut b"hello".to_vec(),
        status: 201,
        origin: (&head, bytes),
        edits: &mut trial.downstream,
        notes: &mut trial.notes,
        core: &trial.core,
        unix_micros: 0,
    });
    let answer = &log(&trial)[0]["response"];
    assert_eq!(answer["statusText"], "Fine");
    assert_eq!(answer["redirectURL"], "/there");
    assert_eq!(answer["content"]["text"], "hello");
    assert_eq!(answer["headers"][2], json!({"name": "X-New", "value": "2"}));
    assert_eq!(answer["headers"].as_array().map(Vec::len), Some(3));
}

#[test]
fn no_more_requests_are_kept_than_asked_for() {
    let plugin = compile(&DEFINITION, json!({"log_requests": 2}));
    let mut trial = Trial::new("GET /", &[]);
    for _ in 0..5 {
        trial.notes.clear();
        trial.refused_by(&*plugin);
    }
    assert_eq!(log(&trial).as_array().map(Vec::len), Some(2));
    let silent = compile(&DEFINITION, json!({}));
    let mut trial = Trial::new("GET /", &[]);
    silent.needs();
    trial.refused_by(&*silent);
    assert!(trial.core.mock.snapshot(ID).is_empty());
}

proptest! {
    #[test]
    fn no_request_is_too_odd(
        query in "[!-~]{0,24}",
        value in "[ -~]{0,24}",
        echo in prop::sample::select(vec!["request", "har", "body", "headers", "ip"]),
        kind in prop::sample::select(vec!["application/json", "multipart/form-data; boundary=b", "x"]),
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let start = format!("POST /?{}", query.replace('#', ""));
        let (value, kind) = (format!("X-A: {value}"), format!("Content-Type: {kind}"));
        let Some(mut trial) = Trial::try_new(start.as_bytes(), &[&value, &kind], &body) else { return Ok(()) };
        let plugin = compile(&DEFINITION, json!({"echo": echo, "log_requests": 1}));
        let reply = trial.refused_by(&*plugin);
        prop_assert_eq!(reply.status, 200);
        let entries = log(&trial);
        prop_assert_eq!(entries[0]["request"]["method"].as_str(), Some("POST"));
    }
}
