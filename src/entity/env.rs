//! What the checks of entities need from the world around them.

use std::fmt;

use uuid::Uuid;

use super::Document;
use super::Field;
use super::Kind;
use super::Preset;
use super::Rule;
use super::Schema;
use super::schema::Fields;

/// The world of one operation: its time and its source of ids.
pub struct Env<'a> {
    /// Seconds since the Unix epoch.
    pub now_secs: u64,
    /// Milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// A new random id. Keys and secrets that the caller leaves to us are drawn from it too, so outside tests it
    /// must be a version 4 UUID from the system's randomness.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
    /// Inputs are as people write them: passwords, say, are not hashed yet.
    pub transforms: bool,
    /// Inputs say themselves when they were changed last, as what comes from another gateway does.
    pub keeps_times: bool,
}

impl<'a> Env<'a> {
    /// An operation on what people wrote.
    pub fn new(now_ms: u64, new_id: &'a mut dyn FnMut() -> Uuid) -> Self {
        Self {
            now_secs: now_ms / 1000,
            now_ms,
            new_id,
            transforms: true,
            keeps_times: false,
        }
    }
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

/// The kinds of plugins that there are. The registry of plugins stands above this module, so it is handed in.
pub trait PluginSchemas: Sync + fmt::Debug {
    /// What a plugin of this name looks like; `None` if there is none.
    fn schema(&self, name: &str) -> Option<PluginSchema>;

    /// All names, in the order of `/plugins/enabled`.
    fn names(&self) -> Vec<&'static str>;

    /// What becomes of an accepted input of this kind before it is kept.
    fn transform(&self, _kind: Kind) -> Option<Transform> {
        None
    }
}

/// What becomes of an accepted input before it is kept: passwords are hashed, say.
#[derive(Clone, Copy, Debug)]
pub struct Transform {
    /// It is applied if the input has one of these fields.
    pub inputs: &'static [&'static str],
    /// Changes the complete entity.
    pub apply: fn(&mut Document),
}

/// What a kind of plugin looks like.
#[derive(Clone, Copy, Debug)]
pub struct PluginSchema {
    /// The fields of its `config`.
    pub config: &'static Schema,
    /// It may be put on a consumer.
    pub consumer_scope: bool,
    /// It can refuse requests, so its `config` has a `mode`.
    pub denies: bool,
    /// The protocols that it can serve, which are also its default.
    pub protocols: &'static [&'static str],
}

impl PluginSchema {
    /// What nearly all plugins serve.
    pub const HTTP: &'static [&'static str] = &["grpc", "grpcs", "http", "https"];
    /// What plugins serve that look at connections alone.
    pub const HTTP_AND_STREAM: &'static [&'static str] =
        &["http", "https", "tcp", "tls", "grpc", "grpcs"];

    /// The fields of its `config`, its own and ours.
    pub(super) fn fields(&self) -> Fields {
        const MODE: &[Field] = &[Field::text(
            "mode",
            "whether it refuses requests, or only counts and logs those that it would refuse",
        )
        .preset(Preset::Text("enforce"))
        .rules(&[Rule::OneOf(&["enforce", "observe"])])
        .extension()];
        let fields = Fields::new(self.config.fields);
        if self.denies {
            fields.and(MODE)
        } else {
            fields
        }
    }
}

/// No plugins at all.
#[derive(Clone, Copy, Debug)]
pub struct NoPlugins;

impl PluginSchemas for NoPlugins {
    fn schema(&self, _: &str) -> Option<PluginSchema> {
        None
    }

    fn names(&self) -> Vec<&'static str> {
        Vec::new()
    }
}
