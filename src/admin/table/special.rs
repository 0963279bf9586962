//! Every path that is not an entity's: what it is for, what it takes, what it answers.

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

/// The rows, by path.
pub(super) const ALL: &[Special] = &[
    get(
        "/",
        What::Root,
        "get-node",
        Group::Node,
        "Who answers here: version, plugins, configuration.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[
                ("tagline", "string"),
                ("version", "string"),
                ("edition", "string"),
                ("hostname", "string"),
                ("node_id", "string"),
                ("timers", "object"),
                ("plugins", "object"),
                ("lua_version", "string"),
                ("configuration", "object"),
                ("pids", "object"),
            ]),
            about: "The node.",
        }],
    ),
    get(
        "/status",
        What::Status,
        "get-status",
        Group::Node,
        "Connections, requests, workers, memory.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[
                ("memory", "object"),
                ("server", "object"),
                ("configuration_hash", "string"),
                ("silverback", "object"),
            ]),
            about: "How the gateway is.",
        }],
    ),
    get(
        "/status/ready",
        What::Ready,
        "get-ready",
        Group::Node,
        "Whether the gateway serves; for probes.",
        &[
            message(200, "Every worker serves."),
            message(503, "One does not yet, or the gateway is on its way out."),
        ],
    ),
    get(
        "/metrics",
        What::Metrics,
        "get-metrics",
        Group::Node,
        "All metrics, for Prometheus.",
        &[Answer {
            status: 200,
            shape: Shape::Text("text/plain"),
            about: "In Prometheus' text format.",
        }],
    ),
    get(
        "/endpoints",
        What::Endpoints,
        "list-endpoints",
        Group::Node,
        "Lists the paths of this API.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[("data", "array")]),
            about: "The paths.",
        }],
    ),
    get(
        "/openapi.json",
        What::OpenApi,
        "get-openapi",
        Group::Node,
        "Describes this API in OpenAPI 3.1.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[
                ("openapi", "string"),
                ("info", "object"),
                ("paths", "object"),
                ("components", "object"),
            ]),
            about: "The document.",
        }],
    ),
    get(
        "/debug/node/log-level",
        What::LogLevel,
        "get-log-level",
        Group::Node,
        "The level of the log, in Kong's words.",
        &[message(200, "The level.")],
    ),
    get(
        "/cache/{key}",
        What::EntityCache,
        "get-cached-entity",
        Group::Node,
        "For clients of Kong: the gateway has no cache of entities, so nothing is ever found in it.",
        &[message(404, "Always.")],
    ),
    Special {
        verb: Verb::Delete,
        writes: true,
        ..get(
            "/cache/{key}",
            What::PurgeEntityCache,
            "purge-cached-entity",
            Group::Node,
            "For clients of Kong.",
            &[nothing("Always.")],
        )
    },
    Special {
        verb: Verb::Delete,
        writes: true,
        ..get(
            "/cache",
            What::PurgeEntityCache,
            "purge-cached-entities",
            Group::Node,
            "For clients of Kong.",
            &[nothing("Always.")],
        )
    },
    Special {
        verb: Verb::Post,
        writes: true,
        query: &[Parameter {
            name: "wait",
            kind: "boolean",
            required: false,
            example: "true",
            about: "`false`: answer as soon as the configuration is known to be right.",
        }],
        ..get(
            "/reload",
            What::Reload,
            "reload",
            Group::Configuration,
            "Reads the configuration's files again.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[("state", "string"), ("generation", "integer")]),
                    about: "Every worker serves by it.",
                },
                Answer {
                    status: 202,
                    shape: Shape::Object(&[("state", "string"), ("generation", "integer")]),
                    about: "It is right, and will be installed.",
                },
                Answer {
                    status: 400,
                    shape: Shape::Object(&[("message", "string")]),
                    about: "It has faults.",
                },
                message(503, "The gateway is on its way out, or a worker is late."),
            ],
        )
    },
    get(
        "/config",
        What::Config,
        "get-config",
        Group::Configuration,
        "All entities that are stored, in Kong's declarative format.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[("config", "string")]),
            about: "As YAML.",
        }],
    ),
    Special {
        verb: Verb::Post,
        writes: true,
        body: Body::Declarative,
        query: &[
            Parameter {
                name: "dry_run",
                kind: "integer",
                required: false,
                example: "1",
                about: "`1`: say what would change, and change nothing.",
            },
            Parameter {
                name: "check_hash",
                kind: "integer",
                required: false,
                example: "1",
                about: "`1`: answer 304 if it is what is stored already.",
            },
            Parameter {
                name: "flatten_errors",
                kind: "integer",
                required: false,
                example: "1",
                about: "`1`: list the faults by entity, as `flattened_errors`.",
            },
        ],
        ..get(
            "/config",
            What::Replace,
            "replace-config",
            Group::Configuration,
            "Replaces all stored entities by those of a declarative configuration: JSON, or YAML as the field `config` of a form.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[("changes", "array")]),
                    about: "What would change (`dry_run`).",
                },
                Answer {
                    status: 201,
                    shape: Shape::Object(&[]),
                    about: "The entities, by kind and id.",
                },
                Answer {
                    status: 304,
                    shape: Shape::Nothing,
                    about: "It is what is stored already (`check_hash`).",
                },
                Answer {
                    status: 400,
                    shape: Shape::Error,
                    about: "It has faults; nothing has changed.",
                },
            ],
        )
    },
    get(
        "/config/history",
        What::History,
        "list-history",
        Group::Configuration,
        "The last states of the stored entities, the newest first: who made them, and when.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[("data", "array")]),
            about: "The states.",
        }],
    ),
    get(
        "/config/history/{hash}",
        What::HistoryEntry,
        "get-history",
        Group::Configuration,
        "One of these states, secrets left out.",
        &[
            Answer {
                status: 200,
                shape: Shape::Object(&[("hash", "string"), ("config", "string")]),
                about: "The state.",
            },
            message(404, "There is no such state."),
        ],
    ),
    get(
        "/config/history/{hash}/diff",
        What::HistoryDiff,
        "diff-history",
        Group::Configuration,
        "What a rollback to this state would change.",
        &[
            Answer {
                status: 200,
                shape: Shape::Object(&[("changes", "array")]),
                about: "The changes.",
            },
            message(404, "There is no such state."),
        ],
    ),
    Special {
        verb: Verb::Post,
        writes: true,
        ..get(
            "/config/rollback/{hash}",
            What::Rollback,
            "rollback",
            Group::Configuration,
            "Makes the stored entities what they were in this state.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[("hash", "string"), ("changes", "array")]),
                    about: "What has changed.",
                },
                Answer {
                    status: 400,
                    shape: Shape::Error,
                    about: "It contradicts what the configuration's files say by now.",
                },
                message(404, "There is no such state."),
            ],
        )
    },
    Special {
        query: &[
            Parameter {
                name: "url",
                kind: "string",
                required: true,
                example: "http://example.com/orders",
                about: "The request's URL.",
            },
            Parameter {
                name: "method",
                kind: "string",
                required: false,
                example: "GET",
                about: "Its method, GET if absent.",
            },
            Parameter {
                name: "header",
                kind: "string",
                required: false,
                example: "Accept: text/plain",
                about: "A header field, `Name: value`; may be repeated.",
            },
        ],
        ..get(
            "/explain",
            What::Explain,
            "explain",
            Group::Configuration,
            "What would become of a request: the route that wins and why, the plugins, where it goes. Nothing is sent.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[("request", "object")]),
                    about: "The decision.",
                },
                message(400, "The request is none."),
            ],
        )
    },
    get(
        "/schemas/{name}",
        What::Schema,
        "get-schema",
        Group::Schemas,
        "The schema of a kind of entity.",
        &[
            Answer {
                status: 200,
                shape: Shape::Object(&[("fields", "array"), ("entity_checks", "array")]),
                about: "As in Kong.",
            },
            message(404, "There is no such kind."),
        ],
    ),
    Special {
        verb: Verb::Post,
        body: Body::Fields,
        ..get(
            "/schemas/{name}/validate",
            What::Validate,
            "validate",
            Group::Schemas,
            "Checks an entity, and stores nothing.",
            &[
                message(200, "It is right."),
                Answer {
                    status: 400,
                    shape: Shape::Error,
                    about: "What is wrong.",
                },
                message(404, "There is no such kind."),
            ],
        )
    },
    get(
        "/schemas/plugins/{name}",
        What::PluginSchema,
        "get-plugin-schema",
        Group::Schemas,
        "The schema of a plugin.",
        &[
            Answer {
                status: 200,
                shape: Shape::Object(&[("fields", "array"), ("entity_checks", "array")]),
                about: "As in Kong.",
            },
            message(404, "There is no such plugin."),
        ],
    ),
    get(
        "/plugins/schema/{name}",
        What::PluginSchema,
        "get-plugin-schema-of-old",
        Group::Schemas,
        "The same, where old clients look for it.",
        &[
            Answer {
                status: 200,
                shape: Shape::Object(&[("fields", "array")]),
                about: "As in Kong.",
            },
            message(404, "There is no such plugin."),
        ],
    ),
    Special {
        verb: Verb::Post,
        body: Body::Plugin,
        ..get(
            "/schemas/plugins/validate",
            What::ValidatePlugin,
            "validate-plugin",
            Group::Schemas,
            "Checks a plugin, and stores nothing.",
            &[
                message(200, "It is right."),
                Answer {
                    status: 400,
                    shape: Shape::Error,
                    about: "What is wrong.",
                },
            ],
        )
    },
    get(
        "/plugins/enabled",
        What::PluginsEnabled,
        "list-plugins-enabled",
        Group::Plugins,
        "Lists the plugins that there are.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[("enabled_plugins", "array")]),
            about: "Their names.",
        }],
    ),
    Special {
        query: PAGED,
        ..get(
            "/tags",
            What::Tags,
            "list-tags",
            Group::Tags,
            "Lists all tags, with the entities that have them.",
            PAGE_OF_TAGS,
        )
    },
    Special {
        query: PAGED,
        ..get(
            "/tags/{tags}",
            What::Tag,
            "get-tag",
            Group::Tags,
            "Lists the entities with this tag.",
            PAGE_OF_TAGS,
        )
    },
    Special {
        query: PAGED,
        ..get(
            "/upstreams/{upstreams}/targets/all",
            What::AllTargets,
            "list-all-targets",
            Group::Health,
            "Lists the targets of an upstream, those of weight 0 too.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[("data", "array"), ("next", "string")]),
                    about: "The targets.",
                },
                message(404, "There is no such upstream."),
            ],
        )
    },
    Special {
        query: &[Parameter {
            name: "balancer_health",
            kind: "integer",
            required: false,
            example: "1",
            about: "`1`: of the upstream as a whole.",
        }],
        ..get(
            "/upstreams/{upstreams}/health",
            What::Health,
            "get-health",
            Group::Health,
            "The health of an upstream's targets.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[("node_id", "string")]),
                    about: "Each target's health.",
                },
                message(404, "There is no such upstream."),
            ],
        )
    },
    Special {
        verb: Verb::Delete,
        writes: true,
        query: &[
            Parameter {
                name: "route",
                kind: "string",
                required: false,
                example: "r1",
                about: "Only answers of this route, by id or name.",
            },
            Parameter {
                name: "tag",
                kind: "string",
                required: false,
                example: "news",
                about: "Only answers with this tag.",
            },
        ],
        ..get(
            "/proxy-cache",
            What::PurgeCache,
            "purge-cache",
            Group::Plugins,
            "Removes stored answers of proxy-cache, on every worker.",
            &[
                nothing("They are gone."),
                message(404, "There is no such route."),
            ],
        )
    },
    get(
        "/proxy-cache/{cache_key}",
        What::Cached,
        "get-cached",
        Group::Plugins,
        "Shows a stored answer of proxy-cache.",
        &[CACHED, message(404, "There is none.")],
    ),
    Special {
        verb: Verb::Delete,
        writes: true,
        ..get(
            "/proxy-cache/{cache_key}",
            What::Purge,
            "purge-cached",
            Group::Plugins,
            "Removes a stored answer of proxy-cache, on every worker.",
            &[nothing("It is gone."), message(404, "There is none.")],
        )
    },
    get(
        "/proxy-cache/{plugin_id}/caches/{cache_key}",
        What::CachedOf,
        "get-cached-of-plugin",
        Group::Plugins,
        "Shows a stored answer of this instance of proxy-cache.",
        &[CACHED, message(404, "There is none.")],
    ),
    Special {
        verb: Verb::Delete,
        writes: true,
        ..get(
            "/proxy-cache/{plugin_id}/caches/{cache_key}",
            What::PurgeOf,
            "purge-cached-of-plugin",
            Group::Plugins,
            "Removes a stored answer of this instance of proxy-cache.",
            &[nothing("It is gone."), message(404, "There is none.")],
        )
    },
    get(
        "/mock/{plugins}/log",
        What::MockLog,
        "get-mock-log",
        Group::Plugins,
        "The last requests that this instance of mock has answered, as a HAR log.",
        &[
            Answer {
                status: 200,
                shape: Shape::Object(&[("log", "object")]),
                about: "The log.",
            },
            message(404, "There is no such plugin."),
        ],
    ),
];

const PAGED: &[Parameter] = &[
    Parameter {
        name: "size",
        kind: "integer",
        required: false,
        example: "100",
        about: "Most rows of the page, 1 to 1000.",
    },
    Parameter {
        name: "offset",
        kind: "string",
        required: false,
        example: "",
        about: "Where the page begins: `offset` of the one before.",
    },
];

const PAGE_OF_TAGS: &[Answer] = &[
    Answer {
        status: 200,
        shape: Shape::Object(&[("data", "array"), ("next", "string")]),
        about: "A page of tags.",
    },
    Answer {
        status: 400,
        shape: Shape::Error,
        about: "`size` or `offset` is wrong.",
    },
];

const CACHED: Answer = Answer {
    status: 200,
    shape: Shape::Object(&[("status", "integer"), ("headers", "object")]),
    about: "The answer.",
};

const fn get(
    path: &'static str,
    what: What,
    id: &'static str,
    group: Group,
    about: &'static str,
    answers: &'static [Answer],
) -> Special {
    Special {
        path,
        verb: Verb::Get,
        what,
        id,
        group,
        about,
        writes: false,
        query: &[],
        body: Body::None,
        answers,
    }
}

const fn message(status: u16, about: &'static str) -> Answer {
    Answer {
        status,
        shape: Shape::Message,
        about,
    }
}

const fn nothing(about: &'static str) -> Answer {
    Answer {
        status: 204,
        shape: Shape::Nothing,
        about,
    }
}
