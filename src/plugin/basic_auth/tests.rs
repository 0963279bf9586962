//! basic-auth as Kong does it, case by case.

use std::sync::Arc;

use proptest::prelude::any;
use proptest::prop_assert;
use proptest::proptest;
use serde_json::json;

use super::DEFINITION;
use super::stored_password;
use crate::base::limits;
use crate::plugin::Plugin;
use crate::plugin::Secret;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::consumer_id;
use crate::plugin::testing::field;
use crate::plugin::testing::said;

/// `al:pw`
const GOOD: &str = "Authorization: Basic YWw6cHc=";
/// `al:x`
const BAD: &str = "Authorization: Basic YWw6eA==";

fn people(password: &str) -> People {
    let (username, password) = ("al".into(), password.into());
    People::default()
        .consumer("alice", Some("c-1"))
        .consumer("anon", None)
        .credential("alice", Secret::Basic { username, password })
}

/// What Kong stores for `pw`.
fn kongs() -> String {
    let text = format!("pw{}", consumer_id("alice"));
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        text.as_bytes(),
    );
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn get(lines: &[&str]) -> Trial {
    Trial::new("GET /", lines).among(&people(&kongs()))
}

fn plugin(config: serde_json::Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

#[test]
fn username_and_password_name_the_consumer() {
    let plugin = plugin(json!({}));
    for line in [
        GOOD,
        "Proxy-Authorization: Basic YWw6cHc=",
        "authorization:   basic   YWw6cHc",
    ] {
        let lines = get(&[line]).passed_by(&*plugin);
        assert_eq!(
            lines[1..],
            [
                "X-Consumer-Custom-ID: c-1",
                "X-Consumer-Username: alice",
                "X-Credential-Identifier: al"
            ]
        );
    }
    // The other field is asked when the first has no known username.
    assert!(get(&["Proxy-Authorization: Basic eDp5", GOOD]).passes(&*plugin));
    assert!(!get(&["Proxy-Authorization: Basic YWw6eA==", GOOD]).passes(&*plugin));
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same() {
    let plugin = plugin(json!({}));
    for lines in [
        &[][..],
        &[BAD],
        &["Authorization: Basic !!!"],
        &["Authorization: Basic"],
        &["Authorization: Bearer x"],
        // `:pw`, `al`, `no:pw`, `al:`
        &["Authorization: Basic OnB3"],
        &["Authorization: Basic YWw="],
        &["Authorization: Basic bm86cHc="],
        &["Authorization: Basic YWw6"],
    ] {
        let reply = get(lines).refused_by(&*plugin);
        assert_eq!(
            (reply.status, said(&reply)),
            (401, "Unauthorized"),
            "{lines:?}"
        );
        assert_eq!(
            field(&reply, "www-authenticate"),
            Some("Basic realm=\"service\"")
        );
    }
    let reply = get(&[]).refused_by(&*compile(&DEFINITION, json!({"realm": "r"})));
    assert_eq!(field(&reply, "www-authenticate"), Some("Basic realm=\"r\""));
}

#[test]
fn hidden_credentials_do_not_reach_the_origin() {
    let plugin = plugin(json!({"hide_credentials": true, "anonymous": "anon"}));
    for lines in [&[GOOD][..], &[BAD], &["Authorization: Bearer x"]] {
        let mut trial = get(lines);
        assert!(trial.passes(&*plugin));
        assert!(trial.hides("authorization"));
        assert_eq!(trial.identity.anonymous, lines != [GOOD]);
    }
    let mut trial = get(&["Proxy-Authorization: Basic YWw6cHc="]);
    assert!(trial.passes(&*plugin) && trial.hides("proxy-authorization"));
}

#[test]
fn a_slow_check_is_made_once_and_until_the_password_changes() {
    let plugin = plugin(json!({}));
    let mut trial = get(&[GOOD]).among(&people(&stored_password("pw", None)));
    assert!(trial.passes(&*plugin));
    // Nothing may fail any more in this second, so what passes now is remembered.
    for _ in 0..limits::AUTH_FAILURES_PER_SEC {
        trial.core.auth.borrow_mut().failed(uuid::Uuid::nil());
    }
    assert!(trial.passes(&*plugin));
    let mut trial = trial.among(&people(&stored_password("pw", None)));
    assert_eq!(trial.refused_by(&*plugin).status, 429);
    trial.unix_micros += 1_000_000;
    assert!(trial.passes(&*plugin));
    let mut trial = trial.among(&people(&stored_password("new", None)));
    assert_eq!(trial.refused_by(&*plugin).status, 401);
}

#[test]
fn a_core_looks_at_so_many_wrong_passwords_of_a_user_in_a_second() {
    let plugin = plugin(json!({}));
    let mut trial = get(&[BAD]).among(&people(&stored_password("pw", None)));
    for _ in 0..limits::AUTH_FAILURES_EACH_PER_SEC {
        assert_eq!(trial.refused_by(&*plugin).status, 401);
    }
    let reply = trial.refused_by(&*plugin);
    assert_eq!((reply.status, said(&reply)), (429, "Too many requests"));
    assert_eq!(reply.retry_after_secs, Some(1));
}

#[test]
fn no_secret_is_shown() {
    let mut trial = get(&[GOOD]).among(&people(&stored_password("pw", None)));
    let plugin = plugin(json!({}));
    assert!(trial.passes(&*plugin));
    let shown = format!("{plugin:?} {:?} {:?}", trial.core, trial.directory);
    assert!(!shown.contains("argon2id") && !shown.contains("pw"));
}

proptest! {
    #[test]
    fn no_header_is_too_strange(noise in any::<Vec<u8>>(), text in "[ -~]{0,40}", pair in "[a:=+/ ]{0,9}") {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        let lines = [
            [&b"Authorization: Basic "[..], &noise].concat(),
            format!("Authorization: Basic {text}").into_bytes(),
            format!("Proxy-Authorization: {text}").into_bytes(),
            format!("Authorization: Basic {encoded}").into_bytes(),
        ];
        for line in lines {
            if let Some(trial) = Trial::from_bytes(b"GET /", &[&line], b"") {
                let mut trial = trial.among(&people(&kongs()));
                let passes = trial.passes(&*plugin(json!({})));
                prop_assert!(!passes);
            }
        }
    }
}
