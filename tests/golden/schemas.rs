//! The configurations of those plugins that the recording of the Admin API uses and the registry has not.

use serde_json::Value;
use silverback::entity::Check;
use silverback::entity::Document;
use silverback::entity::Element;
use silverback::entity::Field;
use silverback::entity::Misfit;
use silverback::entity::PluginSchema;
use silverback::entity::PluginSchemas;
use silverback::entity::Preset;
use silverback::entity::Rule;
use silverback::entity::Schema;
use silverback::entity::Then;
use silverback::entity::Type;
use silverback::entity::rules;
use silverback::plugin::registry::Registry;

/// The registry, filled up.
#[derive(Debug)]
pub(crate) struct Schemas;

impl PluginSchemas for Schemas {
    fn schema(&self, name: &str) -> Option<PluginSchema> {
        Registry.schema(name).or_else(|| recorded(name))
    }

    fn names(&self) -> Vec<&'static str> {
        Registry.names()
    }
}

fn recorded(name: &str) -> Option<PluginSchema> {
    let (config, consumer_scope) = match name {
        "key-auth" => (&KEY_AUTH, false),
        "rate-limiting" => (&RATE_LIMITING, true),
        "acl" => (&ACL, false),
        "cors" => (&CORS, false),
        _ => return None,
    };
    Some(PluginSchema {
        config,
        consumer_scope,
        denies: true,
        protocols: PluginSchema::HTTP,
    })
}

const KEY_AUTH: Schema = Schema {
    fields: &[
        Field::new(
            "key_names",
            Type::Array(&Element::texts(rules::HEADER_NAME)),
            "",
        )
        .required()
        .preset(Preset::Texts(&["apikey"])),
        Field::flag("hide_credentials", false, ""),
        Field::text("anonymous", ""),
        Field::flag("key_in_header", true, ""),
        Field::flag("key_in_query", true, ""),
        Field::flag("key_in_body", false, ""),
        Field::flag("run_on_preflight", true, ""),
        Field::text("realm", ""),
    ],
    checks: &[],
};

const ACL: Schema = Schema {
    fields: &[
        Field::texts("allow", ""),
        Field::texts("deny", ""),
        Field::flag("hide_groups_header", false, ""),
        Field::flag("always_use_authenticated_groups", false, ""),
    ],
    checks: &[
        Check::ExactlyOneOf(&["allow", "deny"]),
        Check::AtLeastOneOf(&["allow", "deny"]),
    ],
};

const CORS: Schema = Schema {
    fields: &[
        Field::texts("origins", ""),
        Field::texts("headers", ""),
        Field::texts("exposed_headers", ""),
        Field::texts("methods", "").preset(Preset::Texts(&[
            "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT",
        ])),
        Field::number("max_age", ""),
        Field::flag("credentials", false, ""),
        Field::flag("preflight_continue", false, ""),
        Field::flag("private_network", false, ""),
    ],
    checks: &[],
};

const PERIODS: [&str; 6] = ["second", "minute", "hour", "day", "month", "year"];

const RATE_LIMITING: Schema = Schema {
    fields: &[
        limit("second"),
        limit("minute"),
        limit("hour"),
        limit("day"),
        limit("month"),
        limit("year"),
        Field::text("limit_by", "")
            .preset(Preset::Text("consumer"))
            .rules(&[Rule::OneOf(&[
                "consumer",
                "credential",
                "ip",
                "service",
                "header",
                "path",
            ])]),
        Field::text("header_name", "").rules(rules::HEADER_NAME),
        Field::text("path", "").rules(rules::PATH),
        Field::text("policy", "")
            .preset(Preset::Text("local"))
            .rules(&[
                Rule::AllowEmpty,
                Rule::OneOf(&["local", "cluster", "redis"]),
            ]),
        Field::flag("fault_tolerant", true, ""),
        Field::record("redis", REDIS, "").required(),
        Field::flag("hide_client_headers", false, ""),
        Field::number("error_code", "")
            .preset(Preset::Int(429))
            .rules(&[Rule::GreaterThan(0.0)]),
        Field::text("error_message", "").preset(Preset::Text("API rate limit exceeded")),
        Field::number("sync_rate", "")
            .required()
            .preset(Preset::Int(-1)),
        Field::text("redis_host", "").alias(&["redis", "host"]),
        Field::integer("redis_port", "").alias(&["redis", "port"]),
        Field::text("redis_password", "")
            .alias(&["redis", "password"])
            .rules(&[Rule::AllowEmpty]),
        Field::text("redis_username", "").alias(&["redis", "username"]),
        Field::new("redis_ssl", Type::Boolean, "").alias(&["redis", "ssl"]),
        Field::new("redis_ssl_verify", Type::Boolean, "").alias(&["redis", "ssl_verify"]),
        Field::text("redis_server_name", "").alias(&["redis", "server_name"]),
        Field::integer("redis_timeout", "").alias(&["redis", "timeout"]),
        Field::integer("redis_database", "").alias(&["redis", "database"]),
    ],
    checks: &[
        Check::Custom(check_order),
        Check::AtLeastOneOf(&PERIODS),
        Check::If("policy", REDIS_POLICY, "redis.host", Then::Required),
        Check::If("policy", REDIS_POLICY, "redis.port", Then::Required),
        Check::If("policy", REDIS_POLICY, "redis.timeout", Then::Required),
        Check::If(
            "limit_by",
            Rule::Eq("header"),
            "header_name",
            Then::Required,
        ),
        Check::If("limit_by", Rule::Eq("path"), "path", Then::Required),
    ],
};

const REDIS_POLICY: Rule = Rule::Eq("redis");

const REDIS: &[Field] = &[
    Field::text("host", "").rules(&[Rule::Custom(rules::host)]),
    Field::integer("port", "")
        .preset(Preset::Int(6_379))
        .rules(rules::PORT),
    Field::integer("timeout", "")
        .preset(Preset::Int(2_000))
        .rules(rules::TIMEOUT),
    Field::text("username", ""),
    Field::text("password", "")
        .secret()
        .rules(&[Rule::AllowEmpty]),
    Field::integer("database", "").preset(Preset::Int(0)),
    Field::new("ssl", Type::Boolean, "").preset(Preset::Bool(false)),
    Field::new("ssl_verify", Type::Boolean, "").preset(Preset::Bool(false)),
    Field::text("server_name", "").rules(&[Rule::Custom(rules::sni)]),
];

const fn limit(name: &'static str) -> Field {
    Field::number(name, "").rules(&[Rule::GreaterThan(0.0)])
}

fn check_order(config: &Document) -> Result<(), Misfit> {
    let limits = PERIODS.map(|period| (period, config.get(period).and_then(Value::as_f64)));
    let limits = limits
        .iter()
        .filter_map(|(period, limit)| Some((period, (*limit)?)));
    let limits: Vec<_> = limits.collect();
    for pair in limits.windows(2) {
        let [(short, low), (long, high)] = pair else {
            continue;
        };
        if high < low {
            return Err(Misfit::whole(format!(
                "The limit for {long}({high:.1}) cannot be lower than the limit for {short}({low:.1})"
            )));
        }
    }
    Ok(())
}
