//! What tests of plugins need: a request from a few lines of text, a directory from a few calls, and the plugin that a
//! configuration makes. Only tests see it.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::limits;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Type;
use crate::http::Reply;
use crate::http::RequestHead;
use crate::http::ResponseHead;
use crate::http::reply::Body;
use crate::http::reply::Latency;
use crate::http::reply::ReplyContext;
use crate::http::reply::render;
use crate::http1::HeadLimits;
use crate::http1::request;
use crate::http1::request::Progress;

use super::Blueprint;
use super::BodyWish;
use super::Consumer;
use super::Core;
use super::Credential;
use super::Definition;
use super::Directory;
use super::Edits;
use super::Identity;
use super::Interrupt;
use super::Named;
use super::Notes;
use super::Own;
use super::Plugin;
use super::Repeat;
use super::Request;
use super::Response;
use super::Rewrite;
use super::Secret;
use super::Shared;

/// The plugin that a configuration makes; fields that it leaves out have their defaults. Rules are not checked.
pub(crate) fn compile(definition: &Definition, config: Value) -> Arc<dyn Plugin> {
    try_compile(definition, config).unwrap()
}

/// The same, with whatever the plugin itself refuses.
pub(crate) fn try_compile(
    definition: &Definition,
    config: Value,
) -> Result<Arc<dyn Plugin>, String> {
    let Value::Object(mut config) = config else {
        panic!("a configuration is an object");
    };
    complete(definition.config.fields, &mut config);
    (definition.compile)(&Blueprint {
        config: &Value::Object(config),
    })
}

/// Fills in what is absent.
fn complete(fields: &[Field], config: &mut Map<String, Value>) {
    for key in config.keys() {
        let known = fields.iter().any(|field| field.name == key) || key == "mode";
        assert!(known, "the plugin has no field {key}");
    }
    for field in fields {
        let value = config
            .entry(field.name)
            .or_insert_with(|| preset(&field.default));
        if let Type::Record(fields) = field.kind {
            if value.is_null() && field.required {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(record) = value {
                complete(fields, record);
            }
        }
    }
}

fn preset(preset: &Preset) -> Value {
    match *preset {
        Preset::Null => Value::Null,
        Preset::Bool(value) => value.into(),
        Preset::Int(value) => value.into(),
        Preset::Num(value) => value.into(),
        Preset::Text(value) => value.into(),
        Preset::Texts(values) => values.into(),
        Preset::Ints(values) => values.into(),
        Preset::EmptyList => json!([]),
        Preset::EmptyMap => json!({}),
        Preset::Uuid | Preset::Key => Uuid::from_u128(0xff).to_string().into(),
        Preset::Now | Preset::NowMillis => 0.into(),
    }
}

/// A directory that is being filled.
#[derive(Default)]
pub(crate) struct People {
    consumers: Vec<Arc<Consumer>>,
    credentials: Vec<Arc<Credential>>,
}

impl People {
    /// Adds a consumer; its id is [`consumer_id`] of its name.
    pub(crate) fn consumer(mut self, name: &str, custom_id: Option<&str>) -> Self {
        self.consumers.push(Arc::new(Consumer {
            id: consumer_id(name),
            username: Some(name.into()),
            custom_id: custom_id.map(Into::into),
            tags: Vec::new(),
            created_at: 0,
        }));
        self
    }

    /// Adds a credential or a group of the consumer with this name; credentials are numbered from one.
    pub(crate) fn credential(mut self, name: &str, secret: Secret) -> Self {
        self.credentials.push(Arc::new(Credential {
            id: Uuid::from_u128(self.credentials.len() as u128 + 1),
            consumer: consumer_id(name),
            secret,
            tags: Vec::new(),
            created_at: 0,
            expires_at: None,
        }));
        self
    }

    /// Ends all credentials at this second since the Unix epoch.
    pub(crate) fn expiring(mut self, expires_at: u64) -> Self {
        for credential in &mut self.credentials {
            Arc::make_mut(credential).expires_at = Some(expires_at);
        }
        self
    }

    /// Adds a key of key-auth.
    pub(crate) fn key(self, name: &str, key: &str) -> Self {
        self.credential(name, Secret::Key { key: key.into() })
    }

    /// Puts the consumer into a group.
    pub(crate) fn group(self, name: &str, group: &str) -> Self {
        let group = group.into();
        self.credential(name, Secret::Group { group })
    }

    /// The directory.
    pub(crate) fn directory(&self) -> Directory {
        Directory::new(&self.consumers, &self.credentials)
    }
}

/// The id of the consumer that [`People::consumer`] adds under this name.
pub(crate) fn consumer_id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// A request on its way through plugins, and what they have made of it.
pub(crate) struct Trial {
    pub(crate) head: RequestHead,
    pub(crate) bytes: Vec<u8>,
    /// The body; none if it is too long to be read whole.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) client: IpAddr,
    pub(crate) unix_micros: u64,
    pub(crate) secure: bool,
    pub(crate) route: Named,
    pub(crate) service: Option<Named>,
    pub(crate) own: Own,
    pub(crate) identity: Identity,
    pub(crate) directory: Directory,
    pub(crate) upstream: Edits,
    pub(crate) rewrite: Rewrite,
    pub(crate) downstream: Edits,
    pub(crate) notes: Notes,
    pub(crate) repeat: Option<Repeat>,
    pub(crate) core: Core,
}

impl Trial {
    /// A request without a body: `GET /path?query` and lines like `name: value`.
    pub(crate) fn new(start: &str, lines: &[&str]) -> Self {
        Self::try_new(start.as_bytes(), lines, b"").unwrap()
    }

    /// A request with a body; its length is added to the head.
    pub(crate) fn with_body(start: &str, lines: &[&str], body: &[u8]) -> Self {
        Self::try_new(start.as_bytes(), lines, body).unwrap()
    }

    /// A request, if the parser takes it.
    pub(crate) fn try_new(start: &[u8], lines: &[&str], body: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        Self::from_bytes(start, &lines, body)
    }

    /// The same of any bytes.
    pub(crate) fn from_bytes(start: &[u8], lines: &[&[u8]], body: &[u8]) -> Option<Self> {
        let mut bytes = [start, b" HTTP/1.1\r\nHost: api.test\r\n"].concat();
        for line in lines {
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        if !body.is_empty() {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        let mut head = RequestHead::default();
        request::parse(&bytes, &HEAD_LIMITS, &mut Progress::default(), &mut head).ok()?;
        if head.length != bytes.len() {
            return None;
        }
        Some(Self {
            head,
            bytes,
            body: Some(body.to_vec()),
            client: Ipv4Addr::LOCALHOST.into(),
            unix_micros: NOW_SECS * 1_000_000,
            secure: false,
            route: named(1, "route"),
            service: Some(named(2, "service")),
            own: Own {
                id: Uuid::from_u128(0x1d),
                counters: [0x1d, 0],
            },
            identity: Identity::default(),
            directory: Directory::default(),
            upstream: Edits::default(),
            rewrite: Rewrite::default(),
            downstream: Edits::default(),
            notes: Notes::default(),
            repeat: None,
            core: Core::new(CoreId(0), 1, Shared::default()),
        })
    }

    /// The same request to a gateway with these consumers.
    pub(crate) fn among(mut self, people: &People) -> Self {
        self.directory = people.directory();
        self
    }

    /// The same request from a consumer who has been authenticated by their first credential.
    pub(crate) fn sent_by(mut self, name: &str) -> Self {
        let consumer = self.directory.consumer_called(name).unwrap();
        let of_consumer = |credential: &u32| {
            let found = self.directory.credential(*credential).unwrap();
            let is_group = matches!(found.secret, Secret::Group { .. });
            found.consumer == consumer_id(name) && !is_group
        };
        let mut credentials = (0..).take_while(|at| self.directory.credential(*at).is_some());
        self.identity.credential = credentials.find(of_consumer);
        self.identity.consumer = Some(consumer);
        self
    }

    /// Does something with the request.
    pub(crate) fn run<T>(&mut self, act: impl FnOnce(&mut Request<'_>) -> T) -> T {
        let path = self.head.target.path.of(&self.bytes);
        act(&mut Request {
            head: &self.head,
            bytes: &self.bytes,
            path,
            raw_path: path,
            body: self.body.as_deref(),
            received: Instant(self.unix_micros * 1_000),
            unix_micros: self.unix_micros,
            client: self.client,
            peer: SocketAddr::new(self.client, 40_000),
            listener: (Ipv4Addr::LOCALHOST, 8000).into(),
            secure: self.secure,
            connection_requests: 1,
            id: b"0123456789abcdef0123456789abcdef",
            route: &self.route,
            service: self.service.as_ref(),
            captures: None,
            own: self.own,
            identity: &mut self.identity,
            directory: &self.directory,
            upstream: &mut self.upstream,
            rewrite: &mut self.rewrite,
            downstream: &mut self.downstream,
            notes: &mut self.notes,
            repeat: &mut self.repeat,
            core: &self.core,
        })
    }

    /// Does something with an answer to the request: of an origin with this head, whose bytes are none, or of our own.
    pub(crate) fn respond<T>(
        &mut self,
        origin: Option<&ResponseHead>,
        act: impl FnOnce(&mut Response<'_>) -> T,
    ) -> T {
        act(&mut Response {
            status: origin.map_or(200, |head| head.status),
            origin: origin.map(|head| (head, &b""[..])),
            method: self.head.method,
            request: (&self.head, &self.bytes),
            path: self.head.target.path.of(&self.bytes),
            route: Some(&self.route),
            service: self.service.as_ref(),
            identity: &self.identity,
            directory: &self.directory,
            edits: &mut self.downstream,
            body: BodyWish::Nothing,
            notes: &mut self.notes,
            core: &self.core,
            unix_micros: self.unix_micros,
        })
    }

    /// Asks a plugin, which must answer itself: its answer.
    pub(crate) fn refused_by(&mut self, plugin: &dyn Plugin) -> Reply {
        match self.run(|request| plugin.on_request(request)) {
            ControlFlow::Continue(()) => panic!("the request is let through"),
            ControlFlow::Break(Interrupt::Wait(_) | Interrupt::Delay(_)) => {
                panic!("the request has to wait")
            }
            ControlFlow::Break(Interrupt::Reply(reply)) => *reply,
        }
    }

    /// Asks a plugin, which must let the request through: the lines that the origin gets from plugins, in order.
    pub(crate) fn passed_by(&mut self, plugin: &dyn Plugin) -> Vec<String> {
        match self.run(|request| plugin.on_request(request)) {
            ControlFlow::Continue(()) => lines(&self.upstream),
            ControlFlow::Break(interrupt) => panic!("the request is stopped: {interrupt:?}"),
        }
    }

    /// Whether a plugin lets the request through.
    pub(crate) fn passes(&mut self, plugin: &dyn Plugin) -> bool {
        self.run(|request| plugin.on_request(request)).is_continue()
    }

    /// Whether received lines with this name are kept from the origin.
    pub(crate) fn hides(&self, name: &str) -> bool {
        let known = crate::http::Name::of(name.as_bytes());
        self.upstream.removes(known, name.as_bytes())
    }
}

/// The added lines of a head.
pub(crate) fn lines(edits: &Edits) -> Vec<String> {
    let text = std::str::from_utf8(edits.lines()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The value of an answer's field.
pub(crate) fn field<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let mut fields = reply.fields.iter();
    let (_, value) = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(std::str::from_utf8(value).unwrap())
}

/// What an answer's body says: the message, or the bytes.
pub(crate) fn said(reply: &Reply) -> &str {
    match &reply.body {
        Body::Raw { bytes, .. } => std::str::from_utf8(bytes).unwrap(),
        Body::Stored(stored) => std::str::from_utf8(stored.body()).unwrap(),
        Body::Empty | Body::Error | Body::Exit | Body::Page => &reply.message,
    }
}

/// An answer as the client would see it.
pub(crate) fn rendered(reply: &Reply) -> String {
    let mut out = Vec::new();
    let context = ReplyContext {
        accept: None,
        content_type: None,
        request_id: b"0123456789abcdef0123456789abcdef",
        head_only: false,
        close: false,
        latency: Latency::Own(0),
        date: b"Thu, 01 Jan 1970 00:00:00 GMT",
        lines: b"",
    };
    render(reply, &context, &mut out);
    String::from_utf8(out).unwrap()
}

fn named(number: u128, name: &str) -> Named {
    Named {
        id: Uuid::from_u128(number),
        label: name.into(),
        is_named: true,
    }
}

/// The wall clock of a [`Trial`], unless it says otherwise: 14 November 2023, 22:13:20.
pub(crate) const NOW_SECS: u64 = 1_700_000_000;

const HEAD_LIMITS: HeadLimits = HeadLimits {
    head_bytes: limits::HEAD_BYTES_CEILING,
    line_bytes: limits::HEAD_BYTES_CEILING,
    fields: limits::HEADERS_CEILING,
};

mod tests {
    use super::*;

    #[test]
    fn a_trial_holds_what_it_was_given() {
        let people = People::default()
            .consumer("alice", Some("c-1"))
            .key("alice", "k");
        let mut trial = Trial::with_body("POST /a?b=c", &["X-A: 1"], b"hello")
            .among(&people)
            .sent_by("alice");
        assert_eq!(trial.identity.credential, Some(0));
        trial.run(|request| {
            assert_eq!(request.method(), b"POST");
            assert_eq!(request.path, b"/a");
            assert_eq!(request.query(), Some(&b"b=c"[..]));
            assert_eq!(request.field(b"x-a"), Some(&b"1"[..]));
            assert_eq!(request.body, Some(&b"hello"[..]));
        });
        assert!(Trial::try_new(b"GET / x", &[], b"").is_none());
    }
}
