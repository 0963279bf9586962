//! What is wrong with a declarative document, in the two forms in which Kong says so: mirroring the document, and by
//! entity.

use serde_json::Value;
use serde_json::json;

use super::changes;
use crate::declarative::Declared;
use crate::declarative::Misplaced;
use crate::entity::Document;
use crate::entity::Error;

/// Everything that is wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// As the document is nested.
    tree: Value,
    /// As a list.
    flat: Vec<Value>,
}

/// The key of what is wrong with an entity as a whole.
const ENTITY: &str = "@entity";

impl Faults {
    /// What is wrong with the document itself.
    pub(super) fn of_document<'m>(misplaced: impl IntoIterator<Item = &'m Misplaced>) -> Self {
        let mut faults = Self::default();
        for Misplaced { path, message } in misplaced {
            let path = if path == "(document)" { ENTITY } else { path };
            faults.place(path, message.as_str().into());
        }
        faults
    }

    /// Whether nothing is.
    pub(super) fn is_empty(&self) -> bool {
        self.tree.is_null()
    }

    /// An entity is wrong.
    pub(super) fn add(&mut self, declared: &Declared, error: Error) {
        let error = error.discreet(declared.kind);
        // Only of schemas do fields say what is wrong with them.
        let blame = match (error.code, &error.fields) {
            (crate::entity::error::code::SCHEMA_VIOLATION, fields @ Value::Object(_)) => {
                fields.clone()
            }
            _ => json!({ ENTITY: [error.message] }),
        };
        let mut errors = Vec::new();
        list(&blame, "", &mut errors);
        let kind = declared.kind;
        self.flat.push(json!({
            "entity_type": singular(kind.as_str()),
            "entity_name": changes::name(kind, &declared.fields),
            "entity_id": declared.id,
            "entity_tags": declared.fields.get("tags"),
            "errors": errors,
        }));
        self.place(&declared.path, blame);
    }

    /// The body of the answer.
    pub(super) fn body(&self, flat: bool) -> Value {
        let fields = match &self.tree {
            Value::Object(fields) => fields.clone(),
            _ => Document::new(),
        };
        let mut body = Error::declarative_config(fields).body();
        if flat {
            body["flattened_errors"] = self.flat.clone().into();
        }
        body
    }

    /// Puts a blame where `services[0].routes[1]` leads; elements without one are null.
    fn place(&mut self, path: &str, blame: Value) {
        let mut at = &mut self.tree;
        for part in path.split('.') {
            let (key, index) = match part.split_once('[') {
                Some((key, index)) => (key, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            if !at.is_object() {
                *at = Value::Object(Document::new());
            }
            at = &mut at[key];
            if let Some(index) = index {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                if let Value::Array(items) = &mut *at
                    && items.len() <= index
                {
                    items.resize(index + 1, Value::Null);
                }
                at = &mut at[index];
            }
        }
        match (&mut *at, blame) {
            (Value::Object(known), Value::Object(more)) => known.extend(more),
            // What is told of an entity as a whole stands beside what is told of its parts.
            (Value::Object(known), whole) => {
                known.insert(ENTITY.to_owned(), json!([whole]));
            }
            (Value::String(whole), Value::Object(mut more)) => {
                more.insert(ENTITY.to_owned(), json!([whole]));
                *at = Value::Object(more);
            }
            (at, blame) => *at = blame,
        }
    }
}

/// Each blame with its place.
fn list(blame: &Value, path: &str, errors: &mut Vec<Value>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match blame {
        Value::Object(members) => {
            for (key, blame) in members {
                match (key.as_str(), blame) {
                    (ENTITY, Value::Array(messages)) => {
                        let whole = messages
                            .iter()
                            .map(|message| json!({ "type": "entity", "message": message }));
                        errors.extend(whole);
                    }
                    _ => list(blame, &below(key), errors),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in (1..).zip(items) {
                list(item, &below(&index.to_string()), errors);
            }
        }
        Value::Null => {}
        message => errors.push(json!({ "type": "field", "field": path, "message": message })),
    }
}

/// Kong's name of one of a kind.
fn singular(kind: &str) -> &str {
    kind.strip_suffix('s').unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Faults;
    use crate::declarative::Misplaced;

    #[test]
    fn blames_stand_where_what_they_are_about_stands() {
        let misplaced = |path: &str, message: &str| Misplaced {
            path: path.to_owned(),
            message: message.to_owned(),
        };
        let faults = Faults::of_document(&[
            misplaced("services[1].routes[0]", "expected a record"),
            misplaced("services[0]", "expected a record"),
            misplaced("_format_version", "required field missing"),
        ]);
        let body = faults.body(false);
        let expected = json!({
            "services": ["expected a record", { "routes": ["expected a record"] }],
            "_format_version": "required field missing",
        });
        assert_eq!(body["fields"], expected);
        assert!(body.get("flattened_errors").is_none());
        let whole = Faults::of_document(&[misplaced("(document)", "line 1: nonsense")]);
        assert_eq!(whole.body(true)["fields"]["@entity"], "line 1: nonsense");
        assert_eq!(whole.body(true)["flattened_errors"], json!([]));
    }
}
