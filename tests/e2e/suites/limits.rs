//! Bounds: sizes of the head, connections, descriptors. Each is reached, answered, and left again.

use std::time::Duration;

use crate::support::Client;
use crate::support::Config;
use crate::support::End;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gate::Watched;
use crate::support::tools;

cases! {
    request_line_of_8000_bytes_is_taken: ["A4"];
    request_line_past_the_limit_is_414: ["A4"];
    head_up_to_the_limit_is_taken: ["C13"];
    head_past_the_limit_is_431: ["C13"];
    field_lines_past_the_limit_are_431: ["C14"];
    connections_past_the_cap_wait_in_the_kernel: ["FR1"];
    workers_together_keep_the_cap: ["FR1"];
    listeners_of_a_worker_share_its_part_of_the_cap: ["FR1"];
    descriptors_run_out_without_spin_or_crash: ["FR1"] needs ["prlimit"];
}

fn request_line_of_8000_bytes_is_taken() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let path = format!("/{}", "a".repeat(8_000 - "GET / HTTP/1.1\r\n".len()));
    gateway.get(&path).expect(200);
    assert_eq!(origin.wait_head(0).1.target(), path);
}

fn request_line_past_the_limit_is_414() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .limits("request_line_bytes = 9000")
        .start();
    let mut client = gateway.client();
    let response = client
        .get(&format!("/{}", "a".repeat(9_001)))
        .response()
        .expect(414);
    assert!(response.closes());
    assert_eq!(origin.heads(), 0);
}

fn head_up_to_the_limit_is_taken() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let value = "a".repeat(30_000);
    let mut client = gateway.client();
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {value}\r\n\r\n"
    ));
    client.response().expect(200);
    assert_eq!(origin.wait_head(0).1.one("x-long"), Some(value.as_str()));
}

fn head_past_the_limit_is_431() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .limits("request_head_bytes = 4096")
        .start();
    let mut client = gateway.client();
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
        "a".repeat(4_096)
    ));
    let response = client
        .response()
        .expect(431)
        .expect_cause("http_request_error");
    assert!(response.closes());
    client.expect_end();
    assert_eq!(origin.heads(), 0);
}

fn field_lines_past_the_limit_are_431() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    for (count, status) in [(99, 200), (100, 431)] {
        let mut client = gateway.client();
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X-A: b\r\n".repeat(count)
        ));
        client.response().expect(status);
    }
}

fn connections_past_the_cap_wait_in_the_kernel() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).limits("connections = 3").start();
    let mut first: Vec<_> = (0..3).map(|_| gateway.client()).collect();
    for client in &mut first {
        client.get("/").response().expect(200);
    }
    let mut waiting = gateway.client();
    waiting.get("/").expect_silence(Duration::from_millis(200));
    for client in &mut first {
        client.get("/").response().expect(200);
    }
    first.pop();
    waiting.response().expect(200);
}

/// Sends a request on each connection, of which the gateway may take three; the origin answers no more.
fn expect_three_served(origin: &Origin, clients: &mut [Client]) {
    for client in clients {
        client.get("/");
    }
    eventually("three connections are served", || {
        (origin.requests().len() >= 3).then_some(())
    });
    let _ = Watched::new(()).wait_for(Duration::from_millis(200), |()| None::<()>);
    assert_eq!(origin.requests().len(), 3);
}

fn workers_together_keep_the_cap() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .gateway("workers = 2")
        .limits("connections = 3")
        .start();
    let mut clients: Vec<_> = (0..40).map(|_| gateway.client()).collect();
    expect_three_served(&origin, &mut clients);
    drop(clients);
    gateway.get("/").expect(200);
}

fn listeners_of_a_worker_share_its_part_of_the_cap() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .listener("address = \"127.0.0.1:0\"")
        .listener("address = \"127.0.0.1:0\"")
        .limits("connections = 3")
        .start();
    let mut clients: Vec<_> = (0..10)
        .map(|number| Client::connect(gateway.listeners[number % 2]))
        .collect();
    expect_three_served(&origin, &mut clients);
    drop(clients);
    gateway.get("/").expect(200);
}

fn descriptors_run_out_without_spin_or_crash() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/held" {
                held.wait();
            }
            peer.echo(&request);
        }
    });
    let mut gateway = Gateway::to(&origin);
    let mut before = gateway.client();
    before.get("/").response().expect(200);
    let limit = format!("--nofile={0}:{0}", gateway.fds() + 4);
    let mut command = std::process::Command::new("prlimit");
    command.args(["--pid", &gateway.pid().to_string(), &limit]);
    assert!(
        tools::output(&mut command, Duration::from_secs(5))
            .status
            .success()
    );
    let flood: Vec<_> = (0..50).map(|_| gateway.client()).collect();
    // Who is connected is served, who is not waits; the process does not spin.
    before.get("/").response().expect(200);
    let ticks = gateway.cpu_ticks();
    let _ = Watched::new(()).wait_for(Duration::from_secs(1), |()| None::<()>);
    let used = gateway.cpu_ticks() - ticks;
    assert!(
        used < 20,
        "{used} ticks of a second's 100 were burnt while out of descriptors"
    );
    before.get("/").response().expect(200);
    assert!(gateway.is_running());
    drop(flood);
    gate.open();
    eventually("service recovers by itself", || {
        let mut client = gateway.client();
        client.wire.patience = Duration::from_millis(500);
        client.get("/");
        match client.try_response("GET") {
            Ok(response) => (response.status() == 200).then_some(()),
            Err(broken) => (broken.end != End::Timeout).then_some(()).and(None),
        }
    });
}
