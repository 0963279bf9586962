//! What an operator may set about connections and time: each key does what its name says.

use std::time::Duration;
use std::time::Instant;

use crate::support::Client;
use crate::support::Config;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gate::Watched;

cases! {
    total_timeout_ends_a_flowing_answer: ["O7"];
    total_timeout_ends_an_upload: ["O6"];
    total_timeout_holds_once_an_upload_has_ended: ["O6"];
    total_timeout_holds_over_all_attempts: ["O6"];
    route_overrides_the_timeouts_of_its_service: ["O6"];
    client_connection_is_closed_after_its_requests: ["K2", "K9"];
    upstream_connection_is_replaced_after_its_requests: ["K4"];
    upstream_connection_is_closed_when_idle: ["K6"];
    pool_of_size_zero_keeps_nothing: ["K5"];
    pool_keeps_as_many_as_it_may: ["K5"];
}

fn total_timeout_ends_a_flowing_answer() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let clock = Watched::new(());
        while peer.send("1\r\na\r\n") {
            let _ = clock.wait_for(Duration::from_millis(20), |()| None::<()>);
        }
    });
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0\ntotal_timeout = \"600ms\"")
        .start();
    let began = Instant::now();
    gateway.client().get("/").aborted();
    assert!(
        began.elapsed() >= Duration::from_millis(500),
        "cut too early"
    );
}

fn total_timeout_ends_an_upload() {
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0\ntotal_timeout = \"500ms\"")
        .start();
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    client.wire.patience = Duration::from_millis(30);
    let began = Instant::now();
    // A byte every 30 ms: never idle for long, never done.
    while client.wire.wait_readable() == Err(crate::support::End::Timeout) {
        client.send("a");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "a dripping upload is never cut"
        );
    }
    client.wire.patience = Duration::from_secs(5);
    assert!(client.response().expect(504).closes());
    assert!(!origin.wait_request(0).complete);
}

/// An origin that reads a request and never answers.
fn silent() -> Origin {
    Origin::start(|mut peer| {
        peer.request();
        peer.wait_end();
    })
}

fn total_timeout_holds_once_an_upload_has_ended() {
    let origin = silent();
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0\ntotal_timeout = \"500ms\"")
        .start();
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
    origin.wait_head(0);
    client.send("b");
    // The read timeout would be a minute.
    client.response().expect(504);
    assert!(origin.wait_request(0).complete);
}

fn total_timeout_holds_over_all_attempts() {
    let origins: Vec<Origin> = (0..5).map(|_| silent()).collect();
    let mut toml =
        "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\nread_timeout = \"400ms\"\n\
        total_timeout = \"600ms\"\n[[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n\
        [[upstreams]]\nname = \"pool.test\"\n"
            .to_owned();
    for origin in &origins {
        let port = origin.port();
        toml += &format!("[[upstreams.targets]]\ntarget = \"127.0.0.1:{port}\"\n");
    }
    let gateway = Config::empty().entities(&toml).start();
    gateway.get("/").expect(504);
    let tried: usize = origins.iter().map(Origin::heads).sum();
    assert!(
        (1..=2).contains(&tried),
        "{tried} attempts in the time of one and a half"
    );
}

fn route_overrides_the_timeouts_of_its_service() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.wait_end();
    });
    let gateway = Config::empty()
        .service(
            origin.port(),
            "retries = 0\nread_timeout = \"60s\"",
            "paths = [\"/\"]\nread_timeout = \"300ms\"",
        )
        .start();
    gateway
        .get("/")
        .expect(504)
        .expect_cause("http_response_timeout");
}

fn client_connection_is_closed_after_its_requests() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .limits("connection_requests = 3")
        .start();
    let mut client = gateway.client();
    for _ in 0..2 {
        assert!(!client.get("/").response().expect(200).closes());
    }
    assert!(
        client.get("/").response().expect(200).closes(),
        "the close is announced"
    );
    client.expect_eof();
}

fn upstream_connection_is_replaced_after_its_requests() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .limits("upstream_keepalive_requests = 3")
        .start();
    let mut client = gateway.client();
    for _ in 0..7 {
        client.get("/").response().expect(200);
    }
    assert_eq!(origin.connections(), 3);
}

fn upstream_connection_is_closed_when_idle() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .timeouts("upstream_keepalive_idle = \"300ms\"")
        .start();
    gateway.get("/").expect(200);
    origin.wait_end(0);
    gateway.get("/").expect(200);
    assert_eq!(origin.connections(), 2);
}

fn pool_of_size_zero_keeps_nothing() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .limits("upstream_keepalive_pool = 0")
        .start();
    for _ in 0..3 {
        gateway.get("/").expect(200);
    }
    assert_eq!(origin.connections(), 3);
}

fn pool_keeps_as_many_as_it_may() {
    let gate = crate::support::Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while peer.request().is_some() {
            held.wait();
            peer.reply("done");
        }
    });
    let gateway = Config::to(origin.port())
        .limits("upstream_keepalive_pool = 2")
        .start();
    let mut clients: Vec<Client> = (0..5).map(|_| gateway.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.get("/");
        origin.wait_request(number);
    }
    gate.open();
    for client in &mut clients {
        client.response().expect(200);
    }
    eventually("two connections are kept", || {
        (origin.open_connections() == 2).then_some(())
    });
}
