//! Every key of the configuration, once: the loader refuses what is not here, proposes what is, and the tables
//! of `docs/configuration.md` are printed from here.

mod entities;
mod listeners;
mod overload;
mod people;
mod resilience;
mod sections;
mod upstreams;

pub use entities::HEADERS;
pub use entities::ROUTES;
pub use entities::SERVICE_TLS;
pub use entities::SERVICES;
pub use listeners::LISTENER_CERTIFICATES;
pub use listeners::LISTENER_TLS;
pub use listeners::LISTENERS;
pub use overload::OVERLOAD;
pub use people::ACLS;
pub use people::BASICAUTH;
pub use people::CONSUMERS;
pub use people::HMACAUTH;
pub use people::JWT;
pub use people::KEYAUTH;
pub use people::PLUGINS;
pub use resilience::ACTIVE_CHECKS;
pub use resilience::CHECK_HEADERS;
pub use resilience::CIRCUIT_BREAKER;
pub use resilience::PASSIVE_CHECKS;
pub use resilience::RETRY_BUDGET;
pub use sections::ACCESS_LOG;
pub use sections::ADMIN;
pub use sections::ADMIN_TOKENS;
pub use sections::DNS;
pub use sections::GATEWAY;
pub use sections::LIMITS;
pub use sections::ROOT;
pub use sections::STORE;
pub use sections::TIMEOUTS;
pub use upstreams::TARGETS;
pub use upstreams::UPSTREAMS;

/// A table of the configuration.
#[derive(Debug)]
pub struct Section {
    /// As the documentation heads it: `[gateway]`, `[[services.routes]]`.
    pub title: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys; empty where keys are free (`headers`).
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in the words of the documentation.
    pub kind: &'static str,
    /// The default as TOML, or words in parentheses.
    pub default: &'static str,
    /// What is permitted.
    pub range: &'static str,
    /// An example value as TOML.
    pub example: &'static str,
    /// When a change takes effect.
    pub reload: Reload,
    /// What it does.
    pub about: &'static str,
}

/// When a change of a key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// With the next reload.
    Yes,
    /// With the next start.
    Restart,
}

/// Every section, in the order of the documentation.
pub const SECTIONS: &[&Section] = &[
    &ROOT,
    &GATEWAY,
    &LIMITS,
    &OVERLOAD,
    &TIMEOUTS,
    &LISTENERS,
    &LISTENER_TLS,
    &LISTENER_CERTIFICATES,
    &ADMIN,
    &ADMIN_TOKENS,
    &ACCESS_LOG,
    &STORE,
    &DNS,
    &SERVICES,
    &SERVICE_TLS,
    &ROUTES,
    &HEADERS,
    &UPSTREAMS,
    &TARGETS,
    &ACTIVE_CHECKS,
    &CHECK_HEADERS,
    &PASSIVE_CHECKS,
    &CIRCUIT_BREAKER,
    &RETRY_BUDGET,
    &CONSUMERS,
    &KEYAUTH,
    &BASICAUTH,
    &HMACAUTH,
    &JWT,
    &ACLS,
    &PLUGINS,
];

/// One row; a function, so that the tables read as tables.
const fn key(
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    range: &'static str,
    example: &'static str,
    reload: Reload,
    about: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        range,
        example,
        reload,
        about,
    }
}
