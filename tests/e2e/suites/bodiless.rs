//! Answers without a body, answers to HTTP/1.0, trailers.

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;

cases! {
    own_error_for_head_is_that_of_get_without_body: ["H6"];
    head_leaves_the_connection_usable: ["H1"];
    chunked_answer_is_sized_or_closed_for_http_1_0: ["E15", "K3"];
    unsized_answer_becomes_chunked: ["E6"];
    request_trailers_stay_trailers: ["I1", "I2", "I4"];
    response_trailers_need_a_willing_client: ["I3", "I4"];
    oversized_request_trailers_are_refused: ["I5", "FC10"];
    oversized_response_trailers_abort: ["I5"];
    incomplete_answer_gets_no_trailer: ["I7", "FU11"];
}

fn own_error_for_head_is_that_of_get_without_body() {
    let gateway = Config::empty().start();
    let mut client = gateway.client();
    client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.try_response("HEAD").unwrap().expect(404);
    let get = client.get("/x").response().expect(404);
    assert_eq!(head.head.length(), get.head.length());
    assert_eq!(head.head.one("content-type"), get.head.one("content-type"));
    assert!(head.body.bytes.is_empty());
}

fn head_leaves_the_connection_usable() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            match request.head.request_line().0 {
                "HEAD" => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"),
                _ => peer.reply("body"),
            };
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        let response = client.try_response("HEAD").unwrap().expect(200);
        assert_eq!(response.head.length(), Some(99_999));
        assert_eq!(client.get("/").response().text(), "body");
    }
    assert_eq!(origin.connections(), 1);
}

fn chunked_answer_is_sized_or_closed_for_http_1_0() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    let gateway = Gateway::to(&origin);
    for connection in ["close", "keep-alive"] {
        let mut client = gateway.client();
        client.send(format!(
            "GET / HTTP/1.0\r\nHost: a\r\nConnection: {connection}\r\n\r\n"
        ));
        let response = client.response().expect(200);
        assert_eq!(response.head.one("transfer-encoding"), None);
        assert_eq!(response.text(), "abcde");
        if response.until_close {
            assert!(
                !response.head.has_token("connection", "keep-alive"),
                "{}",
                response.head
            );
        }
    }
    assert_eq!(
        origin.connections(),
        1,
        "the origin's side persists all the same"
    );
}

fn unsized_answer_becomes_chunked() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
        peer.send(" world");
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let response = client.get("/").response().expect(200);
    assert_eq!(response.text(), "hello world");
    assert!(!response.until_close);
    assert_eq!(client.get("/").response().expect(200).text(), "hello world");
}

const TRAILED: &str = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\
    Connection: TE\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\nHost: evil\r\n\
    Content-Length: 7\r\nTransfer-Encoding: chunked\r\nAuthorization: Basic eA==\r\nConnection: close\r\n\
    X-Forwarded-For: 6.6.6.6\r\n\r\n";

fn request_trailers_stay_trailers() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    assert_eq!(client.send(TRAILED).response().expect(200).text(), "abc");
    let request = origin.wait_request(0);
    assert_eq!(
        request.head.one("x-sum"),
        None,
        "trailers are never merged into the head"
    );
    let trailers = &request.body.trailers;
    assert!(
        trailers
            .iter()
            .all(|(name, value)| name.eq_ignore_ascii_case("x-sum") && value == "42"),
        "forbidden names pass: {trailers:?}"
    );
    if trailers.is_empty() {
        assert_eq!(
            request.head.one("trailer"),
            None,
            "announced and then dropped"
        );
    }
    client.get("/next").response().expect(200);
}

fn response_trailers_need_a_willing_client() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n\
         X-Sum: 42\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n",
    );
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let response = client.get("/").response().expect(200);
    assert_eq!(
        response.body.trailers,
        [],
        "a client that did not ask gets none"
    );
    assert_eq!(response.head.one("trailer"), None);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    let response = client.response().expect(200);
    assert_eq!(
        response.body.trailers,
        [("X-Sum".to_owned(), "42".to_owned())]
    );
    assert_eq!(response.head.one("trailer"), Some("X-Sum"));
    assert_eq!(origin.connections(), 1);
}

fn oversized_request_trailers_are_refused() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client
        .send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n");
    for number in 0..1_000 {
        client.send(format!("X-{number}: {}\r\n", "a".repeat(100)));
    }
    assert!(client.response().expect(431).closes());
    assert!(origin.requests().iter().all(|request| !request.complete));
}

fn oversized_response_trailers_abort() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n");
        for number in 0..1_000 {
            if !peer.send(format!("X-{number}: {}\r\n", "a".repeat(100))) {
                return;
            }
        }
        peer.send("\r\n");
        peer.wait_end();
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    client.aborted();
}

fn incomplete_answer_gets_no_trailer() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    client.aborted();
}
