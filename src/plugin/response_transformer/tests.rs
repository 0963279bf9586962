//! The plugin as a whole: what a client gets, mostly after what a real Kong has sent.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::base::ids::CoreId;
use crate::http::Method;
use crate::http::RequestHead;
use crate::http1::HeadLimits;
use crate::http1::response;
use crate::plugin::Core;
use crate::plugin::Directory;
use crate::plugin::Identity;
use crate::plugin::Notes;
use crate::plugin::Shared;
use crate::plugin::testing::compile;
use crate::plugin::testing::lines;

/// The configuration of the recorded cases.
fn recorded() -> Value {
    json!({
        "remove": {"headers": ["X-Rm:ignored"], "json": ["method"]},
        "rename": {"headers": ["X-Old:X-New"]},
        "replace": {"headers": ["X-Rep:r"], "json": ["uri:changed"]},
        "add": {"headers": ["X-Add:a"], "json": ["p1:v1"], "json_types": ["string"]},
        "append": {"headers": ["X-App:1"]},
    })
}

/// What a client gets.
struct Got {
    edits: Edits,
    wish: BodyWish,
    body: Vec<u8>,
}

impl Got {
    /// An origin's answer with these lines and this body through the plugin; an answer of our own without lines.
    fn of(config: Value, origin: Option<&[&str]>, edits: Edits, body: &[u8]) -> Self {
        let plugin = compile(&DEFINITION, config);
        let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
        for line in origin.unwrap_or_default() {
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        let mut head = ResponseHead::default();
        let limits = HeadLimits {
            head_bytes: limits::HEAD_BYTES_CEILING,
            line_bytes: limits::HEAD_BYTES_CEILING,
            fields: limits::HEADERS_CEILING,
        };
        let progress = &mut response::Progress::default();
        response::parse(&bytes, &limits, progress, Method::Get, &mut head).unwrap();
        let mut got = Self {
            edits,
            wish: BodyWish::Nothing,
            body: body.to_vec(),
        };
        let (core, mut notes) = (Core::new(CoreId(0), 1, Shared::default()), Notes::default());
        let mut response = Response {
            status: 200,
            origin: origin.map(|_| (&head, &bytes[..])),
            method: Method::Get,
            request: (&RequestHead::default(), b""),
            path: b"/",
            route: None,
            service: None,
            identity: &Identity::default(),
            directory: &Directory::default(),
            edits: &mut got.edits,
            body: BodyWish::Nothing,
            notes: &mut notes,
            core: &core,
            unix_micros: 0,
        };
        assert!(plugin.on_response(&mut response).is_continue());
        got.wish = response.body;
        if got.wish != BodyWish::Nothing {
            assert!(plugin.needs().has(Needs::RESPONSE_BODY));
            plugin.on_response_body(&mut ResponseBody {
                bytes: &mut got.body,
                status: 200,
                origin: (&head, &bytes),
                edits: &mut got.edits,
                notes: &mut notes,
                core: &core,
                unix_micros: 0,
            });
        }
        got
    }

    fn from_origin(config: Value, lines: &[&str], body: &[u8]) -> Self {
        Self::of(config, Some(lines), Edits::default(), body)
    }

    fn body(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn hides(&self, name: &str) -> bool {
        self.edits
            .removes(Name::of(name.as_bytes()), name.as_bytes())
    }
}

const JSON: &str = "Content-Type: application/json";

#[test]
fn fields_and_body_are_changed_as_in_the_recording() {
    let origin = [JSON, "X-Rm: 1", "X-Old: o", "X-Rep: x", "X-App: 0"];
    let body = br#"{"server": "a", "method": "GET", "uri": "/"}"#;
    let got = Got::from_origin(recorded(), &origin, body);
    assert_eq!(
        lines(&got.edits),
        ["X-New: o", "X-Rep: r", "X-Add: a", "X-App: 1"]
    );
    assert!(got.hides("x-rm") && got.hides("x-old") && got.hides("x-rep") && !got.hides("x-app"));
    assert_eq!(got.body(), r#"{"server":"a","uri":"changed","p1":"v1"}"#);
}

#[test]
fn an_answer_that_is_no_json_keeps_its_body() {
    let got = Got::from_origin(
        recorded(),
        &["Content-Type: text/plain; charset=UTF-8"],
        b"hi",
    );
    assert_eq!(lines(&got.edits), ["X-Add: a", "X-App: 1"]);
    assert_eq!((got.wish, got.body()), (BodyWish::Nothing, "hi"));
    for body in ["hi", "[1]", "", "{\"a\":"] {
        let got = Got::from_origin(recorded(), &[JSON], body.as_bytes());
        assert_eq!(got.body(), body);
    }
    let coded = [JSON, "Content-Encoding: gzip"];
    assert_eq!(
        Got::from_origin(recorded(), &coded, b"{}").wish,
        BodyWish::Nothing
    );
    let only_fields = json!({"add": {"headers": ["X-A:1"]}});
    assert_eq!(
        Got::from_origin(only_fields, &[JSON], b"{}").wish,
        BodyWish::Nothing
    );
}

#[test]
fn rules_for_fields_see_what_the_origin_has_sent() {
    let config = json!({
        "remove": {"headers": ["X-A", "X-B"]},
        "rename": {"headers": ["X-Two:X-One", "X-None:X-B"]},
        "replace": {"headers": ["X-B:back", "X-None:x", "X-Two:"]},
        "add": {"headers": ["X-A:not again", "X-C:"]},
        "append": {"headers": ["X-A:appended", "Content-Length:1", "Content-Type:text/x"]},
    });
    let origin = ["X-A: 1", "X-B: 2", "X-Two: a", "x-two: b"];
    let mut before = Edits::default();
    before.add(b"X-Two", b"c");
    let got = Got::of(config, Some(&origin), before, b"");
    let expected = [
        "X-One: a",
        "X-One: b",
        "X-One: c",
        "X-B: back",
        "X-A: appended",
        "Content-Type: text/x",
    ];
    assert_eq!(lines(&got.edits), expected);
}

#[test]
fn members_are_changed_in_order_and_types_are_kept() {
    let config = json!({
        "remove": {"json": ["gone"]},
        "rename": {"json": ["old:new", "none:x"]},
        "replace": {"json": ["new:1", "no:1", "none:1"], "json_types": ["number"]},
        "add": {"json": ["no:true", "x:1.5"], "json_types": ["boolean", "number"]},
        "append": {"json": ["list:a", "x:b", "y:c"]},
    });
    let body = br#"{"gone":1,"old":"o","no":false,"list":[1],"big":12345678901234567890123}"#;
    let got = Got::from_origin(config, &[JSON], body);
    let expected =
        r#"{"new":1,"no":true,"list":[1,"a"],"big":12345678901234567890123,"x":["b"],"y":["c"]}"#;
    assert_eq!(got.body(), expected);
}

#[test]
fn our_own_answers_have_their_content_type_already() {
    let config = json!({
        "add": {"headers": ["Content-Type:a/b", "X-A:1"], "json": ["a:b"]},
        "append": {"headers": ["Content-Type:a/b"]},
    });
    let got = Got::of(config, None, Edits::default(), b"");
    assert_eq!(lines(&got.edits), ["X-A: 1"]);
    assert_eq!(got.wish, BodyWish::Nothing);
}

proptest! {
    #[test]
    fn no_answer_is_too_odd(value in "[ -~]{0,24}", body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let value = format!("X-Old: {}", value.trim());
        let got = Got::from_origin(recorded(), &[JSON, &value], &body);
        let lines = lines(&got.edits);
        prop_assert_eq!(lines.last().map(String::as_str), Some("X-App: 1"));
    }
}
