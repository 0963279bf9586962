//! Which connections live on, on both sides; pipelining; how a connection is ended without losing an answer.

use std::time::Duration;

use crate::support::Config;
use crate::support::End;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;

cases! {
    both_sides_persist: ["K1"];
    clients_share_the_pool: ["K1", "K5"];
    close_option_is_answered_and_obeyed: ["K2", "FC19"];
    http_1_0_closes_unless_it_asks: ["K3", "E15"];
    unread_surplus_keeps_a_connection_out_of_the_pool: ["K5", "E11", "FU16"];
    cancelled_exchange_keeps_a_connection_out_of_the_pool: ["K5", "FC1"];
    bytes_on_an_idle_connection_end_it: ["K6", "FU17"];
    pipelined_requests_are_answered_in_order: ["K7"];
    ten_thousand_pipelined_requests_are_read_as_they_are_answered: ["K7", "FC11"];
    bad_request_in_a_pipeline_spares_the_answers_before_it: ["K8", "FC18"];
    answer_survives_what_the_client_still_sends: ["K10"];
    half_closed_client_is_answered: ["K11", "FC3"];
    body_behind_a_slow_answer_is_read: ["K7"];
    idle_connection_is_closed_in_silence: ["O1"];
    authenticated_connection_is_not_shared: ["K14"];
}

fn both_sides_persist() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..50 {
        let response = client.get("/").response().expect(200);
        assert!(!response.closes());
        assert_eq!(response.text(), "hello");
    }
    assert_eq!(origin.connections(), 1);
}

fn clients_share_the_pool() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    for _ in 0..10 {
        gateway.get("/").expect(200);
    }
    assert_eq!(
        origin.connections(),
        1,
        "one worker, one connection at a time"
    );
}

fn close_option_is_answered_and_obeyed() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let response = client.response().expect(200);
    assert!(response.closes());
    client.expect_eof();
    assert_eq!(
        origin.requests().len(),
        1,
        "nothing behind close is processed"
    );
    assert!(
        !origin.wait_head(0).1.has_token("connection", "close"),
        "close is for one hop"
    );
}

fn http_1_0_closes_unless_it_asks() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let response = client
        .send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        .response()
        .expect(200);
    assert_eq!(response.text(), "hello");
    assert!(!response.head.has_token("connection", "keep-alive"));
    client.expect_eof();
    let mut client = gateway.client();
    for _ in 0..3 {
        client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        let response = client.response().expect(200);
        assert!(
            response.head.has_token("connection", "keep-alive"),
            "{}",
            response.head
        );
        assert_eq!(response.head.length(), Some(5), "self-delimited");
    }
}

fn unread_surplus_keeps_a_connection_out_of_the_pool() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/surplus" {
                peer.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
                     HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
                );
            } else {
                peer.reply("clean");
            }
        }
    });
    let gateway = Gateway::to(&origin);
    assert_eq!(gateway.get("/surplus").text(), "hello");
    for _ in 0..5 {
        assert_eq!(gateway.get("/").text(), "clean");
    }
    assert_eq!(
        origin
            .requests()
            .iter()
            .filter(|r| r.connection == 0)
            .count(),
        1
    );
}

fn cancelled_exchange_keeps_a_connection_out_of_the_pool() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/slow" {
                held.wait();
                peer.reply("late");
            } else {
                peer.reply("clean");
            }
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.get("/slow");
    origin.wait_request(0);
    client.wire.reset();
    gate.open();
    for _ in 0..5 {
        assert_eq!(gateway.get("/").text(), "clean");
    }
    let slow = origin
        .requests()
        .iter()
        .filter(|r| r.connection == 0)
        .count();
    assert_eq!(slow, 1, "the late answer's connection is not used again");
}

fn bytes_on_an_idle_connection_end_it() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        if peer.number > 0 {
            while peer.request().is_some() {
                peer.reply("clean");
            }
            return;
        }
        peer.request();
        peer.reply("first");
        held.wait();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
        peer.wait_end();
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    assert_eq!(client.get("/").response().text(), "first");
    gate.open();
    origin.wait_end(0);
    assert_eq!(client.get("/").response().text(), "clean");
    assert_eq!(
        origin
            .requests()
            .iter()
            .filter(|r| r.connection == 0)
            .count(),
        1
    );
}

fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let mut pipeline = String::new();
    for number in 0..30 {
        pipeline.push_str(&format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    client.send(pipeline);
    for number in 0..30 {
        let response = client.response().expect(200);
        assert_eq!(
            response.head.one("x-target"),
            Some(format!("/{number}").as_str())
        );
    }
}

fn ten_thousand_pipelined_requests_are_read_as_they_are_answered() {
    const REQUESTS: usize = 10_000;
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    gateway.get("/warm").expect(200);
    let before = gateway.rss();
    let mut client = gateway.client();
    let mut sender = client.wire.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        for number in 0..REQUESTS {
            let request = format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
            std::io::Write::write_all(&mut sender, request.as_bytes()).unwrap();
        }
    });
    client.expect_first();
    let grown = gateway.rss().saturating_sub(before);
    assert!(grown < 8 << 20, "unread pipelining costs {grown} bytes");
    client.wire.patience = Duration::from_secs(30);
    for number in 0..REQUESTS {
        let response = client.response();
        assert_eq!(
            response.head.one("x-target"),
            Some(format!("/{number}").as_str())
        );
    }
    writing.join().unwrap();
}

fn bad_request_in_a_pipeline_spares_the_answers_before_it() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            held.wait();
            peer.echo(&request);
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /bad HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    gate.open();
    assert_eq!(
        client.response().expect(200).head.one("x-target"),
        Some("/1")
    );
    assert_eq!(
        client.response().expect(200).head.one("x-target"),
        Some("/2")
    );
    assert!(client.response().expect(400).closes());
    client.expect_eof();
    assert_eq!(origin.requests().len(), 2);
}

fn answer_survives_what_the_client_still_sends() {
    let gateway = Config::empty().start();
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\n");
    client.send(vec![b'a'; 50_000]);
    assert!(client.response().expect(400).closes());
    assert_eq!(client.expect_end(), End::Eof, "closed in stages, not reset");
}

fn half_closed_client_is_answered() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        peer.request();
        held.wait();
        peer.reply("answered");
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.get("/");
    client.wire.half_close();
    origin.wait_request(0);
    gate.open();
    assert_eq!(client.response().expect(200).text(), "answered");
    client.expect_eof();
}

fn body_behind_a_slow_answer_is_read() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/slow" {
                held.wait();
            }
            peer.echo(&request);
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n\
         POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
    );
    // Long enough that the gateway watches for the client to leave, and so reads from it.
    client.expect_silence(Duration::from_millis(300));
    gate.open();
    client.response().expect(200);
    origin.wait_head(1);
    client.send("world");
    assert_eq!(client.response().expect(200).text(), "helloworld");
}

fn idle_connection_is_closed_in_silence() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .timeouts("keep_alive = \"300ms\"")
        .start();
    let mut fresh = gateway.client();
    let mut used = gateway.client();
    used.get("/").response().expect(200);
    used.expect_eof();
    let (bytes, end) = fresh.wire.read_to_end();
    assert!(
        bytes.is_empty(),
        "a connection that never spoke gets no answer"
    );
    assert_eq!(end, End::Eof);
}

fn authenticated_connection_is_not_shared() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            match request.head.one("authorization") {
                Some("NTLM one") => peer.send(
                    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM two\r\nContent-Length: 0\r\n\r\n",
                ),
                _ => peer.reply(format!("on {}", peer.number)),
            };
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM one\r\n\r\n");
    client.response().expect(401);
    let other = gateway.get("/").text();
    assert_ne!(
        other, "on 0",
        "another client rides on an authenticated connection"
    );
    for _ in 0..3 {
        let own = client.get("/").response().expect(200).text();
        assert_eq!(own, "on 0", "the client keeps what it has authenticated");
    }
    client.wire.half_close();
    origin.wait_end(0);
}
