//! The mock plugin over real sockets: answers made to order, delays that cost nobody else anything, and transformed
//! answers with the length that they have.

use std::time::Duration;
use std::time::Instant;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    a_mock_answers_without_a_service: [];
    a_delayed_answer_holds_nobody_else_up: [];
    a_client_that_leaves_ends_its_delay: [];
    an_origin_answers_after_a_delay: [];
    the_log_is_of_all_workers_and_goes_with_its_plugin: [];
    a_transformed_answer_has_its_new_length: [];
    a_transformed_request_has_its_new_length: [];
}

/// A gateway with one route without a service, and this mock on it.
fn mocking(config: &str) -> Gateway {
    Config::empty()
        .entities(&format!(
            "[[routes]]\nname = \"mock\"\npaths = [\"/\"]\n\
             [[routes.plugins]]\nname = \"mock\"\nconfig = {{ {config} }}\n"
        ))
        .start()
}

fn a_mock_answers_without_a_service() {
    let gateway = mocking(
        "status = 418, reason = \"Short and stout\", body = \"{}\", headers = { X-A = \"1\" }",
    );
    let mut client = gateway.client();
    for _ in 0..2 {
        let response = client.post("/tea", b"water").response().expect(418);
        assert_eq!(response.head.start, "HTTP/1.1 418 Short and stout");
        assert_eq!(response.head.one("x-a"), Some("1"));
        assert_eq!(
            response.head.one("content-type"),
            Some("application/json; charset=utf-8")
        );
        assert_eq!(response.text(), "{}");
    }
}

fn a_delayed_answer_holds_nobody_else_up() {
    let gateway = Config::empty()
        .entities(
            "[[routes]]\nname = \"slow\"\npaths = [\"/slow\"]\n\
             [[routes.plugins]]\nname = \"mock\"\nconfig = { delay = 500, echo = \"body\" }\n\
             [[routes]]\nname = \"quick\"\npaths = [\"/quick\"]\n\
             [[routes.plugins]]\nname = \"mock\"\n",
        )
        .start();
    let start = Instant::now();
    let mut slow: Vec<_> = (0..50).map(|_| gateway.client()).collect();
    for client in &mut slow {
        client.post("/slow", b"hello");
    }
    gateway.client().get("/quick").response().expect(200);
    let quick = start.elapsed();
    for client in &mut slow {
        assert_eq!(client.response().expect(200).text(), "hello");
    }
    let all = start.elapsed();
    assert!(all >= Duration::from_millis(500), "{all:?}");
    assert!(
        quick < all && all < Duration::from_secs(10),
        "{quick:?} {all:?}"
    );
}

fn a_client_that_leaves_ends_its_delay() {
    let gateway = mocking("delay = 60000");
    let idle = gateway.fds();
    let mut client = gateway.client();
    client.get("/");
    client.wire.reset();
    eventually("the connection goes", || {
        (gateway.fds() <= idle).then_some(())
    });
}

fn an_origin_answers_after_a_delay() {
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .entities(
            "[[plugins]]\nname = \"mock\"\nconfig = { passthrough = true, delay = 200, log_requests = 5 }\n",
        )
        .start();
    let mut client = gateway.client();
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(
            client.post("/x", b"hello").response().expect(200).text(),
            "hello"
        );
        assert!(start.elapsed() >= Duration::from_millis(200));
    }
}

const LOGGED: &str = "00000000-0000-0000-0000-00000000000a";

/// A gateway of three workers and one route, whose mock keeps this many requests.
fn logging(log_requests: usize) -> Config {
    Config::empty().gateway("workers = 3\n").entities(&format!(
        "[[routes]]\nname = \"mock\"\npaths = [\"/\"]\n\
         [[routes.plugins]]\nname = \"mock\"\nid = \"{LOGGED}\"\ninstance_name = \"recorder\"\n\
         config = {{ status = 201, log_requests = {log_requests} }}\n"
    ))
}

/// The targets and statuses that a log has, in its order.
fn logged(gateway: &Gateway, name: &str) -> Vec<(String, u64)> {
    let har = gateway.admin("GET", &format!("/mock/{name}/log"));
    let har: serde_json::Value = serde_json::from_str(&har.expect(200).text()).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    let entries = har["log"]["entries"].as_array().unwrap();
    let entries = entries.iter().map(|entry| {
        let url = entry["request"]["url"].as_str().unwrap();
        let status = entry["response"]["status"].as_u64().unwrap();
        (url.rsplit('/').next().unwrap().to_owned(), status)
    });
    entries.collect()
}

fn the_log_is_of_all_workers_and_goes_with_its_plugin() {
    let gateway = logging(40).start();
    for number in 0..48 {
        gateway
            .client()
            .get(&format!("/{number}"))
            .response()
            .expect(201);
    }
    let cores = gateway.metric("silverback_core_requests_total{core=\"0\"}");
    assert!(cores < 48.0, "more than one worker has served");
    let expected: Vec<_> = (8..48).map(|number| (number.to_string(), 201)).collect();
    for name in [LOGGED, "recorder"] {
        assert_eq!(logged(&gateway, name), expected, "the last ones, in order");
    }
    let reload = |config: Config| {
        std::fs::write(gateway.file(), config.toml()).unwrap();
        gateway.admin("POST", "/reload").expect(200);
    };
    reload(logging(0));
    gateway
        .admin("GET", &format!("/mock/{LOGGED}/log"))
        .expect(404);
    reload(logging(40));
    eventually("workers have forgotten the log", || {
        logged(&gateway, LOGGED).is_empty().then_some(())
    });
    gateway.get("/new").expect(201);
    assert_eq!(logged(&gateway, LOGGED), [("new".to_owned(), 201)]);
    gateway.admin("GET", "/mock/nobody/log").expect(404);
}

fn a_transformed_answer_has_its_new_length() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            let kind = if request.head.target() == "/json" {
                "application/json"
            } else {
                "text/x"
            };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n\
                 7\r\n{{\"a\":1,\r\n6\r\n\"b\":2}}\r\n0\r\n\r\n"
            ));
        }
    });
    let gateway = Config::to(origin.port())
        .entities(
            "[[plugins]]\nname = \"response-transformer\"\n\
             [plugins.config]\nremove.json = [\"a\"]\nadd.json = [\"c:x\"]\nadd.headers = [\"X-A:1\"]\n",
        )
        .start();
    let mut client = gateway.client();
    for _ in 0..2 {
        let response = client.get("/json").response().expect(200);
        assert_eq!(response.text(), "{\"b\":2,\"c\":\"x\"}");
        assert_eq!(response.head.length(), Some(15));
        assert_eq!(response.head.one("x-a"), Some("1"));
        let response = client.get("/text").response().expect(200);
        assert_eq!(response.text(), "{\"a\":1,\"b\":2}");
    }
}

fn a_transformed_request_has_its_new_length() {
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .entities(
            "[[plugins]]\nname = \"request-transformer\"\n\
             [plugins.config]\nremove.body = [\"a\"]\nadd.body = [\"c:$(headers.x_c or 'none')\"]\n",
        )
        .start();
    let mut client = gateway.client();
    let head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for body in [
        "Content-Length: 13\r\n\r\n{\"a\":1,\"b\":2}",
        "Transfer-Encoding: chunked\r\nX-C: x\r\n\r\nd\r\n{\"a\":1,\"b\":2}\r\n0\r\n\r\n",
    ] {
        client.send(format!("{head}{body}"));
        let text = client.response().expect(200).text();
        assert!(text.starts_with("{\"b\":2,\"c\":\""), "{text}");
    }
    client.send(format!("{head}Content-Length: 2000000\r\n\r\n"));
    client.response().expect(413);
}
