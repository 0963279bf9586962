//! Kong's error objects: a code, its name, a message and the fields that are to blame.

use std::borrow::Cow;
use std::fmt;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Document;
use super::Kind;
use super::NoPlugins;
use super::Origin;
use super::mask;
use super::pretty;

/// Why an operation on entities failed, as Kong's Admin API says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// Kong's number of this sort of error.
    pub code: u8,
    /// What Kong calls it.
    pub name: Cow<'static, str>,
    /// A sentence for people.
    pub message: String,
    /// What is to blame; `null` if nothing is said about it.
    pub fields: Value,
}

/// Kong's numbers.
#[expect(
    missing_docs,
    reason = "each is what it spells, see Kong's names below"
)]
pub mod code {
    pub const INVALID_PRIMARY_KEY: u8 = 1;
    pub const SCHEMA_VIOLATION: u8 = 2;
    pub const PRIMARY_KEY_VIOLATION: u8 = 3;
    pub const FOREIGN_KEY_VIOLATION: u8 = 4;
    pub const UNIQUE_VIOLATION: u8 = 5;
    pub const NOT_FOUND: u8 = 6;
    pub const INVALID_OFFSET: u8 = 7;
    pub const DATABASE_ERROR: u8 = 8;
    pub const INVALID_SIZE: u8 = 9;
    pub const INVALID_UNIQUE: u8 = 10;
    pub const INVALID_OPTIONS: u8 = 11;
    pub const OPERATION_UNSUPPORTED: u8 = 12;
    pub const FOREIGN_KEYS_UNRESOLVED: u8 = 13;
    pub const DECLARATIVE_CONFIG: u8 = 14;
    pub const REFERENCED_BY_OTHERS: u8 = 19;
    /// Ours, beyond Kong's.
    pub const HANDING_OVER: u8 = 100;
}

impl Error {
    fn new(code: u8, message: impl Into<String>, fields: Value) -> Self {
        let name = match code {
            code::INVALID_PRIMARY_KEY => "invalid primary key",
            code::SCHEMA_VIOLATION => "schema violation",
            code::PRIMARY_KEY_VIOLATION => "primary key violation",
            code::FOREIGN_KEY_VIOLATION => "foreign key violation",
            code::UNIQUE_VIOLATION => "unique constraint violation",
            code::NOT_FOUND => "not found",
            code::INVALID_OFFSET => "invalid offset",
            code::INVALID_SIZE => "invalid size",
            code::INVALID_OPTIONS => "invalid options",
            code::OPERATION_UNSUPPORTED => "operation unsupported",
            code::FOREIGN_KEYS_UNRESOLVED => "foreign keys unresolved",
            code::DECLARATIVE_CONFIG => "invalid declarative configuration",
            code::REFERENCED_BY_OTHERS => "referenced by others",
            code::HANDING_OVER => "handing over",
            _ => "database error",
        };
        Self {
            code,
            name: Cow::Borrowed(name),
            message: message.into(),
            fields,
        }
    }

    /// Code 1: what should identify an entity cannot.
    pub fn invalid_primary_key(fields: Document) -> Self {
        let fields = Value::Object(fields);
        let message = format!("invalid primary key: '{}'", pretty::compact(&fields));
        Self::new(code::INVALID_PRIMARY_KEY, message, fields)
    }

    /// Code 2: fields of the input are wrong. `@entity` holds what is wrong with several of them together.
    pub fn schema_violation(fields: Document) -> Self {
        let message = counted(&fields, "schema violation", "schema violations");
        Self::new(code::SCHEMA_VIOLATION, message, Value::Object(fields))
    }

    /// Code 3: the id is taken.
    pub fn primary_key_violation(id: &str) -> Self {
        let fields = json!({ "id": id });
        let message = format!(
            "primary key violation on key '{}'",
            pretty::compact(&fields)
        );
        Self::new(code::PRIMARY_KEY_VIOLATION, message, fields)
    }

    /// Code 4: a reference leads nowhere.
    pub fn dangling_reference(field: &str, id: &str, parent: Kind) -> Self {
        let key = json!({ "id": id });
        let message = format!(
            "the foreign key '{}' does not reference an existing '{}' entity.",
            pretty::compact(&key),
            parent.as_str()
        );
        let fields = Map::from_iter([(field.to_owned(), key)]);
        Self::new(code::FOREIGN_KEY_VIOLATION, message, Value::Object(fields))
    }

    /// Code 4: an entity cannot go while another refers to it.
    pub fn still_referenced(parent: Kind, child: Kind) -> Self {
        let (parent, child) = (parent.as_str(), child.as_str());
        let message = format!("an existing '{child}' entity references this '{parent}' entity");
        let fields = json!({ "@referenced_by": child });
        Self::new(code::FOREIGN_KEY_VIOLATION, message, fields)
    }

    /// Code 5: another entity has these values. It is for whoever sent them; see [`Self::discreet`].
    pub fn unique_violation(fields: Document) -> Self {
        let fields = Value::Object(fields);
        let message = format!(
            "UNIQUE violation detected on '{}'",
            pretty::compact(&fields)
        );
        Self::new(code::UNIQUE_VIOLATION, message, fields)
    }

    /// The same with the place of the other entity, where that one stands in a file.
    #[must_use]
    pub(super) fn standing_in(mut self, other: Option<&Origin>) -> Self {
        if let Some(Origin::File(place)) = other {
            self.message += &format!(" (it stands in {place})");
        }
        self
    }

    /// The same for logs, and for answers about more than one entity: the value that another entity has may be a key.
    #[must_use]
    pub fn discreet(self, kind: Kind) -> Self {
        match self.fields {
            Value::Object(mut fields) if self.code == code::UNIQUE_VIOLATION => {
                // What is said behind Kong's words holds no value.
                let told = Self::unique_violation(fields.clone()).message;
                let more = self.message.strip_prefix(&told).unwrap_or_default();
                mask(kind, &mut fields, &NoPlugins);
                let masked = Self::unique_violation(fields);
                Self {
                    message: masked.message.clone() + more,
                    ..masked
                }
            }
            fields => Self { fields, ..self },
        }
    }

    /// Code 6: there is no entity with this value in its endpoint key. The Admin API says so for PATCH alone and
    /// answers a bare `Not found` otherwise.
    pub fn not_found(field: &str, value: &str) -> Self {
        let fields = Value::Object(Map::from_iter([(field.to_owned(), json!(value))]));
        let key = pretty::compact(&fields);
        let message = match field {
            "id" => format!("could not find the entity with primary key '{key}'"),
            _ => format!("could not find the entity with '{key}'"),
        };
        Self::new(code::NOT_FOUND, message, fields)
    }

    /// Code 7: a page cannot begin there.
    pub fn invalid_offset(offset: &str, why: &str) -> Self {
        let message = format!("'{offset}' is not a valid offset: {why}");
        Self::new(code::INVALID_OFFSET, message, Value::Null)
    }

    /// Code 8: the store failed. The cause is for the log; clients are told a bare message.
    pub fn database_error(cause: &str) -> Self {
        Self::new(code::DATABASE_ERROR, cause, Value::Null)
    }

    /// Code 100: another process is about to take over and has the store; the same again in a moment goes well.
    pub fn handing_over() -> Self {
        let message = "a new process is taking over, try again in a moment";
        Self::new(code::HANDING_OVER, message, Value::Null)
    }

    /// Code 9: `size must be a number` and the like.
    pub fn invalid_size(message: &str) -> Self {
        Self::new(code::INVALID_SIZE, message, Value::Null)
    }

    /// Code 10: the value of a unique field cannot be one.
    pub fn invalid_unique(field: &str, message: &str) -> Self {
        Self {
            name: Cow::Owned(format!("invalid unique {field}")),
            ..Self::new(code::INVALID_UNIQUE, message, Value::Null)
        }
    }

    /// Code 11: an option of the query is wrong; what is to blame stands under `options`.
    pub fn invalid_options(options: Document) -> Self {
        let message = counted(&options, "invalid option", "option violations");
        Self::new(code::INVALID_OPTIONS, message, Value::Object(options))
    }

    /// Code 12: this cannot be done here, as writing to an entity that stands in a file.
    pub fn operation_unsupported(message: impl Into<String>) -> Self {
        Self::new(code::OPERATION_UNSUPPORTED, message, Value::Null)
    }

    /// What is said of a reference by another field than the id that leads nowhere.
    pub(super) fn unresolved(key: &str, value: &Value, parent: Kind) -> String {
        let sought = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
        format!(
            "the foreign key cannot be resolved with '{}' for an existing '{}' entity",
            pretty::compact(&sought),
            parent.as_str()
        )
    }

    /// Code 13: references lead nowhere that are not by ids; for each field and each name the text of
    /// [`Self::unresolved`].
    pub(super) fn unresolved_references(fields: Document) -> Self {
        let (one, many) = ("foreign key unresolved", "foreign keys unresolved");
        let message = counted(&fields, one, many);
        Self::new(
            code::FOREIGN_KEYS_UNRESOLVED,
            message,
            Value::Object(fields),
        )
    }

    /// Code 14: a declarative configuration is wrong; `fields` mirrors its structure.
    pub fn declarative_config(fields: Document) -> Self {
        let fields = Value::Object(fields);
        let message = format!(
            "declarative config is invalid: {}",
            pretty::compact(&fields)
        );
        Self::new(code::DECLARATIVE_CONFIG, message, fields)
    }

    /// Code 19: something that no foreign key knows of needs this entity.
    pub fn referenced_by_others(message: impl Into<String>) -> Self {
        Self::new(code::REFERENCED_BY_OTHERS, message, Value::Null)
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self.code {
            code::UNIQUE_VIOLATION => 409,
            code::NOT_FOUND => 404,
            code::OPERATION_UNSUPPORTED => 405,
            code::DATABASE_ERROR => 500,
            code::HANDING_OVER => 503,
            _ => 400,
        }
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        if self.code == code::DATABASE_ERROR {
            return json!({ "message": "An unexpected error occurred" });
        }
        let mut body = Map::new();
        body.insert("code".to_owned(), json!(self.code));
        body.insert("name".to_owned(), json!(self.name));
        body.insert("message".to_owned(), json!(self.message));
        if !self.fields.is_null() {
            let key = match self.code {
                code::INVALID_OPTIONS => "options",
                _ => "fields",
            };
            body.insert(key.to_owned(), self.fields.clone());
        }
        Value::Object(body)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Every blame on one line: those of the entity as a whole first, the others in the order of their names, two
/// levels deep; what is nested deeper is printed like a table.
fn counted(fields: &Document, one: &str, many: &str) -> String {
    let mut blames = Vec::new();
    if let Some(Value::Array(texts)) = fields.get(ENTITY) {
        blames.extend(texts.iter().map(plain));
    }
    for (field, blame) in fields.iter().filter(|(field, _)| *field != ENTITY) {
        match blame {
            Value::Object(inner) => {
                let inner = inner.iter();
                blames.extend(inner.map(|(key, blame)| format!("{field}.{key}: {}", plain(blame))));
            }
            Value::Array(inner) => {
                let inner = inner.iter().zip(1_usize..);
                let inner = inner.filter(|(blame, _)| !blame.is_null());
                blames.extend(inner.map(|(blame, at)| format!("{field}.{at}: {}", plain(blame))));
            }
            blame => blames.push(format!("{field}: {}", plain(blame))),
        }
    }
    match &blames[..] {
        [blame] => format!("{one} ({blame})"),
        blames => format!("{} {many} ({})", blames.len(), blames.join("; ")),
    }
}

fn plain(blame: &Value) -> String {
    match blame {
        Value::String(text) => text.clone(),
        blame => pretty::spread(blame),
    }
}

/// The key of what is wrong with an entity as a whole.
pub(super) const ENTITY: &str = "@entity";

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn one_violation_stands_alone_and_several_are_counted() {
        let one = Error::schema_violation(fields(json!({"host": "required field missing"})));
        assert_eq!(
            one.message,
            "schema violation (host: required field missing)"
        );
        let many = Error::schema_violation(fields(json!({
            "name": "x",
            "@entity": ["first"],
            "config": {"b": {"c": ["deep"]}, "a": "y"},
            "paths": [null, "z"],
        })));
        assert_eq!(
            many.message,
            "5 schema violations (first; config.a: y; config.b: {\n  c = {\n    \"deep\"\n  }\n}; \
             name: x; paths.2: z)"
        );
    }

    #[test]
    fn options_are_not_fields() {
        let error = Error::invalid_options(fields(json!({"tags": "cannot be null"})));
        assert_eq!(
            error.body(),
            json!({
                "code": 11,
                "name": "invalid options",
                "message": "invalid option (tags: cannot be null)",
                "options": {"tags": "cannot be null"},
            })
        );
    }

    #[test]
    fn the_cause_of_a_failing_store_is_not_told() {
        let error = Error::database_error("disk full");
        assert_eq!(error.status(), 500);
        assert_eq!(
            error.body(),
            json!({"message": "An unexpected error occurred"})
        );
    }
}
