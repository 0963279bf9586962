//! Upstreams end to end: each algorithm spreads or sticks as it says, weights count, names are resolved.

use std::collections::HashMap;
use std::net::UdpSocket;

use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gate::Watched;

cases! {
    round_robin_goes_by_weight: [];
    least_connections_avoids_the_busy_target: [];
    consistent_hashing_sticks_to_a_header: [];
    consistent_hashing_makes_a_cookie: [];
    latency_prefers_the_fast_target: [];
    host_header_of_the_upstream_is_sent: ["B6"];
    localhost_is_resolved: [];
    names_are_asked_of_the_configured_server: ["FT4"];
    unknown_name_is_503: ["O11", "FT4"];
    silent_name_server_is_503: ["O11", "FT4"];
    last_good_address_is_kept: ["FT4"];
}

/// Two origins that say which they are, in an upstream with the given keys.
struct Pair {
    _origins: [Origin; 2],
    gateway: Gateway,
}

fn named(name: &'static str) -> Origin {
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            peer.reply(name);
        }
    })
}

fn pool(keys: &str, targets: &[(u16, u32)]) -> Config {
    let mut toml = format!(
        "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\n[[services.routes]]\nname = \"r\"\n\
         paths = [\"/\"]\n[[upstreams]]\nname = \"pool.test\"\n{keys}\n"
    );
    for (port, weight) in targets {
        toml.push_str(&format!(
            "[[upstreams.targets]]\ntarget = \"127.0.0.1:{port}\"\nweight = {weight}\n"
        ));
    }
    Config::empty().entities(&toml)
}

impl Pair {
    fn start(keys: &str, weights: [u32; 2]) -> Self {
        let origins = [named("a"), named("b")];
        let targets = [
            (origins[0].port(), weights[0]),
            (origins[1].port(), weights[1]),
        ];
        let gateway = pool(keys, &targets).start();
        Self {
            _origins: origins,
            gateway,
        }
    }

    /// Who answers so many requests with these extra fields.
    fn spread(&self, requests: usize, fields: &str) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        let mut client = self.gateway.client();
        for _ in 0..requests {
            client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
            *counts
                .entry(client.response().expect(200).text())
                .or_insert(0) += 1;
        }
        counts
    }
}

fn round_robin_goes_by_weight() {
    let pair = Pair::start("algorithm = \"round-robin\"", [300, 100]);
    let counts = pair.spread(40, "");
    assert_eq!((counts["a"], counts["b"]), (30, 10));
}

fn least_connections_avoids_the_busy_target() {
    let gate = Gate::default();
    let held = gate.clone();
    let busy = Origin::start(move |mut peer| {
        while peer.request().is_some() {
            held.wait();
            peer.reply("busy");
        }
    });
    let free = named("free");
    let gateway = pool(
        "algorithm = \"least-connections\"",
        &[(busy.port(), 100), (free.port(), 100)],
    )
    .start();
    // Among equals the first is taken first.
    let mut waiting = gateway.client();
    waiting.get("/");
    busy.wait_request(0);
    for _ in 0..10 {
        assert_eq!(gateway.get("/").expect(200).text(), "free");
    }
    gate.open();
}

fn consistent_hashing_sticks_to_a_header() {
    let pair = Pair::start(
        "algorithm = \"consistent-hashing\"\nhash_on = \"header\"\nhash_on_header = \"X-User\"",
        [100, 100],
    );
    let mut seen = HashMap::new();
    for user in 0..20 {
        let counts = pair.spread(3, &format!("X-User: user-{user}\r\n"));
        assert_eq!(counts.len(), 1, "user {user} is spread: {counts:?}");
        *seen.entry(counts.into_keys().next().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "every user went to one target: {seen:?}");
}

fn consistent_hashing_makes_a_cookie() {
    let pair = Pair::start(
        "algorithm = \"consistent-hashing\"\nhash_on = \"cookie\"\nhash_on_cookie = \"stick\"",
        [100, 100],
    );
    let response = pair.gateway.get("/").expect(200);
    let cookie = response
        .head
        .one("set-cookie")
        .expect("a cookie is made")
        .to_owned();
    assert!(cookie.starts_with("stick="), "{cookie}");
    let (value, attributes) = cookie["stick=".len()..].split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; HttpOnly", "{cookie}");
    let parts: Vec<usize> = value.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "a UUID: {cookie}");
    let again = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b; stick={value}\r\n\r\n");
    let again = pair.gateway.client().send(again).response().expect(200);
    assert_eq!(again.head.one("set-cookie"), None, "the client has it");
    let pair_value = cookie.split(';').next().unwrap().to_owned();
    let counts = pair.spread(10, &format!("Cookie: {pair_value}\r\n"));
    assert_eq!(counts.len(), 1, "{counts:?}");
    assert!(
        counts.contains_key(&response.text()),
        "the cookie leads back to who answered first"
    );
}

fn latency_prefers_the_fast_target() {
    let slow = Origin::start(|mut peer| {
        while peer.request().is_some() {
            let _ =
                Watched::new(()).wait_for(std::time::Duration::from_millis(30), |()| None::<()>);
            peer.reply("slow");
        }
    });
    let fast = named("fast");
    let gateway = pool(
        "algorithm = \"latency\"",
        &[(slow.port(), 100), (fast.port(), 100)],
    )
    .start();
    let mut client = gateway.client();
    let mut counts = HashMap::new();
    for _ in 0..40 {
        *counts
            .entry(client.get("/").response().expect(200).text())
            .or_insert(0) += 1;
    }
    assert!(counts["fast"] >= 30, "{counts:?}");
}

fn host_header_of_the_upstream_is_sent() {
    let origin = Origin::hello();
    let gateway = pool("host_header = \"inner.test\"", &[(origin.port(), 100)]).start();
    gateway.get("/").expect(200);
    let host = origin
        .wait_head(0)
        .1
        .one("host")
        .map(str::to_owned)
        .unwrap();
    assert!(
        host == "inner.test" || host == format!("inner.test:{}", origin.port()),
        "{host}"
    );
}

fn localhost_is_resolved() {
    let origin = Origin::hello();
    let gateway = by_name("localhost", origin.port()).start();
    gateway.get("/").expect(200);
    assert_eq!(
        origin.wait_head(0).1.one("host"),
        Some(format!("localhost:{}", origin.port()).as_str())
    );
}

fn by_name(name: &str, port: u16) -> Config {
    Config::empty().entities(&format!(
        "[[services]]\nname = \"s\"\nurl = \"http://{name}:{port}\"\n[[services.routes]]\nname = \"r\"\n\
         paths = [\"/\"]\n"
    ))
}

/// A name server that answers A questions for `origin.test` with 127.0.0.1, others with NXDOMAIN, and
/// nothing at all once it is muted.
struct Names {
    port: u16,
    muted: Watched<bool>,
    asked: Watched<usize>,
}

impl Names {
    fn start(ttl: u32) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (muted, asked) = (Watched::new(false), Watched::new(0));
        let (mute, count) = (muted.clone(), asked.clone());
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                count.change(|asked| *asked += 1);
                if !mute.read(|muted| *muted)
                    && let Some(answer) = answer(&buffer[..length], ttl)
                {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { port, muted, asked }
    }

    fn section(&self) -> String {
        format!(
            "[dns]\nservers = [\"127.0.0.1:{}\"]\ntimeout = \"300ms\"\n",
            self.port
        )
    }
}

/// The answer to one question.
fn answer(question: &[u8], ttl: u32) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*question.get(at)?, *question.get(at + 1)?]);
    let end = at + 4;
    let known = labels.join(".") == "origin.test";
    let addresses = u8::from(known && kind == 1);
    let mut answer = question[..2].to_vec();
    answer.extend_from_slice(&[
        0x81,
        if known { 0x80 } else { 0x83 },
        0,
        1,
        0,
        addresses,
        0,
        0,
        0,
        0,
    ]);
    answer.extend_from_slice(question.get(12..end)?);
    if addresses == 1 {
        answer.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1]);
        answer.extend_from_slice(&ttl.to_be_bytes());
        answer.extend_from_slice(&[0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}

fn names_are_asked_of_the_configured_server() {
    let origin = Origin::hello();
    let names = Names::start(60);
    let gateway = by_name("origin.test", origin.port())
        .sections(&names.section())
        .start();
    gateway.get("/").expect(200);
    assert!(names.asked.read(|asked| *asked) >= 1);
    let asked = names.asked.read(|asked| *asked);
    for _ in 0..20 {
        gateway.get("/").expect(200);
    }
    assert_eq!(
        names.asked.read(|asked| *asked),
        asked,
        "a good answer is asked for again"
    );
}

fn unknown_name_is_503() {
    let names = Names::start(60);
    let gateway = by_name("nowhere.test", 80)
        .sections(&names.section())
        .start();
    let response = gateway.get("/").expect(503).expect_cause("dns_error");
    assert!(response.text().contains("name resolution failed"));
}

fn silent_name_server_is_503() {
    let names = Names::start(60);
    names.muted.change(|muted| *muted = true);
    let gateway = by_name("origin.test", 80)
        .sections(&names.section())
        .start();
    let response = gateway.get("/").expect(503);
    assert!(response.text().contains("name resolution failed"));
}

fn last_good_address_is_kept() {
    let origin = Origin::start(|mut peer| {
        if let Some(request) = peer.request() {
            peer.echo(&request);
        }
    });
    let names = Names::start(1);
    let gateway = by_name("origin.test", origin.port())
        .sections(&names.section())
        .start();
    gateway.get("/").expect(200);
    names.muted.change(|muted| *muted = true);
    let asked = names.asked.read(|asked| *asked);
    eventually("the answer is older than its time to live", || {
        (names.asked.read(|now| *now) > asked).then_some(())
    });
    for _ in 0..5 {
        gateway.get("/").expect(200);
    }
}
