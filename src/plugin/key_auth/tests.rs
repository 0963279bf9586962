//! key-auth as Kong does it, case by case.

use serde_json::json;

use super::DEFINITION;
use super::header_name;
use crate::plugin::Plugin;
use crate::plugin::testing::NOW_SECS;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::consumer_id;
use crate::plugin::testing::field;
use crate::plugin::testing::rendered;
use crate::plugin::testing::said;

use std::sync::Arc;

use proptest::prelude::any;
use proptest::prop_assert;
use proptest::proptest;
use uuid::Uuid;

fn people() -> People {
    People::default()
        .consumer("alice", Some("c-1"))
        .consumer("bob", None)
        .consumer("anon", None)
        .key("alice", "k-alice")
        .key("bob", "k-bob")
}

fn plugin(config: serde_json::Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

fn hiding() -> Arc<dyn Plugin> {
    plugin(json!({"key_names": ["x-a", "x_b"], "hide_credentials": true, "key_in_body": true}))
}

fn get(path: &str, lines: &[&str]) -> Trial {
    Trial::new(&format!("GET {path}"), lines).among(&people())
}

fn alice() -> Vec<String> {
    vec![
        format!("X-Consumer-ID: {}", consumer_id("alice")),
        "X-Consumer-Custom-ID: c-1".to_owned(),
        "X-Consumer-Username: alice".to_owned(),
        format!("X-Credential-Identifier: {}", Uuid::from_u128(1)),
    ]
}

fn anonymous() -> Vec<String> {
    vec![
        format!("X-Consumer-ID: {}", consumer_id("anon")),
        "X-Consumer-Username: anon".to_owned(),
        "X-Anonymous-Consumer: true".to_owned(),
    ]
}

#[test]
fn a_key_in_the_header_or_the_query_names_the_consumer() {
    let plugin = plugin(json!({}));
    for (path, lines) in [
        ("/", &["apikey: k-alice"][..]),
        ("/", &["APIKEY: k-alice"]),
        ("/?apikey=k-alice&z=1", &[]),
        ("/?apikey=k%2dalice", &[]),
        // The header is asked first.
        ("/?apikey=k-bob", &["apikey: k-alice"]),
    ] {
        let mut trial = get(path, lines);
        assert_eq!(trial.passed_by(&*plugin), alice(), "{path} {lines:?}");
        assert_eq!(trial.identity.credential, Some(0));
        assert_eq!(trial.identity.consumer_index(), Some(0));
        assert!(!trial.hides("apikey"));
        assert_eq!(trial.rewrite.query, None);
    }
}

#[test]
fn what_is_not_a_good_key_is_told_apart() {
    let plugin = plugin(json!({}));
    for (path, lines, message) in [
        ("/", &[][..], "No API key found in request"),
        ("/", &["apikey:"], "No API key found in request"),
        (
            "/?apikey=k-alice",
            &["apikey:"],
            "No API key found in request",
        ),
        ("/?apikey=", &[], "No API key found in request"),
        ("/?apikey", &[], "No API key found in request"),
        ("/?APIKEY=k-alice", &[], "No API key found in request"),
        ("/", &["apikey: nope"], "Unauthorized"),
        ("/", &["apikey: K-ALICE"], "Unauthorized"),
        (
            "/",
            &["apikey: k-alice", "apikey: k-bob"],
            "Duplicate API key found",
        ),
        (
            "/?apikey=k-alice&apikey=k-alice",
            &[],
            "Duplicate API key found",
        ),
    ] {
        let reply = get(path, lines).refused_by(&*plugin);
        assert_eq!(
            (reply.status, said(&reply)),
            (401, message),
            "{path} {lines:?}"
        );
        assert_eq!(field(&reply, "WWW-Authenticate"), Some("Key"));
    }
    let body = "\r\n\r\n{\n  \"message\":\"No API key found in request\",\n  \"request_id\":\"";
    assert!(rendered(&get("/", &[]).refused_by(&*plugin)).contains(body));
}

#[test]
fn places_can_be_closed_and_the_realm_named() {
    let plugin =
        plugin(json!({"key_in_query": false, "key_in_header": false, "realm": "my realm"}));
    let reply = get("/?apikey=k-alice", &["apikey: k-alice"]).refused_by(&*plugin);
    assert_eq!(said(&reply), "No API key found in request");
    assert_eq!(
        field(&reply, "WWW-Authenticate"),
        Some("Key realm=\"my realm\"")
    );
}

#[test]
fn underscores_and_dashes_are_one_name_in_a_header() {
    let plugin = plugin(json!({"key_names": ["x_key"]}));
    assert!(get("/", &["X-Key: k-alice"]).passes(&*plugin));
    assert!(get("/", &["x_key: k-alice"]).passes(&*plugin));
    assert!(!get("/?x-key=k-alice", &[]).passes(&*plugin));
}

#[test]
fn a_well_known_field_may_hold_the_key() {
    let plugin = plugin(json!({"key_names": ["authorization", "referer"]}));
    assert!(get("/", &["Authorization: k-alice"]).passes(&*plugin));
    assert!(get("/", &["Referer: k-bob"]).passes(&*plugin));
    let reply = get("/", &["Referer: k-bob", "Referer: k-bob"]).refused_by(&*plugin);
    assert_eq!(said(&reply), "Duplicate API key found");
}

#[test]
fn a_hidden_key_does_not_reach_the_origin() {
    let plugin = hiding();
    let mut trial = get("/?x-a=k-alice&z=1", &[]);
    assert!(trial.passes(&*plugin));
    assert_eq!(trial.rewrite.query, Some(Some(b"z=1"[..].into())));

    let mut trial = get("/?x_b=other", &["X-B: k-alice"]);
    assert!(trial.passes(&*plugin));
    assert!(trial.hides("x-b") && trial.hides("x_b") && !trial.hides("x-a"));
    assert_eq!(trial.rewrite.query, Some(None));

    // A refused key is hidden too: with an anonymous consumer the request may go on.
    let mut trial = get("/", &["x-a: nope"]);
    assert!(!trial.passes(&*plugin));
    assert!(trial.hides("x-a"));
}

#[test]
fn a_key_may_stand_in_the_body_and_leave_it() {
    let plugin = hiding();
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"x-a\"\r\n\r\nk-alice\r\n--b--\r\n";
    for (kind, body, rest) in [
        (
            "application/json",
            r#"{"x-a": "k-alice", "o": 1}"#,
            r#"{"o":1}"#,
        ),
        (
            "application/x-www-form-urlencoded",
            "x-a=k-alice&o=1",
            "o=1",
        ),
        ("multipart/form-data; boundary=b", multipart, "--b--\r\n"),
    ] {
        let line = format!("Content-Type: {kind}");
        let mut trial = Trial::with_body("POST /", &[&line], body.as_bytes()).among(&people());
        assert!(trial.passes(&*plugin), "{kind}");
        assert_eq!(trial.rewrite.body.as_deref(), Some(rest.as_bytes()));
    }
    let json = |body: &str| {
        let mut trial = Trial::with_body(
            "POST /",
            &["Content-Type: application/json"],
            body.as_bytes(),
        )
        .among(&people());
        said(&trial.refused_by(&*plugin)).to_owned()
    };
    assert_eq!(json(r#"{"x-a": ["k-alice"]}"#), "Duplicate API key found");
    assert_eq!(json(r#"{"x-a": 1}"#), "No API key found in request");
    assert_eq!(json("{"), "No API key found in request");
}

#[test]
fn a_body_that_is_too_long_is_not_looked_into() {
    let mut trial = Trial::with_body("POST /", &["Content-Type: application/json"], b"{}");
    trial.body = None;
    assert!(!trial.passes(&*hiding()));
}

#[test]
fn somebody_may_stand_in_for_the_unknown() {
    for named in ["anon".to_owned(), consumer_id("anon").to_string()] {
        let plugin = plugin(json!({"anonymous": named}));
        for lines in [
            &[][..],
            &["apikey: nope"],
            &["apikey: k-bob", "apikey: k-bob"],
        ] {
            let mut trial = get("/", lines);
            assert_eq!(trial.passed_by(&*plugin), anonymous());
            assert!(trial.identity.anonymous);
            assert_eq!(trial.identity.credential, None);
        }
        assert_eq!(get("/", &["apikey: k-alice"]).passed_by(&*plugin), alice());
    }
    let reply = get("/", &[]).refused_by(&*plugin(json!({"anonymous": "ghost"})));
    let message = "anonymous consumer ghost is configured but doesn't exist";
    assert_eq!((reply.status, said(&reply)), (500, message));
    assert!(rendered(&reply).contains("application/json"));
}

#[test]
fn with_a_stand_in_any_authentication_will_do_and_without_each_must_succeed() {
    let (or, and) = (plugin(json!({"anonymous": "anon"})), plugin(json!({})));
    let mut trial = get("/", &[]).sent_by("bob");
    assert_eq!(trial.passed_by(&*or), [""; 0]);
    assert!(!trial.passes(&*and));

    // The later success replaces the earlier one, and a stand-in.
    let mut trial = get("/", &["apikey: k-alice"]);
    let other = plugin(json!({"anonymous": "anon", "key_names": ["other"]}));
    assert_eq!(trial.passed_by(&*other), anonymous());
    assert_eq!(trial.passed_by(&*or), alice());
    assert!(!trial.identity.anonymous);
}

#[test]
fn a_preflight_may_pass() {
    let mut trial = Trial::new("OPTIONS /", &[]).among(&people());
    assert!(!trial.passes(&*plugin(json!({}))));
    assert!(trial.passes(&*plugin(json!({"run_on_preflight": false}))));
    assert!(!get("/", &[]).passes(&*plugin(json!({"run_on_preflight": false}))));
}

#[test]
fn a_key_ends_when_its_time_has_come() {
    let plugin = plugin(json!({}));
    for (expires_at, passes) in [(NOW_SECS + 1, true), (NOW_SECS, false)] {
        let mut trial = get("/", &["apikey: k-alice"]).among(&people().expiring(expires_at));
        assert_eq!(trial.passes(&*plugin), passes);
    }
}

#[test]
fn names_are_those_of_fields() {
    assert_eq!(header_name(&json!("X_api-Key1")), Ok(()));
    assert_eq!(
        header_name(&json!("")).unwrap_err(),
        "no header name provided"
    );
    assert_eq!(
        header_name(&json!("a b")).unwrap_err(),
        "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
    );
}

proptest! {
    #[test]
    fn no_request_is_too_strange(query in "[!-~]{0,40}", value in "[ -~]{0,40}", body in any::<Vec<u8>>()) {
        let (start, line) = (format!("POST /?{query}"), format!("x-a: {value}"));
        for lines in [&[line.as_str(), "Content-Type: application/json"][..], &["Content-Type: multipart/form-data; boundary=b"]] {
            if let Some(trial) = Trial::try_new(start.as_bytes(), lines, &body) {
                prop_assert!(!trial.among(&people()).passes(&*hiding()));
            }
        }
    }
}
