//! correlation-id: gives each request an id that its origin sees, and the client too if it is to.
//!
//! Allocates nothing and asks nobody: ids come from the core's own generator and counter.

use std::cell::Cell;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use uuid::Builder;

use crate::base::node::Node;
use crate::base::rng::Rng;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::http::forwarded::ClientText;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;

/// correlation-id.
pub const DEFINITION: Definition = Definition {
    name: "correlation-id",
    priority: 100_001,
    about: "gives each request an id that its origin sees",
    config: Schema {
        fields: &[
            Field::text(
                "header_name",
                "the field that carries the id; one that the client sends is kept",
            )
            .preset(Preset::Text("Kong-Request-ID"))
            .rules(&[Rule::Custom(is_token)]),
            Field::text("generator", "how ids are made")
                .required()
                .preset(Preset::Text("uuid#counter"))
                .rules(&[Rule::OneOf(&["uuid", "uuid#counter", "tracker"])]),
            Field::flag("echo_downstream", false, "the client gets the field too"),
        ],
        checks: &[],
    },
    consumer_scope: true,
    denies: false,
    compile,
};

/// What may be the name of a field at all (RFC 9110 section 5.1); Kong asks for less.
fn is_token(value: &Value) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match value.as_str() {
        Some(text) if !text.bytes().all(good) => Err(format!("bad header name '{text}'")),
        Some(_) | None => Ok(()),
    }
}

#[derive(Debug)]
struct CorrelationId {
    name: Box<[u8]>,
    generator: Generator,
    echo: bool,
    /// The process, whose number the system would have to be asked for.
    pid: u32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Generator {
    #[serde(rename = "uuid")]
    Uuid,
    #[serde(rename = "uuid#counter")]
    Counter,
    #[serde(rename = "tracker")]
    Tracker,
}

/// One core's ids: a random one, and how many were made of it.
#[derive(Debug)]
pub struct Serial {
    uuid: UuidText,
    count: Cell<u64>,
}

/// A UUID as it is written.
type UuidText = [u8; uuid::fmt::Hyphenated::LENGTH];

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize)]
    struct Config {
        header_name: Option<Box<str>>,
        generator: Generator,
        echo_downstream: bool,
    }
    let config: Config = blueprint.parse()?;
    let name = config
        .header_name
        .unwrap_or_else(|| "Kong-Request-ID".into());
    Ok(Arc::new(CorrelationId {
        name: name.into_boxed_bytes(),
        generator: config.generator,
        echo: config.echo_downstream,
        pid: Node::own().pid,
    }))
}

impl Serial {
    /// A new id with nothing made of it yet.
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            uuid: uuid(rng),
            count: Cell::new(0),
        }
    }

    fn next(&self) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }
}

fn uuid(rng: &mut Rng) -> UuidText {
    let mut bytes = [0; 16];
    let (high, low) = bytes.split_at_mut(8);
    high.copy_from_slice(&rng.next_u64().to_ne_bytes());
    low.copy_from_slice(&rng.next_u64().to_ne_bytes());
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let uuid = Builder::from_random_bytes(bytes).into_uuid();
    uuid.hyphenated().encode_lower(&mut text);
    text
}

/// An id that is being written.
struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
}

/// A tracker's: an address of 39, a port of 5, a pid of 10, a connection and a count of requests of 20 and 10, a time of
/// 21 and 3, and their separators. The others are shorter.
const TEXT_BYTES_MAX: usize = 128;

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; TEXT_BYTES_MAX],
            length: 0,
        }
    }

    fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
        }
    }

    fn push_number(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl CorrelationId {
    fn generate(&self, request: &Request<'_>) -> Text {
        let mut text = Text::new();
        match self.generator {
            Generator::Uuid => text.push(&uuid(&mut request.core.rng.borrow_mut())),
            Generator::Counter => {
                let serial = &request.core.serial;
                text.push(&serial.uuid);
                text.push(b"#");
                text.push_number(serial.next());
            }
            Generator::Tracker => self.track(request, &mut text),
        }
        text
    }

    /// Where and when a request came in: address, port, process, connection, its requests, seconds.
    fn track(&self, request: &Request<'_>, text: &mut Text) {
        let listener = request.listener;
        text.push(ClientText::of(listener.ip()).as_bytes());
        for number in [
            u64::from(listener.port()),
            u64::from(self.pid),
            connection(request.peer),
            u64::from(request.connection_requests),
        ] {
            text.push(b"-");
            text.push_number(number);
        }
        let millis = request.unix_micros / 1000;
        text.push(b"-");
        text.push_number(millis / 1000);
        text.push(b".");
        let fraction = millis % 1000;
        for place in [100, 10, 1] {
            text.push(&[b'0' + (fraction / place % 10) as u8]);
        }
    }
}

/// A number for a connection, which no other one to the same listener has at the same time: its other end.
fn connection(peer: SocketAddr) -> u64 {
    let port = u64::from(peer.port());
    match peer.ip().to_canonical() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()) << 16 | port,
        IpAddr::V6(ip) => {
            // Of 128 bits 64 are left; clients of one network differ in the lower half.
            let bits = ip.to_bits();
            ((bits >> 64) as u64).rotate_left(32) ^ bits as u64 ^ port << 48
        }
    }
}

impl Plugin for CorrelationId {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let received = request.received_field(&self.name);
        let text;
        let id = match received {
            Some(given) if !given.is_empty() => given,
            Some(_) | None => {
                text = self.generate(request);
                let id = text.as_bytes();
                if received.is_some() {
                    request.upstream.set(&self.name, id);
                } else {
                    request.upstream.add(&self.name, id);
                }
                id
            }
        };
        if self.echo {
            request.downstream.set(&self.name, id);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use crate::plugin::testing::lines;
    use proptest::prelude::*;
    use serde_json::json;

    fn plugin(generator: &str, echo: bool) -> Arc<dyn Plugin> {
        let config =
            json!({"header_name": "X-Cid", "generator": generator, "echo_downstream": echo});
        compile(&DEFINITION, config)
    }

    /// The one line that the origin gets.
    fn id(plugin: &dyn Plugin, trial: &mut Trial) -> String {
        let lines = trial.passed_by(plugin);
        assert_eq!(lines.len(), 1);
        lines[0].strip_prefix("X-Cid: ").unwrap().to_owned()
    }

    fn is_uuid(text: &str) -> bool {
        let version = uuid::Uuid::try_parse(text).map(|uuid| uuid.get_version_num());
        version == Ok(4) && text.len() == 36
    }

    #[test]
    fn one_core_counts_for_all_plugins() {
        let mut trial = Trial::new("GET /", &[]);
        let first = trial.passed_by(&*compile(&DEFINITION, json!({})));
        let (core, count) = first[0]
            .strip_prefix("Kong-Request-ID: ")
            .unwrap()
            .split_once('#')
            .unwrap();
        assert!(is_uuid(core) && count == "1");
        trial.upstream.clear();
        assert_eq!(
            id(&*plugin("uuid#counter", true), &mut trial),
            format!("{core}#2")
        );
        assert_eq!(lines(&trial.downstream), [format!("X-Cid: {core}#2")]);
    }

    #[test]
    fn each_uuid_is_new() {
        let plugin = plugin("uuid", false);
        let mut trial = Trial::new("GET /", &["X-Cid:"]);
        let first = id(&*plugin, &mut trial);
        assert!(is_uuid(&first) && trial.hides("x-cid"));
        assert_ne!(id(&*plugin, &mut trial), first);
        assert!(trial.downstream.is_empty());
    }

    #[test]
    fn a_tracker_says_where_and_when() {
        let plugin = plugin("tracker", false);
        let mut trial = Trial::new("GET /", &[]);
        trial.unix_micros = 1_795_479_427_906_999;
        let pid = std::process::id();
        // 127.0.0.1 and 40000 as one number.
        let expected = format!("127.0.0.1-8000-{pid}-139637976833088-1-1795479427.906");
        assert_eq!(id(&*plugin, &mut trial), expected);
        trial.client = "2001:db8::1".parse().unwrap();
        trial.upstream.clear();
        assert!(id(&*plugin, &mut trial).ends_with("-1-1795479427.906"));
    }

    #[test]
    fn the_clients_own_id_is_kept_and_echoed() {
        for generator in ["uuid", "uuid#counter", "tracker"] {
            let mut trial = Trial::new("GET /", &["x-cid: mine", "x-cid: other"]);
            assert!(trial.passed_by(&*plugin(generator, true)).is_empty());
            assert_eq!(lines(&trial.downstream), ["X-Cid: mine"]);
        }
    }

    #[test]
    fn the_longest_tracker_fits() {
        let plugin = CorrelationId {
            name: Box::default(),
            generator: Generator::Tracker,
            echo: false,
            pid: u32::MAX,
        };
        let mut trial = Trial::new("GET /", &[]);
        trial.client = std::net::Ipv6Addr::from([0xffff; 8]).into();
        trial.run(|request| {
            request.listener = SocketAddr::new(request.client, u16::MAX);
            request.connection_requests = u32::MAX;
            request.unix_micros = u64::MAX;
            let text = plugin.generate(request);
            assert!(text.as_bytes().ends_with(b"-18446744073709.551"));
            assert!(text.as_bytes().len() < TEXT_BYTES_MAX);
        });
    }

    #[test]
    fn a_name_that_cannot_be_written_is_refused() {
        assert!(is_token(&json!("X-Cid")).is_ok());
        assert!(is_token(&json!("X Cid")).is_err() && is_token(&json!("X:\r\n")).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_client_sends_is_kept_or_replaced(given in prop::collection::vec(any::<u8>(), 0..40)) {
            let line = [b"X-Cid: ", &given[..]].concat();
            let Some(mut trial) = Trial::from_bytes(b"GET /", &[&line], b"") else {
                return Ok(());
            };
            prop_assert!(trial.passes(&*plugin("uuid", true)));
            let kept = trial.run(|request| request.received_field(b"x-cid").map(<[u8]>::to_vec)).unwrap_or_default();
            let echoed = trial.downstream.added(b"X-Cid").unwrap();
            if kept.is_empty() {
                prop_assert_eq!(trial.upstream.added(b"X-Cid"), Some(echoed));
            } else {
                prop_assert!(trial.upstream.is_empty());
                prop_assert_eq!(echoed, &kept[..]);
            }
        }
    }
}
