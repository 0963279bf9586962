//! Every path that is not an entity's: what it is for, what it takes, what it answers.

use super::Verb;
use super::describe::Answer;
use super::describe::Body;
use super::describe::Group;
use super::describe::Parameter;
use super::describe::Shape;
use super::describe::Special;
use super::describe::What;

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
    Special {
        query: &[
            Parameter {
                name: "unit",
                kind: "string",
                required: false,
                example: "m",
                about: "`b`, `k`, `m` or `g`: what `memory.resident` is told in; `m` unless something else is said.",
            },
            Parameter {
                name: "scale",
                kind: "integer",
                required: false,
                example: "2",
                about: "How many digits it has behind the point, up to 20; 2 unless something else is said.",
            },
        ],
        ..get(
            "/status",
            What::Status,
            "get-status",
            Group::Node,
            "Connections, requests, workers, memory.",
            &[
                Answer {
                    status: 200,
                    shape: Shape::Object(&[
                        ("memory", "object"),
                        ("server", "object"),
                        ("configuration_hash", "string"),
                        ("silverback", "object"),
                    ]),
                    about: "How the gateway is.",
                },
                message(400, "There is no such unit or scale."),
            ],
        )
    },
    get(
        "/status/ready",
        What::Ready,
        "get-ready",
        Group::Node,
        "Whether the gateway serves; for probes, which need no token.",
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
                about: "`1`: say what would change, and change nothing; the role `read` will do.",
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
                Answer {
                    status: 405,
                    shape: Shape::Error,
                    about: "There is no store.",
                },
            ],
        )
    },
    get(
        "/config/lint",
        What::Lint,
        "lint-config",
        Group::Configuration,
        "What of the running configuration, of files and store, is most likely not meant: routes, services and plugins that no request meets. See docs/lint.md.",
        &[Answer {
            status: 200,
            shape: Shape::Object(&[("data", "array")]),
            about: "The findings: `code`, `severity`, `kind`, `id`, `name`, `place` (`file` and `line`, if it is one), `message`, and `other`, the place of the other entity.",
        }],
    ),
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
];
pub(super) const PAGED: &[Parameter] = &[
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

pub(super) const PAGE_OF_TAGS: &[Answer] = &[
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

pub(super) const CACHED: Answer = Answer {
    status: 200,
    shape: Shape::Object(&[
        ("status", "integer"),
        ("headers", "object"),
        ("body", "string"),
        ("body_len", "integer"),
        ("cache_key", "string"),
        ("plugin", "object"),
        ("route", "object"),
        ("host", "string"),
        ("path", "string"),
        ("timestamp", "integer"),
        ("age", "integer"),
        ("ttl", "integer"),
        ("bytes", "integer"),
        ("tags", "array"),
    ]),
    about: "The answer, with its body as text.",
};

pub(super) const fn get(
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

pub(super) const fn message(status: u16, about: &'static str) -> Answer {
    Answer {
        status,
        shape: Shape::Message,
        about,
    }
}

pub(super) const fn nothing(about: &'static str) -> Answer {
    Answer {
        status: 204,
        shape: Shape::Nothing,
        about,
    }
}
