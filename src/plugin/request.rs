//! What a plugin sees of a request before it is forwarded, and what it may change.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use uuid::Uuid;

use crate::base::clock::Instant;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::reply::Reply;
use crate::http::request_id::RequestId;
use crate::router::Captures;

use super::Core;
use super::Directory;
use super::Edits;
use super::Identity;
use super::Notes;
use super::Own;
use super::Rewrite;
use super::Signal;

/// A request between its route and its origin.
#[derive(Debug)]
pub struct Request<'a> {
    // What was received.
    /// The head.
    pub head: &'a RequestHead,
    /// The bytes that the head refers to.
    pub bytes: &'a [u8],
    /// The canonical path.
    pub path: &'a [u8],
    /// The path as received, without the query.
    pub raw_path: &'a [u8],
    /// The whole body, decoded, if it came with the head, or if a plugin of the chain needs it and it is within the
    /// bound.
    pub body: Option<&'a [u8]>,
    /// When the head was complete.
    pub received: Instant,
    /// The same by the wall clock, in microseconds since the Unix epoch.
    pub unix_micros: u64,

    // Whom it is from and where it came in.
    /// The client's address: the peer's, or the one that a trusted peer names.
    pub client: IpAddr,
    /// The connection's other end.
    pub peer: SocketAddr,
    /// The listener's address.
    pub listener: SocketAddr,
    /// It came over TLS.
    pub secure: bool,
    /// How many requests its connection has carried, this one included.
    pub connection_requests: u32,
    /// Its id.
    pub id: &'a RequestId,

    // Where it goes.
    /// Its route.
    pub route: &'a Named,
    /// Its route's service.
    pub service: Option<&'a Named>,
    /// What the route's regex path captured, if a plugin of the chain needs it.
    pub captures: Option<Captures<'a>>,

    // What plugins say of it.
    /// Which of those that are configured alike is asked.
    pub own: Own,
    /// Who it is from, as far as is known.
    pub identity: &'a mut Identity,
    /// Consumers and credentials.
    pub directory: &'a Directory,
    /// Changes of its fields on the way to the origin.
    pub upstream: &'a mut Edits,
    /// Its other changes.
    pub rewrite: &'a mut Rewrite,
    /// Fields that the answer will have, whoever gives it.
    pub downstream: &'a mut Edits,
    /// What plugins leave for their later phases.
    pub notes: &'a mut Notes,
    /// The request is to be made once more by the gateway itself, while this one is answered.
    pub repeat: &'a mut Option<Repeat>,
    /// This core's memory.
    pub core: &'a Core,
}

/// A request that the gateway makes once more without a client, from the plugin on that asks for it: what the plugins
/// before have made of it stays as it is. It must have no body.
#[derive(Debug, Default)]
pub struct Repeat {
    /// As a GET, where the request is a HEAD.
    pub as_get: bool,
    /// The notes that it begins with. They are dropped if there is no room for it.
    pub notes: Notes,
}

/// Why a request does not go on.
#[derive(Debug)]
pub enum Interrupt {
    /// This is the answer.
    Reply(Box<Reply>),
    /// The plugin is to be asked again when this has been raised, or when the request's patience ends.
    Wait(Rc<Signal>),
    /// The plugin is to be asked again after so long, if the client is still there by then.
    Delay(Duration),
}

impl From<Reply> for Interrupt {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

/// An entity by its id and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: Uuid,
    /// Its name, or its id if it has none.
    pub label: Box<str>,
    /// Whether it has a name.
    pub is_named: bool,
}

impl<'a> Request<'a> {
    /// The first value of a field as the origin would see it: what a plugin has set, else what was received.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        if !self.upstream.is_empty() {
            if let Some(value) = self.upstream.added(name) {
                return Some(value);
            }
            if self.upstream.removes(Name::of(name), name) {
                return None;
            }
        }
        self.received_field(name)
    }

    /// The first received value of a field.
    pub fn received_field(&self, name: &[u8]) -> Option<&'a [u8]> {
        match Name::of(name) {
            Name::Other => self.head.fields.all_named(name, self.bytes).next(),
            known => self.head.fields.get(known, self.bytes),
        }
    }

    /// The query as received, without its question mark.
    pub fn query(&self) -> Option<&'a [u8]> {
        self.head.target.query.map(|query| query.of(self.bytes))
    }

    /// The method as received.
    pub fn method(&self) -> &'a [u8] {
        self.head.method_span.of(self.bytes)
    }

    /// The host that was asked for, without its port.
    pub fn host(&self) -> &'a [u8] {
        self.head.host.of(self.bytes)
    }
}
