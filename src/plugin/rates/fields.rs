//! Fields that both plugins have, and Kong's rules about them.

use serde_json::Value;

use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Type;
use crate::ratelimit::Period;

/// A limit for each period.
pub(in crate::plugin) const PERIODS: [Field; 6] = [
    limit("second", "requests per second"),
    limit("minute", "requests per minute"),
    limit("hour", "requests per hour"),
    limit("day", "requests per day of UTC"),
    limit("month", "requests per calendar month of UTC"),
    limit("year", "requests per calendar year of UTC"),
];

/// The names of the periods.
pub(in crate::plugin) const PERIOD_NAMES: &[&str] =
    &["second", "minute", "hour", "day", "month", "year"];

const fn limit(name: &'static str, about: &'static str) -> Field {
    Field::number(name, about).rules(&[Rule::GreaterThan(0.0)])
}

/// Where counters are kept.
pub(in crate::plugin) const fn policy() -> Field {
    Field::text(
        "policy",
        "where counters are kept: `local` and `cluster` both mean in this process, exactly",
    )
    .preset(Preset::Text("local"))
    .rules(&[
        Rule::AllowEmpty,
        Rule::OneOf(&["local", "cluster", "redis"]),
    ])
}

/// Ours: how usage is held against a limit.
pub(in crate::plugin) const fn window() -> Field {
    Field::text(
        "window",
        "`fixed`: the calendar's; `sliding`: with the part of the last one that a period still covers; `strict`: \
         never more than the limit in any stretch of the period's length",
    )
    .preset(Preset::Text("fixed"))
    .rules(&[Rule::OneOf(&["fixed", "sliding", "strict"])])
    .extension()
}

pub(in crate::plugin) const fn fault_tolerant() -> Field {
    let about =
        "let requests through when counters cannot be reached; those of this process always can";
    Field::flag("fault_tolerant", true, about)
}

pub(in crate::plugin) const fn hide_client_headers() -> Field {
    Field::flag(
        "hide_client_headers",
        false,
        "tell clients nothing of limits",
    )
}

/// The store of `policy = "redis"`.
pub(in crate::plugin) const fn redis() -> Field {
    Field::record("redis", REDIS, "the store of the policy `redis`").required()
}

const REDIS: &[Field] = &[
    Field::text("host", "name or address"),
    Field::integer("port", "port")
        .preset(Preset::Int(6379))
        .rules(&[Rule::Between(0, 65_535)]),
    Field::integer("timeout", "milliseconds for connecting, sending, reading")
        .preset(Preset::Int(2_000))
        .rules(&[Rule::Between(0, 2_147_483_646)]),
    Field::text("username", "user"),
    Field::text("password", "password")
        .rules(&[Rule::AllowEmpty])
        .secret(),
    Field::integer("database", "number of the database").preset(Preset::Int(0)),
    optional_flag("ssl", "use TLS"),
    optional_flag("ssl_verify", "verify the certificate"),
    Field::text("server_name", "name in TLS"),
];

const fn optional_flag(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Type::Boolean, about).preset(Preset::Bool(false))
}

/// Old names of the fields of `redis`, which Kong still takes and shows.
pub(in crate::plugin) const fn redis_aliases() -> [Field; 9] {
    const ABOUT: &str = "old name of the field in `redis`";
    const fn alias(name: &'static str, kind: Type, path: &'static [&'static str]) -> Field {
        Field::new(name, kind, ABOUT).alias(path)
    }
    [
        alias("redis_host", Type::Text, &["redis", "host"]),
        alias("redis_port", Type::Integer, &["redis", "port"]),
        alias("redis_password", Type::Text, &["redis", "password"])
            .rules(&[Rule::AllowEmpty])
            .secret(),
        alias("redis_username", Type::Text, &["redis", "username"]),
        alias("redis_ssl", Type::Boolean, &["redis", "ssl"]),
        alias("redis_ssl_verify", Type::Boolean, &["redis", "ssl_verify"]),
        alias("redis_server_name", Type::Text, &["redis", "server_name"]),
        alias("redis_timeout", Type::Integer, &["redis", "timeout"]),
        alias("redis_database", Type::Integer, &["redis", "database"]),
    ]
}

/// Two limits of which the longer period has the lower: its name and limit, then the other's.
pub(in crate::plugin) fn unordered(limits: &Document) -> Option<[(&'static str, f64); 2]> {
    let limit = |period: Period| Some((period.name(), limits.get(period.name())?.as_f64()?));
    for (place, shorter) in Period::ALL.into_iter().enumerate() {
        let Some(shorter) = limit(shorter) else {
            continue;
        };
        let mut longer = Period::ALL.into_iter().skip(place + 1).filter_map(limit);
        if let Some(lower) = longer.find(|longer| longer.1 < shorter.1) {
            return Some([lower, shorter]);
        }
    }
    None
}

/// Says that the policy `redis`, which Kong has, is not there yet; Kong's own text if it could not work there either.
pub(in crate::plugin) fn check_policy(config: &Document) -> Result<(), Misfit> {
    let redis = config.get("redis").and_then(|redis| redis.get("host"));
    let complete = redis.is_some_and(Value::is_string);
    if config.get("policy").is_some_and(|policy| policy == "redis") && complete {
        let message = "the policy 'redis' is not available yet; use 'local'";
        return Err(Misfit::at("policy", message));
    }
    Ok(())
}
