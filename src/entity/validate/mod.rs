//! From an input to a complete entity, or to everything that is wrong with it in Kong's words.
//!
//! Three steps, as in Kong: [`Shape::complete`] expands short forms and fills in defaults, [`Shape::validate`]
//! checks every field and then what several must satisfy together. What other entities have to say, whether
//! references lead somewhere and values are unique, is for the collection.

mod checks;
mod complete;
mod config;
mod merge;
mod record;
mod rule;
mod sparse;
mod value;
mod visit;

use serde_json::Value;

use super::Document;
use super::Entity;
use super::Error;
use super::Kind;
use super::PluginSchema;
use super::PluginSchemas;
use super::Type;
use super::schema::Check;
use super::schema::Fields;

pub use config::Fault;
pub use config::complete_config;
pub(super) use merge::merge;
pub(super) use sparse::Show;

/// The kind of an entity, and which plugin it is if it is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    kind: Kind,
    entity: &'static Entity,
    plugin: Option<PluginSchema>,
}

/// What is being done to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// It is written as a whole.
    Put,
    /// Some of its fields are changed.
    Patch,
}

impl Shape {
    /// The shape of an entity of this kind with these fields.
    pub(super) fn of(kind: Kind, document: &Document, plugins: &dyn PluginSchemas) -> Self {
        let plugin = match kind {
            Kind::Plugins => document.get("name").and_then(Value::as_str),
            _ => None,
        };
        Self {
            kind,
            entity: kind.entity(),
            plugin: plugin.and_then(|name| plugins.schema(name)),
        }
    }

    /// The fields of the entity itself.
    fn fields(&self) -> Fields {
        Fields::new(self.entity.schema.fields)
    }

    /// Checks a complete entity.
    ///
    /// # Errors
    /// Code 2.
    pub(super) fn validate(&self, document: &Document, intent: Intent) -> Result<(), Error> {
        if let Some(blame) = self.gate(document) {
            return Err(Error::schema_violation(blame));
        }
        let mut blame = record::check_fields(self.fields(), document, self.plugin);
        let checks = self.entity.schema.checks;
        checks::run(checks, document, &[], intent, &mut blame);
        if let Some(plugin) = self.plugin {
            check_plugin(&plugin, document, intent, &mut blame);
        }
        if blame.is_empty() {
            return Ok(());
        }
        Err(Error::schema_violation(blame))
    }

    /// What makes all other checks pointless.
    fn gate(&self, document: &Document) -> Option<Document> {
        let mut blame = Document::new();
        if let Some(misfit) = self.entity.gate.and_then(|gate| gate(document)) {
            checks::put(&mut blame, &[], misfit);
        } else if self.kind == Kind::Plugins && self.plugin.is_none() {
            let text = match document.get("name") {
                None | Some(Value::Null) => "required field missing".to_owned(),
                Some(Value::String(name)) => format!(
                    "plugin '{name}' not enabled; add it to the 'plugins' configuration property"
                ),
                Some(_) => "expected a string".to_owned(),
            };
            blame.insert("name".to_owned(), Value::String(text));
        }
        (!blame.is_empty()).then_some(blame)
    }
}

/// The scope of a plugin, and what its own schema says about several fields of its configuration.
fn check_plugin(plugin: &PluginSchema, document: &Document, intent: Intent, blame: &mut Document) {
    let consumer = document.get("consumer").unwrap_or(&Value::Null);
    if !plugin.consumer_scope && !consumer.is_null() {
        blame.insert("consumer".to_owned(), "value must be null".into());
    }
    if let Some(Value::Object(config)) = document.get("config") {
        checks::run(plugin.config.checks, config, &["config"], intent, blame);
    }
}

/// The fields of a record and what they must satisfy together; `None` if the type is no record. The checks of a
/// plugin's configuration are not among them: they are run on the plugin.
fn record_of(kind: &Type, plugin: Option<PluginSchema>) -> Option<(Fields, &'static [Check])> {
    match kind {
        Type::Record(fields) => Some((Fields::new(fields), &[])),
        Type::Checked(schema) => Some((Fields::new(schema.fields), schema.checks)),
        Type::Config => plugin.map(|plugin| (plugin.fields(), &[][..])),
        Type::Text
        | Type::Integer
        | Type::Number
        | Type::Boolean
        | Type::Array(_)
        | Type::Set(_)
        | Type::Map(..)
        | Type::Foreign(_)
        | Type::OneOrMore(_)
        | Type::Protocols => None,
    }
}

/// Whether a text can be the value of a field that names an entity.
pub(super) fn check_key(kind: Kind, field: &str, text: &str) -> Result<(), String> {
    let rules = kind.entity().schema.field(field).map(|field| field.rules);
    rule::check_all(rules.unwrap_or_default(), &Value::String(text.to_owned()))
}

/// The protocols of a plugin.
fn protocols_of(plugin: Option<PluginSchema>) -> &'static [&'static str] {
    plugin.map_or(PluginSchema::HTTP, |plugin| plugin.protocols)
}
