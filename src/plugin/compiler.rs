//! From configurations to plugins, each configuration once.
//!
//! A marketplace has thousands of plugins and a handful of configurations. Those that are configured alike share one
//! [`Compiled`]: it takes their memory once, and stays in a core's cache because every request needs it. What tells
//! them apart is in [`Own`].

use std::sync::Arc;

use foldhash::HashMap;
use serde_json::Value;

use crate::entity;
use crate::entity::Document;
use crate::entity::Fault;
use crate::telemetry::mask::is_usual;

use super::Blueprint;
use super::Compiled;
use super::Definition;

/// Makes plugins, and remembers those that are in use.
#[derive(Clone, Debug, Default)]
pub struct Compiler {
    /// By the plugin's name and its configuration as it was given, in JSON.
    known: HashMap<(&'static str, Box<str>), Arc<Compiled>>,
    /// How many there may be before those that nobody uses any more are forgotten.
    room: usize,
}

/// It is not worth looking for fewer.
const ROOM_MIN: usize = 64;

impl Compiler {
    /// The plugin of this kind with this configuration; fields that it leaves out get their defaults.
    ///
    /// # Errors
    /// What is wrong with the configuration, with the paths of the fields.
    pub fn compile(
        &mut self,
        definition: &'static Definition,
        given: Document,
    ) -> Result<Arc<Compiled>, Vec<Fault>> {
        let given = Value::Object(given);
        let key = (definition.name, given.to_string().into_boxed_str());
        if let Some(compiled) = self.known.get(&key) {
            return Ok(Arc::clone(compiled));
        }
        let Value::Object(given) = given else {
            return Err(Vec::new());
        };
        let compiled = Arc::new(compile(definition, given)?);
        self.forget_unused();
        self.known.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// Makes room once in a while, so that configurations that were tried do not pile up.
    fn forget_unused(&mut self) {
        if self.known.len() >= self.room.max(ROOM_MIN) {
            self.known.retain(|_, known| Arc::strong_count(known) > 1);
            self.room = 2 * self.known.len();
        }
    }
}

fn compile(definition: &'static Definition, given: Document) -> Result<Compiled, Vec<Fault>> {
    let config = entity::complete_config(&definition.schema(), given)?;
    let config = Value::Object(config);
    let plugin = (definition.compile)(&Blueprint { config: &config }).map_err(|message| {
        vec![Fault {
            path: String::new(),
            message,
        }]
    })?;
    Ok(Compiled {
        definition,
        observes: definition.denies && config["mode"] == "observe",
        carriers: carriers(definition.name, &config),
        config: config.to_string().into(),
        plugin,
    })
}

/// Where plugins say under which names they take credentials in queries.
const CARRIERS: [(&str, &str); 2] = [("key-auth", "key_names"), ("jwt", "uri_param_names")];

/// The names that do not go without saying.
fn carriers(plugin: &str, config: &Value) -> Box<[Box<str>]> {
    let fields = CARRIERS.iter().filter(|(name, _)| *name == plugin);
    let names = fields.filter_map(|(_, field)| config.get(field)?.as_array());
    let names = names.flatten().filter_map(Value::as_str);
    names
        .filter(|name| !is_usual(name.as_bytes()))
        .map(Box::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::registry;

    fn given(minute: u64) -> Document {
        Document::from_iter([("minute".to_owned(), minute.into())])
    }

    #[test]
    fn what_is_configured_alike_is_made_once() {
        let limit = registry::find("rate-limiting").unwrap();
        let mut compiler = Compiler::default();
        let first = compiler.compile(limit, given(5)).unwrap();
        let second = compiler.compile(limit, given(5)).unwrap();
        let other = compiler.compile(limit, given(6)).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &other));
        let key = registry::find("key-auth").unwrap();
        assert!(compiler.compile(key, given(5)).is_err());
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let limit = registry::find("rate-limiting").unwrap();
        let mut compiler = Compiler::default();
        let used = compiler.compile(limit, given(1)).unwrap();
        for minute in 2..1_000 {
            compiler.compile(limit, given(minute)).unwrap();
        }
        assert!(compiler.known.len() <= ROOM_MIN);
        assert!(Arc::ptr_eq(
            &used,
            &compiler.compile(limit, given(1)).unwrap()
        ));
    }
}
