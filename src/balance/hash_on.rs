//! What a request is hashed by, so that equal requests meet the same target.

use xxhash_rust::xxh32::xxh32;

/// Kong's `hash_on` and `hash_fallback` with their arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashOn {
    /// What is hashed.
    pub input: HashInput,
    /// What is hashed for a request that lacks the input. A cookie needs none: it is made.
    pub fallback: HashInput,
}

/// A part of a request, or of what is known about its sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashInput {
    /// Nothing: the target is chosen at random.
    #[default]
    None,
    /// The consumer's id, else the credential's.
    Consumer,
    /// The client's address.
    Ip,
    /// The values of the field with this name.
    Header(Box<str>),
    /// The cookie with this name, which is set with this path and a new UUID where it is missing.
    Cookie {
        /// The cookie's name.
        name: Box<str>,
        /// The path it is set for.
        path: Box<str>,
    },
    /// The canonical path.
    Path,
    /// The values of the query argument with this name.
    QueryArg(Box<str>),
    /// What the route's group with this name or number matched.
    UriCapture(Box<str>),
}

/// The hash of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKey(pub u32);

impl HashKey {
    /// Hashes an input's bytes (xxHash32 without seed, so that all nodes agree).
    pub fn of(input: &[u8]) -> Self {
        Self(xxh32(input, 0))
    }
}
