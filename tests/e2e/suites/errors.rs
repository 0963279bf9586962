//! The gateway's own answers: Kong's bodies by what the client accepts, one cause everywhere.

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::Response;
use crate::support::cases;

cases! {
    json_is_the_default: ["B9", "V11"];
    html_when_preferred: [];
    xml_when_preferred: [];
    plain_when_preferred: [];
    weights_decide: [];
    unknown_types_get_json: [];
    gateway_failures_default_to_plain_text: ["V11"];
    refused_requests_default_to_plain_text: ["V11"];
    own_answers_carry_our_fields: ["V7", "V11"];
    route_without_service_is_503: [];
    upstream_without_targets_is_503: ["O9"];
    https_route_over_http_is_426: [];
    https_route_can_redirect: [];
    connection_survives_own_answers: ["B9"];
    plugin_that_denies_is_named: ["V11"];
}

fn not_found(gateway: &Gateway, accept: &str) -> (Response, String) {
    let mut client = gateway.client();
    client.send(format!("GET /x HTTP/1.1\r\nHost: a\r\n{accept}\r\n"));
    let response = client.response().expect(404);
    let id = response.head.one("x-kong-request-id").unwrap().to_owned();
    assert_eq!(id.len(), 32);
    (response, id)
}

fn check(accept: &str, media: &str, body: &str) {
    let gateway = Config::empty().start();
    let (response, id) = not_found(&gateway, accept);
    let expected = format!("{media}; charset=utf-8");
    assert_eq!(response.head.one("content-type"), Some(expected.as_str()));
    assert_eq!(response.text(), body.replace("<id>", &id));
}

const JSON: &str =
    "{\n  \"message\":\"no Route matched with those values\",\n  \"request_id\":\"<id>\"\n}";
const HTML: &str = "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  \
    </head>\n  <body>\n    <h1>Error</h1>\n    <p>no Route matched with those values.</p>\n    \
    <p>request_id: <id></p>\n  </body>\n</html>\n";
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  \
    <message>no Route matched with those values</message>\n  <requestid><id></requestid>\n</error>\n";
const PLAIN: &str = "no Route matched with those values\nrequest_id: <id>\n";

fn json_is_the_default() {
    check("", "application/json", JSON);
    let gateway = Config::empty().start();
    let (response, _) = not_found(&gateway, "");
    response.expect_cause("destination_not_found");
}

fn html_when_preferred() {
    check("Accept: text/html\r\n", "text/html", HTML);
}

fn xml_when_preferred() {
    check("Accept: application/xml\r\n", "application/xml", XML);
}

fn plain_when_preferred() {
    check("Accept: text/plain\r\n", "text/plain", PLAIN);
}

fn weights_decide() {
    check(
        "Accept: text/html;q=0.5, application/json;q=0.9\r\n",
        "application/json",
        JSON,
    );
    check(
        "Accept: application/json;q=0.1, text/html;q=0.2\r\n",
        "text/html",
        HTML,
    );
}

fn unknown_types_get_json() {
    check("Accept: image/png\r\n", "application/json", JSON);
    check("Accept: */*\r\n", "application/json", JSON);
}

fn gateway_failures_default_to_plain_text() {
    let origin = Origin::start(|peer| peer.reset());
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0")
        .start();
    let response = gateway.get("/").expect(502);
    let id = response.head.one("x-kong-request-id").unwrap().to_owned();
    assert_eq!(
        response.head.one("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let message = "An invalid response was received from the upstream server";
    assert_eq!(response.text(), format!("{message}\nrequest_id: {id}\n"));
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n");
    let response = client.response().expect(502);
    assert_eq!(
        response.head.one("content-type"),
        Some("application/json; charset=utf-8")
    );
}

fn refused_requests_default_to_plain_text() {
    let gateway = Config::empty().start();
    let response = gateway
        .client()
        .send("GET / HTTP/1.1\r\n\r\n")
        .response()
        .expect(400);
    let response = response.expect_cause("http_request_error");
    let id = response.head.one("x-kong-request-id").unwrap().to_owned();
    assert_eq!(
        response.head.one("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(response.text(), format!("Bad request\nrequest_id: {id}\n"));
}

fn own_answers_carry_our_fields() {
    let gateway = Config::empty().start();
    let response = gateway.get("/x").expect(404);
    let head = &response.head;
    assert!(
        head.one("server").unwrap().starts_with("silverback"),
        "{head}"
    );
    let latency = head.one("x-kong-response-latency").unwrap();
    assert!(latency.parse::<u64>().is_ok(), "{latency}");
    assert!(head.one("date").is_some(), "{head}");
    assert!(
        head.one("proxy-status").unwrap().starts_with("silverback"),
        "{head}"
    );
}

fn route_without_service_is_503() {
    let gateway = Config::empty()
        .entities("[[routes]]\nname = \"r\"\npaths = [\"/\"]\n")
        .start();
    let response = gateway
        .get("/")
        .expect(503)
        .expect_cause("proxy_configuration_error");
    assert!(
        response
            .text()
            .contains("no Service found with those values")
    );
}

fn upstream_without_targets_is_503() {
    for targets in [
        "",
        "[[upstreams.targets]]\ntarget = \"127.0.0.1:9\"\nweight = 0\n",
    ] {
        let gateway = Config::empty()
            .entities(&format!(
                "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\n[[services.routes]]\nname = \"r\"\n\
                 paths = [\"/\"]\n[[upstreams]]\nname = \"pool.test\"\n{targets}"
            ))
            .start();
        let response = gateway
            .get("/")
            .expect(503)
            .expect_cause("destination_unavailable");
        assert!(
            response
                .text()
                .contains("failure to get a peer from the ring-balancer")
        );
    }
}

fn https_route_over_http_is_426() {
    let gateway = Config::empty()
        .service(9, "", "paths = [\"/\"]\nprotocols = [\"https\"]")
        .start();
    let response = gateway.get("/").expect(426);
    assert!(response.text().contains("Please use HTTPS protocol"));
    assert_eq!(response.head.one("upgrade"), Some("TLS/1.2, HTTP/1.1"));
    assert!(response.head.has_token("connection", "upgrade"));
}

fn https_route_can_redirect() {
    let gateway = Config::empty()
        .service(
            9,
            "",
            "paths = [\"/\"]\nprotocols = [\"https\"]\nhttps_redirect_status_code = 301",
        )
        .start();
    let mut client = gateway.client();
    client.send("GET /a?b=c HTTP/1.1\r\nHost: abc.test:8000\r\n\r\n");
    let response = client.response().expect(301);
    assert_eq!(
        response.head.one("location"),
        Some("https://abc.test/a?b=c")
    );
}

fn connection_survives_own_answers() {
    let gateway = Config::empty().start();
    let mut client = gateway.client();
    for _ in 0..5 {
        assert!(!client.get("/x").response().expect(404).closes());
    }
}

fn plugin_that_denies_is_named() {
    let origin = Origin::hello();
    for (plugin, config, status) in [
        ("key-auth", "{}", 401),
        ("basic-auth", "{}", 401),
        ("hmac-auth", "{}", 401),
        ("jwt", "{}", 401),
        ("acl", "{ allow = [\"gold\"] }", 401),
        ("ip-restriction", "{ deny = [\"127.0.0.1\"] }", 403),
    ] {
        let plugin_toml = format!("[[plugins]]\nname = \"{plugin}\"\nconfig = {config}\n");
        let gateway = Config::to(origin.port()).entities(&plugin_toml).start();
        let response = gateway.get("/").expect(status);
        let said = format!("silverback; error=http_request_denied; details=\"denied: {plugin}\"");
        assert_eq!(response.head.one("proxy-status"), Some(said.as_str()));
    }
}
