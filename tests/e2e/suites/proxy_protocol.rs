//! The PROXY protocol, versions 1 and 2: the address in front of the first byte is the client's, and a
//! connection without one is not served.

use std::time::Duration;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;

cases! {
    v1_names_the_client: ["V4"];
    v1_for_ipv6: [];
    v1_unknown_keeps_the_peer: [];
    v2_names_the_client: ["V4"];
    v2_for_ipv6_with_extensions: [];
    v2_local_keeps_the_peer: [];
    header_in_pieces_is_taken: [];
    broken_headers_are_closed: [];
    plain_listener_refuses_the_header: [];
    slow_header_is_closed: ["FC4"];
}

fn gateway(origin: &Origin) -> Gateway {
    Config::to(origin.port())
        .listener("address = \"127.0.0.1:0\"\nproxy_protocol = true")
        .timeouts("client_header = \"500ms\"")
        .start()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends a header and a request; the client's address as the origin is told it.
fn told(header: &[u8]) -> String {
    let origin = Origin::hello();
    let gateway = gateway(&origin);
    let mut client = gateway.client();
    client.send([header, GET].concat()).response().expect(200);
    client.send(GET).response().expect(200);
    let head = origin.wait_head(1).1;
    let address = head.one("x-real-ip").unwrap().to_owned();
    assert_eq!(head.one("x-forwarded-for"), Some(address.as_str()));
    address
}

fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend_from_slice(&[0x20 | command, family]);
    header.extend_from_slice(&u16::try_from(addresses.len()).unwrap().to_be_bytes());
    header.extend_from_slice(addresses);
    header
}

fn v4_addresses() -> Vec<u8> {
    vec![203, 0, 113, 7, 127, 0, 0, 1, 0xC0, 0, 0, 80]
}

fn v1_names_the_client() {
    assert_eq!(
        told(b"PROXY TCP4 203.0.113.7 127.0.0.1 56324 443\r\n"),
        "203.0.113.7"
    );
}

fn v1_for_ipv6() {
    assert_eq!(
        told(b"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n"),
        "2001:db8::7"
    );
}

fn v1_unknown_keeps_the_peer() {
    assert_eq!(told(b"PROXY UNKNOWN\r\n"), "127.0.0.1");
}

fn v2_names_the_client() {
    assert_eq!(told(&v2(1, 0x11, &v4_addresses())), "203.0.113.7");
}

fn v2_for_ipv6_with_extensions() {
    let mut addresses = Vec::new();
    addresses.extend_from_slice(
        &"2001:db8::7"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets(),
    );
    addresses.extend_from_slice(&std::net::Ipv6Addr::LOCALHOST.octets());
    addresses.extend_from_slice(&[0xC0, 0, 0, 80]);
    addresses.extend_from_slice(&[0x04, 0, 3, 1, 2, 3]); // a no-op extension
    assert_eq!(told(&v2(1, 0x21, &addresses)), "2001:db8::7");
}

fn v2_local_keeps_the_peer() {
    assert_eq!(told(&v2(0, 0x00, &[])), "127.0.0.1");
}

fn header_in_pieces_is_taken() {
    let origin = Origin::hello();
    let gateway = gateway(&origin);
    for header in [
        b"PROXY TCP4 203.0.113.7 127.0.0.1 56324 443\r\n".to_vec(),
        v2(1, 0x11, &v4_addresses()),
    ] {
        let mut client = gateway.client();
        for byte in [header.as_slice(), GET].concat() {
            client.send([byte]);
        }
        client.response().expect(200);
    }
    assert_eq!(origin.wait_head(1).1.one("x-real-ip"), Some("203.0.113.7"));
}

fn broken_headers_are_closed() {
    let origin = Origin::hello();
    let gateway = gateway(&origin);
    let mut version = v2(1, 0x11, &v4_addresses());
    version[12] = 0x31;
    let broken: Vec<Vec<u8>> = vec![
        GET.to_vec(),
        b"PROXY TCP4 203.0.113.7 127.0.0.1 56324\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.777 127.0.0.1 56324 443\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 127.0.0.1 70000 443\r\n".to_vec(),
        b"PROXY TCP9 203.0.113.7 127.0.0.1 56324 443\r\n".to_vec(),
        [b"PROXY TCP4 ", [b'1'; 200].as_slice(), b"\r\n"].concat(),
        version,
        v2(1, 0x11, &[1, 2, 3]),
        v2(7, 0x11, &v4_addresses()),
        v2(1, 0x11, &[0; 4_000]),
    ];
    for header in broken {
        let mut client = gateway.client();
        client.send([&header, GET].concat());
        if let Ok(response) = client.try_response("GET") {
            assert_eq!(
                response.status(),
                400,
                "{:?}",
                String::from_utf8_lossy(&header)
            );
        }
    }
    assert_eq!(
        origin.heads(),
        0,
        "nothing behind a broken header is served"
    );
}

fn plain_listener_refuses_the_header() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send([b"PROXY TCP4 203.0.113.7 127.0.0.1 56324 443\r\n", GET].concat());
    client.response().expect(400);
    assert_eq!(origin.heads(), 0);
}

fn slow_header_is_closed() {
    let origin = Origin::hello();
    let gateway = gateway(&origin);
    let mut client = gateway.client();
    client.send("PROXY TC");
    client.wire.patience = Duration::from_secs(5);
    client.wire.read_until(b"never").unwrap_err();
    gateway
        .client()
        .send([b"PROXY UNKNOWN\r\n", GET].concat())
        .response()
        .expect(200);
}
