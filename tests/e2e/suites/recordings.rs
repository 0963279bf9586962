//! What a real Kong 3.9.1 forwarded and answered on plain HTTP without plugins (`tests/golden/forwarding.json`),
//! replayed against an origin that is steered in the recording's manner.

use serde_json::Value;

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

/// Where we differ on purpose: (case, field, why).
const DIFFERENCES: [(&str, &str, &str); 18] = [
    (
        "006",
        "allow",
        "RFC 9110 section 15.5.6: a 405 says what is allowed",
    ),
    (
        "025",
        "retry-after",
        "RFC 9110 section 15.6.4: a 503 of ours says when to come again",
    ),
    (
        "026",
        "retry-after",
        "RFC 9110 section 15.6.4: a 503 of ours says when to come again",
    ),
    (
        "040",
        "trailer",
        "RFC 9110 section 6.6.2: it announces trailers, and without a body in chunks there are none",
    ),
    (
        "044",
        "x-anonymous-consumer",
        "a client must not be able to claim an identity",
    ),
    (
        "044",
        "x-consumer-id",
        "a client must not be able to claim an identity",
    ),
    (
        "044",
        "x-consumer-username",
        "a client must not be able to claim an identity",
    ),
    (
        "044",
        "x-credential-identifier",
        "a client must not be able to claim an identity",
    ),
    (
        "047",
        "via",
        "RFC 9110 section 7.6.3 asks for the version 1.0, Kong writes 1",
    ),
    (
        "048",
        "via",
        "RFC 9110 section 7.6.3 asks for the version 1.0, Kong writes 1",
    ),
    (
        "048",
        "x-forwarded-host",
        "Kong's own name; a client without Host has none",
    ),
    (
        "061",
        "expect",
        "the expectation is the origin's to meet: no body is buffered",
    ),
    (
        "062",
        "content-length",
        "the body is streamed, not buffered and measured",
    ),
    (
        "062",
        "transfer-encoding",
        "the body is streamed, not buffered and measured",
    ),
    (
        "063",
        "content-length",
        "the body is streamed, not buffered and measured",
    ),
    (
        "063",
        "transfer-encoding",
        "the body is streamed, not buffered and measured",
    ),
    (
        "058",
        "content-type",
        "a redirect has one of our own bodies",
    ),
    (
        "059",
        "content-type",
        "a redirect has one of our own bodies",
    ),
];

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
    let mut faults = Vec::new();
    for case in cases.as_array().unwrap() {
        let story = replay(case, &mut gateway.client(), &origin, &ports);
        let name = format!("{} {}", case["id"], case["label"]);
        faults.extend(story.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
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

fn replay(case: &Value, client: &mut Client, origin: &Origin, ports: &Ports) -> Vec<String> {
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
        return vec!["no answer".to_owned()];
    };
    let mut faults = Vec::new();
    if Some(u64::from(response.status())) != case["status"].as_u64() {
        return vec![format!("got {}, not {}", response.status(), case["status"])];
    }
    let own = case["origin"].is_null();
    // The length of an echo is the echo's own; ours is checked through the text.
    let ignored = ["content-length", "date", "proxy-status", "connection"];
    faults.extend(compare(
        case,
        "answer",
        &case["answer"],
        &response.head,
        &ignored,
        ports,
    ));
    let closes = pairs(&case["answer"]).contains(&("Connection".to_owned(), "close".to_owned()));
    if closes != response.closes() {
        faults.push(format!("closes: {}, recorded: {closes}", response.closes()));
    }
    if let (true, Some(text)) = (
        own && !word("target").contains("https301"),
        case["text"].as_str(),
    ) {
        let id = response.head.one("x-kong-request-id").unwrap_or_default();
        if response.text() != text.replace("<reqid>", id) {
            faults.push(format!("the body is {:?}", response.text()));
        }
    }
    if !own {
        let (_, head) = origin.wait_head(heads);
        let recorded = &case["origin"];
        if head.target() != recorded["uri"].as_str().unwrap_or_default() {
            faults.push(format!(
                "the origin was asked for {}, not {}",
                head.target(),
                recorded["uri"]
            ));
        }
        faults.extend(compare(
            case,
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
fn compare(
    case: &Value,
    side: &str,
    recorded: &Value,
    head: &Head,
    ignored: &[&str],
    ports: &Ports,
) -> Vec<String> {
    let recorded = pairs(recorded);
    let mut names: Vec<String> = recorded
        .iter()
        .map(|(name, _)| name)
        .chain(head.fields.iter().map(|(name, _)| name))
        .map(|name| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names.dedup();
    let differs = |name: &str| {
        DIFFERENCES
            .iter()
            .any(|(id, field, _)| case["id"] == *id && *field == name)
    };
    names
        .iter()
        .filter(|name| !ignored.contains(&name.as_str()) && !differs(name))
        .filter_map(|name| {
            let expected: Vec<String> = recorded
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, value)| ports.ours(value))
                .collect();
            let got = head.all(name);
            let same =
                expected.len() == got.len() && expected.iter().zip(&got).all(|(e, g)| alike(e, g));
            (!same).then(|| format!("{side}: {name} is {got:?}, recorded {expected:?}"))
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
