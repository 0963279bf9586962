//! When a request is sent again, and above all when it is not: no ledger may show a POST twice.

use std::collections::HashMap;
use std::time::Duration;

use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::gate::Watched;

cases! {
    refused_target_is_passed_over: ["L1", "FU1"];
    post_is_passed_over_a_refused_target: ["L1"];
    stale_connection_is_retried_for_idempotent_methods: ["L2", "FU5"];
    stale_connection_is_retried_at_the_same_target: ["L2"];
    stale_connection_is_not_retried_for_post: ["L3", "FU5"];
    closed_idle_connection_is_noticed_before_it_is_used: ["L4", "K6"];
    begun_answer_is_never_retried: ["L5", "FU7"];
    retries_are_bounded: ["L6", "FU4"];
    error_status_is_not_retried: ["L7"];
    timed_out_attempt_is_closed_before_the_next: ["L8"];
    retried_body_is_sent_only_if_it_was_kept: ["L2"];
    unanswered_get_goes_to_another_target: ["L2", "L3", "FU4"];
    timed_out_get_goes_to_another_target: ["L8"];
    post_takes_no_connection_that_was_idle_long: ["L4"];
    interim_answer_is_an_answer: ["L5"];
    idle_closes_that_cross_requests_lose_nothing: ["FU6", "L2", "L3", "L4"];
    short_keep_alive_of_an_origin_costs_hardly_a_post: ["FU6", "L3", "L4"];
}

/// An upstream with the targets' ports, in the order of the configuration.
fn upstream(ports: &[u16]) -> Config {
    upstream_with("", ports)
}

/// The same with keys of the service.
fn upstream_with(keys: &str, ports: &[u16]) -> Config {
    let mut toml = format!(
        "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\nconnect_timeout = 500\n{keys}\n\
        [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n[[upstreams]]\nname = \"pool.test\"\n"
    );
    for port in ports {
        toml.push_str(&format!(
            "[[upstreams.targets]]\ntarget = \"127.0.0.1:{port}\"\n"
        ));
    }
    Config::empty().entities(&toml)
}

/// A port that nobody listens on: it stays bound as long as the socket lives.
fn refusing() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(
            &"127.0.0.1:0"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

fn refused_target_is_passed_over() {
    let origin = Origin::hello();
    let (_held, dead) = refusing();
    let gateway = upstream(&[dead, origin.port()]).start();
    for _ in 0..10 {
        gateway.get("/").expect(200);
    }
    assert_eq!(origin.requests().len(), 10);
}

fn post_is_passed_over_a_refused_target() {
    let origin = Origin::echo();
    let (_held, dead) = refusing();
    let gateway = upstream(&[dead, origin.port()]).start();
    for _ in 0..10 {
        let response = gateway.client().post("/", b"once").response().expect(200);
        assert_eq!(response.text(), "once");
    }
    assert_eq!(origin.requests().len(), 10);
}

/// Answers the first request of a connection, closes at the second without a byte.
fn one_request_a_connection() -> Origin {
    Origin::start(|mut peer| {
        if let Some(request) = peer.request() {
            peer.echo(&request);
            peer.head();
        }
    })
}

fn stale_connection_is_retried_for_idempotent_methods() {
    let origin = one_request_a_connection();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for method in ["GET", "GET", "PUT", "DELETE", "OPTIONS"] {
        client.send(format!(
            "{method} / HTTP/1.1\r\nHost: a\r\nX-Test-Id: {method}\r\n\r\n"
        ));
        client.response().expect(200);
    }
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.try_response("HEAD").unwrap().expect(200);
}

fn stale_connection_is_retried_at_the_same_target() {
    let origins = [one_request_a_connection(), one_request_a_connection()];
    let gateway = upstream(&[origins[0].port(), origins[1].port()]).start();
    let mut client = gateway.client();
    for number in 0..6 {
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Test-Id: {number}\r\n\r\n"
        ));
        client.response().expect(200);
    }
    // The first two find no idle connection, each of the others a stale one.
    let ids = |origin: &Origin| -> Vec<String> {
        let heads = (0..origin.heads()).map(|number| origin.wait_head(number).1);
        heads
            .filter_map(|head| head.one("x-test-id").map(ToOwned::to_owned))
            .collect()
    };
    let [one, other] = [ids(&origins[0]), ids(&origins[1])];
    assert_eq!(one.len() + other.len(), 10, "{one:?} {other:?}");
    assert!(
        one.iter().all(|id| !other.contains(id)),
        "went to both: {one:?} {other:?}"
    );
}

fn stale_connection_is_not_retried_for_post() {
    let origin = one_request_a_connection();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let mut failed = 0;
    for number in 0..6 {
        let method = ["POST", "PATCH", "FROB"][number % 3];
        client.get("/warm").response().expect(200);
        client.send(format!(
            "{method} / HTTP/1.1\r\nHost: a\r\nX-Test-Id: {number}\r\nContent-Length: 2\r\n\r\nhi"
        ));
        let response = client.response();
        if response.status() != 200 {
            response.expect(502).expect_cause("connection_terminated");
            failed += 1;
        }
    }
    let ledger = origin.ledger();
    assert!(
        ledger.values().all(|&count| count == 1),
        "sent twice: {ledger:?}"
    );
    assert!(failed <= 6);
}

fn closed_idle_connection_is_noticed_before_it_is_used() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        if let Some(request) = peer.request() {
            peer.echo(&request);
            held.wait();
            peer.half_close();
            peer.wait_end();
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.post("/", b"one").response().expect(200);
    gate.open();
    origin.wait_end(0);
    client.post("/", b"two").response().expect(200);
    assert_eq!(origin.heads(), 2);
}

fn begun_answer_is_never_retried() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 2");
    });
    let gateway = Gateway::to(&origin);
    gateway
        .get("/")
        .expect(502)
        .expect_cause("http_response_incomplete");
    assert_eq!(origin.heads(), 1);
}

fn retries_are_bounded() {
    let origin = Origin::start(|peer| peer.reset());
    let gateway = Config::to(origin.port())
        .service_keys("retries = 2")
        .start();
    let response = gateway.get("/").expect(502);
    assert!(response.head.one("proxy-status").is_some());
    let tries = origin.connections();
    assert!(
        (1..=3).contains(&tries),
        "{tries} attempts with retries = 2"
    );
    let none = Config::to(origin.port())
        .service_keys("retries = 0")
        .start();
    none.get("/").expect(502);
    assert_eq!(
        origin.connections(),
        tries + 1,
        "retries = 0 is one attempt"
    );
}

fn error_status_is_not_retried() {
    let origin =
        Origin::answering("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::to(&origin);
    let response = gateway.get("/").expect(503);
    assert_eq!(response.head.one("retry-after"), Some("1"));
    assert_eq!(origin.heads(), 1);
}

fn timed_out_attempt_is_closed_before_the_next() {
    let origin = Origin::start(|mut peer| {
        if peer.request().is_some() {
            peer.wait_end();
        }
    });
    let gateway = Config::to(origin.port())
        .service_keys("read_timeout = 200\nretries = 1")
        .start();
    gateway.get("/").expect(504);
    let tries = origin.connections();
    assert!(tries <= 2, "{tries} attempts with retries = 1");
    for number in 0..tries {
        origin.wait_end(number);
    }
}

fn retried_body_is_sent_only_if_it_was_kept() {
    let origin = one_request_a_connection();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.get("/warm").response().expect(200);
    let body = vec![b'p'; 300_000];
    let mut put = format!(
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    put.extend_from_slice(&body);
    let response = client.send(put).response();
    match response.status() {
        200 => assert!(
            response.body.bytes == body,
            "a retried body was not sent whole"
        ),
        status => assert_eq!(status, 502),
    }
}

/// An origin that reads a request and does with it what the closure says.
fn unanswering(end: impl Fn(crate::support::origin::Peer) + Send + Sync + 'static) -> Origin {
    Origin::start(move |mut peer| {
        if peer.request().is_some() {
            end(peer);
        }
    })
}

fn unanswered_get_goes_to_another_target() {
    let dying = unanswering(drop);
    let sound = Origin::echo();
    let gateway = upstream(&[dying.port(), sound.port()]).start();
    for number in 0..10 {
        gateway.get(&format!("/{number}")).expect(200);
    }
    assert!(dying.heads() > 0);
    let mut failed = 0;
    for number in 0..10 {
        let mut client = gateway.client();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nX-Test-Id: {number}\r\nContent-Length: 2\r\n\r\nhi"
        ));
        let response = client.response();
        if response.status() != 200 {
            response.expect(502).expect_cause("connection_terminated");
            failed += 1;
        }
    }
    assert!(failed > 0, "half of the posts meet the dying target");
    let ledgers = [dying.ledger(), sound.ledger()];
    let all: usize = ledgers.iter().flat_map(HashMap::values).sum();
    assert_eq!(all, 10, "each post was sent once: {ledgers:?}");
}

fn timed_out_get_goes_to_another_target() {
    let silent = unanswering(|mut peer| drop(peer.wait_end()));
    let sound = Origin::echo();
    let ports = [silent.port(), sound.port()];
    let gateway = upstream_with("read_timeout = 200", &ports).start();
    for number in 0..4 {
        gateway.get(&format!("/{number}")).expect(200);
    }
    assert_eq!(sound.heads(), 4);
    assert!(silent.heads() > 0);
    for number in 0..silent.connections() {
        silent.wait_end(number);
    }
}

fn post_takes_no_connection_that_was_idle_long() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        client.post("/", b"one").response().expect(200);
    }
    assert_eq!(origin.connections(), 1, "just used");
    client.expect_silence(std::time::Duration::from_millis(1_100));
    client.post("/", b"two").response().expect(200);
    assert_eq!(origin.connections(), 2, "idle for longer than a second");
    client.get("/").response().expect(200);
    assert_eq!(origin.connections(), 2);
}

fn interim_answer_is_an_answer() {
    let origin = Origin::start(|mut peer| {
        if let Some(request) = peer.request() {
            peer.echo(&request);
            peer.request();
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.get("/warm").response().expect(200);
    client.get("/begun").response().expect(103);
    client
        .response()
        .expect(502)
        .expect_cause("http_response_incomplete");
    assert_eq!(origin.heads(), 2, "sent again after an answer had begun");
}

fn idle_closes_that_cross_requests_lose_nothing() {
    // The origin closes each connection right after an answer: the close races with the next request.
    let origin = Origin::start(|mut peer| {
        for _ in 0..2 {
            let Some(request) = peer.request() else {
                return;
            };
            peer.echo(&request);
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let mut statuses = HashMap::new();
    for number in 0..300 {
        let method = if number % 3 == 0 { "POST" } else { "GET" };
        client.send(format!(
            "{method} /{number} HTTP/1.1\r\nHost: a\r\nX-Test-Id: {method}-{number}\r\nContent-Length: 0\r\n\r\n"
        ));
        let response = client.response();
        if method == "GET" {
            let id = format!("GET-{number}");
            assert_eq!(response.status(), 200, "a GET was lost");
            assert_eq!(
                response.head.one("x-test-id"),
                Some(id.as_str()),
                "another request's answer"
            );
        }
        *statuses.entry((method, response.status())).or_insert(0) += 1;
    }
    for (id, count) in origin.ledger() {
        assert!(
            count == 1 || id.starts_with("GET"),
            "{id} was sent {count} times"
        );
    }
    assert!(
        statuses
            .keys()
            .all(|(_, status)| [200, 502].contains(status)),
        "{statuses:?}"
    );
}

/// The origin closes each connection that was idle for 20 ms, and requests come in pauses of about that.
fn short_keep_alive_of_an_origin_costs_hardly_a_post() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            peer.echo(&request);
            peer.wire.patience = Duration::from_millis(20);
        }
    });
    let gateway = Gateway::to(&origin);
    let ask = |(lane, number): (usize, usize)| {
        let mut client = gateway.client();
        let clock = Watched::new(());
        let mut lost = 0;
        for round in 0..number {
            // The first rounds teach.
            let method = if round >= 20 && round % 2 == 0 {
                "POST"
            } else {
                "GET"
            };
            client.send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nX-Test-Id: {method}-{lane}-{round}\r\nContent-Length: 0\r\n\r\n"
            ));
            let response = client.response();
            if method == "GET" {
                response.expect(200);
            } else if response.status() != 200 {
                response.expect(502);
                lost += 1;
            }
            let pause = Duration::from_millis(18 + (round % 5) as u64);
            let _ = clock.wait_for(pause, |()| None::<()>);
        }
        lost
    };
    let lost: usize = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..8)
            .map(|lane| scope.spawn(move || ask((lane, 100))))
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!(lost <= 4, "{lost} of 400 POSTs met a close");
    for (id, count) in origin.ledger() {
        assert!(
            count == 1 || id.starts_with("GET"),
            "{id} was sent {count} times"
        );
    }
}
