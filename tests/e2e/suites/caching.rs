//! What proxy-cache gives again, to whom, and what it never does (RFC 9111).

use std::time::Duration;
use std::time::Instant;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::client::Response;

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
}

pub(super) const PLUGIN: &str =
    "[[plugins]]\nname = \"proxy-cache\"\nconfig = { strategy = \"memory\", ";

pub(super) fn config(origin: &Origin, config: &str) -> Config {
    Config::to(origin.port()).entities(&format!("{PLUGIN}{config} }}\n"))
}

/// An origin that answers with these lines and the request's target.
pub(super) fn origin(lines: &'static str) -> Origin {
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

pub(super) fn says(response: &Response) -> String {
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
            crate::support::gate::let_pass(Duration::from_millis(300));
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
    crate::support::gate::let_pass(Duration::from_millis(1_100));
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
    crate::support::gate::let_pass(Duration::from_millis(1_100));
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
