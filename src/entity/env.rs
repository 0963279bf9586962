//! What the checks of entities need from the world around them.

use std::collections::HashMap;
use std::fmt;

use uuid::Uuid;

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
    /// What is kept of some inputs, worked out beforehand.
    pub ready: Ready,
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
            ready: Ready::default(),
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

/// What becomes of a field of an accepted input before it is kept: passwords are hashed, say.
#[derive(Clone, Copy, Debug)]
pub struct Transform {
    /// The field, which is a text.
    pub field: &'static str,
    /// What is kept of the text that is given, which may take long; the second is what has been kept so far.
    pub apply: fn(&str, Option<&str>) -> String,
}

/// What a [`Transform`] makes of texts, worked out before the operation that brings them: an operation is not to take
/// long.
#[derive(Default)]
pub struct Ready(HashMap<(Option<Uuid>, String), String>);

impl Ready {
    /// This is kept of the text that is given for an entity; no id stands for the only one that the operation is
    /// about.
    pub fn put(&mut self, id: Option<Uuid>, given: String, kept: String) {
        self.0.insert((id, given), kept);
    }

    /// What is kept of a text, if that is known.
    pub(super) fn take(&mut self, id: Uuid, given: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let known = self.0.remove(&(Some(id), given.to_owned()));
        known.or_else(|| self.0.remove(&(None, given.to_owned())))
    }
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
            "`observe`: what would be refused is counted and logged, and let through",
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
