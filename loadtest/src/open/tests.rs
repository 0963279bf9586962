//! The generator against servers that behave in a known way.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::Draft;
use super::Expect;
use super::Load;
use super::Request;
use super::Schedule;
use super::Stream;
use super::tls;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server with a thread for each connection.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddrV4 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = Arc::clone(&each);
            thread::spawn(move || each(stream));
        }
    });
    match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => unreachable!("it was bound to an IPv4 address"),
    }
}

/// Reads a head; `false` at the end.
fn head(stream: &mut impl Read, text: &mut Vec<u8>) -> bool {
    text.clear();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return false;
        }
        text.push(byte[0]);
    }
    true
}

fn answer_all(mut stream: TcpStream) {
    let mut text = Vec::new();
    while head(&mut stream, &mut text) && stream.write_all(ANSWER).is_ok() {}
}

fn load(address: SocketAddrV4, rate: f64, ms: u64) -> Load {
    Load::plain(address, Schedule::constant(rate, Duration::from_millis(ms)))
}

#[test]
fn a_stall_is_felt_by_every_request_that_was_due_in_it() {
    // Everything stands still for 400 ms, once; a closed loop over one connection feels that once.
    let stall = |begun: Instant| {
        let since = begun.elapsed();
        let (from, to) = (Duration::from_millis(200), Duration::from_millis(600));
        if (from..to).contains(&since) {
            thread::sleep(to - since);
        }
    };
    let begun = Instant::now();
    let address = serve(move |mut stream| {
        let mut text = Vec::new();
        while head(&mut stream, &mut text) {
            stall(begun);
            if stream.write_all(ANSWER).is_err() {
                break;
            }
        }
    });
    let closed = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("connected");
        let mut slow = 0;
        while begun.elapsed() < Duration::from_millis(1000) {
            let sent = Instant::now();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
            let mut space = [0; 256];
            assert!(stream.read(&mut space).expect("answered") > 0);
            slow += u64::from(sent.elapsed() > Duration::from_millis(50));
        }
        slow
    });
    let mut open = load(address, 200.0, 1000);
    open.connections = 4;
    let outcome = open.run().expect("a run");
    let counts = outcome.counts();
    assert_eq!((counts.offered, counts.good), (200, 200));
    let (_, tally) = &outcome.streams[0];
    let slow =
        |histogram: &hdrhistogram::Histogram<u64>| histogram.count_between(50_000, 120_000_000);
    assert!(
        slow(&tally.response) >= 40,
        "{} felt it",
        slow(&tally.response)
    );
    // From when they were sent, only those look slow that were in flight.
    assert!(
        slow(&tally.service) <= 8,
        "{} in flight",
        slow(&tally.service)
    );
    assert!(
        closed.join().expect("a closed loop") <= 2,
        "a closed loop misses it"
    );
}

#[test]
fn a_server_that_never_answers_costs_every_request() {
    let address = serve(|mut stream| {
        let mut text = Vec::new();
        while head(&mut stream, &mut text) {}
    });
    let mut open = load(address, 100.0, 200);
    open.connections = 5;
    open.patience = Duration::from_millis(150);
    let outcome = open.run().expect("a run");
    let counts = outcome.counts();
    assert_eq!(counts.offered, 20);
    assert_eq!(counts.timeout + counts.dropped, 20, "{counts:?}");
    assert!(counts.dropped > 0 && counts.timeout >= 5, "{counts:?}");
    assert_eq!(outcome.connections.most, 5);
}

#[test]
fn streams_are_apart_and_refusals_are_no_failures() {
    let address = serve(|mut stream| {
        let mut text = Vec::new();
        while head(&mut stream, &mut text) {
            let low = memchr::memmem::find(&text, b"tier: 3").is_some();
            let busy: &[u8] = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
            if stream.write_all(if low { busy } else { ANSWER }).is_err() {
                break;
            }
        }
    });
    let mut open = load(address, 400.0, 250);
    let stream = |name: &str, share, fields| Stream {
        name: name.to_owned(),
        share,
        requests: vec![Request::new(&Draft {
            fields,
            expect: Expect {
                body: Some(2),
                echo: false,
            },
            ..Draft::get("/")
        })],
    };
    open.streams = vec![
        stream("high", 3, "tier: 1\r\n"),
        stream("low", 1, "tier: 3\r\n"),
    ];
    let outcome = open.run().expect("a run");
    let counts = |name| outcome.stream(name).expect("a stream").counts;
    assert_eq!((counts("high").offered, counts("high").good), (75, 75));
    assert_eq!((counts("low").offered, counts("low").retry_after), (25, 25));
    assert_eq!(outcome.counts().failed(), 0);
    assert_eq!(outcome.invalid(), None);
}

#[test]
fn a_connection_for_each_request_and_its_early_end() {
    let address = serve(|mut stream| {
        let mut text = Vec::new();
        if head(&mut stream, &mut text) {
            let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
            let _ = stream.write_all(cut);
        }
    });
    let mut open = load(address, 100.0, 100);
    open.keep = false;
    let outcome = open.run().expect("a run");
    assert_eq!(outcome.counts().cut, 10);
    assert_eq!(outcome.connections.opened, 10);
}

#[test]
fn nobody_listening_is_counted_and_a_foreign_address_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let Ok(SocketAddr::V4(address)) = listener.local_addr() else {
        unreachable!("it was bound to an IPv4 address")
    };
    drop(listener);
    let outcome = load(address, 100.0, 100).run().expect("a run");
    assert_eq!(outcome.counts().connect, 10);
    let foreign = SocketAddrV4::new(std::net::Ipv4Addr::new(192, 0, 2, 1), 80);
    assert!(load(foreign, 1.0, 10).run().is_err());
}

#[test]
fn handshakes_are_full_at_first_and_resumed_later() {
    let (client, server) = tls::pair();
    let address = serve(move |socket| {
        let session = rustls::ServerConnection::new(Arc::clone(&server)).expect("a session");
        let mut stream = rustls::StreamOwned::new(session, socket);
        let mut text = Vec::new();
        while head(&mut stream, &mut text) && stream.write_all(ANSWER).is_ok() {}
    });
    let mut open = load(address, 50.0, 200);
    open.keep = false;
    open.tls = Some(client);
    let outcome = open.run().expect("a run");
    let counts = outcome.counts();
    assert_eq!((counts.offered, counts.good), (10, 10), "{counts:?}");
    assert!(outcome.connections.full >= 1 && outcome.connections.resumed >= 5);
    assert_eq!(outcome.connections.full + outcome.connections.resumed, 10);
}

#[test]
fn a_run_can_be_stopped() {
    let address = serve(answer_all);
    let running = load(address, 100.0, 60_000).spawn();
    thread::sleep(Duration::from_millis(200));
    assert!(!running.is_over());
    let outcome = running.stop().expect("a run");
    let counts = outcome.counts();
    assert!(counts.offered > 5 && counts.good == counts.offered);
    assert_eq!(outcome.invalid(), None);
}
