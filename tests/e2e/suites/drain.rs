//! Leaving: what is in flight is answered and told to close, nothing new is taken, and the process goes within
//! its time.

use std::net::TcpStream;

use rustix::process::Signal;

use crate::support::Config;
use crate::support::End;
use crate::support::Gate;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    requests_in_flight_are_answered: ["K9", "FZ1"];
    interrupt_drains_too: ["FZ1"];
    clients_under_load_are_told_before_they_are_closed: ["K9", "FZ1"];
    idle_connections_are_closed: ["K9"];
    stuck_requests_are_cut_at_the_deadline: ["FZ2"];
    tunnels_are_cut_at_the_deadline: ["FZ2", "FC20"];
    request_of_an_idle_connection_is_still_answered: ["K9"];
    second_signal_leaves_at_once: [];
    response_on_its_way_is_finished: ["FZ1"];
    port_is_free_afterwards: [];
    taken_port_is_refused_at_start: ["FZ13"];
}

/// An origin that answers when it is told.
fn held() -> (Gate, Origin) {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            held.wait();
            peer.echo(&request);
        }
    });
    (gate, origin)
}

fn drains(signal: Signal) {
    let (gate, origin) = held();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 2\ndrain_timeout = \"8s\"")
        .start();
    let mut clients: Vec<_> = (0..4).map(|_| gateway.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.get("/");
        origin.wait_request(number);
    }
    gateway.signal(signal);
    let address = gateway.listeners[0];
    eventually("new connections are refused", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    assert!(gateway.is_running());
    gate.open();
    for client in &mut clients {
        let response = client.response().expect(200);
        assert!(
            response.closes(),
            "the last answer announces the close\n{}",
            response.head
        );
        assert_eq!(client.expect_end(), End::Eof);
    }
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn requests_in_flight_are_answered() {
    drains(Signal::TERM);
}

fn interrupt_drains_too() {
    drains(Signal::INT);
}

fn clients_under_load_are_told_before_they_are_closed() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 2\ndrain_timeout = \"8s\"")
        .start();
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let mut client = gateway.client();
            client.get("/").response().expect(200);
            std::thread::spawn(move || {
                while !client.get("/").response().expect(200).closes() {}
                client.expect_end()
            })
        })
        .collect();
    eventually("the load is on", || (origin.heads() > 200).then_some(()));
    gateway.signal(Signal::TERM);
    for client in clients {
        assert_eq!(client.join().unwrap(), End::Eof);
    }
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn idle_connections_are_closed() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 1\ndrain_timeout = \"8s\"")
        .start();
    let mut idle = gateway.client();
    idle.get("/").response().expect(200);
    gateway.signal(Signal::TERM);
    assert_eq!(idle.expect_end(), End::Eof);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn stuck_requests_are_cut_at_the_deadline() {
    let (gate, origin) = held();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 1\ndrain_timeout = \"500ms\"")
        .start();
    let mut client = gateway.client();
    client.get("/");
    origin.wait_request(0);
    gateway.signal(Signal::TERM);
    gateway.wait_exit();
    client.expect_end();
    gate.open();
}

fn tunnels_are_cut_at_the_deadline() {
    let origin = Origin::start(|mut peer| {
        peer.request();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
        );
        while let Ok(bytes) = peer.wire.read_exact(4) {
            peer.send(bytes);
        }
    });
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 1\ndrain_timeout = \"1s\"")
        .start();
    let mut client = gateway.client();
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n")
        .response()
        .expect(101);
    gateway.signal(Signal::TERM);
    let address = gateway.listeners[0];
    eventually("the signal is taken", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    client.send("ping");
    assert_eq!(
        client.wire.read_exact(4).unwrap(),
        b"ping",
        "a tunnel lives on until the deadline"
    );
    client.expect_end();
    gateway.wait_exit();
}

fn request_of_an_idle_connection_is_still_answered() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 1\ndrain_timeout = \"8s\"")
        .start();
    let mut client = gateway.client();
    client.get("/").response().expect(200);
    gateway.signal(Signal::TERM);
    let address = gateway.listeners[0];
    eventually("the signal is taken", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    assert!(client.get("/").response().expect(200).closes());
    assert_eq!(client.expect_end(), End::Eof);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn second_signal_leaves_at_once() {
    let (gate, origin) = held();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 1\ndrain_timeout = \"60s\"")
        .start();
    let mut client = gateway.client();
    client.get("/");
    origin.wait_request(0);
    gateway.signal(Signal::TERM);
    let address = gateway.listeners[0];
    eventually("the first signal is taken", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    gateway.signal(Signal::TERM);
    gateway.wait_exit();
    gate.open();
}

fn response_on_its_way_is_finished() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        held.wait();
        peer.send("4\r\nlast\r\n0\r\n\r\n");
        peer.wait_end();
    });
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 1\ndrain_timeout = \"8s\"")
        .start();
    let mut client = gateway.client();
    client.get("/").expect_first();
    gateway.signal(Signal::TERM);
    let address = gateway.listeners[0];
    eventually("the signal is taken", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    gate.open();
    assert_eq!(client.response().expect(200).text(), "firstlast");
    client.expect_end();
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn port_is_free_afterwards() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port()).start();
    let address = gateway.listeners[0];
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().code(), Some(0));
    let again = Config::to(origin.port())
        .listener(&format!("address = \"{address}\""))
        .start();
    again.get("/").expect(200);
}

fn taken_port_is_refused_at_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    let config = Config::empty().listener(&format!("address = \"{address}\""));
    std::fs::write(&file, config.toml()).unwrap();
    let run =
        crate::support::tools::silverback(&["run", "--config", &file.to_string_lossy()]).expect(1);
    assert!(run.stderr.contains(&address.to_string()), "{run:?}");
}
