//! What a plugin sees of an answer before it goes to the client, and what it may change.

use crate::http::Method;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::ResponseHead;

use super::Core;
use super::Directory;
use super::Edits;
use super::Identity;
use super::Named;
use super::Notes;

/// An answer's head on its way to the client.
#[derive(Debug)]
pub struct Response<'a> {
    /// The status; may be changed.
    pub status: u16,
    /// The origin's head with the bytes that it refers to, whether it has just come or was stored; none for an answer
    /// of the gateway itself.
    pub origin: Option<(&'a ResponseHead, &'a [u8])>,
    /// The request's method.
    pub method: Method,
    /// The request's head with its bytes.
    pub request: (&'a RequestHead, &'a [u8]),
    /// The request's canonical path.
    pub path: &'a [u8],
    /// The route, if one was found.
    pub route: Option<&'a Named>,
    /// The service.
    pub service: Option<&'a Named>,
    /// Who the request was from.
    pub identity: &'a Identity,
    /// Consumers and credentials.
    pub directory: &'a Directory,
    /// Changes of its fields; holds what request phases have added already.
    pub edits: &'a mut Edits,
    /// What the plugin wants of the body. Of several wishes the greatest counts.
    pub body: BodyWish,
    /// What plugins leave for their later phases.
    pub notes: &'a mut Notes,
    /// This core's memory.
    pub core: &'a Core,
    /// The wall clock, in microseconds since the Unix epoch.
    pub unix_micros: u64,
}

/// What a plugin wants of an answer's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyWish {
    /// Nothing.
    #[default]
    Nothing,
    /// A copy, once all of it has gone to the client; nothing if it is larger than this many bytes.
    Copy(usize),
    /// All of it before any of it goes to the client, to change it; untouched if it is larger than this many bytes.
    Whole(usize),
    /// None of it goes to the client: the answer is empty.
    Discard,
}

/// An answer's whole body.
#[derive(Debug)]
pub struct ResponseBody<'a> {
    /// The body, without transfer coding; may be changed if it was wished [whole](BodyWish::Whole).
    pub bytes: &'a mut Vec<u8>,
    /// The status.
    pub status: u16,
    /// The origin's head with the bytes that it refers to.
    pub origin: (&'a ResponseHead, &'a [u8]),
    /// Changes of its fields; may be changed if the body was wished whole.
    pub edits: &'a mut Edits,
    /// What plugins have left in earlier phases.
    pub notes: &'a mut Notes,
    /// This core's memory.
    pub core: &'a Core,
    /// The wall clock, in microseconds since the Unix epoch.
    pub unix_micros: u64,
}

impl Response<'_> {
    /// The first value of a field as the client would see it: what a plugin has set, else the origin's.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        if let Some(value) = self.edits.added(name) {
            return Some(value);
        }
        if self.edits.removes(Name::of(name), name) {
            return None;
        }
        let (head, bytes) = self.origin?;
        match Name::of(name) {
            Name::Other => head.fields.all_named(name, bytes).next(),
            known => head.fields.get(known, bytes),
        }
    }
}
