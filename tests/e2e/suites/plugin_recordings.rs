//! What a real Kong 3.9.1 did with every bundled plugin (`tests/golden/plugins.json`), replayed in order against a gateway
//! with the same configuration and an origin that echoes what reached it. What
//! differs in status, body or fields is listed with its reason; the cases of `forwarding.json` have a list of their own.

use serde_json::Value;
use serde_json::json;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::message::Head;
use crate::support::message::text;
use crate::support::origin::Peer;

use super::recordings::pairs;

cases! {
    recorded_plugins_are_repeated: [];
}

/// Cases that are not the same, of 264 that were recorded: the id and the reason.
const DIFFERENT: [(&str, &str); 21] = [
    (
        "024",
        "a name that does not resolve is 503 with Kong's documented text, not 500 with its resolver's own words",
    ),
    ("055", "over TLS, which this gateway does not serve yet"),
    ("056", "over TLS, which this gateway does not serve yet"),
    ("066", "the recording does not hold the body that was sent"),
    (
        "068",
        "RFC 9110 section 7.8: any upgrade is passed on, not only that to WebSocket",
    ),
    ("070", "the text of every error, not a page of nginx's"),
    (
        "074",
        "RFC 9110 section 15.5.6: CONNECT is understood and refused, 405",
    ),
    ("075", "RFC 9110 section 9.3.7: OPTIONS * is answered"),
    (
        "079",
        "RFC 9112 section 6.3: a coding beside a length is refused before the coding is looked at",
    ),
    ("080", "a broken chunk is found before any origin is asked"),
    ("081", "a field of 9 KB is within the bound of 32 KiB"),
    ("082", "a target of 9 KB is within the bound of 16 KiB"),
    ("084", "RFC 9112 section 2.2: a bare LF ends no line"),
    ("085", "there is no TLS listener"),
    ("087", "a request line without a version is refused aloud"),
    (
        "090",
        "RFC 9110 section 9.1: methods are case-sensitive tokens, and this is one",
    ),
    (
        "136",
        "the groups of a consumer stand in the order in which it was put into them",
    ),
    (
        "217",
        "a chunked body is streamed, not buffered and measured",
    ),
    (
        "238",
        "an expression of Lua is refused when it is configured",
    ),
    ("240", "nginx adds a charset to types of text"),
    ("248", "a plugin written in Lua"),
];

/// An origin that says what reached it.
fn echoing(name: &'static str) -> impl Fn(Peer) + Send + Sync + 'static {
    move |mut peer: Peer| {
        while let Some(request) = peer.request() {
            let head = &request.head;
            let (method, uri, version) = head.request_line();
            let body = text(&request.body.bytes);
            let echo = json!({
                "server": name, "method": method, "uri": uri, "version": version,
                "headers": head.fields, "body": body, "body_len": body.len(),
            });
            let kind = head.one("x-echo-type").unwrap_or("application/json");
            let body = head
                .one("x-echo-body")
                .map_or_else(|| echo.to_string(), str::to_owned);
            let mut answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nX-Echo: {name}\r\nContent-Length: {}\r\n",
                body.len()
            );
            for field in head.all("x-echo-header") {
                answer.push_str(&format!("{field}\r\n"));
            }
            peer.send(answer + "\r\n" + &body);
        }
    }
}

/// A gateway with the recording's configuration and the two origins' ports.
struct Stage {
    gateway: Gateway,
    ports: [(&'static str, String); 4],
    _origins: [Origin; 2],
}

impl Stage {
    fn new(config: &Value) -> Self {
        let origins = [Origin::start(echoing("a")), Origin::start(echoing("b"))];
        let text = config
            .to_string()
            .replace("19001", &origins[0].port().to_string())
            .replace("19002", &origins[1].port().to_string());
        let config: Value = serde_json::from_str(&text).unwrap();
        let toml = toml::to_string(&config).unwrap();
        let gateway = Config::empty().entities(&toml).start();
        let ports = [
            ("19001", origins[0].port().to_string()),
            ("19002", origins[1].port().to_string()),
            ("18100", gateway.listeners[0].port().to_string()),
            ("kong/3.9.1", "silverback".to_owned()),
        ];
        Self {
            gateway,
            ports,
            _origins: origins,
        }
    }

    /// A recorded text with our ports.
    fn ours(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (theirs, ours) in &self.ports {
            text = text.replace(theirs, ours);
        }
        text
    }

    fn replay(&self, case: &Value) -> Vec<String> {
        let word = |key: &str| case[key].as_str().unwrap_or_default();
        let request = match case["raw"].as_str() {
            Some(raw) => self.ours(raw),
            None => {
                let mut head = format!("{} {} HTTP/1.1\r\n", word("method"), word("target"));
                for (name, value) in pairs(&case["headers"]) {
                    head.push_str(&format!("{name}: {}\r\n", self.ours(&value)));
                }
                head + "\r\n" + word("body")
            }
        };
        let mut client = self.gateway.client();
        client.send(request);
        let Ok(mut response) = client.try_response(word("method")) else {
            return vec!["no answer".to_owned()];
        };
        if response.status() == 100
            && let Ok(next) = client.try_response(word("method"))
        {
            response = next;
        }
        if Some(u64::from(response.status())) != case["status"].as_u64() {
            let (got, wanted) = (response.status(), &case["status"]);
            return vec![format!("got {got}, not {wanted}: {}", response.text())];
        }
        // What differed between two recordings of Kong itself is nothing to compare with; nor is which of two
        // origins was chosen, which depends on their ports.
        let unstable = |part: &str| {
            let parts = case["unstable"].as_array();
            parts.is_some_and(|parts| parts.iter().any(|known| known == part))
        };
        let balanced = ["/lb", "/hash", "/cookie"];
        let balanced = balanced.iter().any(|path| word("target").starts_with(path));
        let mut faults = if unstable("headers") || balanced {
            Vec::new()
        } else {
            self.compare("answer", &case["answer"], &response.head, &ANSWER_OWN)
        };
        if unstable("body") || balanced {
            return faults;
        }
        if case["origin"].is_object() {
            faults.extend(self.compare_echo(&case["origin"], &response.text()));
        } else if let Some(recorded) = case["text"].as_str() {
            let id = response.head.one("x-kong-request-id").unwrap_or_default();
            let recorded = self.ours(recorded).replace("<reqid>", id);
            if !same_text(&recorded, &response.text()) {
                faults.push(format!("the body is {:?}", response.text()));
            }
        }
        faults
    }

    fn compare_echo(&self, recorded: &Value, body: &str) -> Vec<String> {
        let Ok(got) = serde_json::from_str::<Value>(body) else {
            return vec![format!("the body is {body:?}")];
        };
        let mut faults = Vec::new();
        for (key, value) in recorded.as_object().unwrap() {
            let wanted = self.ours(&value.to_string());
            let same = match key.as_str() {
                "headers" => continue,
                "body" => same_text(
                    recorded[key].as_str().unwrap_or_default(),
                    got[key].as_str().unwrap_or_default(),
                ),
                _ => serde_json::from_str::<Value>(&wanted).ok().as_ref() == Some(&got[key]),
            };
            if !same {
                faults.push(format!("echo: {key} is {}, recorded {wanted}", got[key]));
            }
        }
        let fields = pairs(&got["headers"]);
        let head = Head {
            raw: Vec::new(),
            start: String::new(),
            fields,
        };
        faults.extend(self.compare("origin", &recorded["headers"], &head, &["connection"]));
        faults
    }

    /// The fields of a head against the recorded ones, name by name, values in order.
    fn compare(&self, side: &str, recorded: &Value, head: &Head, own: &[&str]) -> Vec<String> {
        let recorded = pairs(recorded);
        let mut names: Vec<String> = recorded
            .iter()
            .chain(&head.fields)
            .map(|(name, _)| name.to_ascii_lowercase())
            .filter(|name| !own.contains(&name.as_str()))
            .collect();
        names.sort();
        names.dedup();
        let differing = names.iter().filter_map(|name| {
            let expected: Vec<String> = recorded
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, value)| self.ours(value))
                .collect();
            let got = head.all(name);
            let same =
                expected.len() == got.len() && expected.iter().zip(&got).all(|(e, g)| alike(e, g));
            (!same).then(|| format!("{side}: {name} is {got:?}, recorded {expected:?}"))
        });
        differing.collect()
    }
}

/// Fields of an answer that are ours to choose: framing, and what RFC 9209 adds.
const ANSWER_OWN: [&str; 5] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "date",
    "proxy-status",
];

/// Equal, as JSON if both are that.
fn same_text(recorded: &str, got: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    recorded == got || json(recorded).is_some_and(|recorded| json(got) == Some(recorded))
}

/// Equal but for what varies from run to run.
fn alike(expected: &str, got: &str) -> bool {
    match expected {
        "<n>" => got.parse::<u64>().is_ok(),
        "<reqid>" => got.len() == 32,
        _ => {
            let mut rest = got;
            for (number, part) in expected.split('<').enumerate() {
                let literal = match part.split_once('>') {
                    Some((mark, literal)) if number > 0 => {
                        let length = match mark {
                            mark if mark.starts_with("uuid") => 36,
                            "us" => rest
                                .find(literal)
                                .filter(|_| !literal.is_empty())
                                .unwrap_or(rest.len()),
                            _ => rest.find(literal).unwrap_or(rest.len()),
                        };
                        rest = rest.get(length..).unwrap_or_default();
                        literal
                    }
                    _ => part,
                };
                let Some(after) = rest.strip_prefix(literal) else {
                    return false;
                };
                rest = after;
            }
            rest.is_empty()
        }
    }
}

/// Whether a case counts requests, so that it may have met the end of a second or a minute.
fn counts(case: &Value) -> bool {
    let target = case["target"].as_str().unwrap_or_default();
    target.starts_with("/rl") || target.starts_with("/rrl")
}

fn recorded_plugins_are_repeated() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/plugins.json");
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = recording["cases"].as_array().unwrap();
    let stage = Stage::new(&recording["config"]);
    let mut faults = Vec::new();
    let mut counted = Vec::new();
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let different = DIFFERENT.iter().any(|(known, _)| *known == id);
        let unstable = case["unstable"]
            .as_array()
            .is_some_and(|parts| parts.len() > 1);
        if different || unstable {
            continue;
        }
        let story = stage.replay(case).into_iter();
        let list = if counts(case) {
            &mut counted
        } else {
            &mut faults
        };
        list.extend(story.map(|fault| format!("{id} {}: {fault}", case["label"])));
    }
    // A window may have ended in between: twice in a row it has not.
    for _ in 0..3 {
        if counted.is_empty() {
            break;
        }
        counted.clear();
        let stage = Stage::new(&recording["config"]);
        for case in cases.iter().filter(|case| counts(case)) {
            let story = stage.replay(case).into_iter();
            counted.extend(story.map(|fault| format!("{}: {fault}", case["label"])));
        }
    }
    faults.extend(counted);
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}
