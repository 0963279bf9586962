//! Cache-Control on both sides, where it counts.

use super::*;

fn bench() -> Bench {
    Bench::new(json!({ "cache_control": true }))
}

/// The status of a second request after an answer with these lines.
fn second(answer: &[&str], wishes: &[&str], secs: u64) -> String {
    let mut bench = bench();
    let mut lines = vec![JSON];
    lines.extend(answer);
    bench.exchange("GET /a", &[], (200, &lines, "{}"));
    bench.wait(secs);
    let given = bench.exchange("GET /a", wishes, (200, &lines, "{}"));
    given.says().to_owned()
}

#[test]
fn answers_say_whether_and_for_how_long_they_are_stored() {
    for (answer, secs, says) in [
        (&["Cache-Control: max-age=60"][..], 59, "Hit"),
        (&["Cache-Control: max-age=60"], 60, "Miss"),
        (&["Cache-Control: max-age=60", "ETag: \"a\""], 60, "Refresh"),
        (&["Cache-Control: max-age=1, s-maxage=60"], 59, "Hit"),
        (&["Cache-Control: max-age=60, s-maxage=1"], 1, "Miss"),
        (&["Cache-Control: max-age=60", "Age: 50"], 9, "Hit"),
        (&["Cache-Control: max-age=60", "Age: 50"], 10, "Miss"),
        (&["Cache-Control: max-age=60", "Age: 60"], 0, "Bypass"),
        (&["Expires: Tue, 14 Nov 2023 22:14:20 GMT"], 59, "Hit"),
        (
            &[
                "Expires: Tue, 14 Nov 2023 12:14:20 GMT",
                "Date: Tue, 14 Nov 2023 12:13:20 GMT",
            ],
            59,
            "Hit",
        ),
        (&["Expires: 0"], 0, "Bypass"),
        (&["Expires: 0", "Cache-Control: max-age=60"], 59, "Hit"),
        (&[], 0, "Bypass"),
        (&["Cache-Control: no-store, max-age=60"], 0, "Bypass"),
        (&["Cache-Control: no-cache, max-age=60"], 0, "Bypass"),
        (&["Cache-Control: private, max-age=60"], 0, "Bypass"),
        (&["Cache-Control: public, max-age=0"], 0, "Bypass"),
    ] {
        assert_eq!(second(answer, &[], secs), says, "{answer:?} after {secs}");
    }
}

#[test]
fn requests_say_what_they_take() {
    let answer = ["Cache-Control: max-age=60", "ETag: \"a\""];
    for (wish, secs, says) in [
        ("max-age=30", 30, "Hit"),
        ("max-age=30", 31, "Refresh"),
        ("max-age=0", 1, "Refresh"),
        ("min-fresh=30", 30, "Hit"),
        ("min-fresh=30", 31, "Refresh"),
        ("max-stale=10", 70, "Hit"),
        ("max-stale=10", 71, "Refresh"),
        ("max-stale", 500, "Hit"),
        ("no-cache", 1, "Bypass"),
        ("no-store", 1, "Bypass"),
    ] {
        let line = format!("Cache-Control: {wish}");
        assert_eq!(second(&answer, &[&line], secs), says, "{wish} after {secs}");
    }
    let strict = ["Cache-Control: max-age=60, must-revalidate", "ETag: \"a\""];
    assert_eq!(
        second(&strict, &["Cache-Control: max-stale"], 70),
        "Refresh"
    );
    assert_eq!(second(&answer, &["Authorization: Basic a"], 1), "Bypass");
}

#[test]
fn only_what_is_stored_can_be_504() {
    let mut bench = bench();
    let wish = ["Cache-Control: only-if-cached"];
    let nothing = bench.get("GET /a", &wish, "never");
    assert_eq!((nothing.status, nothing.body()), (504, ""));
    let answer = [JSON, "Cache-Control: max-age=60"];
    bench.exchange("GET /a", &[], (200, &answer, "{}"));
    assert_eq!(bench.get("GET /a", &wish, "").says(), "Hit");
    bench.wait(60);
    assert_eq!(bench.get("GET /a", &wish, "").status, 504);
}

#[test]
fn without_it_nobody_has_a_say() {
    let mut bench = Bench::new(json!({}));
    let answer = [JSON, "Cache-Control: private, no-store"];
    let wish = ["Cache-Control: no-cache, only-if-cached"];
    assert_eq!(
        bench.exchange("GET /a", &wish, (200, &answer, "{}")).says(),
        "Miss"
    );
    assert_eq!(bench.get("GET /a", &wish, "").says(), "Hit");
}

#[test]
fn a_change_that_succeeds_outdates_what_is_stored() {
    let answer = [JSON, "Cache-Control: max-age=60"];
    for (method, status, says) in [
        ("POST", 201, "Miss"),
        ("DELETE", 204, "Miss"),
        ("PUT", 400, "Hit"),
        ("OPTIONS", 200, "Hit"),
    ] {
        let mut bench = bench();
        bench.exchange("GET /a?b", &[], (200, &answer, "{}"));
        bench.exchange(&format!("{method} /a?b"), &[], (status, &[], ""));
        bench.wait(1);
        let after = bench.exchange("GET /a?b", &[], (200, &answer, "{}"));
        assert_eq!(after.says(), says, "{method} {status}");
    }
}
