//! Revalidation, and giving what is stale.

use super::*;

const TAGGED: [&str; 3] = [JSON, "ETag: \"a\"", "X-Old: 1"];

#[test]
fn the_origins_word_renews_what_is_stored() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10 }));
    bench.exchange("GET /a", &[], (200, &TAGGED, "body"));
    bench.wait(10);
    let mut trial = bench.open("GET /a", &["If-None-Match: \"mine\"", "Range: bytes=0-1"]);
    assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    assert_eq!(upstream(&trial), "If-None-Match: \"a\"\r\n");
    assert!(trial.hides("Range"));
    let news = ["ETag: \"a\"", "X-New: 2", "Content-Type: text/html"];
    let given = bench.answer(&mut trial, 304, &news, "");
    assert_eq!(
        (given.status, given.says(), given.body()),
        (206, "Refresh", "bo")
    );
    assert_eq!(given.field("Age"), Some("0"));
    bench.wait(9);
    let hit = bench.get("GET /a", &[], "never");
    assert_eq!(
        (hit.says(), hit.body(), hit.field("Age")),
        ("Hit", "body", Some("9"))
    );
    assert_eq!(
        (hit.field("X-Old"), hit.field("X-New")),
        (Some("1"), Some("2"))
    );
    assert_eq!(hit.field("Content-Type"), Some("application/json"));
    let messages = bench.core.cache.take_messages();
    assert_eq!(messages.len(), 2, "the others hear of the renewal");
}

#[test]
fn a_date_serves_where_there_is_no_tag() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10 }));
    let dated = [JSON, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"];
    bench.exchange("GET /a", &[], (200, &dated, "body"));
    bench.wait(10);
    let mut trial = bench.open("GET /a", &[]);
    assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    assert!(upstream(&trial).starts_with("If-Modified-Since: Sun"));
    let changed = bench.answer(&mut trial, 200, &dated, "new");
    assert_eq!((changed.says(), changed.body()), ("Refresh", "new"));
    assert_eq!(bench.get("GET /a", &[], "").body(), "new");
}

#[test]
fn what_may_no_longer_be_stored_is_forgotten() {
    let mut bench = Bench::new(json!({ "cache_control": true }));
    let answer = [JSON, "ETag: \"a\"", "Cache-Control: max-age=10"];
    for (status, lines) in [
        (304, ["Cache-Control: no-store", "ETag: \"a\""]),
        (200, ["Cache-Control: private", JSON]),
    ] {
        bench.exchange("GET /a", &[], (200, &answer, "body"));
        bench.wait(10);
        bench.exchange("GET /a", &[], (status, &lines, "body"));
        assert_eq!(bench.core.cache.size().1, 0, "{status}");
        bench.wait(10);
    }
}

#[test]
fn a_stale_answer_is_given_while_one_request_refreshes_it() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10, "stale_while_revalidate": 30 }));
    bench.exchange("GET /a?b", &[], (200, &TAGGED, "old"));
    bench.wait(10);
    let lines = [
        "Cache-Control: max-stale",
        "If-None-Match: \"x\"",
        "X-Mine: 1",
    ];
    for _ in 0..3 {
        let stale = bench.get("GET /a?b", &lines, "never");
        assert_eq!((stale.says(), stale.body()), ("Stale", "old"));
    }
    let mut refreshes = bench.repeats();
    assert_eq!(refreshes.len(), 1, "one is enough");
    let mut trial = refreshes.remove(0);
    assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    assert!(trial.hides("Cache-Control") && trial.hides("If-None-Match"));
    assert_eq!(upstream(&trial), "If-None-Match: \"a\"\r\n");
    assert_eq!(bench.get("GET /a?b", &[], "never").says(), "Stale", "still");
    bench.answer(&mut trial, 200, &TAGGED, "new");
    let fresh = bench.get("GET /a?b", &[], "never");
    assert_eq!((fresh.says(), fresh.body()), ("Hit", "new"));
    assert!(bench.repeats().is_empty());
}

#[test]
fn a_refresh_that_nobody_makes_is_ordered_again() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10, "stale_while_revalidate": 30 }));
    bench.get("GET /a", &[], "old");
    bench.wait(10);
    for _ in 0..2 {
        assert_eq!(bench.get("GET /a", &[], "never").says(), "Stale");
        // There was no room for it.
        assert_eq!(bench.repeats().len(), 1);
    }
    bench.wait(40);
    assert_eq!(
        bench.get("GET /a", &[], "newer").says(),
        "Miss",
        "too old for that"
    );
}

#[test]
fn a_head_has_the_answer_to_a_get_refreshed() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10, "stale_while_revalidate": 30 }));
    bench.get("GET /a", &[], "old");
    bench.wait(10);
    assert_eq!(bench.get("HEAD /a", &[], "").says(), "Stale");
    let mut trial = bench.repeats().remove(0);
    assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    bench.answer(&mut trial, 200, &[JSON], "new");
    let fresh = bench.get("GET /a", &[], "never");
    assert_eq!((fresh.says(), fresh.body()), ("Hit", "new"));
}

#[test]
fn a_refresh_that_fails_leaves_what_is_stored() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10, "stale_while_revalidate": 30 }));
    bench.get("GET /a", &[], "old");
    bench.wait(10);
    for fails in [true, false] {
        assert_eq!(bench.get("GET /a", &[], "never").says(), "Stale");
        let mut trial = bench.repeats().remove(0);
        assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
        match fails {
            true => bench.fail(&mut trial),
            false => bench.answer(&mut trial, 503, &[JSON], "broken"),
        };
        assert_eq!(bench.get("GET /a", &[], "never").body(), "old");
        assert!(bench.repeats().is_empty(), "the origin is spared");
        bench.wait(1);
    }
}

#[test]
fn a_stale_answer_stands_in_for_a_failure() {
    let mut bench = Bench::new(json!({ "cache_ttl": 10, "stale_if_error": 30 }));
    bench.get("GET /a", &[], "old");
    bench.wait(10);
    let failed = bench.exchange("GET /a", &[], (503, &[JSON], "broken"));
    assert_eq!(
        (failed.status, failed.says(), failed.body()),
        (200, "Stale", "old")
    );
    assert_eq!(failed.field("Age"), Some("10"));
    let spared = bench.get("GET /a", &[], "never");
    assert_eq!(
        spared.says(),
        "Stale",
        "the origin is left alone for a moment"
    );
    bench.wait(2);
    let mut trial = bench.open("GET /a", &[]);
    assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    let gone = bench.fail(&mut trial);
    assert_eq!(
        (gone.status, gone.body(), gone.says()),
        (200, "old", "Stale")
    );
    bench.wait(28);
    let mut trial = bench.open("GET /a", &[]);
    assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    let gone = bench.fail(&mut trial);
    assert_eq!(
        (gone.status, gone.says()),
        (502, "Bypass"),
        "it is too old by now"
    );
}

#[test]
fn answers_say_themselves_how_stale_they_may_be() {
    let mut bench = Bench::new(json!({ "cache_control": true, "stale_if_error": 30 }));
    let answer = [
        JSON,
        "Cache-Control: max-age=10, stale-while-revalidate=5, stale-if-error=20",
    ];
    bench.exchange("GET /a", &[], (200, &answer, "old"));
    bench.wait(14);
    assert_eq!(bench.get("GET /a", &[], "").says(), "Stale");
    drop(bench.repeats());
    bench.wait(6);
    let failed = bench.exchange("GET /a", &[], (500, &[], ""));
    assert_eq!(failed.says(), "Stale");
    let strict = [JSON, "Cache-Control: max-age=10, must-revalidate"];
    bench.exchange("GET /b", &[], (200, &strict, "old"));
    bench.wait(10);
    assert_eq!(bench.exchange("GET /b", &[], (500, &[], "")).status, 500);
}
