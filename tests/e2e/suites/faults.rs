//! Origins that fail: before, in and after the head, in and after the body. The client is told the truth, the
//! connection is not used again, nothing leaks from one exchange into another.

use std::time::Duration;

use crate::support::Config;
use crate::support::End;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::message::text;

cases! {
    refused_connection_is_a_502: ["O5", "V11", "FU1"];
    unroutable_target_is_a_502: ["FU3"];
    hanging_connection_is_a_504: ["O4", "FU2"];
    death_before_any_byte_is_a_502: ["FU4"];
    death_in_the_head_is_a_502: ["E9", "FU7"];
    dripping_head_is_a_504: ["O6", "FU8"];
    silence_is_a_504_and_cancels: ["O6", "FU9", "V11"];
    death_in_a_sized_body_aborts: ["E8", "FU10"];
    death_in_a_chunked_body_aborts: ["FU11"];
    reset_of_an_unsized_body_aborts: ["E7", "FU12"];
    slow_body_flows: ["FU13"];
    stalled_body_aborts: ["O7", "FU14"];
    malformed_chunk_after_the_head_aborts: ["E10", "FU15"];
    surplus_is_never_seen: ["E11", "FU16"];
    unsolicited_answer_is_never_seen: ["E11", "FU17"];
    oversized_head_is_a_502: ["C20", "FU18"];
    too_many_fields_are_a_502: ["C20", "FU18"];
    origin_that_stops_reading_is_a_504: ["FU23", "O8"];
    faults_leave_nothing_behind: ["FU4", "FU7", "FU10"];
}

fn lonely(origin: &Origin, keys: &str) -> Gateway {
    Config::to(origin.port())
        .service_keys(&format!("retries = 0\n{keys}"))
        .start()
}

fn refused_connection_is_a_502() {
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
    let gateway = Config::to(port).start();
    let mut client = gateway.client();
    for _ in 0..2 {
        let response = client
            .get("/")
            .response()
            .expect(502)
            .expect_cause("connection_refused");
        assert!(!response.closes(), "the client's connection stays");
        assert!(
            response
                .text()
                .starts_with("An invalid response was received from the upstream server")
        );
    }
}

fn unroutable_target_is_a_502() {
    // No route leads to a group of hosts by TCP.
    let gateway = Config::empty()
        .entities(
            "[[services]]\nname = \"s\"\nurl = \"http://224.0.0.1:80\"\nretries = 0\n\
             [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n",
        )
        .start();
    gateway
        .get("/")
        .expect(502)
        .expect_cause("destination_ip_unroutable");
}

fn hanging_connection_is_a_504() {
    // A listener whose queue is full: further connects hang.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(
            &"127.0.0.1:0"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _held = std::net::TcpStream::connect(address).unwrap();
    let gateway = Config::to(address.port())
        .service_keys("retries = 0\nconnect_timeout = 300")
        .start();
    gateway
        .get("/")
        .expect(504)
        .expect_cause("connection_timeout");
}

fn death_before_any_byte_is_a_502() {
    for reset in [false, true] {
        let origin = Origin::start(move |mut peer| {
            peer.head();
            if reset {
                peer.reset();
            }
        });
        let gateway = lonely(&origin, "");
        gateway
            .get("/")
            .expect(502)
            .expect_cause("connection_terminated");
    }
}

fn death_in_the_head_is_a_502() {
    for part in [
        "H",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nX: y\r\n",
    ] {
        for reset in [false, true] {
            let origin = Origin::start(move |mut peer| {
                peer.head();
                peer.send(part);
                if reset {
                    peer.reset();
                }
            });
            let gateway = lonely(&origin, "");
            let mut client = gateway.client();
            client
                .get("/")
                .response()
                .expect(502)
                .expect_cause("http_response_incomplete");
            client.get("/").response().expect(502);
        }
    }
}

fn dripping_head_is_a_504() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        peer.head();
        let clock = crate::support::gate::Watched::new(());
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: "
            .iter()
            .chain([b'a'; 2_000].iter())
        {
            // A byte each 20 ms: never idle, never done.
            let _ = clock.wait_for(Duration::from_millis(20), |()| None::<()>);
            if !peer.send([*byte]) {
                break;
            }
        }
        peer.wait_end();
        held.open();
    });
    let gateway = lonely(&origin, "read_timeout = 500");
    gateway
        .get("/")
        .expect(504)
        .expect_cause("http_response_timeout");
    gate.wait();
}

fn silence_is_a_504_and_cancels() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.wait_end();
    });
    let gateway = lonely(&origin, "read_timeout = 300");
    let mut client = gateway.client();
    let response = client
        .get("/")
        .response()
        .expect(504)
        .expect_cause("http_response_timeout");
    assert!(
        response
            .text()
            .starts_with("The upstream server is timing out")
    );
    origin.wait_end(0);
    client.get("/").response().expect(504);
}

fn death_in_a_sized_body_aborts() {
    for reset in [false, true] {
        let origin = Origin::start(move |mut peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            if reset {
                peer.reset();
            }
        });
        let gateway = lonely(&origin, "");
        let broken = gateway.client().get("/").aborted();
        assert!(broken.body.len() <= 5, "{:?}", text(&broken.body));
    }
}

fn death_in_a_chunked_body_aborts() {
    for part in [
        "5\r\nhello\r\n",
        "9\r\nhello",
        "5\r\nhello\r\n1",
        "5\r\nhello\r\n0\r\n",
    ] {
        let origin = Origin::start(move |mut peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            peer.send(part);
        });
        let gateway = lonely(&origin, "");
        let broken = gateway.client().get("/").aborted();
        assert!(
            "firsthello".starts_with(&text(&broken.body)),
            "{:?}",
            text(&broken.body)
        );
    }
}

fn reset_of_an_unsized_body_aborts() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
        held.wait();
        peer.reset();
    });
    let gateway = lonely(&origin, "");
    let mut client = gateway.client();
    client.get("/").expect_first();
    gate.open();
    assert_eq!(text(&client.aborted().body), "hello");
}

fn slow_body_flows() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        let clock = crate::support::gate::Watched::new(());
        for _ in 0..10 {
            let _ = clock.wait_for(Duration::from_millis(100), |()| None::<()>);
            peer.send("a");
        }
    });
    // The whole takes a second, no pause a third of it.
    let gateway = lonely(&origin, "read_timeout = 600\nidle_timeout = 600");
    assert_eq!(gateway.get("/").expect(200).text(), "aaaaaaaaaa");
}

fn stalled_body_aborts() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        peer.wait_end();
    });
    let gateway = lonely(&origin, "idle_timeout = 300");
    assert_eq!(text(&gateway.client().get("/").aborted().body), "hello");
    origin.wait_end(0);
}

fn malformed_chunk_after_the_head_aborts() {
    for part in [
        "zz\r\n",
        "5\r\nhelloX\r\n",
        "-1\r\n",
        "5\nhello\r\n0\r\n\r\n",
    ] {
        let gate = Gate::default();
        let held = gate.clone();
        let origin = Origin::start(move |mut peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            held.wait();
            peer.send(part);
            peer.wait_end();
        });
        let gateway = lonely(&origin, "");
        let mut client = gateway.client();
        client.get("/").expect_first();
        gate.open();
        client.aborted();
        origin.wait_end(0);
    }
}

fn surplus_is_never_seen() {
    for surplus in ["X", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"] {
        let origin = Origin::start(move |mut peer| {
            while let Some(request) = peer.request() {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
                    request.connection
                );
                peer.send(answer + surplus);
            }
        });
        let gateway = lonely(&origin, "");
        let mut client = gateway.client();
        for number in 0..3 {
            assert_eq!(
                client.get("/").response().expect(200).text(),
                number.to_string()
            );
        }
        origin.wait_end(0);
    }
}

fn unsolicited_answer_is_never_seen() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            peer.echo(&request);
            // In a segment of its own, behind the answer.
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
        }
    });
    let gateway = lonely(&origin, "");
    let mut sent = 0;
    for number in 0..20 {
        let target = format!("/{number}");
        let response = gateway.get(&target).expect(200);
        assert_eq!(response.head.one("x-target"), Some(target.as_str()));
        // Bytes that come after the next request was sent would be its answer by all rules.
        sent += 2;
        eventually("the origin has spoken out of turn", || {
            (origin.sends() >= sent).then_some(())
        });
    }
}

fn oversized_head_is_a_502() {
    let field = format!("X-Long: {}\r\n", "a".repeat(1_000));
    let head = format!(
        "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
        field.repeat(64)
    );
    let origin = Origin::answering(head);
    let gateway = lonely(&origin, "");
    gateway
        .get("/")
        .expect(502)
        .expect_cause("http_response_header_section_size");
    origin.wait_end(0);
}

fn too_many_fields_are_a_502() {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
        "X-A: b\r\n".repeat(2_000)
    );
    let origin = Origin::answering(head);
    let gateway = lonely(&origin, "");
    gateway
        .get("/")
        .expect(502)
        .expect_cause("http_response_header_section_size");
}

fn origin_that_stops_reading_is_a_504() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        peer.head();
        held.wait();
    });
    let gateway = lonely(&origin, "write_timeout = 500");
    let before = gateway.rss();
    let mut client = gateway.client();
    let mut sender = client.wire.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n";
        let _ = std::io::Write::write_all(&mut sender, head.as_bytes());
        let piece = vec![b'a'; 1 << 20];
        for number in 0..100 {
            if std::io::Write::write_all(&mut sender, &piece).is_err() {
                return number;
            }
        }
        100
    });
    client
        .response()
        .expect(504)
        .expect_cause("connection_write_timeout");
    let grown = gateway.rss().saturating_sub(before);
    assert!(
        grown < 4 << 20,
        "an upload that nobody takes costs {grown} bytes"
    );
    gate.open();
    drop(client);
    assert!(writing.join().unwrap() < 30, "the client was not held back");
}

fn faults_leave_nothing_behind() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            match request.head.target() {
                "/none" => return,
                "/reset" => return peer.reset(),
                "/head" => {
                    peer.send("HTTP/1.1 2");
                    return;
                }
                "/body" => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
                    return;
                }
                _ => peer.echo(&request),
            };
        }
    });
    let gateway = lonely(&origin, "");
    gateway.get("/fine").expect(200);
    let fds = gateway.fds();
    for _ in 0..20 {
        for path in ["/none", "/reset", "/head", "/body"] {
            let mut client = gateway.client();
            match client.get(path).try_response("GET") {
                Ok(response) => drop(response.expect(502)),
                Err(broken) => assert_ne!(broken.end, End::Timeout),
            }
        }
    }
    gateway.get("/fine").expect(200);
    eventually("descriptors are given back", || {
        (gateway.fds() <= fds + 2).then_some(())
    });
}
