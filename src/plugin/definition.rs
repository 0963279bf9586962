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

/// What one plugin is made from.
#[derive(Clone, Copy, Debug)]
pub struct Blueprint<'a> {
    /// The entity's id: the identity of whatever the plugin counts.
    pub id: Uuid,
    /// The service it is put on.
    pub service: Option<Uuid>,
    /// The route it is put on.
    pub route: Option<Uuid>,
    /// The consumer it is put on.
    pub consumer: Option<Uuid>,
    /// Its configuration, complete: every field is there, defaults filled in.
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

/// A compiled plugin with what the chain needs to know of it.
#[derive(Debug)]
pub struct Configured {
    /// The entity's id.
    pub id: Uuid,
    /// What it is put on.
    pub scope: Scope,
    /// What kind it is.
    pub definition: &'static Definition,
    /// Its refusals are counted and logged, and not made.
    pub observes: bool,
    /// The plugin.
    pub plugin: Arc<dyn Plugin>,
}
