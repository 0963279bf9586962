//! Each way in which a request can end, as the command shows it.

use super::FieldLine;
use super::Question;
use super::print;
use super::try_request;
use crate::config;

const CONFIG: &str = "[[services]]\nname = \"orders\"\nurl = \"http://orders.internal:9000/base\"\n\
    [[services.routes]]\nname = \"v1\"\nhosts = [\"api.example.com\"]\npaths = [\"/v1\"]\n\
    [[services.routes]]\nname = \"beta\"\nhosts = [\"api.example.com\"]\npaths = [\"/v1\"]\n\
    headers = { x-beta = [\"yes\"] }\n\
    [[services.routes]]\nname = \"item\"\npaths = [\"~/item/(?<id>\\\\d+)$\"]\n\
    [[services.routes]]\nname = \"closed\"\npaths = [\"/closed\"]\nprotocols = [\"https\"]\n\
    [[routes]]\nname = \"orphan\"\npaths = [\"/orphan\"]\n";

/// What the command prints, as text and as JSON.
fn tried(arguments: &[&str]) -> (String, serde_json::Value) {
    let model = config::parse_str("test", CONFIG).unwrap().model;
    let request = Question::parse(arguments[0]).unwrap();
    let lines = arguments[1..].iter().filter(|argument| **argument != "-H");
    let headers: Vec<FieldLine> = lines.map(|line| FieldLine::parse(line).unwrap()).collect();
    let tried = try_request(&model, &request, &headers).unwrap();
    let (mut text, mut json) = (Vec::new(), Vec::new());
    print::text(&request, &tried, &mut text).unwrap();
    print::json(&request, &tried, &mut json).unwrap();
    let json = serde_json::from_slice(&json).unwrap();
    (String::from_utf8(text).unwrap(), json)
}

#[test]
fn winner_upstream_and_runners_up_are_told() {
    let (text, json) = tried(&["GET https://api.example.com/v1/x?y=1"]);
    for part in [
        "route     v1\n",
        "path      /v1\n",
        "service   orders\n",
        "upstream  GET http://orders.internal:9000/base/x?y=1\n",
        "beta    does not match: headers\n",
    ] {
        assert!(text.contains(part), "{part}{text}");
    }
    assert_eq!(json["route"]["name"], "v1");
    assert_eq!(
        json["upstream_url"],
        "http://orders.internal:9000/base/x?y=1"
    );
    assert_eq!(json["others"][0]["unmet"][0], "headers");
}

#[test]
fn rule_that_decided_is_told() {
    let (text, json) = tried(&["http://api.example.com/v1/x", "-H", "X-Beta: yes"]);
    assert!(text.contains("route     beta\n"), "{text}");
    assert!(
        text.contains("v1      matches, but the winner asks for more kinds of criteria\n"),
        "{text}"
    );
    assert_eq!(json["others"][0]["rule"], "criteria_count");
}

#[test]
fn captures_are_told() {
    let (text, json) = tried(&["http://a/item/42"]);
    assert!(text.contains("capture   id = 42\n"), "{text}");
    assert_eq!(json["route"]["captures"]["id"], "42");
}

#[test]
fn answers_of_the_gateway_itself_are_told() {
    for (request, part, status) in [
        ("http://a/closed", "answer    426, because", 426),
        ("http://a/orphan", "answer    503, because", 503),
        ("http://a/nowhere", "no route matches\nanswer    404", 404),
        ("http://a/%zz", "refused before routing\nanswer    400", 400),
        (
            "TRACE http://a/",
            "refused before routing\nanswer    405",
            405,
        ),
    ] {
        let (text, json) = tried(&[request]);
        assert!(text.contains(part), "{part}{text}");
        assert_eq!(json["answer"]["status"], status, "{request}");
    }
    let (text, _) = tried(&["https://a/closed"]);
    assert!(text.contains("upstream  GET "), "{text}");
}
