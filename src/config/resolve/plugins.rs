//! One plugin: what it is told, and what it is put on.
//!
//! What a plugin takes is written in its own file, in the language of `entity`; here its faults get their places.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Plugin;
use crate::config::model::Protocols;
use crate::config::raw::Table;
use crate::config::raw::loose::Loose;
use crate::config::raw::nearest;
use crate::config::source::Place;
use crate::entity;
use crate::plugin::Compiled;
use crate::plugin::Compiler;
use crate::plugin::Definition;
use crate::plugin::registry;

use super::consumers::created_at;
use super::names;
use super::part::Part;
use super::part::Reference;
use super::part::Target;
use super::routes;

/// A plugin, whose scope may stand elsewhere. A loader keeps tens of thousands, so what most of them lack is boxed.
#[derive(Debug)]
pub(super) struct PluginEntry {
    /// Its name.
    pub(super) at: Place,
    pub(super) id: Option<Box<(Uuid, Place)>>,
    pub(super) instance_name: Option<Box<(String, Place)>>,
    pub(super) service: Option<Reference>,
    pub(super) route: Option<Reference>,
    pub(super) consumer: Option<Reference>,
    pub(super) protocols: Protocols,
    pub(super) enabled: bool,
    pub(super) compiled: Arc<Compiled>,
    pub(super) tags: Vec<String>,
    pub(super) created_at: u64,
    /// What it became the last time.
    pub(super) joined: Option<Arc<Plugin>>,
}

impl PluginEntry {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.compiled.definition.name
    }
}

/// Reads a table of `plugins`; `within` is what it stands in.
pub(super) fn read(
    table: &Table<'_>,
    within: Option<Target>,
    part: &mut Part,
    compiler: &mut Compiler,
    sink: &mut Sink,
) {
    let id = names::id(table, sink);
    let instance_name = table.text("instance_name", sink);
    let protocols = routes::protocols(table, sink);
    let enabled = table.flag("enabled", true, sink);
    let tags = names::tags(table, sink);
    let created_at = created_at(table, sink);
    let mut reference = |key: &'static str| reference(table, key, within, sink);
    let (service, route, consumer) = (
        reference("service"),
        reference("route"),
        reference("consumer"),
    );
    let config = table.get("config");
    let config_at = config.map_or(table.place, |item| item.place);
    let loose = config.map(|item| item.loose(sink)).unwrap_or_default();
    if table.get("name").is_none() {
        table.missing("name", sink);
    }
    let Some(name) = table.text("name", sink) else {
        return;
    };
    let Some(definition) = registry::find(name.value) else {
        let message = format!("there is no plugin `{}`", name.value);
        let fault = name.fault(Code::NotSupported, message, sink);
        let known = registry::ALL.iter().map(|known| known.name);
        fault.hint = nearest(name.value, known);
        return;
    };
    if consumer.is_some() && !definition.consumer_scope {
        let message = format!("`{}` runs before the consumer is known", name.value);
        sink.add(Code::KeysConflict, name.place, message);
    }
    let Some(compiled) = compile(definition, loose, config_at, compiler, sink) else {
        return;
    };
    part.plugins.push(PluginEntry {
        at: name.place,
        id: id.map(Box::new),
        instance_name: instance_name.map(|text| Box::new((text.value.to_owned(), text.place))),
        service,
        route,
        consumer,
        protocols,
        enabled,
        compiled,
        tags,
        created_at,
        joined: None,
    });
}

/// What a plugin is put on by a key, or by where it stands.
fn reference(
    table: &Table<'_>,
    key: &'static str,
    within: Option<Target>,
    sink: &mut Sink,
) -> Option<Reference> {
    let here = within.filter(|target| target.key() == key);
    let Some(text) = table.text(key, sink) else {
        return here.map(Reference::Within);
    };
    if here.is_some() {
        let message = format!("a plugin within a {key} belongs to that {key}");
        let fault = text.fault(Code::KeysConflict, message, sink);
        fault.hint(format!("drop `{key}`, or move the plugin to `[[plugins]]`"));
    }
    let named = (text.value.to_owned(), text.place);
    Some(Reference::Named(Box::new(named)))
}

/// What a file says where it says nothing, and Kong's clients mean something else by the same: plugin, field, the file's
/// value, Kong's.
pub(in crate::config) const FRESH: [(&str, &str, &str, &str); 1] =
    [("rate-limiting", "window", "sliding", "fixed")];

/// The plugin, if its configuration is right.
fn compile(
    definition: &'static Definition,
    loose: Loose,
    config_at: Place,
    compiler: &mut Compiler,
    sink: &mut Sink,
) -> Option<Arc<Compiled>> {
    let mut given = loose.value.clone();
    for (_, field, value, _) in FRESH.iter().filter(|(name, ..)| *name == definition.name) {
        given
            .entry((*field).to_owned())
            .or_insert_with(|| Value::from(*value));
    }
    match compiler.compile(definition, given) {
        Ok(compiled) => Some(compiled),
        Err(faults) => {
            for fault in faults {
                let place = loose.place(blamed(&fault)).unwrap_or(config_at);
                let message = match fault.path.as_str() {
                    "" => fault.message,
                    path => format!("`{path}`: {}", fault.message),
                };
                sink.add(Code::BadPlugin, place, message);
            }
            None
        }
    }
}

/// The field that a fault is about. Where one field asks for another, the text says which.
fn blamed(fault: &entity::Fault) -> &str {
    let asking = || {
        let (_, field) = fault.message.split_once("given value of field '")?;
        field.strip_suffix('\'')
    };
    match fault.path.as_str() {
        "" => asking().unwrap_or_default(),
        path => path,
    }
}
