//! The recorded answers, field by field.

use serde_json::json;

use super::*;
use crate::http::ResponseHead;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::lines;

fn first() -> Value {
    json!({})
}

fn second() -> Value {
    json!({
        "origins": ["http://a.test", "http://b.test"], "methods": ["GET", "PUT"], "headers": ["X-H", "Accept"],
        "exposed_headers": ["X-E"], "credentials": true, "max_age": 3600,
    })
}

fn third() -> Value {
    json!({"origins": ["http://a.test"], "preflight_continue": true})
}

fn fourth() -> Value {
    json!({"origins": [".*\\.re\\.test"]})
}

fn fifth() -> Value {
    json!({"origins": ["http://one.test"]})
}

fn with_key() -> Value {
    json!({"origins": ["*"], "credentials": true})
}

fn preflight(origin: &str) -> Trial {
    let origin = format!("Origin: {origin}");
    let lines = [
        &*origin,
        "Access-Control-Request-Method: PUT",
        "Access-Control-Request-Headers: X-H, X-Z",
    ];
    Trial::new("OPTIONS /cors", &lines)
}

fn actual(origin: Option<&str>) -> Trial {
    let origin = origin.map(|origin| format!("Origin: {origin}"));
    let lines: Vec<&str> = origin.as_deref().into_iter().collect();
    Trial::new("GET /cors", &lines)
}

/// The fields of the answer that the plugin gives itself, in the order of their names.
fn answered(config: Value, mut trial: Trial) -> Vec<String> {
    let plugin = compile(&DEFINITION, config);
    let reply = trial.refused_by(&*plugin);
    assert_eq!((reply.status, reply.fields.len()), (200, 0));
    responded_by(&*plugin, &mut trial)
}

/// The fields that an answer of somebody else gets.
fn decorated(config: Value, mut trial: Trial) -> Vec<String> {
    let plugin = compile(&DEFINITION, config);
    assert!(trial.passes(&*plugin));
    responded_by(&*plugin, &mut trial)
}

fn responded_by(plugin: &dyn Plugin, trial: &mut Trial) -> Vec<String> {
    assert!(
        trial
            .respond(None, |response| plugin.on_response(response))
            .is_continue()
    );
    let mut lines = lines(&trial.downstream);
    lines.sort();
    lines
}

const ALL: &str =
    "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT";
const ECHO: &str = "Access-Control-Allow-Headers: X-H, X-Z";
const CREDENTIALS: &str = "Access-Control-Allow-Credentials: true";
const EXPOSE: &str = "Access-Control-Expose-Headers: X-E";
const ANY: &str = "Access-Control-Allow-Origin: *";
const A: &str = "Access-Control-Allow-Origin: http://a.test";
const ONE: &str = "Access-Control-Allow-Origin: http://one.test";
const VARY: &str = "Vary: Origin";

#[test]
fn without_origins_everybody_is_let_in() {
    for origin in ["http://a.test", "http://z.test"] {
        assert_eq!(answered(first(), preflight(origin)), [ECHO, ALL, ANY]);
        assert_eq!(decorated(first(), actual(Some(origin))), [ANY]);
    }
    assert_eq!(decorated(first(), actual(None)), [ANY]);
    let options = Trial::new("OPTIONS /cors", &["Origin: http://a.test"]);
    assert_eq!(decorated(first(), options), [ANY]);
}

#[test]
fn listed_origins_are_echoed_and_others_are_not_told_who_may() {
    let rest = [
        CREDENTIALS,
        "Access-Control-Allow-Headers: X-H,Accept",
        "Access-Control-Allow-Methods: GET,PUT",
    ];
    let age = "Access-Control-Max-Age: 3600";
    let [credentials, headers, methods] = rest;
    assert_eq!(
        answered(second(), preflight("http://a.test")),
        [credentials, headers, methods, A, age, VARY]
    );
    assert_eq!(
        answered(second(), preflight("http://z.test")),
        [credentials, headers, methods, age, VARY]
    );
    assert_eq!(
        decorated(second(), actual(Some("http://a.test"))),
        [CREDENTIALS, A, EXPOSE, VARY]
    );
    for other in [Some("http://z.test"), None] {
        assert_eq!(
            decorated(second(), actual(other)),
            [CREDENTIALS, EXPOSE, VARY]
        );
    }
}

#[test]
fn preflights_can_be_left_to_the_origin() {
    assert!(decorated(third(), preflight("http://a.test")).is_empty());
    assert!(decorated(third(), preflight("http://z.test")).is_empty());
    for origin in [Some("http://a.test"), Some("http://z.test"), None] {
        assert_eq!(decorated(third(), actual(origin)), [A, VARY]);
    }
}

#[test]
fn regexes_are_of_hosts_unless_they_have_a_colon() {
    let found = "Access-Control-Allow-Origin: http://x.re.test";
    assert_eq!(
        answered(fourth(), preflight("http://x.re.test")),
        [ECHO, ALL, found, VARY]
    );
    assert_eq!(
        decorated(fourth(), actual(Some("http://x.re.test"))),
        [found, VARY]
    );
    for other in ["http://a.test", "http://z.test"] {
        assert_eq!(answered(fourth(), preflight(other)), [ECHO, ALL, VARY]);
        assert_eq!(decorated(fourth(), actual(Some(other))), [VARY]);
    }
    assert_eq!(decorated(fourth(), actual(None)), [VARY]);
}

#[test]
fn a_single_origin_is_always_named() {
    assert_eq!(
        answered(fifth(), preflight("http://z.test")),
        [ECHO, ALL, ONE, VARY]
    );
    for origin in [Some("http://a.test"), Some("http://one.test"), None] {
        assert_eq!(decorated(fifth(), actual(origin)), [ONE, VARY]);
    }
}

#[test]
fn with_credentials_everybody_is_named() {
    assert_eq!(
        answered(with_key(), preflight("http://a.test")),
        [CREDENTIALS, ECHO, ALL, A, VARY]
    );
    assert_eq!(
        decorated(with_key(), actual(Some("http://a.test"))),
        [CREDENTIALS, A, VARY]
    );
    assert_eq!(decorated(with_key(), actual(None)), [ANY]);
}

#[test]
fn the_origins_own_word_is_replaced_or_taken_away() {
    let head = ResponseHead::default();
    for (origin, kept) in [
        ("http://a.test", Some(&b"http://a.test"[..])),
        ("http://z.test", None),
    ] {
        let plugin = compile(&DEFINITION, second());
        let mut trial = actual(Some(origin));
        let passed = trial.respond(Some(&head), |response| plugin.on_response(response));
        assert!(passed.is_continue());
        let name = b"Access-Control-Allow-Origin";
        assert!(trial.downstream.removes(crate::http::Name::Other, name));
        assert_eq!(trial.downstream.added(name), kept);
    }
}

#[test]
fn private_networks_are_opened_where_that_is_configured() {
    let asked = || {
        let lines = [
            "Origin: http://a.test",
            "Access-Control-Request-Method: PUT",
            "Access-Control-Request-Private-Network: true",
        ];
        Trial::new("OPTIONS /cors", &lines)
    };
    assert_eq!(answered(first(), asked()), [ALL, ANY]);
    let opened = "Access-Control-Allow-Private-Network: true";
    assert_eq!(
        answered(json!({"private_network": true}), asked()),
        [ALL, ANY, opened]
    );
}

#[test]
fn requests_without_an_origin_can_be_left_alone() {
    let config = json!({"allow_origin_absent": false});
    assert!(decorated(config.clone(), actual(None)).is_empty());
    assert_eq!(decorated(config, actual(Some("null"))), [ANY]);
}

#[test]
fn an_entry_must_be_a_regex() {
    assert_eq!(is_origin(&json!("*")), Ok(()));
    assert_eq!(
        is_origin(&json!("(a")),
        Err("'(a' is not a valid regex".to_owned())
    );
}

#[test]
fn an_age_may_have_any_spelling() {
    for (age, said) in [
        (json!(3600.0), "3600"),
        (json!(0.5), "0.5"),
        (json!(-1), "-1"),
    ] {
        let lines = answered(json!({"max_age": age}), preflight("http://a.test"));
        assert!(
            lines.contains(&format!("Access-Control-Max-Age: {said}")),
            "{lines:?}"
        );
    }
}
