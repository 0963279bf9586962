//! What operations on entities answer.

use serde_json::Value;
use serde_json::json;

use super::components::name;
use super::components::reference;
use crate::admin::table::Place;
use crate::admin::table::Verb;
use crate::entity::Kind;

/// An answer, and when it is given.
#[derive(Debug)]
pub(in crate::admin) struct Said {
    /// Its status.
    pub(in crate::admin) status: u16,
    /// When it is given.
    pub(in crate::admin) about: String,
    /// What it holds, if anything.
    pub(super) schema: Option<Value>,
    /// It has an ETag.
    pub(super) tagged: bool,
}

/// Every answer of an operation on entities, those aside that any operation may give.
pub(in crate::admin) fn of_entity(place: Place, verb: Verb) -> Vec<Said> {
    let kind = place.kind();
    let is_list = matches!(place, Place::All(_) | Place::AllOf(_));
    let mut said = Vec::new();
    match (is_list, verb) {
        (true, Verb::Get) => {
            said.push(holding(200, "A page.", &format!("{}-page", name(kind))));
            said.push(error(400, "`size`, `offset` or `tags` is wrong."));
        }
        (_, Verb::Get) => {
            said.push(shown(200, "The entity.", kind));
            said.push(bare(304, "It is as `If-None-Match` says."));
        }
        (_, Verb::Post) => said.push(shown(201, "The new entity.", kind)),
        (_, Verb::Put | Verb::Patch) => said.push(shown(200, "The entity as it is now.", kind)),
        (_, Verb::Delete) => said.push(bare(204, "It is gone, or was not there.")),
    }
    if verb != Verb::Get {
        said.push(error(
            400,
            "Something is wrong with it; nothing has changed.",
        ));
    }
    if matches!(verb, Verb::Post | Verb::Put | Verb::Patch) {
        said.push(error(
            409,
            "Another entity has its name, or another value that must be unique.",
        ));
    }
    if matches!(verb, Verb::Put | Verb::Patch | Verb::Delete) {
        said.push(error(
            405,
            "It stands in a file, whose place the message names.",
        ));
        said.push(holding(412, "It is not as `If-Match` says.", "message"));
    }
    match (place, verb) {
        (Place::One(_), Verb::Patch) => said.push(error(404, "There is no such entity.")),
        (Place::All(_), _) | (Place::One(_), Verb::Put | Verb::Delete) => {}
        _ => said.push(holding(404, "There is no such entity.", "message")),
    }
    said.sort_by_key(|said| said.status);
    said
}

fn shown(status: u16, about: &str, kind: Kind) -> Said {
    Said {
        tagged: true,
        ..holding(status, about, name(kind))
    }
}

fn error(status: u16, about: &str) -> Said {
    // A body that is no document is told in one sentence.
    let schema = match status {
        400 => json!({ "anyOf": [reference("error"), reference("message")] }),
        _ => reference("error"),
    };
    Said {
        schema: Some(schema),
        ..bare(status, about)
    }
}

fn holding(status: u16, about: &str, schema: &str) -> Said {
    Said {
        schema: Some(reference(schema)),
        ..bare(status, about)
    }
}

fn bare(status: u16, about: &str) -> Said {
    Said {
        status,
        about: about.to_owned(),
        schema: None,
        tagged: status == 304,
    }
}
