//! The paths of schemas, plugins, and what plugins remember.

use super::Verb;
use super::describe::Answer;
use super::describe::Body;
use super::describe::Group;
use super::describe::Parameter;
use super::describe::Shape;
use super::describe::Special;
use super::describe::What;
use super::special::CACHED;
use super::special::PAGE_OF_TAGS;
use super::special::PAGED;
use super::special::get;
use super::special::message;
use super::special::nothing;

const LATE: Answer = message(
    503,
    "A worker has not answered within a second; it forgets the same as soon as it can.",
);

/// The rows, by path.
pub(super) const ALL: &[Special] = &[
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
                Answer {
                    status: 400,
                    shape: Shape::Error,
                    about: "`size`, `offset` or `tags` is wrong.",
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
                name: "plugin",
                kind: "string",
                required: false,
                example: "p1",
                about: "Only answers that this instance of proxy-cache keeps, by id or instance_name.",
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
                message(400, "More than one of the arguments is given."),
                message(404, "There is no such route or plugin."),
                LATE,
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
            &[nothing("It is gone."), message(404, "There is none."), LATE],
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
            &[nothing("It is gone."), message(404, "There is none."), LATE],
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
