//! Request bodies: what is announced is what the origin gets, in pieces as they come; what breaks on the way
//! is never completed; what passes a limit is refused.

use std::io::Write;
use std::time::Duration;

use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::message::text;

cases! {
    sized_body_arrives_as_sized: ["D1", "K1"];
    body_flows_before_it_is_complete: ["D7"];
    request_without_length_has_no_body: ["D19"];
    framing_state_is_fresh_for_each_message: ["D26", "K7"];
    chunk_extensions_past_their_bound_are_refused: ["D15", "FC10"];
    cut_sized_body_is_never_completed: ["D17", "FC2"];
    cut_chunked_body_is_never_completed: ["D17", "FC2"];
    declared_length_over_the_limit_is_413_before_the_body: ["D20", "FC8"];
    chunked_body_that_passes_the_limit_is_413: ["D21", "FC9"];
    small_unread_body_keeps_the_connection: ["D24", "B9"];
    large_unread_body_does_not_delay_the_answer: ["D24"];
    early_answer_is_relayed_at_once: ["D25", "FU21"];
    early_answer_before_a_reset_is_relayed: ["D25", "FU22"];
    early_answer_to_a_stuck_upload_poisons_no_connection: ["D25", "K5"];
    large_bodies_arrive_unchanged_both_ways: ["D1", "E1"];
}

fn sized_body_arrives_as_sized() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.post("/x", b"abc").response().expect(200);
    let request = origin.wait_request(0);
    assert_eq!(request.head.one("content-length"), Some("3"));
    assert_eq!(request.head.one("transfer-encoding"), None);
    assert_eq!(text(&request.body.bytes), "abc");
    client.post("/y", b"").response().expect(200);
    assert_eq!(origin.connections(), 1, "both sides persist");
}

fn body_flows_before_it_is_complete() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    let (_, head) = origin.wait_head(0);
    assert!(head.has_token("transfer-encoding", "chunked"), "{head}");
    assert_eq!(head.one("content-length"), None);
    client.send("3\r\ndef\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), "abcdef");
}

fn request_without_length_has_no_body() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().head.one("x-target"), Some("/a"));
    assert_eq!(client.response().head.one("x-target"), Some("/b"));
    assert!(origin.requests().iter().all(|r| r.body.bytes.is_empty()));
}

fn framing_state_is_fresh_for_each_message() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
         POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nde\
         POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nf\r\n0\r\n\r\n\
         GET /5 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    for (target, body) in [
        ("/1", "abc"),
        ("/2", ""),
        ("/3", "de"),
        ("/4", "f"),
        ("/5", ""),
    ] {
        let response = client.response().expect(200);
        assert_eq!(response.head.one("x-target"), Some(target));
        assert_eq!(response.text(), body);
    }
}

fn chunk_extensions_past_their_bound_are_refused() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..100 {
        client.send(format!("1;{}\r\na\r\n", "e".repeat(60)));
    }
    let response = client.response().expect(400);
    assert!(response.closes());
    assert!(origin.requests().iter().all(|request| !request.complete));
}

fn cut_sized_body_is_never_completed() {
    cut_body("Content-Length: 10", "hello");
}

fn cut_chunked_body_is_never_completed() {
    cut_body("Transfer-Encoding: chunked", "5\r\nhello\r\n");
}

fn cut_body(framing: &str, part: &str) {
    for reset in [false, true] {
        let origin = Origin::echo();
        let gateway = Gateway::to(&origin);
        let mut client = gateway.client();
        client.send(format!(
            "POST /x HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{part}"
        ));
        let (connection, _) = origin.wait_head(0);
        if reset {
            client.wire.reset();
        } else {
            client.wire.half_close();
            if let Ok(response) = client.try_response("POST") {
                response.expect(400);
            }
        }
        origin.wait_end(connection);
        assert!(!origin.wait_request(0).complete);
        assert_eq!(
            origin.heads(),
            1,
            "an upload that was cut is not sent again"
        );
    }
}

fn declared_length_over_the_limit_is_413_before_the_body() {
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .limits("request_body_bytes = 1000")
        .start();
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
    let response = client
        .response()
        .expect(413)
        .expect_cause("http_request_error");
    assert!(response.closes());
    assert_eq!(origin.heads(), 0);
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000\r\n\r\n");
    client.response().expect(413);
    let body = [b'a'; 1_000];
    gateway.client().post("/x", &body).response().expect(200);
}

fn chunked_body_that_passes_the_limit_is_413() {
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .limits("request_body_bytes = 1000")
        .start();
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..11 {
        client.send(format!("64\r\n{}\r\n", "a".repeat(100)));
    }
    let response = client.response().expect(413);
    assert!(response.closes());
    for request in origin.requests() {
        assert!(!request.complete);
    }
    let end = gateway
        .client()
        .post("/after", b"ok")
        .response()
        .expect(200);
    assert_eq!(end.text(), "ok");
}

fn small_unread_body_keeps_the_connection() {
    let origin = Origin::echo();
    let gateway = Config::empty()
        .service(origin.port(), "", "paths = [\"/here\"]")
        .start();
    let mut client = gateway.client();
    client
        .post("/nowhere", b"unread body")
        .response()
        .expect(404);
    client.get("/here").response().expect(200);
    assert_eq!(origin.requests().len(), 1);
}

fn large_unread_body_does_not_delay_the_answer() {
    let gateway = Config::empty()
        .service(9, "", "paths = [\"/here\"]")
        .start();
    let mut client = gateway.client();
    client.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nsome");
    client.response().expect(404);
    client.expect_end();
}

fn early_answer_is_relayed_at_once() {
    let origin = Origin::start(|mut peer| {
        while let Some(head) = peer.head() {
            peer.reply("early");
            if peer.body(&head).is_none() {
                return;
            }
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let response = client.response().expect(200);
    assert_eq!(response.text(), "early");
    client.send("world");
    if !response.closes() {
        assert_eq!(client.get("/y").response().expect(200).text(), "early");
    }
}

fn early_answer_before_a_reset_is_relayed() {
    let origin = Origin::start(|mut peer| {
        if peer.head().is_some() {
            peer.send(
                "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
            );
            peer.reset();
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    client.send(vec![b'a'; 100_000]);
    assert_eq!(client.response().expect(413).text(), "big");
}

fn early_answer_to_a_stuck_upload_poisons_no_connection() {
    // The dangerous moment: all of the body has been read from the client, and its last piece is stuck on its way to
    // the origin. When that is depends on the kernel's buffers, so many lengths are tried.
    for length in (2_600_000..3_000_000).step_by(12_000) {
        let stuck = Gate::default();
        let origin = stingy_origin(stuck.clone());
        let gateway = Gateway::to(&origin);
        let mut client = gateway.client();
        client.send(format!(
            "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        let mut stream = client.wire.stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || {
            // Fails when the gateway closes, which it may.
            let _ = stream.write_all(&vec![b'x'; length]);
        });
        // Nobody tells when the kernel's buffers are full; nothing moves any more after this.
        stuck.wait_at_most(Duration::from_millis(60));
        stuck.open();
        assert_eq!(client.response().expect(200).text(), "early", "{length}");
        let second = gateway.get("/second").expect(200);
        assert_eq!(second.text(), "second", "behind {length} bytes");
        drop(gateway);
        sender.join().unwrap();
    }
}

/// Takes little ahead; answers an upload without reading it once the gate is open, then reads on.
fn stingy_origin(stuck: Gate) -> Origin {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(16).unwrap();
    Origin::on(socket.into(), move |mut peer| {
        while let Some(head) = peer.head() {
            if head.target() == "/up" {
                stuck.wait();
                peer.reply("early");
            } else {
                peer.reply("second");
            }
            if peer.body(&head).is_none() {
                return;
            }
        }
    })
}

fn large_bodies_arrive_unchanged_both_ways() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut client = gateway.client();
    client.wire.patience = Duration::from_secs(20);
    let response = client.post("/x", &body).response().expect(200);
    assert!(
        response.body.bytes == body,
        "three megabytes were changed on the way"
    );
    let mut chunked = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in body.chunks(70_001) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let response = client.send(chunked).response().expect(200);
    assert!(
        response.body.bytes == body,
        "a chunked upload was changed on the way"
    );
}
