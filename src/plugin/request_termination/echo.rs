//! A request described as JSON, for whoever looks for a fault between a client and an origin.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::base::node::Node;
use crate::http::Name;
use crate::plugin::Named;
use crate::plugin::Request;
use crate::plugin::arguments::arguments;

/// The whole body of an answer.
pub(super) fn describe(request: &Request<'_>, message: Option<&str>) -> Vec<u8> {
    let node = Node::own();
    let mut described = json!({
        "kong": { "hostname": node.hostname, "node_id": node.id, "worker_pid": node.pid },
        "request": of_request(request),
        "matched_route": of_entity(request.route),
    });
    if let Some(message) = message {
        described["message"] = message.into();
    }
    if let Some(service) = request.service {
        described["matched_service"] = of_entity(service);
    }
    described.to_string().into_bytes()
}

fn of_entity(entity: &Named) -> Value {
    let name = entity.is_named.then_some(&entity.label);
    json!({ "id": entity.id, "name": name })
}

fn of_request(request: &Request<'_>) -> Value {
    let (scheme, port) = if request.secure {
        ("https", 443)
    } else {
        ("http", 80)
    };
    let mut described = json!({
        "scheme": scheme,
        "host": text(request.host()).to_ascii_lowercase(),
        "port": request.head.port.unwrap_or(port),
        "method": text(request.method()),
        "path": text(request.path),
        "headers": headers(request),
        "query": of_arguments(request.query().unwrap_or_default()),
        "uri_captures": captures(request),
    });
    if let Some(body) = request.body {
        described["raw_body"] = text(body).into();
        if let Some(body) = parsed(request, body) {
            described["body"] = body;
        }
    }
    described
}

/// What a body means, if its type says so.
fn parsed(request: &Request<'_>, body: &[u8]) -> Option<Value> {
    let kind = request.head.fields.get(Name::ContentType, request.bytes)?;
    let kind = kind.split(|&byte| byte == b';').next()?.trim_ascii();
    if kind.eq_ignore_ascii_case(b"application/json") {
        return serde_json::from_slice(body).ok();
    }
    let form = kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded");
    form.then(|| of_arguments(body))
}

fn headers(request: &Request<'_>) -> Value {
    let mut all = Map::new();
    for line in request.head.fields.lines() {
        let name = text(line.name.of(request.bytes)).to_ascii_lowercase();
        put(&mut all, name, text(line.value.of(request.bytes)).into());
    }
    all.into()
}

/// Arguments by their names; one without a value is `true`.
fn of_arguments(query: &[u8]) -> Value {
    let mut all = Map::new();
    for (name, value) in arguments(query) {
        let value = value.map_or(Value::Bool(true), |value| text(&value).into());
        put(&mut all, text(&name), value);
    }
    all.into()
}

/// What has come before under the same name becomes a list.
fn put(all: &mut Map<String, Value>, name: String, value: Value) {
    match all.get_mut(&name) {
        None => drop(all.insert(name, value)),
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

fn captures(request: &Request<'_>) -> Value {
    let (mut named, mut unnamed) = (Map::new(), Vec::new());
    if let Some(captures) = request.captures {
        for (_, name, value) in captures.iter() {
            let value = value.map_or(Value::Bool(false), |value| text(value).into());
            match name {
                Some(name) => drop(named.insert(name.to_owned(), value)),
                None => unnamed.push(value),
            }
        }
    }
    json!({ "named": named, "unnamed": unnamed })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use crate::plugin::testing::said;
    use proptest::prelude::*;

    fn echo(trial: &mut Trial) -> Value {
        let config = json!({"echo": true, "trigger": "X-Trig"});
        let reply = trial.refused_by(&*compile(&super::super::DEFINITION, config));
        assert_eq!(reply.status, 503);
        serde_json::from_str(said(&reply)).unwrap()
    }

    #[test]
    fn a_request_is_described_as_recorded() {
        let said = echo(&mut Trial::new("GET /term4?a=1", &["X-Trig: 1"]));
        assert_eq!(said["message"], "Service unavailable");
        assert_eq!(
            said["request"],
            json!({
                "host": "api.test", "method": "GET", "scheme": "http", "raw_body": "",
                "headers": {"host": "api.test", "x-trig": "1"},
                "uri_captures": {"named": {}, "unnamed": []},
                "path": "/term4", "query": {"a": "1"}, "port": 80,
            })
        );
        assert_eq!(said["matched_route"]["name"], "route");
        assert_eq!(said["matched_service"]["name"], "service");
        assert_eq!(said["kong"]["worker_pid"], std::process::id());
    }

    #[test]
    fn bodies_are_parsed_by_their_type_and_names_may_repeat() {
        let lines = [
            "X-Trig: 1",
            "X-Trig: 2",
            "Content-Type: application/json; charset=x",
        ];
        let said = echo(&mut Trial::with_body(
            "POST /?b&b=2&b=3",
            &lines,
            b"{\"c\":[1]}",
        ));
        assert_eq!(said["request"]["body"], json!({"c": [1]}));
        assert_eq!(said["request"]["query"], json!({"b": [true, "2", "3"]}));
        assert_eq!(said["request"]["headers"]["x-trig"], json!(["1", "2"]));
        let lines = [
            "X-Trig: 1",
            "Content-Type: application/x-www-form-urlencoded",
        ];
        let said = echo(&mut Trial::with_body("POST /", &lines, b"d=4"));
        assert_eq!(said["request"]["body"], json!({"d": "4"}));
        assert_eq!(said["request"]["raw_body"], "d=4");
    }

    proptest! {
        #[test]
        fn anything_can_be_described(
            target in "/[!-~]{0,30}",
            value in prop::collection::vec(any::<u8>(), 0..30),
            body in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let start = format!("POST {target}");
            let line = [b"X-Trig: ", &value[..]].concat();
            let form = b"Content-Type: application/x-www-form-urlencoded";
            if let Some(mut trial) = Trial::from_bytes(start.as_bytes(), &[&line, form], &body) {
                prop_assert!(echo(&mut trial)["request"]["path"].is_string());
            }
        }
    }
}
