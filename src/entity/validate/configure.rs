//! A plugin's configuration by itself, as files state it.

use serde_json::Value;
use uuid::Uuid;

use super::Intent;
use super::Shape;
use super::sparse::Show;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::Kind;
use crate::entity::Misfit;
use crate::entity::PluginSchemas;

/// The plugin around the configuration is made up, and must be right.
const SOME_TIME_MS: u64 = 1_000_000;

/// Checks a configuration and fills in all defaults, those of our own fields too.
///
/// # Errors
/// Everything that is wrong with it; paths begin below `config`.
pub fn configure(
    name: &str,
    config: Document,
    plugins: &dyn PluginSchemas,
) -> Result<Document, Vec<Misfit>> {
    let mut plugin = Document::new();
    plugin.insert("name".to_owned(), name.into());
    plugin.insert("config".to_owned(), Value::Object(config));
    let shape = Shape::of(Kind::Plugins, &plugin, plugins);
    let mut new_id = Uuid::nil;
    let mut env = Env::new(SOME_TIME_MS, &mut new_id);
    let completed = shape.complete(plugin, Intent::Put, &mut env);
    let checked = completed.and_then(|plugin| {
        shape.validate(&plugin, Intent::Put)?;
        Ok(plugin)
    });
    match checked {
        Ok(mut plugin) => {
            shape.fill(&mut plugin, Show::All);
            match plugin.remove("config") {
                Some(Value::Object(config)) => Ok(config),
                _ => Ok(Document::new()),
            }
        }
        Err(error) => {
            let mut misfits = Vec::new();
            collect(&error.fields, &mut Vec::new(), &mut misfits);
            for misfit in &mut misfits {
                if misfit.path.first().is_some_and(|first| first == "config") {
                    misfit.path.remove(0);
                }
            }
            Err(misfits)
        }
    }
}

/// Takes Kong's nested faults apart.
fn collect(fields: &Value, path: &mut Vec<String>, misfits: &mut Vec<Misfit>) {
    let mut inner = |key: String, value: &Value| {
        let whole = key == "@entity";
        if !whole {
            path.push(key);
        }
        collect(value, path, misfits);
        if !whole {
            path.pop();
        }
    };
    match fields {
        Value::String(message) => misfits.push(Misfit {
            path: path.clone(),
            message: message.clone(),
        }),
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| inner(key.clone(), value)),
        // A list of texts is several faults of one thing; in any other the number tells which element.
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items
                .iter()
                .for_each(|value| inner("@entity".to_owned(), value));
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| inner(index.to_string(), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
