//! What proxy-cache gives again, to whom, and what it never does (RFC 9111).

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::client::Response;
use crate::support::eventually;

cases! {
    a_second_request_is_answered_from_the_store: ["N7", "N9", "N18"];
    a_crowd_of_misses_makes_one_request: ["N15"];
    followers_go_on_when_the_answer_cannot_be_stored: ["N15", "N16"];
    a_long_body_comes_whole_from_the_store: [];
    an_incomplete_answer_is_not_stored: ["N14"];
    answers_say_whether_they_are_stored: ["N5", "N19"];
    credentials_are_for_those_who_have_them: ["N6"];
    variants_are_told_apart: ["N8"];
    a_stale_answer_is_revalidated: ["N10", "N11"];
    a_stale_answer_stands_in_for_a_dead_origin: ["N10"];
    a_change_goes_through_and_outdates: ["N12", "N13"];
    nothing_stored_is_504_if_only_that_is_wanted: ["N17"];
    a_range_is_cut_out_and_many_are_not: ["N3"];
    every_worker_hears_of_what_is_stored: [];
    after_a_purge_no_worker_gives_what_was_stored: [];
    what_is_stored_is_shown_with_its_body: [];
    a_thousand_misses_make_one_request_on_each_worker: [];
    answers_are_counted_by_where_they_come_from: [];
}

const PLUGIN: &str = "[[plugins]]\nname = \"proxy-cache\"\nconfig = { strategy = \"memory\", ";

fn config(origin: &Origin, config: &str) -> Config {
    Config::to(origin.port()).entities(&format!("{PLUGIN}{config} }}\n"))
}

/// An origin that answers with these lines and the request's target.
fn origin(lines: &'static str) -> Origin {
    Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            let target = request.head.target().to_owned();
            let length = target.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{lines}Content-Length: {length}\r\n\r\n{target}"
            ));
        }
    })
}

fn says(response: &Response) -> String {
    let status = response.head.one("x-cache-status");
    status.unwrap_or_default().to_owned()
}

fn get(client: &mut Client, path: &str, lines: &str) -> Response {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    client.response()
}

fn a_second_request_is_answered_from_the_store() {
    let origin = origin("X-Own: 1\r\n");
    let gateway = config(&origin, "").start();
    let mut client = gateway.client();
    let first = get(&mut client, "/a?b=1", "").expect(200);
    assert_eq!(says(&first), "Miss");
    let second = get(&mut client, "/a?b=1", "").expect(200);
    assert_eq!(
        (says(&second).as_str(), second.text().as_str()),
        ("Hit", "/a?b=1")
    );
    let head = &second.head;
    assert_eq!(head.one("age"), Some("0"));
    assert_eq!(head.one("x-own"), Some("1"));
    assert_eq!(head.one("x-cache-key"), first.head.one("x-cache-key"));
    assert_eq!(head.all("content-length").len(), 1);
    assert_eq!(head.all("date").len(), 1);
    assert_eq!(origin.requests().len(), 1);
    for other in ["/a?b=2", "/A?b=1", "/a"] {
        assert_eq!(says(&get(&mut client, other, "")), "Miss");
    }
    client.send("GET /a?b=1 HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(says(&client.response()), "Miss", "another host");
    client.send("HEAD /a?b=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.try_response("HEAD").unwrap();
    assert_eq!(
        (says(&head).as_str(), head.head.one("content-length")),
        ("Hit", Some("6"))
    );
}

/// An origin that takes its time.
fn slow(lines: &'static str) -> Origin {
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            std::thread::park_timeout(Duration::from_millis(300));
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{lines}Content-Length: 2\r\n\r\nok"
            ));
        }
    })
}

fn crowd(gateway: &Gateway) -> Vec<Response> {
    let mut clients: Vec<Client> = (0..100).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/a");
    }
    let answers = clients
        .iter_mut()
        .map(|client| client.response().expect(200));
    answers.collect()
}

fn a_crowd_of_misses_makes_one_request() {
    let origin = slow("");
    let gateway = config(&origin, "").start();
    let answers = crowd(&gateway);
    assert!(answers.iter().all(|answer| answer.text() == "ok"));
    let hits = answers
        .iter()
        .filter(|answer| says(answer) == "Hit")
        .count();
    assert_eq!(hits, 99);
    assert_eq!(origin.requests().len(), 1);
}

fn followers_go_on_when_the_answer_cannot_be_stored() {
    let origin = slow("Set-Cookie: a=b\r\n");
    let gateway = config(&origin, "").start();
    let start = Instant::now();
    let answers = crowd(&gateway);
    assert!(answers.iter().all(|answer| says(answer) == "Bypass"));
    assert_eq!(origin.requests().len(), 100);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "they go on together"
    );
}

fn a_long_body_comes_whole_from_the_store() {
    let body: String = (0..60_000).map(|number| format!("{number:05},")).collect();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let origin = Origin::answering(answer);
    let gateway = config(&origin, "").start();
    let mut client = gateway.client();
    for expected in ["Miss", "Hit", "Hit"] {
        let response = get(&mut client, "/a", "").expect(200);
        assert_eq!(says(&response), expected);
        assert!(response.text() == body);
    }
    let part = get(&mut client, "/a", "Range: bytes=6-299999\r\n").expect(206);
    assert!(part.text() == body[6..300_000]);
}

fn an_incomplete_answer_is_not_stored() {
    let origin = Origin::start(|mut peer| {
        if peer.request().is_some() {
            let length = if peer.number == 0 { 10 } else { 5 };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\nhello"
            ));
        }
    });
    let gateway = config(&origin, "").start();
    gateway.client().get("/a").aborted();
    let whole = gateway.get("/a").expect(200);
    assert_eq!(
        (says(&whole).as_str(), whole.text().as_str()),
        ("Miss", "hello")
    );
    assert_eq!(says(&gateway.get("/a")), "Hit");
}

fn answers_say_whether_they_are_stored() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            let (status, lines) = match request.head.target() {
                "/no-store" => (200, "Cache-Control: no-store, max-age=60"),
                "/private" => (200, "Cache-Control: private, max-age=60"),
                "/nothing" => (200, "X-A: 1"),
                "/429" => (429, "Cache-Control: max-age=60"),
                _ => (200, "Cache-Control: max-age=60"),
            };
            peer.send(format!(
                "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\n{lines}\r\nContent-Length: 0\r\n\r\n"
            ));
        }
    });
    let keys = "cache_control = true, response_code = [200, 429]";
    let gateway = config(&origin, keys).start();
    for path in ["/no-store", "/private", "/nothing", "/429"] {
        for _ in 0..2 {
            assert_eq!(says(&gateway.get(path)), "Bypass", "{path}");
        }
    }
    assert_eq!(says(&gateway.get("/public")), "Miss");
    assert_eq!(says(&gateway.get("/public")), "Hit");
}

fn credentials_are_for_those_who_have_them() {
    let origin = origin("Cache-Control: max-age=60\r\n");
    let alice = "Authorization: Basic YTph\r\n";
    let strict = config(&origin, "cache_control = true").start();
    let mut client = strict.client();
    for _ in 0..2 {
        assert_eq!(says(&get(&mut client, "/a", alice)), "Bypass");
    }
    assert_eq!(says(&get(&mut client, "/a", "")), "Miss");
    let lax = config(&origin, "").start();
    let mut client = lax.client();
    assert_eq!(says(&get(&mut client, "/a", alice)), "Miss");
    assert_eq!(says(&get(&mut client, "/a", "")), "Miss");
    assert_eq!(
        says(&get(&mut client, "/a", "Authorization: Basic Yjpi\r\n")),
        "Miss"
    );
    assert_eq!(says(&get(&mut client, "/a", alice)), "Hit");
}

fn variants_are_told_apart() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            let language = request.head.one("accept-language").unwrap_or("none");
            let length = language.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nVary: Accept-Language\r\n\
                 Content-Length: {length}\r\n\r\n{language}"
            ));
        }
    });
    let gateway = config(&origin, "").start();
    let mut client = gateway.client();
    for expected in ["Miss", "Hit"] {
        for language in ["de", "en", "fr"] {
            let line = format!("Accept-Language: {language}\r\n");
            let response = get(&mut client, "/a", &line).expect(200);
            assert_eq!(
                (says(&response).as_str(), response.text().as_str()),
                (expected, language)
            );
        }
    }
    assert_eq!(get(&mut client, "/a", "").text(), "none");
}

fn a_stale_answer_is_revalidated() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            if request.head.one("if-none-match") == Some("\"1\"") {
                peer.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nX-New: 1\r\n\r\n");
            } else {
                peer.send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"1\"\r\n\
                     Content-Length: 5\r\n\r\nhello",
                );
            }
        }
    });
    let gateway = config(&origin, "cache_ttl = 1").start();
    assert_eq!(says(&gateway.get("/a")), "Miss");
    std::thread::park_timeout(Duration::from_millis(1_100));
    let renewed = gateway.get("/a").expect(200);
    assert_eq!(
        (says(&renewed).as_str(), renewed.text().as_str()),
        ("Refresh", "hello")
    );
    assert_eq!(renewed.head.one("x-new"), Some("1"));
    assert_eq!(renewed.head.all("content-length"), ["5"]);
    assert_eq!(says(&gateway.get("/a")), "Hit");
    assert_eq!(origin.requests().len(), 2);
}

fn a_stale_answer_stands_in_for_a_dead_origin() {
    let origin = origin("");
    let config = Config::to(origin.port())
        .service_keys("retries = 0")
        .entities(&format!(
            "{PLUGIN} cache_ttl = 1, stale_if_error = 60, storage_ttl = 60 }}\n"
        ));
    let gateway = config.start();
    assert_eq!(says(&gateway.get("/a")), "Miss");
    drop(origin);
    std::thread::park_timeout(Duration::from_millis(1_100));
    for _ in 0..2 {
        let stale = gateway.get("/a").expect(200);
        assert_eq!(
            (says(&stale).as_str(), stale.text().as_str()),
            ("Stale", "/a")
        );
    }
    gateway.get("/b").expect(502);
}

fn a_change_goes_through_and_outdates() {
    let origin = origin("Cache-Control: max-age=60\r\n");
    let gateway = config(&origin, "cache_control = true").start();
    for expected in ["Miss", "Hit"] {
        assert_eq!(says(&gateway.get("/a")), expected);
    }
    let mut client = gateway.client();
    for number in [2, 3] {
        client.post("/a", b"new");
        assert_eq!(says(&client.response().expect(200)), "Bypass");
        assert_eq!(origin.requests().len(), number, "it is written through");
    }
    assert_eq!(says(&gateway.get("/a")), "Miss");
}

fn nothing_stored_is_504_if_only_that_is_wanted() {
    let origin = origin("Cache-Control: max-age=60\r\n");
    let gateway = config(&origin, "cache_control = true").start();
    let mut client = gateway.client();
    let wish = "Cache-Control: only-if-cached\r\n";
    get(&mut client, "/a", wish).expect(504);
    assert_eq!(origin.connections(), 0);
    get(&mut client, "/a", "").expect(200);
    assert_eq!(says(&get(&mut client, "/a", wish).expect(200)), "Hit");
}

fn a_range_is_cut_out_and_many_are_not() {
    let origin = origin("");
    let gateway = config(&origin, "").start();
    let mut client = gateway.client();
    get(&mut client, "/0123456789", "").expect(200);
    let part = get(&mut client, "/0123456789", "Range: bytes=1-3\r\n").expect(206);
    assert_eq!(part.text(), "012");
    assert_eq!(part.head.one("content-range"), Some("bytes 1-3/11"));
    let ranges = "Range: bytes=0-1,0-1,0-1,0-1,0-1,0-1\r\n";
    assert_eq!(
        get(&mut client, "/0123456789", ranges).expect(200).text(),
        "/0123456789"
    );
    get(&mut client, "/0123456789", "Range: bytes=99-\r\n").expect(416);
}

fn every_worker_hears_of_what_is_stored() {
    let origin = origin("");
    let gateway = config(&origin, "").gateway("workers = 2\n").start();
    gateway.get("/a").expect(200);
    // Whatever a worker has stored the other hears of within two ticks.
    std::thread::park_timeout(Duration::from_millis(1_200));
    for _ in 0..16 {
        assert_eq!(says(&gateway.get("/a")), "Hit");
    }
    assert_eq!(origin.requests().len(), 1);
}

/// An origin whose answers have a number that counts up with every purge.
fn versioned(version: &Arc<AtomicUsize>) -> Origin {
    let version = Arc::clone(version);
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            let body = format!("{:03}", version.load(Ordering::SeqCst));
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Tag: t, {body}\r\n\
                 Content-Length: 3\r\n\r\n{body}"
            ));
        }
    })
}

/// The acknowledgement of a purge is the word of every worker, so whatever comes after it is new.
fn after_a_purge_no_worker_gives_what_was_stored() {
    let version = Arc::new(AtomicUsize::new(0));
    let origin = versioned(&version);
    let id = "00000000-0000-0000-0000-0000000000ca";
    let gateway = Config::to(origin.port())
        .gateway("workers = 3\n")
        .entities(&format!(
            "{PLUGIN} }}\nid = \"{id}\"\ninstance_name = \"store\"\n"
        ))
        .start();
    let mut clients: Vec<Client> = (0..24).map(|_| gateway.client()).collect();
    let mut all = || {
        let answers = clients.iter_mut().map(|client| {
            let response = client.get("/a").response().expect(200);
            let key = response.head.one("x-cache-key").unwrap_or_default();
            (key.to_owned(), response.text())
        });
        answers.collect::<Vec<_>>()
    };
    let key = all().remove(0).0;
    let purges = [
        format!("/proxy-cache/{key}"),
        format!("/proxy-cache/{id}/caches/{key}"),
        "/proxy-cache?route=r0".to_owned(),
        "/proxy-cache?plugin=store".to_owned(),
        "/proxy-cache?tag=t".to_owned(),
        "/proxy-cache".to_owned(),
    ];
    for round in 1..=5 * purges.len() {
        version.store(round, Ordering::SeqCst);
        let path = &purges[round % purges.len()];
        gateway.admin("DELETE", path).expect(204);
        for (_, text) in all() {
            assert_eq!(text, format!("{round:03}"), "after DELETE {path}");
        }
    }
    let other = "0".repeat(64);
    gateway
        .admin("DELETE", &format!("/proxy-cache/{other}"))
        .expect(404);
    gateway
        .admin("DELETE", "/proxy-cache?tag=other")
        .expect(204);
    assert_eq!(all().remove(0).1, format!("{:03}", 5 * purges.len()));
}

fn what_is_stored_is_shown_with_its_body() {
    let origin = origin("Cache-Tag: a, b\r\nX-Own: 1\r\n");
    let gateway = config(&origin, "").gateway("workers = 2\n").start();
    let first = gateway.get("/a?b=1").expect(200);
    let key = first.head.one("x-cache-key").unwrap_or_default().to_owned();
    let shown = gateway
        .admin("GET", &format!("/proxy-cache/{key}"))
        .expect(200);
    let shown: serde_json::Value = serde_json::from_str(&shown.text()).unwrap();
    assert_eq!(
        (&shown["status"], &shown["body"]),
        (&200.into(), &"/a?b=1".into())
    );
    assert_eq!(shown["headers"]["X-Own"], "1");
    assert_eq!(shown["cache_key"], key);
    assert_eq!(
        (&shown["host"], &shown["path"]),
        (&"a.test".into(), &"/a".into())
    );
    assert_eq!(shown["tags"], serde_json::json!(["a", "b"]));
    let other = "0".repeat(64);
    for missing in [other.as_str(), "no-key"] {
        gateway
            .admin("GET", &format!("/proxy-cache/{missing}"))
            .expect(404);
    }
}

fn a_thousand_misses_make_one_request_on_each_worker() {
    let gate = Gate::default();
    let opened = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while peer.request().is_some() {
            opened.wait();
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let workers = 2;
    let gateway = config(&origin, "")
        .gateway(&format!("workers = {workers}\n"))
        .start();
    let mut clients: Vec<Client> = (0..1_000).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/a");
    }
    origin.wait_head(0);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().expect(200).text(), "ok");
    }
    assert!(origin.heads() <= workers, "{}", origin.heads());
}

fn answers_are_counted_by_where_they_come_from() {
    let origin = origin("");
    let gateway = config(&origin, "cache_ttl = 1, stale_while_revalidate = 60").start();
    let mut client = gateway.client();
    for _ in 0..3 {
        client.get("/a").response().expect(200);
    }
    client.get("/b").response().expect(200);
    client.post("/a", b"x").response().expect(200);
    std::thread::park_timeout(Duration::from_millis(1_100));
    assert_eq!(says(&client.get("/a").response()), "Stale");
    for (status, count) in [("hit", 2.0), ("miss", 2.0), ("stale", 1.0), ("bypass", 1.0)] {
        let series = format!("silverback_cache_answers_total{{status=\"{status}\"}}");
        eventually(status, || (gateway.metric(&series) == count).then_some(()));
    }
    eventually("the refresh is counted", || {
        (gateway.metric("silverback_cache_refreshes_total") == 1.0).then_some(())
    });
    assert_eq!(gateway.metric("silverback_cache_entries"), 2.0);
    assert!(gateway.metric("silverback_cache_bytes") > 1_000.0);
    assert_eq!(
        gateway.metric("silverback_cache_answers_total{status=\"refresh\"}"),
        0.0
    );
}
