//! hmac-auth as Kong does it, case by case.

use std::sync::Arc;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::proptest;
use serde_json::json;

use super::*;
use crate::http::date::imf_fixdate;
use crate::plugin::testing::NOW_SECS;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::field;
use crate::plugin::testing::said;

fn people() -> People {
    let (username, secret) = ("al".into(), "hs".into());
    People::default()
        .consumer("alice", None)
        .consumer("anon", None)
        .credential("alice", Secret::Hmac { username, secret })
}

fn plugin(config: serde_json::Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

fn date(secs: u64) -> String {
    format!("Date: {}", std::str::from_utf8(&imf_fixdate(secs)).unwrap())
}

/// What a client sends that signs `text` and says that it covers `headers`.
fn authorization(algorithm: &str, headers: &str, text: &str) -> String {
    let key = hmac::Key::new(parameters::algorithm(algorithm.as_bytes()).unwrap(), b"hs");
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    format!(
        "Authorization: hmac username=\"al\", algorithm=\"{algorithm}\", headers=\"{headers}\", \
         signature=\"{signature}\""
    )
}

/// A request with a good date, these lines and a signature.
fn signed(start: &str, lines: &[&str], headers: &str, text: &str) -> Trial {
    let (date, authorization) = (date(NOW_SECS), authorization("hmac-sha256", headers, text));
    let lines = [lines, &[&date, &authorization]].concat();
    Trial::new(start, &lines).among(&people())
}

/// The line of the date as it is signed.
fn date_line() -> String {
    date(NOW_SECS).replacen("Date", "date", 1)
}

#[test]
fn a_good_signature_names_the_consumer() {
    let plugin = plugin(json!({}));
    for algorithm in ALGORITHMS {
        let authorization = authorization(algorithm, "date", &date_line());
        for line in [&authorization, &format!("Proxy-{authorization}")] {
            let mut trial = Trial::new("GET /", &[&date(NOW_SECS), line]).among(&people());
            let lines = trial.passed_by(&*plugin);
            assert_eq!(
                lines[1..],
                ["X-Consumer-Username: alice", "X-Credential-Identifier: al"]
            );
        }
    }
}

#[test]
fn a_known_signature_is_reproduced() {
    // printf 'date: Tue, 14 Nov 2023 22:13:20 GMT\nGET /a?b=%%20 HTTP/1.1' | openssl dgst -sha256 -hmac hs -binary | base64
    let line = "Authorization: hmac username=\"al\", algorithm=\"hmac-sha256\", headers=\"date request-line\", \
        signature=\"0ugmLTIcjhGsAwrKDGyYgXhHCt15FhtxxO2VnvE77Io=\"";
    let mut trial = Trial::new("GET /a?b=%20", &[&date(NOW_SECS), line]).among(&people());
    assert!(trial.passes(&*plugin(json!({}))));
}

#[test]
fn fields_lines_and_targets_are_signed_as_received() {
    let plugin = plugin(json!({}));
    let date = date_line();
    for (start, lines, headers, text) in [
        (
            "GET /a/../b?c=%20",
            &[][..],
            "date request-line",
            format!("{date}\nGET /a/../b?c=%20 HTTP/1.1"),
        ),
        (
            "POST /a?",
            &[],
            "@request-target date",
            format!("@request-target: post /a?\n{date}"),
        ),
        (
            "GET http://api.test/a?b",
            &[],
            "request-line",
            "GET /a?b HTTP/1.1".to_owned(),
        ),
        (
            "GET http://api.test",
            &[],
            "request-line",
            "GET / HTTP/1.1".to_owned(),
        ),
        (
            "GET /",
            &["X-A: 1", "X-A: 2"],
            "host X-A none",
            "host: api.test\nX-A: 1\nnone:".to_owned(),
        ),
    ] {
        assert!(
            signed(start, lines, headers, &text).passes(&*plugin),
            "{start} {headers}"
        );
        let reply = signed(start, lines, headers, "other").refused_by(&*plugin);
        assert_eq!(said(&reply), "HMAC signature does not match");
    }
}

#[test]
fn what_is_wrong_is_told_apart() {
    let (plugin, good) = (
        plugin(json!({"algorithms": ["hmac-sha256"]})),
        date(NOW_SECS),
    );
    let unverifiable = "HMAC signature cannot be verified";
    let of = |algorithm| authorization(algorithm, "date", &date_line());
    let recorded = "Authorization: hmac username=\"al\", algorithm=\"hmac-sha256\", headers=\"x-date\", signature=\"zzzz\"";
    for (lines, message) in [
        (&[good.as_str()][..], "Unauthorized"),
        (
            &[recorded, "X-Date: Mon, 01 Jan 2024 00:00:00 GMT"],
            UNDATED,
        ),
        (&[recorded], UNDATED),
        (&[recorded, &date(NOW_SECS + 301)], UNDATED),
        (&[recorded, &date(NOW_SECS - 301)], UNDATED),
        (
            &[recorded, &date(NOW_SECS - 300)],
            "HMAC signature does not match",
        ),
        (
            &[&recorded.replace("zzzz", "!"), &good],
            "HMAC signature does not match",
        ),
        (&["Authorization: Basic YWw6cHc=", &good], unverifiable),
        (&[&of("hmac-sha512"), &good], unverifiable),
        (&[&recorded.replace("sha256", "md5"), &good], unverifiable),
        (
            &[&of("hmac-sha256").replace("\"al\"", "\"bo\""), &good],
            unverifiable,
        ),
    ] {
        let reply = Trial::new("GET /", lines)
            .among(&people())
            .refused_by(&*plugin);
        assert_eq!((reply.status, said(&reply)), (401, message), "{lines:?}");
        assert_eq!(field(&reply, "WWW-Authenticate"), Some("hmac"));
    }
    let reply = Trial::new("GET /", &[]).refused_by(&*compile(&DEFINITION, json!({"realm": "r"})));
    assert_eq!(field(&reply, "WWW-Authenticate"), Some("hmac realm=\"r\""));
    let realm = compile(&DEFINITION, json!({"realm": "a \"b\" \\"}));
    let reply = Trial::new("GET /", &[]).refused_by(&*realm);
    assert_eq!(
        field(&reply, "WWW-Authenticate"),
        Some(r#"hmac realm="a \"b\" \\""#)
    );
}

#[test]
fn either_date_will_do() {
    let plugin = plugin(json!({"clock_skew": 10}));
    let x_date = format!("X-{}", date(NOW_SECS - 10));
    let text = x_date.replacen("X-Date", "x-date", 1);
    let line = authorization("hmac-sha256", "x-date", &text);
    let mut trial = Trial::new("GET /", &[&date(0), &x_date, &line]).among(&people());
    assert!(trial.passes(&*plugin));
}

#[test]
fn no_skew_is_the_default_one() {
    let plugin = plugin(json!({"clock_skew": null}));
    let old = date(NOW_SECS - 301);
    let text = old.replacen("Date", "date", 1);
    let line = authorization("hmac-sha256", "date", &text);
    let mut trial = Trial::new("GET /", &[&old, &line]).among(&people());
    assert_eq!(said(&trial.refused_by(&*plugin)), UNDATED);
}

#[test]
fn what_must_be_covered_must_be_covered() {
    let plugin = plugin(json!({"enforce_headers": ["Date", "request-line"]}));
    let text = format!("{}\nGET / HTTP/1.1", date_line());
    assert!(signed("GET /", &[], "date request-line", &text).passes(&*plugin));
    let reply = signed("GET /", &[], "date", &date_line()).refused_by(&*plugin);
    assert_eq!(said(&reply), "HMAC signature cannot be verified");
}

#[test]
fn a_body_is_compared_with_its_digest() {
    let plugin = plugin(json!({"validate_request_body": true}));
    assert!(plugin.needs().has(Needs::REQUEST_BODY));
    let line = authorization("hmac-sha256", "date", &date_line());
    let ask = |digest: Option<&[u8]>, body: &[u8]| {
        let digest = digest.map(|of| {
            let digest = digest::digest(&digest::SHA256, of);
            format!("Digest: SHA-256={}", STANDARD.encode(digest))
        });
        let date = date(NOW_SECS);
        let mut lines = vec![line.as_str(), &date];
        lines.extend(digest.as_deref());
        Trial::with_body("POST /", &lines, body).among(&people())
    };
    assert!(ask(Some(b"hello"), b"hello").passes(&*plugin));
    assert!(ask(None, b"").passes(&*plugin));
    assert!(ask(Some(b""), b"").passes(&*plugin));
    for mut trial in [
        ask(Some(b"hello"), b"hullo"),
        ask(None, b"hello"),
        ask(Some(b"x"), b""),
    ] {
        let reply = trial.refused_by(&*plugin);
        assert_eq!(said(&reply), "HMAC signature does not match");
    }
    let mut too_long = ask(Some(b"hello"), b"hello");
    too_long.body = None;
    assert!(!too_long.passes(&*plugin));
}

#[test]
fn hidden_credentials_do_not_reach_the_origin() {
    let plugin = plugin(json!({"hide_credentials": true, "anonymous": "anon"}));
    let mut trial = signed("GET /", &[], "date", &date_line());
    assert!(trial.passes(&*plugin) && trial.hides("authorization") && !trial.identity.anonymous);
    let mut trial = signed("GET /", &[], "date", "other");
    assert!(trial.passes(&*plugin) && trial.hides("authorization") && trial.identity.anonymous);
}

#[test]
fn a_signature_cannot_be_made_to_cover_gigabytes() {
    let value = "x".repeat(30_000);
    let headers = "x-a ".repeat(5_000);
    let mut trial = signed("GET /", &[&format!("X-A: {value}")], &headers, "");
    let reply = trial.refused_by(&*plugin(json!({})));
    assert_eq!(said(&reply), "HMAC signature cannot be verified");
}

proptest! {
    #[test]
    fn no_header_is_too_strange(noise in any::<Vec<u8>>(), headers in "[a-z@ -]{0,30}", signature in "[A-Za-z=+/]{0,30}") {
        let date = date(NOW_SECS);
        let lines = [
            [&b"Authorization: hmac "[..], &noise].concat(),
            format!("Proxy-Authorization: hmac username=\"al\", algorithm=\"hmac-sha1\", headers=\"{headers}\", signature=\"{signature}\"").into_bytes(),
        ];
        for line in lines {
            if let Some(trial) = Trial::from_bytes(b"GET /", &[date.as_bytes(), &line], b"") {
                let passes = trial.among(&people()).passes(&*plugin(json!({})));
                prop_assert!(!passes);
            }
        }
    }
}
