//! What is stored and how it is given again, without Cache-Control.

use super::*;
use crate::cache::Order;
use crate::cache::Purge;
use crate::cache::Question;
use crate::cache::Target;
use crate::cache::Told;
use crate::plugin::proxy_cache::describe;

#[test]
fn the_second_request_is_answered_from_the_store() {
    let mut bench = Bench::new(json!({}));
    let lines = [
        "X-Own: 1",
        JSON,
        "Via: 1.0 other",
        "Connection: X-Hop",
        "X-Hop: 1",
        "Age: 7",
    ];
    let first = bench.exchange("GET /a?b=1", &[], (200, &lines, "{}"));
    assert_eq!(first.says(), "Miss");
    let key = first.field("X-Cache-Key").unwrap().to_owned();
    assert_eq!(key.len(), 64);
    bench.wait(9);
    let second = bench.get("GET /a?b=1", &[], "never");
    assert_eq!(
        (second.status, second.body(), second.says()),
        (200, "{}", "Hit")
    );
    assert_eq!(second.field("Age"), Some("9"));
    assert_eq!(second.field("X-Cache-Key"), Some(key.as_str()));
    assert_eq!(second.field("X-Own"), Some("1"));
    assert_eq!(second.field("Via"), Some("1.0 other, 1.1 silverback"));
    assert_eq!(second.field("Server"), Some("silverback"));
    assert_eq!(second.field("Date"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
    assert_eq!(second.field("X-Hop"), None);
    assert_eq!(second.text.matches("Content-Length").count(), 1);
}

#[test]
fn what_is_too_old_is_fetched_anew() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10, "storage_ttl": 100 }));
    bench.get("GET /a", &[], "old");
    bench.wait(10);
    let again = bench.get("GET /a", &[], "new");
    assert_eq!((again.says(), again.body()), ("Refresh", "new"));
    assert_eq!(bench.get("GET /a", &[], "never").body(), "new");
    bench.wait(100);
    assert_eq!(
        bench.get("GET /a", &[], "newer").says(),
        "Miss",
        "it is not kept for ever"
    );
}

#[test]
fn only_what_the_configuration_names_is_stored() {
    let mut bench = Bench::new(json!({}));
    for (start, status, lines) in [
        ("POST /a", 200, vec![JSON]),
        ("GET /a", 500, vec![JSON]),
        ("GET /a", 201, vec![JSON]),
        ("GET /a", 200, vec!["Content-Type: text/html"]),
        (
            "GET /a",
            200,
            vec!["Content-Type: application/json; charset=utf-8"],
        ),
        ("GET /a", 200, vec![]),
        ("GET /a", 200, vec![JSON, JSON]),
        ("GET /a", 200, vec![JSON, "Set-Cookie: a=b"]),
        ("GET /a", 200, vec![JSON, "Vary: *"]),
        ("GET /a", 200, vec![JSON, "Vary: X-Forwarded-For"]),
        ("GET /a", 206, vec![JSON]),
    ] {
        bench.wait(60);
        let given = bench.exchange(start, &[], (status, &lines, "{}"));
        assert_eq!(given.says(), "Bypass", "{start} {status} {lines:?}");
    }
    assert_eq!(bench.core.cache.size(), (0, 0));
    for (status, kind) in [
        (200, "text/plain"),
        (301, "application/json"),
        (404, "text/plain"),
    ] {
        let (kind, path) = (format!("Content-Type: {kind}"), format!("GET /{status}"));
        assert_eq!(
            bench.exchange(&path, &[], (status, &[&kind], "{}")).says(),
            "Miss"
        );
        assert_eq!(bench.get(&path, &[], "").says(), "Hit");
        assert_eq!(bench.get(&path, &[], "").status, status);
    }
}

#[test]
fn fields_of_one_exchange_are_not_stored() {
    let mut bench = Bench::new(json!({}));
    let lines = [
        JSON,
        "X-RateLimit-Remaining-Minute: 4",
        "X-Kong-Request-Id: 1",
    ];
    bench.exchange("GET /a", &[], (200, &lines, "{}"));
    let hit = bench.get("GET /a", &[], "");
    assert_eq!(hit.field("X-RateLimit-Remaining-Minute"), None);
    assert_eq!(hit.text.matches("X-Kong-Request-Id").count(), 1);
}

#[test]
fn what_is_not_to_be_shown_is_not() {
    let shown = json!({ "age": false, "X-Cache-Status": false, "X-Cache-Key": false });
    let mut bench = Bench::new(json!({ "response_headers": shown }));
    for _ in 0..2 {
        let given = bench.get("GET /a", &[], "{}");
        assert!(!given.text.contains("X-Cache") && !given.text.contains("Age"));
    }
}

#[test]
fn a_head_is_answered_from_a_get_and_by_itself() {
    let mut bench = Bench::new(json!({}));
    assert_eq!(bench.get("HEAD /a", &[], "12345").says(), "Miss");
    let head = bench.get("HEAD /a", &[], "");
    assert_eq!(
        (head.says(), head.field("Content-Length")),
        ("Hit", Some("5"))
    );
    assert_eq!(
        bench.get("GET /a", &[], "whole").says(),
        "Miss",
        "a HEAD answers no GET"
    );
    bench.get("GET /b", &[], "whole");
    assert_eq!(bench.get("HEAD /b", &[], "").says(), "Hit");
}

#[test]
fn conditions_and_ranges_are_answered_from_the_store() {
    let mut bench = Bench::new(json!({}));
    let mut first = bench.open("GET /a", &["If-None-Match: \"old\""]);
    assert!(matches!(bench.ask(&mut first), Outcome::Origin));
    assert!(first.hides("If-None-Match"), "what is stored must be whole");
    bench.answer(&mut first, 200, &[JSON, "ETag: \"a\""], "0123456789");
    let known = bench.get("GET /a", &["If-None-Match: \"a\""], "");
    assert_eq!((known.status, known.says(), known.body()), (304, "Hit", ""));
    let part = bench.get("GET /a", &["Range: bytes=2-4"], "");
    assert_eq!((part.status, part.body()), (206, "234"));
    assert_eq!(bench.get("GET /a", &["Range: bytes=20-"], "").status, 416);
    let apart = bench.exchange("GET /b", &["Range: bytes=2-4"], (206, &[JSON], "234"));
    assert_eq!(
        apart.says(),
        "Bypass",
        "a part is no reason to fetch the whole"
    );
    assert_eq!(
        bench.get("GET /a", &["If-Match: \"a\""], "").says(),
        "Bypass"
    );
}

#[test]
fn a_post_may_be_stored_by_its_body() {
    let mut bench = Bench::new(json!({ "request_method": ["POST"] }));
    let mut post = |body: &str, answer: &str| {
        let mut trial = Trial {
            unix_micros: bench.now,
            ..Trial::with_body("POST /a", &[], body.as_bytes())
        };
        match bench.ask(&mut trial) {
            Outcome::Origin => bench.answer(&mut trial, 200, &[JSON], answer),
            Outcome::Given(given) => given,
            Outcome::Wait(_) => panic!("a POST waits for nobody"),
        }
    };
    assert_eq!(post("one", "1").says(), "Miss");
    assert_eq!(post("two", "2").says(), "Miss");
    assert_eq!(
        (post("one", "").says().to_owned(), post("one", "").body()),
        ("Hit".into(), "1")
    );
    assert_eq!(bench.get("GET /a", &[], "").says(), "Bypass");
}

#[test]
fn what_is_too_long_is_not_stored() {
    let mut bench = Bench::new(json!({ "memory": { "max_bytes": 80_000 } }));
    let long = "x".repeat(10_001);
    assert_eq!(bench.get("GET /a", &[], &long).says(), "Bypass");
    for number in 0..100 {
        bench.get(&format!("GET /{number}"), &[], &long[..9_000]);
    }
    let (bytes, count) = bench.core.cache.size();
    assert!(bytes <= 80_000 && count > 5, "{bytes} {count}");
}

#[test]
fn tags_routes_and_keys_are_purged() {
    let mut bench = Bench::new(json!({}));
    let lines = [JSON, "Cache-Tag: a, b", "Surrogate-Key: c d"];
    let key = bench
        .get("GET /0", &[], "{}")
        .field("X-Cache-Key")
        .unwrap()
        .to_owned();
    let digest = key.as_bytes().try_into().unwrap();
    for target in [
        Target::Tag((*b"b").into()),
        Target::Tag((*b"d").into()),
        Target::Route(bench.open("GET /", &[]).route.id),
        Target::Digest(digest, None),
    ] {
        bench.exchange("GET /1", &[], (200, &lines, "{}"));
        bench.get("GET /0", &[], "{}");
        let path = match target {
            Target::Digest(..) => "GET /0",
            _ => "GET /1",
        };
        assert_eq!(bench.get(path, &[], "").says(), "Hit");
        let purge = Purge {
            target,
            until: bench.now,
        };
        let question = Question::Purge(Arc::new(purge));
        let (answers, told) = crossbeam::channel::bounded(1);
        bench
            .core
            .cache
            .obey(Order::Ask(Arc::new(question), answers), bench.now);
        assert!(matches!(told.try_recv(), Ok(Told::Purged(1..))));
        bench.wait(1);
        let again = bench.exchange(path, &[], (200, &lines, "{}"));
        assert_eq!(again.says(), "Miss");
    }
}

#[test]
fn a_stored_answer_is_described_as_kong_does() {
    let mut bench = Bench::new(json!({}));
    let lines = [JSON, "X-A: 1", "X-A: 2", "Cache-Tag: t"];
    bench.exchange("GET /a/b", &[], (200, &lines, "{\"a\":1}"));
    let (answers, told) = crossbeam::channel::bounded(1);
    let question = Arc::new(Question::List(None));
    bench
        .core
        .cache
        .obey(Order::Ask(question, answers), bench.now);
    let Ok(Told::Found(found)) = told.try_recv() else {
        panic!("there is one");
    };
    let shown = describe(&found[0], bench.now);
    assert_eq!(shown["status"], 200);
    assert_eq!(shown["body"], "{\"a\":1}");
    assert_eq!(shown["body_len"], 7);
    assert_eq!(shown["ttl"], 300);
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["timestamp"], NOW_SECS);
    assert_eq!(shown["headers"]["X-A"], json!(["1", "2"]));
    assert_eq!(shown["headers"]["Content-Type"], "application/json");
    assert_eq!(
        (&shown["host"], &shown["path"]),
        (&json!("api.test"), &json!("/a/b"))
    );
    assert_eq!(shown["tags"], json!(["t"]));
}
