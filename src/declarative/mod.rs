//! Kong's declarative format: one document that holds a whole configuration, entities nested in those that they belong to.
//!
//! Reading ends in a flat list of entities with their ids and references, each with its place in the document; whether they
//! are right is for their schemas to say. Writing begins with rows and ends in the same nested form. Formats 1.1, 2.1
//! and 3.0 are read, 3.0 is written.

mod flatten;
mod nest;
mod version;

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

pub use flatten::NESTED;
pub use flatten::flatten;
pub use nest::nest;
pub use version::Version;

use crate::entity::Document;
use crate::entity::Kind;

/// An entity of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What it is.
    pub kind: Kind,
    /// Given, or the one that Kong derives.
    pub id: Uuid,
    /// Its fields; references to other entities are by id.
    pub fields: Document,
    /// Where it stands, as `services[0].routes[2]`.
    pub path: String,
}

/// What a document says.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Its format.
    pub version: Version,
    /// Passwords in it are not hashed yet.
    pub transform: bool,
    /// Every entity, parents before what refers to them.
    pub entities: Vec<Declared>,
    /// What of it is nothing that we know: a path and a reason.
    pub unsupported: Vec<Misplaced>,
}

/// Something in a document that is wrong or unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// Where it stands.
    pub path: String,
    /// What is wrong, in Kong's words where it has some.
    pub message: String,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Reads a document in YAML, which JSON is a part of.
///
/// # Errors
/// Everything that keeps it from being a configuration at all.
pub fn read(text: &str) -> Result<Declaration, Vec<Misplaced>> {
    let document: Value = serde_saphyr::from_str(text).map_err(|error| {
        vec![Misplaced {
            path: "(document)".to_owned(),
            // A snippet of the document may show a key.
            message: error.without_snippet().to_string(),
        }]
    })?;
    flatten(document)
}

/// Writes a document as YAML.
///
/// # Errors
/// Never with a document that [`nest`] has made.
pub fn to_yaml(document: &Value) -> Result<String, String> {
    serde_saphyr::to_string(document).map_err(|error| error.to_string())
}
