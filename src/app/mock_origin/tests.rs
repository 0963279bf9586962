//! The mock origin over real sockets, asked the way its page of orders says.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::MockOrigin;

/// Sends one request and reads until the origin closes.
fn exchange(origin: &MockOrigin, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(origin.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn get(origin: &MockOrigin, target: &str) -> (String, String) {
    exchange(
        origin,
        &format!("GET {target} HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n"),
    )
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[test]
fn request_is_echoed_whole() {
    let origin = MockOrigin::start().unwrap();
    let request = "POST /any/where?a=1&b HTTP/1.1\r\nHost: m\r\nX-A: 1\r\nX-A: 2\r\n\
                   X-Real-IP: 192.0.2.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    let echo = parsed(&exchange(&origin, request).1);
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["url"], "http://m/any/where?a=1&b");
    assert_eq!(echo["queryString"]["a"], "1");
    assert_eq!(echo["headers"]["x-a"], "1, 2");
    assert_eq!(echo["clientIPAddress"], "192.0.2.1");
    assert_eq!(
        (&echo["body"], &echo["bodySize"]),
        (&"hello".into(), &5.into())
    );
}

#[test]
fn answers_are_made_to_order() {
    let origin = MockOrigin::start().unwrap();
    for (target, status, body) in [
        ("/", "200", "mock origin"),
        ("/status/418", "418", "teapot"),
        ("/status/503/out%20of%20tea", "503", "out of tea"),
        ("/status/204", "204", ""),
        ("/delay/1", "200", "1ms"),
        ("/headers", "200", "\"host\": \"m\""),
        ("/ip", "200", "127.0.0.1"),
        ("/redirect/308?to=/x", "308", ""),
        ("/bytes/0", "200", ""),
    ] {
        let (head, found) = get(&origin, target);
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "{target}: {head}"
        );
        assert!(found.contains(body), "{target}: {found}");
    }
    assert!(
        get(&origin, "/redirect/308?to=/x")
            .0
            .contains("location: /x")
    );
}

#[test]
fn orders_out_of_bounds_are_refused() {
    let origin = MockOrigin::start().unwrap();
    for target in [
        "/status/100",
        "/status/600",
        "/status/x",
        "/delay/60001",
        "/delay/-1",
        "/bytes/104857601",
        "/stream/101",
        "/redirect/200",
    ] {
        assert!(
            get(&origin, target).0.starts_with("http/1.1 400 "),
            "{target}"
        );
    }
}

#[test]
fn bytes_have_a_length_and_lines_are_chunked() {
    let origin = MockOrigin::start().unwrap();
    let (head, body) = get(&origin, "/bytes/100000");
    assert!(head.contains("content-length: 100000"));
    assert_eq!(body.len(), 100_000);
    assert!(
        body.as_bytes()
            .chunks(64)
            .all(|line| line.starts_with(b"0123456789"))
    );
    let (head, body) = get(&origin, "/stream/2");
    assert!(head.contains("transfer-encoding: chunked"));
    assert!(body.contains("{\"line\":1,\"of\":2}\n"));
    let (head, body) = exchange(
        &origin,
        "HEAD /bytes/9 HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n",
    );
    assert!(head.contains("content-length: 9") && body.is_empty());
}

#[test]
fn cookies_are_listed() {
    let origin = MockOrigin::start().unwrap();
    let request =
        "GET /cookies HTTP/1.1\r\nhost: m\r\ncookie: a=1; b=2\r\nconnection: close\r\n\r\n";
    let cookies = parsed(&exchange(&origin, request).1);
    assert_eq!(
        (&cookies["cookies"]["a"], &cookies["cookies"]["b"]),
        (&"1".into(), &"2".into())
    );
}

#[test]
fn dropping_it_stops_it_even_in_the_middle_of_a_delay() {
    let origin = MockOrigin::start().unwrap();
    let mut waiting = TcpStream::connect(origin.address()).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    waiting
        .write_all(b"GET /delay/60000 HTTP/1.1\r\nhost: m\r\n\r\n")
        .unwrap();
    drop(origin);
    let mut rest = Vec::new();
    // Cut, not answered; an unread request is cut with a reset.
    assert_eq!(waiting.read_to_end(&mut rest).unwrap_or(0), 0);
}
