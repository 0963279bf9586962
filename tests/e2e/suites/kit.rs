//! The support library itself: origin and client speak to each other directly, so that a failure of the other
//! suites is the gateway's.

use std::time::Duration;

use crate::support::Client;
use crate::support::End;
use crate::support::Gate;
use crate::support::Origin;
use crate::support::cases;
use crate::support::corpus;
use crate::support::message::text;

cases! {
    echo_answers_with_the_request: [];
    ledger_counts_ids: [];
    cut_message_is_reported_as_aborted: [];
    reset_is_told_from_end: [];
    chunked_body_comes_with_trailers: [];
    gate_holds_the_script: [];
    escapes_are_bytes: [];
}

fn echo_answers_with_the_request() {
    let origin = Origin::echo();
    let mut client = Client::connect(origin.address());
    let response = client.post("/x", b"abc").response().expect(200);
    assert_eq!(response.text(), "abc");
    assert_eq!(response.head.one("x-target"), Some("/x"));
    assert_eq!(origin.requests().len(), 1);
    assert_eq!(origin.connections(), 1);
}

fn ledger_counts_ids() {
    let origin = Origin::echo();
    let mut client = Client::connect(origin.address());
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Test-Id: one\r\n\r\n");
        client.response();
    }
    assert_eq!(origin.ledger().get("one"), Some(&2));
}

fn cut_message_is_reported_as_aborted() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    });
    let mut client = Client::connect(origin.address());
    let broken = client.get("/").aborted();
    assert_eq!(text(&broken.body), "hello");
    assert_eq!(broken.end, End::Eof);
}

fn reset_is_told_from_end() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.reset();
    });
    let mut client = Client::connect(origin.address());
    assert_eq!(client.get("/").expect_end(), End::Reset);
}

fn chunked_body_comes_with_trailers() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
    );
    let mut client = Client::connect(origin.address());
    let response = client.get("/").response();
    assert_eq!(response.text(), "abcde");
    assert_eq!(response.body.chunks, 2);
    assert_eq!(response.body.trailers, [("X-T".to_owned(), "1".to_owned())]);
}

fn gate_holds_the_script() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        peer.request();
        held.wait();
        peer.reply("late");
    });
    let mut client = Client::connect(origin.address());
    client.get("/").expect_silence(Duration::from_millis(50));
    gate.open();
    assert_eq!(client.response().text(), "late");
}

fn escapes_are_bytes() {
    assert_eq!(corpus::unescape(r"a\r\n\t\0\x7f\\b"), b"a\r\n\t\0\x7f\\b");
}
