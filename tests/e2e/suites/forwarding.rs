//! The head that reaches the origin, and the head that reaches the client: field by field what Kong sends,
//! what hop-by-hop rules remove, what nobody may forge.

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::message::Head;

cases! {
    head_at_the_origin_is_exact: ["B8", "V1", "A23"];
    head_at_the_client_is_exact: ["E18", "V2", "V6"];
    own_fields_of_the_answer_are_not_doubled: ["V2", "V7"];
    connection_options_are_for_one_hop: ["F1", "F2", "F5"];
    hop_by_hop_fields_never_pass: ["F3", "F11", "J1", "J9"];
    credentials_pass_unchanged: ["F6", "F7"];
    loop_is_detected: ["F8"];
    via_grows_in_order: ["V1", "V3"];
    untrusted_identity_is_replaced: ["V4", "F5"];
    trusted_identity_is_continued: ["V5"];
    nothing_happens_before_the_head_is_complete: ["C19"];
    conditions_and_ranges_pass: ["N1", "N2", "N4"];
    host_compares_in_its_normal_form: ["B6"];
    host_of_the_client_can_be_preserved: ["B6", "B8"];
    http_1_0_without_host_goes_to_the_default_route: ["B5"];
    max_forwards_zero_is_answered_here: ["V8"];
    request_id_is_ours_and_the_same_everywhere: ["V4"];
}

/// The field lines, sorted, names in lower case, with what differs from run to run (ports, ids) replaced.
fn normal(head: &Head, listener: u16, origin: u16) -> Vec<String> {
    let mut lines: Vec<String> = head
        .fields
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("connection"))
        .map(|(name, value)| {
            let value = if name.eq_ignore_ascii_case("x-forwarded-port")
                && *value == listener.to_string()
            {
                "<listener>".to_owned()
            } else {
                value.replace(&format!("127.0.0.1:{origin}"), "127.0.0.1:<origin>")
            };
            let name = name.to_ascii_lowercase();
            let varies = match name.as_str() {
                "x-kong-request-id" => {
                    assert_eq!(
                        value.len(),
                        32,
                        "request ids are 32 hexadecimal digits: {value}"
                    );
                    assert!(value.bytes().all(|b| b.is_ascii_hexdigit()), "{value}");
                    true
                }
                "via" => {
                    assert!(value.starts_with("1.1 silverback"), "Via: {value}");
                    true
                }
                "x-kong-upstream-latency" | "x-kong-proxy-latency" | "x-kong-response-latency" => {
                    assert!(value.parse::<u64>().is_ok(), "{name}: {value}");
                    true
                }
                "date" => {
                    assert!(
                        value.ends_with(" GMT") && value.len() == 29,
                        "Date: {value}"
                    );
                    true
                }
                _ => false,
            };
            if varies {
                format!("{name}: <varies>")
            } else {
                format!("{name}: {value}")
            }
        })
        .collect();
    lines.sort();
    lines
}

fn head_at_the_origin_is_exact() {
    let origin = Origin::hello();
    let gateway = Config::empty()
        .service(origin.port(), "", "paths = [\"/api\"]")
        .start();
    let port = gateway.listeners[0].port();
    let mut client = gateway.client();
    client.send(format!(
        "GET /api/v1?x=1&y=%20z HTTP/1.1\r\nHost: shop.test:{port}\r\nX-Own: 1\r\nAccept: a/b\r\n\
         Accept: c/d\r\nUser-Agent: test\r\n\r\n"
    ));
    client.response().expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(head.start, "GET /v1?x=1&y=%20z HTTP/1.1");
    assert_eq!(
        head.fields[0].0.to_ascii_lowercase(),
        "host",
        "Host comes first\n{head}"
    );
    let expected = [
        "accept: a/b",
        "accept: c/d",
        "host: 127.0.0.1:<origin>",
        "user-agent: test",
        "via: <varies>",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: shop.test",
        "x-forwarded-path: /api/v1",
        "x-forwarded-port: <listener>",
        "x-forwarded-prefix: /api",
        "x-forwarded-proto: http",
        "x-kong-request-id: <varies>",
        "x-own: 1",
        "x-real-ip: 127.0.0.1",
    ];
    assert_eq!(normal(&head, port, origin.port()), expected, "\n{head}");
}

fn head_at_the_client_is_exact() {
    let origin = Origin::answering(
        "HTTP/1.0 200 Fine\r\nContent-Length: 5\r\nX-Own: 1\r\nServer: theirs\r\n\r\nhello",
    );
    let gateway = Gateway::to(&origin);
    let response = gateway.get("/").expect(200);
    assert!(
        response.head.start.starts_with("HTTP/1.1 200 "),
        "{}",
        response.head
    );
    let expected = [
        "content-length: 5",
        "date: <varies>",
        "server: theirs",
        "via: <varies>",
        "x-kong-proxy-latency: <varies>",
        "x-kong-request-id: <varies>",
        "x-kong-upstream-latency: <varies>",
        "x-own: 1",
    ];
    assert_eq!(
        normal(&response.head, 0, 0),
        expected,
        "\n{}",
        response.head
    );
}

fn own_fields_of_the_answer_are_not_doubled() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nVia: 1.0 one\r\nX-Kong-Request-Id: theirs\r\nVia: 2 two\r\n\
         X-Kong-Upstream-Latency: 9\r\nX-Kong-Proxy-Latency: x\r\nContent-Length: 0\r\n\r\n",
    );
    let response = Gateway::to(&origin).get("/").expect(200);
    let head = &response.head;
    assert_eq!(head.all("via"), ["1.0 one, 2 two, 1.1 silverback"]);
    assert_eq!(head.all("server"), ["silverback"], "the origin names none");
    assert_ne!(head.all("x-kong-request-id"), ["theirs"]);
    for name in [
        "x-kong-request-id",
        "x-kong-upstream-latency",
        "x-kong-proxy-latency",
    ] {
        assert_eq!(head.all(name).len(), 1, "{name}\n{head}");
        assert_ne!(head.one(name), Some("x"), "{name}\n{head}");
    }
}

fn connection_options_are_for_one_hop() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Drop, keep-alive\r\nX-Drop: 1\r\nX-Stay: 1\r\n\
         Connection: x-also\r\nX-Also: 1\r\n\r\n",
    );
    client.response().expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(head.all("x-drop"), [""; 0], "{head}");
    assert_eq!(head.all("x-also"), [""; 0], "{head}");
    assert_eq!(head.one("x-stay"), Some("1"));
    assert!(!head.has_token("connection", "x-drop"), "{head}");
    // What the client nominates can never remove what the gateway adds.
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Real-IP, Via, X-Kong-Request-Id\r\n\r\n");
    let status = client.response().status();
    if status == 200 {
        let head = origin.wait_head(1).1;
        assert_eq!(head.one("x-real-ip"), Some("127.0.0.1"));
        assert!(head.one("via").is_some() && head.one("x-kong-request-id").is_some());
    } else {
        assert_eq!(status, 400);
    }
}

fn hop_by_hop_fields_never_pass() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nProxy: evil\r\nX-Stay: 1\r\n\
         Connection: Upgrade, HTTP2-Settings, TE\r\n\r\n",
    );
    client.response().expect(200);
    let head = origin.wait_head(0).1;
    for name in [
        "keep-alive",
        "proxy-connection",
        "te",
        "upgrade",
        "http2-settings",
        "proxy",
    ] {
        assert_eq!(head.all(name), [""; 0], "{name} passed\n{head}");
    }
    assert_eq!(head.one("x-stay"), Some("1"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip;q=0.5, trailers\r\nConnection: TE\r\n\r\n");
    client.response().expect(200);
    let head = origin.wait_head(1).1;
    assert_eq!(head.one("te"), Some("trailers"), "our own TE\n{head}");
    client.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
    client.response().expect(200);
    assert_eq!(
        origin.wait_head(2).1.one("upgrade"),
        None,
        "an upgrade that Connection does not name"
    );
}

fn credentials_pass_unchanged() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\nCookie: a=b; c=d\r\n\
         Proxy-Authorization: Basic eA==\r\n\r\n",
    );
    client.response().expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(head.one("authorization"), Some("Basic YTpi"));
    assert_eq!(head.one("cookie"), Some("a=b; c=d"));
    // As recorded from Kong, whose basic-auth reads it.
    assert_eq!(head.one("proxy-authorization"), Some("Basic eA=="));
}

fn loop_is_detected() {
    // Holding the port without listening lets the gateway (SO_REUSEPORT) have it, and nobody else.
    let reserved =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    reserved.set_reuse_port(true).unwrap();
    reserved
        .bind(
            &"127.0.0.1:0"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    let port = reserved.local_addr().unwrap().as_socket().unwrap().port();
    let gateway = Config::to(port)
        .listener(&format!("address = \"127.0.0.1:{port}\""))
        .start();
    gateway
        .get("/")
        .expect(502)
        .expect_cause("proxy_loop_detected");
}

fn via_grows_in_order() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 first, 2 second\r\nVia: 1.1 third\r\n\r\n");
    client.response().expect(200);
    let via = origin.wait_head(0).1.all("via").join(", ");
    assert!(
        via.starts_with("1.0 first, 2 second, 1.1 third, 1.1 silverback"),
        "{via}"
    );
    client
        .send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        .response();
    let via = origin.wait_head(1).1.all("via").join(", ");
    assert!(
        via.starts_with("1.0 silverback"),
        "the version that the client used: {via}"
    );
}

const FORGED: &str = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n\
    X-Forwarded-Port: 99\r\nX-Forwarded-Path: /evil\r\nX-Forwarded-Prefix: /pre\r\nX-Real-IP: 9.9.9.9\r\n";

fn untrusted_identity_is_replaced() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let port = gateway.listeners[0].port().to_string();
    gateway
        .client()
        .send(format!("GET /p HTTP/1.1\r\nHost: a.test\r\n{FORGED}\r\n"))
        .response()
        .expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(
        head.one("x-forwarded-for"),
        Some("1.2.3.4, 127.0.0.1"),
        "appended, as in Kong"
    );
    assert_eq!(head.one("x-forwarded-proto"), Some("http"));
    assert_eq!(head.one("x-forwarded-host"), Some("a.test"));
    assert_eq!(head.one("x-forwarded-port"), Some(port.as_str()));
    assert_eq!(head.one("x-forwarded-path"), Some("/p"));
    assert_eq!(head.one("x-real-ip"), Some("127.0.0.1"));
    assert_ne!(head.one("x-forwarded-prefix"), Some("/pre"), "{head}");
}

fn trusted_identity_is_continued() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .gateway("workers = 1\ntrusted_ips = [\"127.0.0.0/8\"]")
        .start();
    gateway
        .client()
        .send(format!("GET /p HTTP/1.1\r\nHost: a.test\r\n{FORGED}\r\n"))
        .response()
        .expect(200);
    let head = origin.wait_head(0).1;
    assert!(
        head.one("x-forwarded-for")
            .unwrap()
            .starts_with("1.2.3.4, "),
        "{head}"
    );
    assert_eq!(head.one("x-forwarded-proto"), Some("https"));
    assert_eq!(head.one("x-forwarded-host"), Some("evil.test"));
    assert_eq!(head.one("x-forwarded-port"), Some("99"));
    assert_eq!(
        head.one("x-real-ip"),
        Some("9.9.9.9"),
        "Kong's default real_ip_header is X-Real-IP"
    );
}

fn nothing_happens_before_the_head_is_complete() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET /partial HTTP/1.1\r\nHost: a\r\nX-A: b\r\n");
    client.wire.half_close();
    client.wire.read_to_end();
    gateway.get("/whole").expect(200);
    assert_eq!(origin.heads(), 1);
    assert_eq!(origin.wait_head(0).1.target(), "/whole");
}

fn conditions_and_ranges_pass() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let fields = [
        "If-None-Match: \"a\"",
        "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        "Range: bytes=0-4",
        "If-Range: \"a\"",
        "Cache-Control: no-cache",
    ];
    gateway
        .client()
        .send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
            fields.join("\r\n")
        ))
        .response()
        .expect(200);
    let head = origin.wait_head(0).1;
    for field in fields {
        let (name, value) = field.split_once(": ").unwrap();
        assert_eq!(head.one(name), Some(value));
    }
}

fn host_compares_in_its_normal_form() {
    let origin = Origin::hello();
    let gateway = Config::empty()
        .service(origin.port(), "", "hosts = [\"api.test\"]")
        .start();
    for host in ["api.test", "API.Test", "api.test:8080", "api.test."] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let status = gateway.client().send(request).response().status();
        assert_eq!(status, 200, "Host: {host}");
    }
    let mut client = gateway.client();
    client
        .send("GET / HTTP/1.1\r\nHost: api.test.evil\r\n\r\n")
        .response()
        .expect(404);
}

fn host_of_the_client_can_be_preserved() {
    let origin = Origin::hello();
    let gateway = Config::empty()
        .service(origin.port(), "", "paths = [\"/\"]\npreserve_host = true")
        .start();
    let mut client = gateway.client();
    client
        .send("GET / HTTP/1.1\r\nX-First: 1\r\nHost: ABC.test:8080\r\n\r\n")
        .response()
        .expect(200);
    let head = origin.wait_head(0).1;
    assert_eq!(head.one("host"), Some("ABC.test:8080"));
    assert_eq!(head.fields[0].0.to_ascii_lowercase(), "host");
}

fn http_1_0_without_host_goes_to_the_default_route() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    gateway
        .client()
        .send("GET / HTTP/1.0\r\n\r\n")
        .response()
        .expect(200);
    let host = origin.wait_head(0).1.one("host").map(str::to_owned);
    assert_eq!(host, Some(format!("127.0.0.1:{}", origin.port())));
    let picky = Config::empty()
        .service(origin.port(), "", "hosts = [\"api.test\"]")
        .start();
    picky
        .client()
        .send("GET / HTTP/1.0\r\n\r\n")
        .response()
        .expect(404);
}

fn max_forwards_zero_is_answered_here() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client: Client = gateway.client();
    client.send("OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
    let status = client.response().status();
    assert!((200..300).contains(&status), "got {status}");
    client.send("TRACE /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
    client.response().expect(405);
    assert_eq!(origin.heads(), 0);
}

fn request_id_is_ours_and_the_same_everywhere() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Kong-Request-Id: mine\r\n\r\n");
    let told = client
        .response()
        .head
        .one("x-kong-request-id")
        .map(str::to_owned)
        .unwrap();
    assert_eq!(
        origin.wait_head(0).1.one("x-kong-request-id"),
        Some(told.as_str())
    );
    assert_ne!(told, "mine");
    let other = client.get("/").response();
    assert_ne!(other.head.one("x-kong-request-id"), Some(told.as_str()));
}
