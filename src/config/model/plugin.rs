//! A plugin as an entity: what it is put on, and what it was compiled to.

use std::hash::Hash;
use std::hash::Hasher;

use uuid::Uuid;

use super::Protocols;
use crate::plugin::Configured;

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
    /// Labels for the Admin API.
    pub tags: Vec<String>,
    /// Seconds since the Unix epoch.
    pub created_at: u64,
    /// The compiled plugin and what it is put on.
    pub configured: Configured,
}

impl Plugin {
    /// Kong's name of its kind.
    pub fn name(&self) -> &'static str {
        self.configured.compiled.definition.name
    }

    /// Its configuration, complete, as JSON with sorted keys.
    pub fn config(&self) -> &str {
        &self.configured.compiled.config
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
            self.config(),
            self.tags.as_slice(),
            self.created_at,
            *scope,
        )
    }
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
