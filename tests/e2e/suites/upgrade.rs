//! Upgrades: the handshake is regenerated, the tunnel behind it is blind, both ends may half-close.

use crate::support::Client;
use crate::support::Config;
use crate::support::End;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::message::text;
use crate::support::origin::Peer;

cases! {
    websocket_becomes_a_tunnel: ["J3", "J5"];
    early_bytes_wait_for_the_switch: ["J4"];
    refused_upgrade_is_ordinary_http: ["J7", "J11"];
    upgrade_in_http_1_0_is_ignored: ["J2"];
    switch_to_another_protocol_is_a_502: ["J6"];
    switch_without_upgrade_is_a_502: ["J6"];
    upgrade_with_a_body_sends_the_body_first: ["J8"];
    h2c_is_not_offered_to_the_origin: ["J9"];
    upgrade_required_names_the_protocol: ["J10"];
    end_of_one_side_delivers_the_rest: ["J12"];
    half_close_passes_through_the_tunnel: ["J12"];
    upgrade_with_expectation: ["J13"];
    tunnel_carries_megabytes_both_ways: ["J5"];
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake(extra: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n{extra}\r\n"
    )
}

fn switch() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
}

/// An origin that switches and gives the tunnel to the script.
fn tunnel(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Origin {
    Origin::start(move |mut peer| {
        if peer.request().is_some() {
            peer.send(switch());
            script(&mut peer);
        }
    })
}

fn upgraded(gateway: &Gateway) -> Client {
    let mut client = gateway.client();
    client.send(handshake("")).response().expect(101);
    client
}

fn websocket_becomes_a_tunnel() {
    let origin = tunnel(|peer| {
        while let Ok(bytes) = peer.wire.read_exact(4) {
            peer.send(bytes);
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    let response = client
        .send(handshake("X-Own: 1\r\n"))
        .response()
        .expect(101);
    assert!(response.head.has_token("connection", "upgrade"));
    assert_eq!(response.head.one("upgrade"), Some("websocket"));
    assert_eq!(response.head.one("sec-websocket-accept"), Some(ACCEPT));
    let head = origin.wait_head(0).1;
    assert!(head.has_token("connection", "upgrade"), "{head}");
    assert_eq!(head.one("upgrade"), Some("websocket"));
    assert_eq!(head.one("sec-websocket-key"), Some(KEY));
    assert_eq!(head.one("sec-websocket-version"), Some("13"));
    assert_eq!(head.one("sec-websocket-protocol"), Some("chat"));
    assert_eq!(head.one("x-own"), Some("1"));
    for word in ["ping", "\r\n\r\n", "GET "] {
        client.send(word);
        assert_eq!(text(&client.wire.read_exact(4).unwrap()), word);
    }
}

fn early_bytes_wait_for_the_switch() {
    let origin = Origin::start(|mut peer| {
        let head = peer.head();
        assert!(
            peer.wire.unread.is_empty(),
            "bytes came before the switch: {head:?}"
        );
        peer.send(switch());
        let early = peer.wire.read_exact(5).unwrap();
        peer.send(early);
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(handshake("") + "early").response().expect(101);
    assert_eq!(text(&client.wire.read_exact(5).unwrap()), "early");
}

fn refused_upgrade_is_ordinary_http() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/chat" {
                peer.send(
                    "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8\r\n\
                     Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
                );
            } else {
                peer.echo(&request);
            }
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(handshake("") + "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.response().expect(426);
    assert_eq!(response.head.one("sec-websocket-version"), Some("13, 8"));
    assert_eq!(
        client.response().expect(200).head.one("x-target"),
        Some("/held")
    );
}

fn upgrade_in_http_1_0_is_ignored() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let request = handshake("").replace("HTTP/1.1", "HTTP/1.0");
    gateway.client().send(request).response().expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(head.one("upgrade"), None, "{head}");
    assert!(!head.has_token("connection", "upgrade"), "{head}");
}

fn switch_to_another_protocol_is_a_502() {
    bad_switch("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
}

fn switch_without_upgrade_is_a_502() {
    bad_switch("HTTP/1.1 101 Switching Protocols\r\n\r\n");
}

fn bad_switch(answer: &'static str) {
    let origin = Origin::answering(answer);
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0")
        .start();
    let mut client = gateway.client();
    client
        .send(handshake(""))
        .response()
        .expect(502)
        .expect_cause("http_upgrade_failed");
    origin.wait_end(0);
}

fn upgrade_with_a_body_sends_the_body_first() {
    let origin = Origin::start(|mut peer| {
        let Some(request) = peer.request() else {
            return;
        };
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
        );
        peer.send(&request.body.bytes);
        let rest = peer.wire.read_exact(4).unwrap();
        peer.send(rest);
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "POST /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\nContent-Length: 4\r\n\r\nbodymore",
    );
    client.response().expect(101);
    assert_eq!(text(&client.wire.read_exact(8).unwrap()), "bodymore");
}

fn h2c_is_not_offered_to_the_origin() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    client.response().expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(
        (head.one("upgrade"), head.one("http2-settings")),
        (None, None),
        "{head}"
    );
}

fn upgrade_required_names_the_protocol() {
    let origin = Origin::answering(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.3\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Gateway::to(&origin);
    let response = gateway.get("/").expect(426);
    assert_eq!(response.head.one("upgrade"), Some("TLS/1.3"));
    assert!(
        response.head.has_token("connection", "upgrade"),
        "{}",
        response.head
    );
}

fn end_of_one_side_delivers_the_rest() {
    let origin = tunnel(|peer| {
        peer.send(vec![b'x'; 300_000]);
    });
    let gateway = Gateway::to(&origin);
    let mut client = upgraded(&gateway);
    let (bytes, end) = client.wire.read_to_end();
    assert_eq!(bytes.len(), 300_000);
    assert_eq!(end, End::Eof);
}

fn half_close_passes_through_the_tunnel() {
    let origin = tunnel(|peer| {
        let asked = peer.wait_end();
        peer.send(format!("asked {}", text(&asked)));
    });
    let gateway = Gateway::to(&origin);
    let mut client = upgraded(&gateway);
    client.send("all");
    client.wire.half_close();
    let (bytes, end) = client.wire.read_to_end();
    assert_eq!(text(&bytes), "asked all");
    assert_eq!(end, End::Eof);
}

fn upgrade_with_expectation() {
    let origin = Origin::start(|mut peer| {
        let Some(head) = peer.head() else { return };
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        peer.body(&head);
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nhi",
        );
        peer.wait_end();
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "POST /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\nExpect: 100-continue\r\n\
         Content-Length: 4\r\n\r\n",
    );
    client.response().expect(100);
    client.send("body").response().expect(101);
    assert_eq!(text(&client.wire.read_exact(2).unwrap()), "hi");
}

fn tunnel_carries_megabytes_both_ways() {
    const SIZE: usize = 2_000_000;
    let origin = tunnel(|peer| {
        let mut writer = peer.wire.stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            let _ = std::io::Write::write_all(&mut writer, &vec![b'd'; SIZE]);
        });
        assert_eq!(peer.wire.read_exact(SIZE).unwrap(), vec![b'u'; SIZE]);
        writing.join().unwrap();
    });
    let gateway = Gateway::to(&origin);
    let mut client = upgraded(&gateway);
    let mut writer = client.wire.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut writer, &vec![b'u'; SIZE]);
    });
    assert_eq!(client.wire.read_exact(SIZE).unwrap(), vec![b'd'; SIZE]);
    writing.join().unwrap();
}
