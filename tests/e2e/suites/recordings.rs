//! What a real Kong 3.9.1 forwarded and answered on plain HTTP without plugins (`tests/golden/forwarding.json`),
//! replayed against an origin that is steered in the recording's manner.

use serde_json::Value;

use crate::differences::differences;
use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::message::Head;
use crate::support::origin::Peer;

cases! {
    recorded_forwarding_is_repeated: ["B8", "F2", "F3", "F7", "V3", "V4", "V7"];
}

/// Of 1,000 cases so many must be forwarded and answered as Kong did.
const IDENTICAL_MIN: usize = 919;

/// How often a recording was repeated.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Cases without any difference.
    pub(super) identical: usize,
    /// Cases of which Kong itself did not give the same answer twice, compared as far as it did.
    pub(super) unstable: usize,
    /// Differences that are not listed, and listed ones that are none.
    pub(super) faults: Vec<String>,
}

impl Tally {
    /// Reports, and holds the share of a recording's stable cases that are identical.
    pub(super) fn judge(&self, recording: &str, all: usize, identical_min: usize) {
        let faults = &self.faults;
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
        let (identical, stable) = (self.identical, all - self.unstable);
        let share = identical * 1_000 / stable;
        println!(
            "{recording}: {identical} of {stable} cases are identical, {}.{} %; {} more are not stable",
            share / 10,
            share % 10,
            self.unstable
        );
        assert!(share >= identical_min, "{identical} of {stable}");
    }
}

/// An origin that does what the request's `X-Echo-*` fields say.
fn steered(mut peer: Peer) {
    while let Some(request) = peer.request() {
        let head = &request.head;
        if head.one("x-echo-drop").is_some() {
            return;
        }
        if head.one("x-echo-delay").is_some() {
            peer.wait_end();
            return;
        }
        if head.one("upgrade") == Some("websocket") {
            peer.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Echo: a\r\n\r\n",
            );
            peer.wait_end();
            return;
        }
        let status = head.one("x-echo-status").unwrap_or("200 OK");
        let body = head.one("x-echo-body").unwrap_or("{}");
        let mut answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Echo: a\r\n");
        for field in head.all("x-echo-header") {
            answer.push_str(&format!("{field}\r\n"));
        }
        let silent = head.request_line().0 == "HEAD" || status.starts_with("304");
        if head.one("x-echo-chunked").is_some() {
            answer.push_str("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
        } else if status.starts_with("204") {
            answer.push_str("\r\n");
        } else {
            let shown = if silent { "" } else { body };
            answer.push_str(&format!("Content-Length: {}\r\n\r\n{shown}", body.len()));
        }
        peer.send(answer);
    }
}

fn gateway(origin: u16, dead: u16) -> Gateway {
    let url = format!("http://127.0.0.1:{origin}");
    Config::empty()
        .entities(&format!(
            "[[services]]\nname = \"s\"\nurl = \"{url}\"\n\
             routes = [ {{ name = \"plain\", paths = [\"/plain\"] }},\n\
             {{ name = \"httpsonly\", paths = [\"/httpsonly\"], protocols = [\"https\"] }},\n\
             {{ name = \"https301\", paths = [\"/https301\"], protocols = [\"https\"], https_redirect_status_code = 301 }},\n\
             {{ name = \"ph\", paths = [\"/ph\"], preserve_host = true }},\n\
             {{ name = \"nobuf\", paths = [\"/nobuf\"], request_buffering = false, response_buffering = false }} ]\n\
             [[services]]\nname = \"dead\"\nurl = \"http://127.0.0.1:{dead}\"\nretries = 1\n\
             routes = [ {{ name = \"dead\", paths = [\"/dead\"] }} ]\n\
             [[services]]\nname = \"slow\"\nurl = \"{url}\"\nread_timeout = 300\nretries = 0\n\
             routes = [ {{ name = \"slow\", paths = [\"/slow\"] }} ]\n\
             [[services]]\nname = \"empty\"\nhost = \"empty.up\"\nroutes = [ {{ name = \"emptyup\", paths = [\"/emptyup\"] }} ]\n\
             [[services]]\nname = \"w0\"\nhost = \"w0.up\"\nroutes = [ {{ name = \"w0\", paths = [\"/w0\"] }} ]\n\
             [[services]]\nname = \"mx\"\nhost = \"mixed.up\"\nretries = 3\n\
             routes = [ {{ name = \"mixed\", paths = [\"/mixed\"] }} ]\n\
             [[services]]\nname = \"dis\"\nurl = \"{url}\"\nenabled = false\n\
             routes = [ {{ name = \"disabled\", paths = [\"/disabled\"] }} ]\n\
             [[routes]]\nname = \"nosvc\"\npaths = [\"/nosvc\"]\n\
             [[upstreams]]\nname = \"empty.up\"\n\
             [[upstreams]]\nname = \"w0.up\"\n[[upstreams.targets]]\ntarget = \"127.0.0.1:{origin}\"\nweight = 0\n\
             [[upstreams]]\nname = \"mixed.up\"\nhost_header = \"mx.test\"\n\
             [[upstreams.targets]]\ntarget = \"127.0.0.1:{origin}\"\n\
             [[upstreams.targets]]\ntarget = \"127.0.0.1:{dead}\"\n"
        ))
        .start()
}

fn recorded_forwarding_is_repeated() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/forwarding.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let origin = Origin::start(steered);
    let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    held.bind(&any.into()).unwrap();
    let dead = held.local_addr().unwrap().as_socket().unwrap().port();
    let gateway = gateway(origin.port(), dead);
    let ports = Ports {
        listener: gateway.listeners[0].port(),
        origin: origin.port(),
    };
    let known = differences("forwarding-differences.txt");
    let mut tally = Tally::default();
    for case in cases.as_array().unwrap() {
        let story = replay(case, &mut gateway.client(), &origin, &ports);
        tally.identical += usize::from(story.is_empty());
        let id = case["id"].as_str().unwrap();
        // The fields that differ stand before the reason.
        let listed = known.iter().find(|(known, _)| known == id);
        let fields = listed.and_then(|(_, reason)| reason.split_once(": "));
        let fields: Vec<&str> =
            fields.map_or_else(Vec::new, |(fields, _)| fields.split(", ").collect());
        for (field, fault) in &story {
            if !fields.contains(&field.as_str()) {
                tally
                    .faults
                    .push(format!("{id} {}: {fault}", case["label"]));
            }
        }
        for field in fields {
            if !story.iter().any(|(differing, _)| differing == field) {
                let fault = format!("{id}: {field} is listed and does not differ");
                tally.faults.push(fault);
            }
        }
    }
    tally.judge(
        "forwarding.json",
        cases.as_array().unwrap().len(),
        IDENTICAL_MIN,
    );
}

/// The recording's ports are its own.
struct Ports {
    listener: u16,
    origin: u16,
}

impl Ports {
    fn ours(&self, text: &str) -> String {
        text.replace("18100", &self.listener.to_string())
            .replace("19001", &self.origin.to_string())
    }
}

/// What differs: the field, or the part, and how.
type Story = Vec<(String, String)>;

fn replay(case: &Value, client: &mut Client, origin: &Origin, ports: &Ports) -> Story {
    let part = |part: &str, fault: String| (part.to_owned(), fault);
    let word = |key: &str| case[key].as_str().unwrap_or_default();
    let mut request = format!(
        "{} {} {}\r\n",
        word("method"),
        word("target"),
        word("version")
    );
    for (name, value) in pairs(&case["headers"]) {
        request.push_str(&format!("{name}: {}\r\n", ports.ours(&value)));
    }
    let body = if case["body"].is_string() {
        word("body")
    } else {
        ""
    };
    let heads = origin.heads();
    let answered = client
        .send(request + "\r\n" + body)
        .try_response(word("method"));
    let Ok(response) = answered else {
        return vec![part("status", "no answer".to_owned())];
    };
    let mut faults = Vec::new();
    if Some(u64::from(response.status())) != case["status"].as_u64() {
        let fault = format!("got {}, not {}", response.status(), case["status"]);
        return vec![part("status", fault)];
    }
    let own = case["origin"].is_null();
    // The length of an echo is the echo's own; ours is checked through the text.
    let ignored = ["content-length", "date", "proxy-status", "connection"];
    faults.extend(compare(
        "answer",
        &case["answer"],
        &response.head,
        &ignored,
        ports,
    ));
    let closes = pairs(&case["answer"]).contains(&("Connection".to_owned(), "close".to_owned()));
    if closes != response.closes() {
        let fault = format!("closes: {}, recorded: {closes}", response.closes());
        faults.push(part("connection", fault));
    }
    if let (true, Some(text)) = (own, case["text"].as_str()) {
        let id = response.head.one("x-kong-request-id").unwrap_or_default();
        if response.text() != text.replace("<reqid>", id) {
            faults.push(part("body", format!("the body is {:?}", response.text())));
        }
    }
    if !own {
        let (_, head) = origin.wait_head(heads);
        let recorded = &case["origin"];
        if head.target() != recorded["uri"].as_str().unwrap_or_default() {
            let fault = format!("asked for {}, not {}", head.target(), recorded["uri"]);
            faults.push(part("target", fault));
        }
        faults.extend(compare(
            "origin",
            &recorded["headers"],
            &head,
            &["connection"],
            ports,
        ));
    }
    faults
}

pub(super) fn pairs(fields: &Value) -> Vec<(String, String)> {
    let fields = fields.as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    fields
        .iter()
        .map(|field| (word(&field[0]), word(&field[1])))
        .collect()
}

/// The fields of a head against the recorded ones, name by name, values in order.
fn compare(side: &str, recorded: &Value, head: &Head, ignored: &[&str], ports: &Ports) -> Story {
    let recorded = pairs(recorded);
    let mut names: Vec<String> = recorded
        .iter()
        .map(|(name, _)| name)
        .chain(head.fields.iter().map(|(name, _)| name))
        .map(|name| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names.dedup();
    names
        .iter()
        .filter(|name| !ignored.contains(&name.as_str()))
        .filter_map(|name| {
            let expected: Vec<String> = recorded
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, value)| ports.ours(value))
                .collect();
            let got = head.all(name);
            let same =
                expected.len() == got.len() && expected.iter().zip(&got).all(|(e, g)| alike(e, g));
            let fault = || format!("{side}: {name} is {got:?}, recorded {expected:?}");
            (!same).then(|| (name.clone(), fault()))
        })
        .collect()
}

/// Equal but for what varies from run to run.
fn alike(expected: &str, got: &str) -> bool {
    match expected {
        "<n>" => got.parse::<u64>().is_ok(),
        "<reqid>" => got.len() == 32,
        _ => match expected.split_once("<us>") {
            Some((before, "")) => got.starts_with(&format!("{before}silverback")),
            _ => got == expected,
        },
    }
}
