//! A plugin as an entity: what it is put on, and what it was compiled to.

use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::Protocols;
use crate::plugin::Blueprint;
use crate::plugin::Configured;
use crate::plugin::Scope;
use crate::plugin::registry;
use crate::telemetry::mask::is_usual;

/// A plugin with its scope. It was compiled when it was read, so its configuration cannot be wrong.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Given, or Kong's deterministic id.
    pub id: Uuid,
    /// Unique among plugins.
    pub instance_name: Option<String>,
    /// How the client may speak to what it is put on.
    pub protocols: Protocols,
    /// A disabled plugin is part of no chain.
    pub enabled: bool,
    /// Its configuration, complete, as JSON with sorted keys.
    pub config: Box<str>,
    /// The names that it takes credentials under in queries.
    pub carriers: Box<[Box<str>]>,
    /// Labels for the Admin API.
    pub tags: Vec<String>,
    /// Seconds since the Unix epoch.
    pub created_at: u64,
    /// The compiled plugin and what it is put on.
    pub configured: Arc<Configured>,
}

/// What a plugin is made of.
#[derive(Debug)]
pub struct PluginParts<'a> {
    /// See [`Plugin`].
    pub id: Uuid,
    /// Kong's name of its kind.
    pub name: &'a str,
    /// See [`Plugin`].
    pub instance_name: Option<String>,
    /// What it is put on.
    pub scope: Scope,
    /// See [`Plugin`].
    pub protocols: Protocols,
    /// See [`Plugin`].
    pub enabled: bool,
    /// Its configuration, accepted by its schema; defaults may be missing.
    pub config: Value,
    /// See [`Plugin`].
    pub tags: Vec<String>,
    /// See [`Plugin`].
    pub created_at: u64,
}

impl Plugin {
    /// Compiles a plugin.
    ///
    /// # Errors
    /// A sentence that says why its configuration cannot work.
    pub fn compile(parts: PluginParts<'_>) -> Result<Self, String> {
        let name = parts.name;
        let definition = registry::find(name).ok_or_else(|| {
            format!("plugin '{name}' not enabled; add it to the 'plugins' configuration property")
        })?;
        let blueprint = Blueprint {
            id: parts.id,
            service: parts.scope.service,
            route: parts.scope.route,
            consumer: parts.scope.consumer,
            config: &parts.config,
        };
        let plugin = (definition.compile)(&blueprint)?;
        let configured = Configured {
            id: parts.id,
            scope: parts.scope,
            definition,
            observes: definition.denies && parts.config["mode"] == "observe",
            plugin,
        };
        Ok(Self {
            carriers: carriers(name, &parts.config),
            id: parts.id,
            instance_name: parts.instance_name,
            protocols: parts.protocols,
            enabled: parts.enabled,
            config: parts.config.to_string().into(),
            tags: parts.tags,
            created_at: parts.created_at,
            configured: Arc::new(configured),
        })
    }

    /// Kong's name of its kind.
    pub fn name(&self) -> &'static str {
        self.configured.definition.name
    }

    /// All that its meaning depends on.
    fn key(&self) -> impl Hash + Eq {
        let scope = &self.configured.scope;
        (
            self.id,
            self.name(),
            self.instance_name.as_deref(),
            self.protocols,
            self.enabled,
            &*self.config,
            self.tags.as_slice(),
            self.created_at,
            *scope,
        )
    }
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

impl PartialEq for Plugin {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Plugin {}

impl Hash for Plugin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
