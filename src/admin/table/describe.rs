//! The words in which a path that is not an entity's is described.

use super::Verb;

/// A row.
#[derive(Debug)]
pub(in crate::admin) struct Special {
    /// The path.
    pub(in crate::admin) path: &'static str,
    /// The verb.
    pub(in crate::admin) verb: Verb,
    /// Who answers.
    pub(in crate::admin) what: What,
    /// The name of the operation in the OpenAPI document.
    pub(in crate::admin) id: &'static str,
    /// Under which heading it is documented.
    pub(in crate::admin) group: Group,
    /// What it does.
    pub(in crate::admin) about: &'static str,
    /// Whether it takes the role `write`.
    pub(in crate::admin) writes: bool,
    /// What the query may say.
    pub(in crate::admin) query: &'static [Parameter],
    /// What is sent.
    pub(in crate::admin) body: Body,
    /// What comes back.
    pub(in crate::admin) answers: &'static [Answer],
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum What {
    Root,
    Status,
    Ready,
    Metrics,
    Reload,
    Endpoints,
    OpenApi,
    LogLevel,
    SetLogLevel,
    SetHealth,
    Leave,
    Schema,
    PluginSchema,
    Validate,
    ValidatePlugin,
    PluginsEnabled,
    Tags,
    Tag,
    AllTargets,
    Health,
    Config,
    Replace,
    Lint,
    History,
    HistoryEntry,
    HistoryDiff,
    Rollback,
    Explain,
    PurgeCache,
    CachedOf,
    PurgeOf,
    Cached,
    Purge,
    MockLog,
    EntityCache,
    PurgeEntityCache,
}

/// A heading of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::admin) enum Group {
    Node,
    Configuration,
    Schemas,
    Tags,
    Health,
    Plugins,
}

/// A parameter of a query.
#[derive(Debug)]
pub(in crate::admin) struct Parameter {
    /// Its name.
    pub(in crate::admin) name: &'static str,
    /// Its type in JSON Schema: `string`, `integer`.
    pub(in crate::admin) kind: &'static str,
    /// Whether it must be there.
    pub(in crate::admin) required: bool,
    /// A value that may stand there.
    pub(in crate::admin) example: &'static str,
    /// What it does.
    pub(in crate::admin) about: &'static str,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Body {
    /// Nothing.
    None,
    /// A declarative configuration.
    Declarative,
    /// The fields of an entity, of any kind.
    Fields,
    /// A plugin.
    Plugin,
}

/// One of the answers.
#[derive(Debug)]
pub(in crate::admin) struct Answer {
    /// Its status.
    pub(in crate::admin) status: u16,
    /// What it holds.
    pub(in crate::admin) shape: Shape,
    /// When it is given.
    pub(in crate::admin) about: &'static str,
}

/// What an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Shape {
    /// No body.
    Nothing,
    /// `{"message": …}`
    Message,
    /// Kong's error object.
    Error,
    /// An object of these members; each is described by a type of JSON Schema.
    Object(&'static [(&'static str, &'static str)]),
    /// Text of this type.
    Text(&'static str),
}
