//! Clients that fail, dawdle or attack: each is gone at its deadline, costs little, and harms nobody else.

use std::time::Duration;
use std::time::Instant;

use crate::support::Config;
use crate::support::End;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gate::Watched;

cases! {
    client_that_leaves_cancels_its_request: ["FC1"];
    slow_head_is_408_at_an_absolute_deadline: ["O2", "FC4"];
    slow_heads_do_not_hold_up_others: ["FC4"];
    silent_body_is_408: ["O3", "FC5"];
    reader_that_stops_stops_the_origin: ["O8", "FC6"];
    reader_that_never_reads_is_closed: ["O8", "FC7"];
    endless_head_is_431_in_bounded_memory: ["C13", "FC10"];
    bytes_behind_close_are_ignored: ["FC19"];
    idle_connections_are_cheap: ["O1"];
}

fn pause(span: Duration) {
    let _ = Watched::new(()).wait_for(span, |()| None::<()>);
}

fn client_that_leaves_cancels_its_request() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.wait_end();
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.get("/");
    origin.wait_request(0);
    client.wire.reset();
    origin.wait_end(0);
    assert_eq!(origin.heads(), 1, "no retry for a client that left");
}

fn slow_head_is_408_at_an_absolute_deadline() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .timeouts("client_header = \"600ms\"")
        .start();
    let began = Instant::now();
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    client.wire.patience = Duration::from_millis(40);
    // A byte every 40 ms: never idle for long, never done.
    while client.wire.wait_readable() == Err(End::Timeout) {
        client.send("a");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "a dripping head is never cut"
        );
    }
    client.wire.patience = Duration::from_secs(5);
    assert!(
        began.elapsed() >= Duration::from_millis(500),
        "cut too early"
    );
    let response = client
        .response()
        .expect(408)
        .expect_cause("http_request_error");
    assert!(response.closes());
    client.expect_end();
    assert_eq!(origin.heads(), 0);
}

fn slow_heads_do_not_hold_up_others() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .timeouts("client_header = \"1s\"")
        .start();
    let mut slow: Vec<_> = (0..200).map(|_| gateway.client()).collect();
    for client in &mut slow {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    }
    for _ in 0..20 {
        gateway.get("/").expect(200);
    }
    for mut client in slow {
        client.response().expect(408);
    }
}

fn silent_body_is_408() {
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .timeouts("client_body_idle = \"300ms\"")
        .start();
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let response = client
        .response()
        .expect(408)
        .expect_cause("http_request_error");
    assert!(response.closes());
    assert!(!origin.wait_request(0).complete);
}

/// An origin that sends 200 MiB as fast as it is allowed to.
fn flood() -> Origin {
    Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n");
        let piece = vec![b'z'; 65_536];
        for _ in 0..3_200 {
            if !peer.send(&piece) {
                return;
            }
        }
    })
}

/// Waits until the origin's count stands still: back-pressure has reached it.
fn settled(origin: &Origin) -> u64 {
    let mut last = 0;
    let mut still = 0;
    eventually("the origin is held back", || {
        pause(Duration::from_millis(50));
        let sent = origin.sent();
        still = if sent == last && sent > 0 {
            still + 1
        } else {
            0
        };
        last = sent;
        (still >= 6).then_some(sent)
    })
}

fn reader_that_stops_stops_the_origin() {
    let origin = flood();
    let gateway = Gateway::to(&origin);
    gateway.client().send("BAD\r\n\r\n").response().expect(400);
    let before = gateway.rss();
    let mut client = gateway.client();
    client.get("/");
    client.expect_first();
    let pulled = settled(&origin);
    assert!(
        pulled <= 5 << 20,
        "{pulled} bytes were pulled for a client that reads nothing"
    );
    let grown = gateway.rss().saturating_sub(before);
    assert!(grown < 1 << 20, "a stalled reader costs {grown} bytes");
    client.wire.patience = Duration::from_secs(60);
    let response = client.response().expect(200);
    assert_eq!(response.body.bytes.len(), 209_715_200);
    let grown = gateway.rss().saturating_sub(before);
    assert!(grown < 4 << 20, "relaying 200 MiB costs {grown} bytes");
}

fn reader_that_never_reads_is_closed() {
    let origin = flood();
    let gateway = Config::to(origin.port())
        .timeouts("client_write_idle = \"500ms\"")
        .start();
    let mut client = gateway.client();
    client.get("/");
    client.expect_first();
    settled(&origin);
    // The origin's next write fails then, and its script returns.
    eventually("the origin's side is given up", || {
        (origin.open_connections() == 0).then_some(())
    });
    let (bytes, end) = client.wire.read_to_end();
    assert!(bytes.len() < 200 << 20);
    assert_ne!(end, End::Timeout);
}

fn endless_head_is_431_in_bounded_memory() {
    let gateway = Config::empty().start();
    // The first request also brings the program's own pages in.
    gateway.client().send("BAD\r\n\r\n").response().expect(400);
    let before = gateway.rss();
    for field in ["X-Endless: ", "X-A: b\r\nX-Endless: "] {
        let mut client = gateway.client();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{field}"));
        for _ in 0..100 {
            client.send(vec![b'a'; 1_000]);
        }
        assert!(client.response().expect(431).closes());
    }
    let mut client = gateway.client();
    client.send("GET /");
    for _ in 0..100 {
        client.send(vec![b'a'; 1_000]);
    }
    assert!(client.response().expect(414).closes());
    let grown = gateway.rss().saturating_sub(before);
    assert!(grown < 2 << 20, "three endless heads cost {grown} bytes");
}

fn bytes_behind_close_are_ignored() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.send(vec![b'x'; 30_000]);
    assert_eq!(client.response().expect(200).text(), "hello");
    assert_eq!(client.expect_end(), End::Eof);
}

fn idle_connections_are_cheap() {
    const IDLE: usize = 1_000;
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let warm: Vec<_> = (0..50).map(|_| opened(&gateway)).collect();
    drop(warm);
    let before = gateway.rss();
    let idle: Vec<_> = (0..IDLE).map(|_| opened(&gateway)).collect();
    let each = gateway.rss().saturating_sub(before) / IDLE as u64;
    // The figure of the benchmark is 1 KiB; a debug build's futures are larger.
    assert!(each <= 8_192, "an idle connection costs {each} bytes");
    drop(idle);
}

/// A connection that was used once.
fn opened(gateway: &Gateway) -> crate::support::Client {
    let mut client = gateway.client();
    client.get("/").response().expect(200);
    client
}
