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
pub use flatten::survey;
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

/// What any text may have.
const NODES_LEAST: usize = 1_000;

/// Reads a document in YAML, which JSON is a part of.
///
/// # Errors
/// Everything that keeps it from being a configuration at all.
pub fn read(text: &str) -> Result<Declaration, Vec<Misplaced>> {
    flatten(parse(text)?)
}

/// A text in YAML as data.
///
/// # Errors
/// Where it is none.
pub fn parse(text: &str) -> Result<Value, Vec<Misplaced>> {
    let options = serde_saphyr::options! {
        // A text has fewer nodes than bytes; what aliases repeat has a bound of its own.
        budget: serde_saphyr::budget! {
            max_nodes: text.len().saturating_add(NODES_LEAST),
            max_events: text.len().saturating_mul(2).saturating_add(NODES_LEAST),
            // One set of defaults for thousands of services is how such documents are written.
            max_aliases: text.len(),
            max_merge_keys: text.len(),
            enforce_alias_anchor_ratio: false,
        },
        // A snippet of the document may show a key.
        with_snippet: false,
    };
    let document = serde_saphyr::from_str_with_options(text, options);
    document.map_err(|error| {
        vec![Misplaced {
            path: "(document)".to_owned(),
            message: error.without_snippet().to_string(),
        }]
    })
}

/// Writes a document as YAML.
///
/// # Errors
/// Never with a document that [`nest`] has made.
pub fn to_yaml(document: &Value) -> Result<String, String> {
    serde_saphyr::to_string(document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn defaults_may_be_named_as_often_as_there_are_services() {
        use std::fmt::Write;
        let mut text =
            "_format_version: '3.0'\n_ignore:\n- &d {retries: 2, host: h}\nservices:\n".to_owned();
        for n in 0..15_000 {
            writeln!(text, "- <<: *d\n  name: s{n}").unwrap();
        }
        let read = read(&text).unwrap();
        assert_eq!(read.entities.len(), 15_000);
    }

    #[test]
    fn what_aliases_repeat_is_bounded() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, of) in ["b", "c", "d", "e", "f", "g", "h"]
            .iter()
            .zip(["a", "b", "c", "d", "e", "f", "g"])
        {
            text += &format!(
                "{name}: &{name} [{}]\n",
                [format!("*{of}").as_str(); 10].join(", ")
            );
        }
        assert!(read(&text).is_err());
    }

    #[test]
    fn a_market_is_no_bomb_and_a_bomb_is_one() {
        let mut text = String::from("_format_version: '3.0'\nconsumers:\n");
        for number in 0..130_000 {
            text += &format!("- username: c{number}\n");
        }
        assert_eq!(read(&text).unwrap().entities.len(), 130_000);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            let all = [below.as_str(); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{all}]\n");
        }
        assert!(read(&bomb).is_err());
    }

    #[test]
    fn faults_show_nothing_of_the_document() {
        let faults = read("consumers:\n- key: canary\n  other: [canary\n").unwrap_err();
        assert!(
            faults.iter().all(|fault| !fault.message.contains("canary")),
            "{faults:?}"
        );
    }
}
