//! What a real Kong 3.9.1 did with every bundled plugin (`tests/golden/plugins.json`), replayed in order against a gateway
//! with the same configuration and an origin that echoes what reached it.
//!
//! `tests/golden/plugin-differences.txt` lists what differs in status, body or fields, with the reason; a case in it must
//! differ. A case of which two recordings of Kong itself had no part in common is counted apart.

use serde_json::Value;
use serde_json::json;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::Response;
use crate::support::cases;
use crate::support::message::Head;
use crate::support::message::text;
use crate::support::origin::Peer;

use super::recordings::Tally;
use super::recordings::pairs;
use crate::differences::differences;

cases! {
    recorded_plugins_are_repeated: [];
}

/// Of 1,000 cases that Kong answers the same each time so many must be answered as Kong answers them.
const IDENTICAL_MIN: usize = 919;

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
                head + "\r\n" + &sent(word("body"))
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
        let case = &self.level(case, &mut response);
        let mut faults = if Unstable::of(case).headers {
            Vec::new()
        } else {
            self.compare("answer", &case["answer"], &response.head, &ANSWER_OWN)
        };
        // In HTTP/1.1 a connection is kept unless it is said to close.
        let closes = pairs(&case["answer"])
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value == "close");
        if closes != response.closes() {
            faults.push(format!("closes: {}, recorded {closes}", response.closes()));
        }
        if case["origin"].is_object() {
            faults.extend(self.compare_echo(case, &response.text()));
        } else if let (Some(recorded), false) = (case["text"].as_str(), Unstable::of(case).body) {
            let id = response.head.one("x-kong-request-id").unwrap_or_default();
            let recorded = self.ours(recorded).replace("<reqid>", id);
            if !same_text(&recorded, &response.text()) {
                faults.push(format!("the body is {:?}", response.text()));
            }
        }
        faults
    }

    /// Which of two origins a balancer chose depends on their ports: where there were two, recording and answer are
    /// read as if the first had been chosen.
    fn level(&self, case: &Value, response: &mut Response) -> Value {
        if !is_balanced(case) {
            return case.clone();
        }
        let recorded = case.to_string().replace("19002", "19001");
        let recorded = recorded.replace(r#"["X-Echo","b"]"#, r#"["X-Echo","a"]"#);
        let recorded = recorded.replace(r#""server":"b""#, r#""server":"a""#);
        let recorded: Value = serde_json::from_str(&recorded).unwrap();
        let body = response.text().replace(&self.ports[1].1, &self.ports[0].1);
        let body = body.replace(r#""server":"b""#, r#""server":"a""#);
        response.body.bytes = body.into_bytes();
        for (name, value) in &mut response.head.fields {
            if name.eq_ignore_ascii_case("x-echo") {
                "a".clone_into(value);
            }
        }
        recorded
    }

    fn compare_echo(&self, case: &Value, body: &str) -> Vec<String> {
        let recorded = &case["origin"];
        let Ok(got) = serde_json::from_str::<Value>(body) else {
            return vec![format!("the body is {body:?}")];
        };
        let mut faults = Vec::new();
        for (key, value) in recorded.as_object().unwrap() {
            let wanted = self.ours(&value.to_string());
            let same = match key.as_str() {
                "headers" => continue,
                "body" | "body_len" if Unstable::of(case).body => continue,
                // The recorder's origin said no more than this of a long body.
                "body" if cut(&recorded[key]) => got[key]
                    .as_str()
                    .is_some_and(|got| recorded[key].as_str() == got.get(..ECHO_BYTES)),
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
        if Unstable::of(case).headers {
            return faults;
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

/// What of a case was not the same in two recordings of Kong itself, so that there is nothing to compare with.
#[derive(Clone, Copy)]
struct Unstable {
    headers: bool,
    body: bool,
}

impl Unstable {
    fn of(case: &Value) -> Self {
        let parts = case["unstable"].as_array().filter(|_| !is_balanced(case));
        let unstable = |part: &str| {
            let mut parts = parts.into_iter().flatten();
            parts.any(|known| known == part)
        };
        Self {
            headers: unstable("headers"),
            body: unstable("body"),
        }
    }

    fn any(self) -> bool {
        self.headers || self.body
    }
}

/// So many bytes of a body the recorder's origin gave back.
const ECHO_BYTES: usize = 2_000;

fn cut(recorded: &Value) -> bool {
    recorded
        .as_str()
        .is_some_and(|body| body.len() == ECHO_BYTES)
}

/// A body as it was sent: a long one stands in the recording as `<200000 bytes>`.
fn sent(recorded: &str) -> String {
    let count = recorded.strip_prefix('<');
    let count = count.and_then(|rest| rest.strip_suffix(" bytes>"));
    match count.map(str::parse) {
        Some(Ok(count)) => "x".repeat(count),
        _ => recorded.to_owned(),
    }
}

/// Fields of an answer that are ours to choose, and what RFC 9209 adds. The length of an echo is the echo's own.
const ANSWER_OWN: [&str; 5] = [
    "connection",
    "content-length",
    "transfer-encoding",
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

/// Whether a case went to one of two origins.
fn is_balanced(case: &Value) -> bool {
    let target = case["target"].as_str().unwrap_or_default();
    let balanced = ["/lb", "/hash", "/cookie"];
    balanced.iter().any(|path| target.starts_with(path))
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
    let mut stories: Vec<Vec<String>> = cases.iter().map(|case| stage.replay(case)).collect();
    // A window may have ended in between: twice in a row it has not.
    for _ in 0..3 {
        let counted = |(case, story): (&Value, &Vec<String>)| counts(case) && !story.is_empty();
        if !cases.iter().zip(&stories).any(counted) {
            break;
        }
        let stage = Stage::new(&recording["config"]);
        for (case, story) in cases.iter().zip(&mut stories) {
            if counts(case) {
                *story = stage.replay(case);
            }
        }
    }
    let known = differences("plugin-differences.txt");
    let mut tally = Tally::default();
    for (case, story) in cases.iter().zip(stories) {
        let id = case["id"].as_str().unwrap();
        let listed = known.iter().any(|(known, _)| known == id);
        tally.unstable += usize::from(Unstable::of(case).any());
        tally.identical += usize::from(story.is_empty() && !Unstable::of(case).any());
        if listed && story.is_empty() {
            tally
                .faults
                .push(format!("{id} is listed and does not differ"));
        } else if !listed {
            let label = &case["label"];
            let told = story
                .into_iter()
                .map(|fault| format!("{id} {label}: {fault}"));
            tally.faults.extend(told);
        }
    }
    tally.judge("plugins.json", cases.len(), IDENTICAL_MIN);
}
