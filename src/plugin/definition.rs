//! What a plugin's file says of the plugin, and what its configuration is compiled from.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::entity::PluginSchema;
use crate::entity::Schema;
use crate::http::Cause;
use crate::http::Reply;

use super::Plugin;
use super::Scope;

/// A kind of plugin: one constant in its file, one line in the registry.
#[derive(Debug)]
pub struct Definition {
    /// Kong's name.
    pub name: &'static str,
    /// Higher runs first, as in Kong.
    pub priority: i32,
    /// What it does, in a phrase.
    pub about: &'static str,
    /// The fields of its `config`.
    pub config: Schema,
    /// It may be put on a consumer. Plugins that run before the consumer is known may not.
    pub consumer_scope: bool,
    /// It can refuse requests, so its `config` has a `mode` besides its fields: `enforce` or `observe`.
    pub denies: bool,
    /// Makes a plugin from a configuration that the schema has accepted and completed.
    pub compile: fn(&Blueprint<'_>) -> Result<Arc<dyn Plugin>, String>,
}

/// What plugins are made from.
#[derive(Clone, Copy, Debug)]
pub struct Blueprint<'a> {
    /// The configuration, complete: every field is there, defaults filled in.
    pub config: &'a Value,
}

impl Definition {
    /// The kind of plugin as the checks of entities see it.
    pub fn schema(&'static self) -> PluginSchema {
        PluginSchema {
            config: &self.config,
            consumer_scope: self.consumer_scope,
            denies: self.denies,
            protocols: match self.name {
                "ip-restriction" => PluginSchema::HTTP_AND_STREAM,
                _ => PluginSchema::HTTP,
            },
        }
    }

    /// The answer to a request that a plugin of this kind refuses, of Kong's `error` family. Why it was refused is told
    /// as every cause is: in `Proxy-Status`, the log and the metrics.
    pub fn refuse(&self, status: u16, message: impl Into<Cow<'static, str>>) -> Reply {
        Reply {
            cause: Some(Cause::Denied),
            ..Reply::error(status, message)
        }
        .with_detail(self.name)
    }
}

impl Blueprint<'_> {
    /// The configuration as a plugin's own type. Whatever that type refuses and the schema does not is a defect
    /// of the plugin; it is told like a fault of the configuration.
    ///
    /// # Errors
    /// Why the type refuses it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(self.config).map_err(|error| error.to_string())
    }
}

/// A plugin as its configuration makes it, shared by all that are configured alike.
#[derive(Debug)]
pub struct Compiled {
    /// What kind it is.
    pub definition: &'static Definition,
    /// Its refusals are counted and logged, and not made.
    pub observes: bool,
    /// The configuration, complete, as JSON with sorted keys.
    pub config: Box<str>,
    /// The names that it takes credentials under in queries.
    pub carriers: Box<[Box<str>]>,
    /// The plugin.
    pub plugin: Arc<dyn Plugin>,
}

/// A plugin with what it is put on.
#[derive(Clone, Debug)]
pub struct Configured {
    /// What it is put on.
    pub scope: Scope,
    /// What tells it from others that are configured alike.
    pub own: Own,
    /// The plugin.
    pub compiled: Arc<Compiled>,
}

/// What tells a plugin from others that are configured alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The entity's id: the name of what it remembers.
    pub id: Uuid,
    /// The name of what it counts: what kind it is and what it is put on, which stay when it is configured anew.
    /// Plugins on different entities never share counters.
    pub counters: [u64; 2],
}

impl Configured {
    /// A plugin with this id on this.
    pub fn new(id: Uuid, scope: Scope, compiled: Arc<Compiled>) -> Self {
        let counters = counters_of(compiled.definition.name, &scope);
        let own = Own { id, counters };
        Self {
            scope,
            own,
            compiled,
        }
    }
}

fn counters_of(plugin: &str, scope: &Scope) -> [u64; 2] {
    const COUNTERS: Uuid = Uuid::from_u128(0x2f0c_95d0_5c57_4f6b_8d2e_6f7a_91c3_7e15);
    let mut text = Vec::new();
    for id in [scope.route, scope.service, scope.consumer] {
        text.extend_from_slice(id.unwrap_or_default().as_bytes());
    }
    text.extend_from_slice(plugin.as_bytes());
    let (high, low) = Uuid::new_v5(&COUNTERS, &text).as_u64_pair();
    [low, high]
}
