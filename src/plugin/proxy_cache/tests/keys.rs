//! What requests are told apart by, and what nobody can make others be given.

use super::*;
use crate::plugin::Blueprint;
use crate::plugin::proxy_cache::config::Config;
use crate::plugin::proxy_cache::digest::text_of;
use crate::plugin::testing::People;
use crate::plugin::testing::consumer_id;

/// What is hashed for X-Cache-Key.
fn text(config: Value, trial: &mut Trial) -> String {
    let mut full = json!({
        "response_code": [200], "request_method": ["GET"], "content_type": [], "cache_ttl": 1,
        "cache_control": false, "memory": { "dictionary_name": "d" }, "response_headers": {},
    });
    for (name, value) in config.as_object().unwrap() {
        full[name] = value.clone();
    }
    let config = Config::of(&Blueprint { config: &full });
    trial.run(|request| text_of(&config.unwrap(), request))
}

#[test]
fn the_shown_key_is_kongs() {
    let route = Trial::new("GET /", &[]).route.id;
    let of = |config: Value, start: &str, lines: &[&str]| {
        let text = text(config, &mut Trial::new(start, lines));
        text.strip_prefix(&format!("{route}|")).unwrap().to_owned()
    };
    let plain = json!({});
    assert_eq!(of(plain.clone(), "GET /A", &[]), "GET|GET /A HTTP/1.1||");
    let query = "GET /a?b=2&a=x%20y&c&a=1+";
    assert_eq!(of(plain.clone(), query, &[]), "GET|GET /a|a=1 ,x y:b=2:c|");
    assert_eq!(of(plain, "GET /a?", &[]), "GET|GET /a||");
    let some = json!({ "vary_query_params": ["b", "x", "a"], "vary_headers": ["X-B", "X-A"] });
    assert_eq!(
        of(some, query, &["x-a: 2", "X-A: 1"]),
        "GET|GET /a|b=2:a=1 ,x y|X-A=1,2"
    );
    let fold = json!({ "ignore_uri_case": true });
    assert_eq!(of(fold, "GET /A", &[]), "GET|get /a http/1.1||");
    let people = People::default().consumer("alice", None);
    let mut trial = Trial::new("GET /a", &[]).among(&people).sent_by("alice");
    assert_eq!(
        text(json!({}), &mut trial),
        format!("{}:{route}|GET|GET /a HTTP/1.1||", consumer_id("alice"))
    );
}

/// Whether the second request is given the first one's answer.
fn shares(config: Value, one: (&str, &[&str]), two: (&str, &[&str])) -> bool {
    let mut bench = Bench::new(config);
    bench.get(one.0, one.1, "one");
    bench.get(two.0, two.1, "two").body() == "one"
}

#[test]
fn requests_that_an_origin_may_tell_apart_share_nothing() {
    for (one, two) in [
        (("GET /a", &[][..]), ("GET /b", &[][..])),
        (("GET /a?x=1", &[]), ("GET /a?x=2", &[])),
        (("GET /a?x=1:y=2", &[]), ("GET /a?x=1&y=2", &[])),
        (("GET /a?x=1,2", &[]), ("GET /a?x=1&x=2", &[])),
        (("GET /a?x=2&x=1", &[]), ("GET /a?x=1&x=2", &[])),
        (("GET /a", &["X-Forwarded-Host: evil"]), ("GET /a", &[])),
        (("GET /a", &["X-Forwarded-Proto: https"]), ("GET /a", &[])),
        (("GET /a", &["X-Forwarded-Prefix: /evil"]), ("GET /a", &[])),
        (("GET /a", &["X-Original-URL: /evil"]), ("GET /a", &[])),
        (
            ("GET /a", &["X-HTTP-Method-Override: DELETE"]),
            ("GET /a", &[]),
        ),
        (
            ("GET /a", &["X-Host: evil"]),
            ("GET /a", &["X-Host: other"]),
        ),
        (("GET /a", &["Authorization: Basic a"]), ("GET /a", &[])),
        (
            ("GET /a", &["Authorization: Basic a"]),
            ("GET /a", &["Authorization: Basic b"]),
        ),
        (("GET http://evil.test/a", &[]), ("GET /a", &[])),
    ] {
        assert!(!shares(json!({}), one, two), "{one:?} {two:?}");
        assert!(shares(json!({}), one, one), "{one:?}");
    }
}

#[test]
fn requests_that_differ_by_nothing_that_matters_share() {
    for (one, two) in [
        (("GET /a?x=1&y=2", &[][..]), ("GET /a?y=2&x=1", &[][..])),
        (("GET /a", &["Accept: a"]), ("GET /a", &["Accept: b"])),
        (("GET /a", &["X-Forwarded-For: 1.2.3.4"]), ("GET /a", &[])),
        (("GET http://API.test/a", &[]), ("GET /a", &[])),
    ] {
        assert!(shares(json!({}), one, two), "{one:?} {two:?}");
    }
}

#[test]
fn configured_parameters_cannot_be_cloaked() {
    let config = || json!({ "vary_query_params": ["a"] });
    assert!(shares(
        config(),
        ("GET /?a=1&b=1", &[]),
        ("GET /?b=2&a=1", &[])
    ));
    for evil in ["GET /?%61=2", "GET /?b=1;a=2", "GET /?a=1&a=2", "GET /?a"] {
        assert!(!shares(config(), (evil, &[]), ("GET /?a=1", &[])), "{evil}");
        assert!(!shares(config(), (evil, &[]), ("GET /", &[])), "{evil}");
    }
}

#[test]
fn configured_fields_count_as_the_origin_sees_them() {
    let config = || json!({ "vary_headers": ["Accept"] });
    assert!(!shares(
        config(),
        ("GET /", &["Accept: a"]),
        ("GET /", &["accept: b"])
    ));
    assert!(shares(
        config(),
        ("GET /", &["Accept: a"]),
        ("GET /", &["accept: a"])
    ));
    assert!(!shares(
        config(),
        ("GET /", &["Accept: a", "Accept: b"]),
        ("GET /", &["Accept: a"])
    ));
}

#[test]
fn consumers_and_schemes_have_answers_of_their_own() {
    let mut bench = Bench::new(json!({}));
    let people = People::default()
        .consumer("alice", None)
        .consumer("bob", None);
    let mut says = |change: &dyn Fn(Trial) -> Trial| {
        let mut trial = change(bench.open("GET /a", &[]).among(&people));
        match bench.ask(&mut trial) {
            Outcome::Origin => bench
                .answer(&mut trial, 200, &[JSON], "{}")
                .says()
                .to_owned(),
            Outcome::Given(given) => given.says().to_owned(),
            Outcome::Wait(_) => panic!("there is nobody to wait for"),
        }
    };
    let kinds: [&dyn Fn(Trial) -> Trial; 4] = [
        &|trial| trial,
        &|trial| trial.sent_by("alice"),
        &|trial| trial.sent_by("bob"),
        &|trial| Trial {
            secure: true,
            ..trial
        },
    ];
    for expected in ["Miss", "Hit"] {
        for kind in kinds {
            assert_eq!(says(kind), expected);
        }
    }
}

#[test]
fn answers_vary_by_what_they_say() {
    let mut bench = Bench::new(json!({}));
    let vary = [JSON, "Vary: Accept-Language"];
    let mut get = |language: &str, body: &str| {
        let line = format!("Accept-Language: {language}");
        let given = bench.exchange("GET /a", &[&line], (200, &vary, body));
        (given.says().to_owned(), given.body().to_owned())
    };
    assert_eq!(get("de", "Hallo"), ("Miss".into(), "Hallo".into()));
    assert_eq!(get("en", "Hello"), ("Miss".into(), "Hello".into()));
    assert_eq!(get("de", ""), ("Hit".into(), "Hallo".into()));
    assert_eq!(get("en", ""), ("Hit".into(), "Hello".into()));
    bench.wait(300);
    let more = [JSON, "Vary: Origin"];
    let ask = |bench: &mut Bench, origin: &str| {
        let lines = ["Accept-Language: de", origin];
        bench
            .exchange("GET /a", &lines, (200, &more, origin))
            .body()
            .to_owned()
    };
    for origin in ["Origin: a", "Origin: b", "Origin: a"] {
        assert_eq!(ask(&mut bench, origin), origin);
    }
}

#[test]
fn a_coding_is_for_those_who_asked_for_it() {
    let mut bench = Bench::new(json!({}));
    let gzip = [JSON, "Content-Encoding: gzip"];
    let accepts = ["Accept-Encoding: gzip"];
    bench.exchange("GET /a", &accepts, (200, &gzip, "zipped"));
    assert_eq!(bench.get("GET /a", &[], "plain").body(), "plain");
    assert_eq!(bench.get("GET /a", &accepts, "").body(), "zipped");
}
