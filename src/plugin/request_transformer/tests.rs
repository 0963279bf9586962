//! The plugin as a whole: what an origin gets, mostly after what a real Kong has sent.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::http::Cause;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::lines;
use crate::plugin::testing::try_compile;
use crate::router::Facts;
use crate::router::PathPattern;
use crate::router::RouteCriteria;
use crate::router::Router;
use crate::router::Scheme;
use crate::router::Scratch;

/// The configuration of the recorded cases.
fn recorded() -> Value {
    json!({
        "remove": {"headers": ["X-Rm"], "querystring": ["rm"], "body": ["rm"]},
        "rename": {"headers": ["X-Old:X-New"], "querystring": ["o:n"], "body": ["o:n"]},
        "replace": {"headers": ["X-Rep:r"], "querystring": ["rep:r"], "body": ["rep:r"]},
        "add": {"headers": ["X-Add:a", "X-Exists:no"], "querystring": ["add:a"], "body": ["add:a"]},
        "append": {"headers": ["X-App:1", "X-App:2"], "querystring": ["app:1"], "body": ["app:1"]},
    })
}

/// What the origin gets: lines that are added, the query, the body.
fn sent(config: Value, trial: &mut Trial) -> (Vec<String>, Option<String>, Option<String>) {
    let plugin = compile(&DEFINITION, config);
    let lines = trial.passed_by(&*plugin);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let query = trial.rewrite.query.as_ref();
    let query = query.map(|query| text(query.as_deref().unwrap_or(b"none")));
    (lines, query, trial.rewrite.body.as_deref().map(text))
}

#[test]
fn fields_and_query_are_changed_as_in_the_recording() {
    let received = [
        "X-Rm: 1",
        "X-Old: o",
        "X-Rep: x",
        "X-Exists: yes",
        "X-App: 0",
    ];
    let mut trial = Trial::new("GET /p?rm=1&o=2&rep=3&keep=4", &received);
    let (lines, query, body) = sent(recorded(), &mut trial);
    assert_eq!(
        lines,
        ["x-new: o", "X-Rep: r", "X-Add: a", "X-App: 1", "X-App: 2"]
    );
    assert_eq!(query.as_deref(), Some("add=a&app=1&keep=4&n=2&rep=r"));
    assert_eq!(body, None);
    for (name, hidden) in [
        ("x-rm", true),
        ("x-old", true),
        ("x-rep", true),
        ("x-exists", false),
        ("x-app", false),
    ] {
        assert_eq!(trial.hides(name), hidden, "{name}");
    }
}

#[test]
fn a_json_body_is_changed_as_in_the_recording() {
    let body = br#"{"rm":1,"o":2,"rep":3,"keep":4}"#;
    let mut trial = Trial::with_body("POST /", &["Content-Type: application/json"], body);
    let (_, query, body) = sent(recorded(), &mut trial);
    assert_eq!(query.as_deref(), Some("add=a&app=1"));
    let body = body.unwrap();
    assert_eq!(body.len(), 48);
    assert_eq!(body, r#"{"n":2,"rep":"r","keep":4,"add":"a","app":["1"]}"#);
}

#[test]
fn a_form_is_changed_as_in_the_recording() {
    let kind = ["Content-Type: application/x-www-form-urlencoded"];
    let mut trial = Trial::with_body("POST /", &kind, b"rm=1&o=2&rep=3&keep=4");
    let (_, _, body) = sent(recorded(), &mut trial);
    assert_eq!(body.as_deref(), Some("n=2&rep=r&keep=4&add=a&app=1"));
}

#[test]
fn a_multipart_form_is_changed_but_not_appended_to() {
    let kind = ["Content-Type: multipart/form-data; boundary=b"];
    let part = |name, value| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = [part("rm", 1), part("o", 2), part("rep", 3), part("rep", 4)].concat() + "--b--";
    let mut trial = Trial::with_body("POST /", &kind, body.as_bytes());
    let (_, _, body) = sent(recorded(), &mut trial);
    let body = body.unwrap();
    assert!(body.contains("name=\"n\"\r\n\r\n2") && body.contains("name=\"rep\"\r\n\r\nr"));
    assert!(body.contains("name=\"add\"\r\n\r\na"));
    assert!(!body.contains("\"app\"") && !body.contains("\"rm\"") && body.ends_with("--b--\r\n"));
    assert_eq!(body.matches("name=\"rep\"").count(), 1);
}

#[test]
fn other_bodies_stay_as_they_are() {
    for (kind, body) in [
        ("text/plain", &b"rm=1"[..]),
        ("application/json", b"{not json"),
        ("application/json", b"[1]"),
        ("application/json", b"{\"a\":\"\xff\"}"),
        ("multipart/form-data", b"rm"),
        ("application/json\r\nContent-Encoding: gzip", b"{}"),
    ] {
        let line = format!("Content-Type: {kind}");
        let mut trial = Trial::with_body("POST /", &[&line], body);
        assert_eq!(sent(recorded(), &mut trial).2, None, "{kind}");
    }
    let unchanged = json!({"replace": {"body": ["x:y"]}});
    let mut trial = Trial::with_body("POST /", &["Content-Type: application/json"], b" {} ");
    assert_eq!(sent(unchanged, &mut trial).2, None);
}

#[test]
fn a_body_that_is_too_much_to_look_through_is_refused() {
    let refused = |mut trial: Trial| {
        let plugin = compile(&DEFINITION, json!({"remove": {"body": ["role"]}}));
        let cause = trial.refused_by(&*plugin).cause;
        assert_eq!(cause, Some(Cause::RequestBodyTooLarge));
    };
    let mut unseen = Trial::new("POST /", &["Content-Type: application/json"]);
    unseen.body = None;
    refused(unseen);
    let kind = ["Content-Type: application/x-www-form-urlencoded"];
    refused(Trial::with_body("POST /", &kind, &b"&".repeat(20_000)));
    let kind = ["Content-Type: multipart/form-data; boundary=b"];
    refused(Trial::with_body(
        "POST /",
        &kind,
        &b"\n--b\n".repeat(20_000),
    ));
    let kind = ["Content-Type: application/json"];
    let many = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(20_000));
    refused(Trial::with_body("POST /", &kind, many.as_bytes()));
    // Nobody looks into this one.
    let mut other = Trial::new("POST /", &["Content-Type: text/plain"]);
    other.body = None;
    assert!(other.passes(&*compile(&DEFINITION, recorded())));
}

#[test]
fn templates_are_filled_as_in_the_recording() {
    let config = json!({
        "http_method": "POST",
        "replace": {"uri": "/new/$(uri_captures[1] or 'none')"},
        "add": {"headers": ["X-Q:$(query_params.q)", "X-H:$(headers.host)"]},
    });
    let mut trial = Trial::new("GET /x?q=7", &[]);
    let (lines, query, _) = sent(config, &mut trial);
    assert_eq!(lines, ["X-Q: 7", "X-H: api.test"]);
    assert_eq!(query, None);
    assert_eq!(trial.rewrite.method.as_deref(), Some(&b"POST"[..]));
    assert_eq!(trial.rewrite.path.as_deref(), Some(&b"/new/none"[..]));
}

#[test]
fn templates_see_the_request_as_it_was() {
    let config = json!({
        "remove": {"headers": ["X-Gone"], "querystring": ["q"]},
        "replace": {"headers": ["X-Rep:new"], "querystring": ["r:$(headers['x-rep'])"]},
        "add": {"headers": ["X-Was:$(headers.x_gone)", "X-Who:$(headers.x_consumer_username)"]},
        "append": {"querystring": ["r:$(query_params.q)"]},
    });
    let mut trial = Trial::new("GET /?q=old&r", &["X-Gone: g", "X-Rep: r"]);
    trial.upstream.add(b"X-Consumer-Username", b"alice");
    let (lines, query, _) = sent(config, &mut trial);
    assert_eq!(
        lines,
        [
            "X-Consumer-Username: alice",
            "X-Rep: new",
            "X-Was: g",
            "X-Who: alice"
        ]
    );
    assert_eq!(query.as_deref(), Some("r=r&r=old"));
}

#[test]
fn captures_are_asked_for_and_filled_in() {
    let uri = "/u/$(uri_captures.user)/$(uri_captures[\"2\"])/$(uri_captures[0])";
    let plugin = compile(&DEFINITION, json!({"replace": {"uri": uri}}));
    assert!(plugin.needs().has(Needs::CAPTURES));
    let route = RouteCriteria {
        paths: vec![PathPattern::parse("~/r/(?<user>[^/]+)/(.+)").unwrap()],
        ..RouteCriteria::default()
    };
    let router = Router::compile(&[route]).unwrap();
    let head = RequestHead::default();
    let facts = Facts {
        scheme: Scheme::Http,
        method: b"GET",
        host: b"",
        port: 80,
        path: "/r/a?b/é#".as_bytes(),
        fields: &head.fields,
        head: b"",
        sni: None,
    };
    let mut scratch = Scratch::default();
    let found = router.find(&facts, &mut scratch).unwrap();
    let before = Before {
        head: &head,
        bytes: b"",
        edits: Edits::default(),
        query: Cow::Borrowed(b""),
        captures: router.captures(&found, facts.path, &mut scratch),
    };
    let path = path_of(&Template::parse(uri).unwrap(), &before);
    let expected = "/u/a%3Fb/%C3%A9%23//r/a%3Fb/%C3%A9%23";
    assert_eq!(String::from_utf8(path).unwrap(), expected);
}

#[test]
fn a_path_may_bring_a_query_of_its_own_and_begins_with_a_slash() {
    let mut trial = Trial::new("GET /", &["X-P: up?a"]);
    sent(
        json!({"replace": {"uri": "$(headers.x_p)/new?a=b c"}}),
        &mut trial,
    );
    let path = trial.rewrite.path.as_deref();
    assert_eq!(path, Some(&b"/up%3Fa/new?a=b%20c"[..]));
}

#[test]
fn a_form_moves_into_the_query_where_the_method_has_no_body() {
    let plugin = compile(&DEFINITION, json!({"http_method": "GET"}));
    assert!(plugin.needs().has(Needs::REQUEST_BODY));
    let kind = ["Content-Type: application/x-www-form-urlencoded"];
    let mut trial = Trial::with_body("POST /?hello=world", &kind, b"name=marco&hello=you");
    let (_, query, body) = sent(json!({"http_method": "GET"}), &mut trial);
    assert_eq!(query.as_deref(), Some("hello=world&hello=you&name=marco"));
    assert_eq!(body, None);
}

#[test]
fn a_body_can_be_made_for_a_request_without_one() {
    let config = json!({
        "http_method": "POST",
        "add": {"headers": ["Content-Type:application/json"], "body": ["a:\"b\"\n"]},
    });
    let (lines, _, body) = sent(config, &mut Trial::new("GET /", &[]));
    assert_eq!(lines, ["Content-Type: application/json"]);
    assert_eq!(body.as_deref(), Some(r#"{"a":"\"b\"\n"}"#));
}

#[test]
fn host_can_be_replaced_and_nothing_else() {
    let config = json!({
        "remove": {"headers": ["Host"]},
        "replace": {"headers": ["host:other.test:81"]},
        "add": {"headers": ["Host:add.test"]},
        "append": {"headers": ["Host:append.test"]},
    });
    let mut trial = Trial::new("GET /", &[]);
    assert!(sent(config, &mut trial).0.is_empty());
    assert_eq!(trial.rewrite.host.as_deref(), Some(&b"other.test:81"[..]));
    let evil = json!({"replace": {"headers": ["Host:$(query_params.h)"]}});
    let mut trial = Trial::new("GET /?h=a%0d%0aX-Evil:1", &[]);
    sent(evil, &mut trial);
    assert_eq!(trial.rewrite.host, None);
}

#[test]
fn what_the_gateway_writes_itself_has_one_line() {
    let config = json!({
        "rename": {"headers": ["X-A:X-Real-IP"]},
        "replace": {"headers": ["X-Forwarded-For:1.2.3.4"]},
        "add": {"headers": ["X-Kong-Request-Id:1", "Content-Length:1", "Expect:x"]},
        "append": {"headers": ["X-Forwarded-Host:x", "Connection:close"]},
    });
    let mut trial = Trial::new("GET /", &["X-A: 1", "X-Forwarded-For: 2.3.4.5"]);
    assert!(sent(config, &mut trial).0.is_empty());
}

#[test]
fn all_values_are_renamed_and_the_old_ones_go() {
    let config = json!({"rename": {"headers": ["X-A:X-B", "X-Gone:X-B"]}});
    let mut trial = Trial::new("GET /", &["x-a: 1", "X-B: 0", "X-A: 2"]);
    trial.upstream.add(b"X-a", b"3");
    assert_eq!(sent(config, &mut trial).0, ["x-b: 1", "x-b: 2", "x-b: 3"]);
    assert!(trial.hides("x-a") && trial.hides("x-b"));
}

#[test]
fn the_query_that_another_plugin_has_changed_is_the_one_that_counts() {
    let mut trial = Trial::new("GET /?apikey=k&a=1", &[]);
    trial.rewrite.query = Some(Some(b"a=1".as_slice().into()));
    let (_, query, _) = sent(json!({"add": {"querystring": ["b:2"]}}), &mut trial);
    assert_eq!(query.as_deref(), Some("a=1&b=2"));
    let (_, query, _) = sent(json!({"remove": {"querystring": ["a", "b"]}}), &mut trial);
    assert_eq!(query.as_deref(), Some("none"));
}

#[test]
fn bodies_are_asked_for_only_where_there_are_rules_for_them() {
    let needs = |config| compile(&DEFINITION, config).needs();
    assert_eq!(needs(json!({})), Needs::REQUEST);
    let body = needs(json!({"append": {"body": ["a:b"]}}));
    assert_eq!(body, Needs::REQUEST.and(Needs::REQUEST_BODY));
    let fault = try_compile(&DEFINITION, json!({"add": {"headers": ["X-Lua:$(1+1)"]}}));
    assert!(
        fault
            .unwrap_err()
            .contains("something else than `or` in $(1+1)")
    );
    let mut idle = Trial::new("GET /?b&a", &["X-A: 1"]);
    assert_eq!(sent(json!({}), &mut idle), (Vec::new(), None, None));
}

proptest! {
    #[test]
    fn no_request_is_too_odd(
        query in "[ -~]{0,24}",
        value in "[ -~]{0,24}",
        kind in prop::sample::select(vec![
            "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data",
        ]),
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut config = recorded();
        config["replace"]["uri"] = json!("/$(query_params.rm)/$(headers.x_old or uri_captures.x)");
        config["add"]["headers"] = json!(["X-Add:$(headers.x_old)", "X-Query:$(query_params.o)"]);
        let value = format!("X-Old: {value}");
        let kind = format!("Content-Type: {kind}");
        let query = format!("POST /?o={query}").replace([' ', '#'], "");
        let Some(mut trial) = Trial::try_new(query.as_bytes(), &[&value, &kind], &body) else { return Ok(()) };
        let plugin = compile(&DEFINITION, config);
        match trial.run(|request| plugin.on_request(request)) {
            ControlFlow::Continue(()) => {
                let path = trial.rewrite.path.as_deref().unwrap();
                prop_assert!(path.iter().all(u8::is_ascii_graphic));
                prop_assert!(!path.contains(&b'?') && !path.contains(&b'#'));
                let query = trial.rewrite.query.as_ref().unwrap().as_deref().unwrap();
                prop_assert!(query.iter().all(u8::is_ascii_graphic));
                let lines = lines(&trial.upstream);
                prop_assert_eq!(lines.last().map(String::as_str), Some("X-App: 2"));
            }
            ControlFlow::Break(_) => {
                return Err(TestCaseError::fail("refused"));
            }
        }
    }
}
