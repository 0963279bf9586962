//! The configuration of a plugin by itself, as it stands in files.

use serde_json::Value;
use uuid::Uuid;

use super::Intent;
use super::checks;
use super::complete;
use super::record;
use super::sparse;
use super::sparse::Show;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::PluginSchema;
use crate::entity::error::ENTITY;

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field that is to blame: `redis.host`, `allow.1`; empty for the configuration as a whole.
    pub path: String,
    /// Kong's text.
    pub message: String,
}

/// The configuration with every field, ours too, if there is nothing wrong with it.
///
/// # Errors
/// All that is wrong with it.
pub fn complete_config(plugin: &PluginSchema, given: Document) -> Result<Document, Vec<Fault>> {
    // No field of a configuration is an id or a time.
    let mut new_id = Uuid::nil;
    let mut env = Env::new(0, &mut new_id);
    let mut config = given;
    let fields = plugin.fields();
    let mut blame = Document::new();
    match complete::complete(fields, &mut config, Some(*plugin), &mut env) {
        Ok(()) => {
            blame = record::check_fields(fields, &config, Some(*plugin));
            checks::run(plugin.config.checks, &config, &[], Intent::Put, &mut blame);
        }
        Err(fault) => blame.extend(fault),
    }
    if blame.is_empty() {
        sparse::fill(fields, &mut config, Some(*plugin), Show::All);
        return Ok(config);
    }
    let mut faults = Vec::new();
    flatten(&Value::Object(blame), "", &mut faults);
    Err(faults)
}

fn flatten(blame: &Value, path: &str, faults: &mut Vec<Fault>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match blame {
        Value::Object(members) => {
            for (name, blame) in members {
                match name.as_str() {
                    ENTITY => blame.as_array().into_iter().flatten().for_each(|blame| {
                        flatten(blame, path, faults);
                    }),
                    name => flatten(blame, &below(name), faults),
                }
            }
        }
        Value::Array(blames) => {
            for (at, blame) in (1..).zip(blames) {
                let at: i32 = at;
                flatten(blame, &below(&at.to_string()), faults);
            }
        }
        Value::String(message) => faults.push(Fault {
            path: path.to_owned(),
            message: message.clone(),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
