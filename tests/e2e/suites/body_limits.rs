//! What request-size-limiting says of bodies whose length nobody knows before they have come.

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;

cases! {
    chunks_are_counted_on_their_way: [];
    chunks_beyond_the_bound_are_refused_in_the_plugins_words: [];
    chunks_beyond_the_bound_from_the_start_reach_nobody: [];
    an_expectation_is_answered_with_417: [];
    an_announced_length_is_refused_before_it_comes: [];
    an_observed_bound_stops_nothing: [];
    plugins_answer_for_a_route_without_a_service: [];
}

/// A gateway that lets eight bytes through.
fn gateway(origin: &Origin, mode: &str) -> Gateway {
    let config = format!(
        "{{ allowed_payload_size = 8, size_unit = \"bytes\", require_content_length = false, mode = \"{mode}\" }}"
    );
    Config::to(origin.port())
        .entities(&format!(
            "[[plugins]]\nname = \"request-size-limiting\"\nconfig = {config}\n"
        ))
        .start()
}

const HEAD: &str = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const TEXT: &str = "\"message\":\"Request size limit exceeded\"";

fn chunks_are_counted_on_their_way() {
    let origin = Origin::echo();
    let gateway = gateway(&origin, "enforce");
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(HEAD).send("4\r\nabcd\r\n");
        origin.wait_head(0);
        client.send("4\r\nefgh\r\n0\r\n\r\n");
        assert_eq!(client.response().expect(200).text(), "abcdefgh");
    }
}

fn chunks_beyond_the_bound_are_refused_in_the_plugins_words() {
    let origin = Origin::echo();
    let gateway = gateway(&origin, "enforce");
    let mut client = gateway.client();
    client.send(HEAD).send("4\r\nabcd\r\n");
    origin.wait_head(0);
    client.send("5\r\nefghi\r\n");
    let response = client.response().expect(413);
    let response = response.expect_cause("http_request_denied");
    assert!(response.text().contains(TEXT), "{}", response.text());
    assert!(response.closes());
    assert!(origin.requests().iter().all(|request| !request.complete));
}

fn chunks_beyond_the_bound_from_the_start_reach_nobody() {
    let origin = Origin::echo();
    let gateway = gateway(&origin, "enforce");
    for end in ["", "0\r\n\r\n"] {
        let mut client = gateway.client();
        client.send(format!("{HEAD}9\r\nabcdefghi\r\n{end}"));
        let response = client.response().expect(413);
        assert!(response.text().contains(TEXT), "{}", response.text());
    }
    assert_eq!(origin.connections(), 0);
}

fn an_expectation_is_answered_with_417() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        peer.wait_end();
    });
    let gateway = gateway(&origin, "enforce");
    let mut client = gateway.client();
    client.send(HEAD.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"));
    client.response().expect(100);
    client.send("9\r\nabcdefghi\r\n");
    let response = client.response().expect(417);
    assert!(response.text().contains(TEXT), "{}", response.text());
}

fn an_announced_length_is_refused_before_it_comes() {
    let origin = Origin::echo();
    let gateway = gateway(&origin, "enforce");
    let mut client = gateway.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    let response = client.response().expect(413);
    assert!(response.text().contains(TEXT), "{}", response.text());
    // Nine bytes are few enough to be dropped, and then the connection serves the next request.
    client.send("abcdefghi").post("/y", b"abcdefgh");
    assert_eq!(client.response().expect(200).text(), "abcdefgh");
    assert_eq!(origin.requests().len(), 1);
}

fn an_observed_bound_stops_nothing() {
    let origin = Origin::echo();
    let gateway = gateway(&origin, "observe");
    let mut client = gateway.client();
    client.send(HEAD).send("4\r\nabcd\r\n");
    origin.wait_head(0);
    client.send("5\r\nefghi\r\n0\r\n\r\n");
    assert_eq!(client.response().expect(200).text(), "abcdefghi");
    client.post("/y", b"abcdefghi");
    assert_eq!(client.response().expect(200).text(), "abcdefghi");
}

fn plugins_answer_for_a_route_without_a_service() {
    let gateway = Config::empty()
        .entities(
            "[[routes]]\nname = \"closed\"\npaths = [\"/closed\"]\n\
             [[routes.plugins]]\nname = \"request-termination\"\n\
             config = { status_code = 200, message = \"ok\", echo = false }\n\
             [[routes]]\nname = \"bare\"\npaths = [\"/bare\"]\n",
        )
        .start();
    let mut client = gateway.client();
    let response = client.get("/closed").response().expect(200);
    assert_eq!(response.text(), "{\"message\":\"ok\"}");
    client.get("/bare").response().expect(503);
}
