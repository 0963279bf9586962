//! `Expect: 100-continue` and interim answers: passed on in both directions, bounded, never merged.

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;

cases! {
    head_goes_out_before_the_body_is_there: ["G1", "G2"];
    refusal_needs_no_body: ["G1"];
    final_answer_instead_of_100: ["G3"];
    body_may_come_without_waiting: ["G4"];
    http_1_0_expects_nothing: ["G6", "G10"];
    expectation_without_body_is_dropped: ["G8"];
    interim_answers_are_relayed: ["G9", "G11"];
    interim_flood_is_a_502: ["G11", "FU19"];
    switch_that_nobody_asked_for_is_a_502: ["G12", "FU20"];
}

const POST: &str =
    "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

fn head_goes_out_before_the_body_is_there() {
    let origin = Origin::start(|mut peer| {
        while let Some(head) = peer.head() {
            peer.send("HTTP/1.1 100 Continue\r\n\r\n");
            let Some(request) = peer.body(&head) else {
                return;
            };
            peer.echo(&request);
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(POST);
        client.response().expect(100);
        client.send("hello");
        assert_eq!(client.response().expect(200).text(), "hello");
    }
    assert_eq!(origin.wait_head(0).1.one("expect"), Some("100-continue"));
}

fn refusal_needs_no_body() {
    let gateway = Config::empty().start();
    gateway.client().send(POST).response().expect(404);
}

fn final_answer_instead_of_100() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        peer.wait_end();
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let response = client.send(POST).response().expect(401);
    assert_eq!(response.text(), "no");
    client.get("/next");
    if response.closes() {
        client.wire.read_to_end();
    }
    assert!(
        origin
            .requests()
            .iter()
            .all(|request| request.body.bytes.is_empty()),
        "no body was asked for"
    );
}

fn body_may_come_without_waiting() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(POST).send("hello");
    let mut response = client.response();
    if response.status() == 100 {
        response = client.response();
    }
    assert_eq!(response.expect(200).text(), "hello");
}

fn http_1_0_expects_nothing() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        peer.reply("done");
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "POST /x HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    );
    let response = client.response().expect(200);
    assert_eq!(response.text(), "done");
    assert_eq!(origin.wait_head(0).1.one("expect"), None);
}

fn expectation_without_body_is_dropped() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    client.response().expect(200);
    assert_eq!(origin.wait_head(0).1.one("expect"), None);
}

fn interim_answers_are_relayed() {
    let origin = Origin::start(|mut peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 102 Processing\r\n\r\n");
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n");
            peer.send("HTTP/1.1 199 Odd\r\nX-Interim: 1\r\n\r\n");
            peer.reply("done");
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..2 {
        client.get("/").response().expect(102);
        let hints = client.response().expect(103);
        assert_eq!(hints.head.one("link"), Some("</a>"));
        assert_eq!(hints.head.length(), None, "an interim answer has no length");
        assert_eq!(
            client.response().expect(199).head.one("x-interim"),
            Some("1")
        );
        let done = client.response().expect(200);
        assert_eq!(done.text(), "done");
        assert_eq!(
            done.head.one("link"),
            None,
            "interim fields stay out of the final head"
        );
    }
    assert_eq!(origin.connections(), 1);
}

fn interim_flood_is_a_502() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        while peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100)) {}
        peer.wait_end();
    });
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0")
        .start();
    let before = gateway.rss();
    let mut client = gateway.client();
    client.get("/");
    let mut relayed = 0;
    loop {
        let response = client.response();
        if response.status() == 502 {
            break;
        }
        response.expect(103);
        relayed += 1;
        assert!(relayed <= 32, "more than 32 interim answers were relayed");
    }
    origin.wait_end(0);
    assert!(gateway.rss().saturating_sub(before) < 4 << 20);
}

fn switch_that_nobody_asked_for_is_a_502() {
    let origin = Origin::answering(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0")
        .start();
    gateway
        .get("/")
        .expect(502)
        .expect_cause("http_upgrade_failed");
    origin.wait_end(0);
}
