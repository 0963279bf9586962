//! proxy-cache: gives answers again that an origin has given before (RFC 9111), with Kong's fields.
//!
//! A request is looked up by everything that it is known to be answered by (`key`); whoever misses fetches for all
//! that ask for the same meanwhile (`flights`). What of an answer is stored, and for how long, is decided when its
//! head is here (`review`, `terms`) and done when its body is (`keep`). What is stored belongs to
//! [`cache`](crate::cache).

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Log;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Response;
use super::ResponseBody;

mod ask;
mod config;
mod describe;
mod digest;
mod flights;
mod give;
mod hints;
mod keep;
mod key;
mod media;
mod pending;
mod refresh;
mod review;
mod terms;
#[cfg(test)]
mod tests;

pub use describe::describe;
pub use flights::Flights;

use config::Config;
use pending::Pending;

/// proxy-cache.
pub const DEFINITION: Definition = Definition {
    name: "proxy-cache",
    priority: 100,
    about: "gives stored answers again",
    config: Schema {
        fields: FIELDS,
        checks: &[],
    },
    consumer_scope: true,
    denies: false,
    compile,
};

const FIELDS: &[Field] = &[
    Field::new(
        "response_code",
        Type::Array(&Element::new(Type::Integer).rules(&[Rule::Between(100, 900)])),
        "the statuses of answers that may be stored",
    )
    .required()
    .preset(Preset::Ints(&[200, 301, 404]))
    .rules(&[Rule::LengthMin(1)]),
    Field::new(
        "request_method",
        Type::Array(&Element::TEXT.rules(&[Rule::OneOf(&["HEAD", "GET", "POST", "PATCH", "PUT"])])),
        "the methods of requests that may be answered from the store",
    )
    .required()
    .preset(Preset::Texts(&["GET", "HEAD"])),
    Field::texts(
        "content_type",
        "the media types of answers that may be stored; parameters must be the same",
    )
    .required()
    .preset(Preset::Texts(&["text/plain", "application/json"])),
    Field::integer("cache_ttl", "how long an answer is fresh, in seconds")
        .preset(Preset::Int(300))
        .rules(&[Rule::GreaterThan(0.0)]),
    Field::text("strategy", "where answers are kept")
        .required()
        .rules(&[Rule::OneOf(&["memory"])]),
    Field::flag(
        "cache_control",
        false,
        "what requests and answers say in Cache-Control counts",
    ),
    Field::new(
        "ignore_uri_case",
        Type::Boolean,
        "paths that differ only by case are the same",
    )
    .preset(Preset::Bool(false)),
    Field::integer(
        "storage_ttl",
        "how long an answer is kept, fresh or not, in seconds",
    ),
    Field::record("memory", MEMORY, "how answers are kept").required(),
    Field::texts(
        "vary_query_params",
        "the parameters of the query that count; all if there are none",
    ),
    Field::texts("vary_headers", "the fields of the request that count"),
    Field::record("response_headers", SHOWN, "what answers say about it").required(),
    Field::integer(
        "stale_while_revalidate",
        "how long past its freshness an answer is given while it is being refreshed, in seconds",
    )
    .rules(&[Rule::Between(0, SECONDS_MAX)])
    .extension(),
    Field::integer(
        "stale_if_error",
        "how long past its freshness an answer is given if the origin fails, in seconds",
    )
    .rules(&[Rule::Between(0, SECONDS_MAX)])
    .extension(),
];

const MEMORY: &[Field] = &[
    Field::text(
        "dictionary_name",
        "plugins that name the same one share its bound",
    )
    .required()
    .preset(Preset::Text("kong_db_cache")),
    Field::integer("max_bytes", "what the stored answers may take")
        .preset(Preset::Int(64 << 20))
        .rules(&[Rule::Between(1 << 16, 1 << 40)])
        .extension(),
];

const SHOWN: &[Field] = &[
    Field::new("age", Type::Boolean, "Age").preset(Preset::Bool(true)),
    Field::new("X-Cache-Status", Type::Boolean, "X-Cache-Status").preset(Preset::Bool(true)),
    Field::new("X-Cache-Key", Type::Boolean, "X-Cache-Key").preset(Preset::Bool(true)),
];

/// Ten years.
const SECONDS_MAX: i64 = 315_360_000;

#[derive(Debug)]
struct ProxyCache(Config);

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    Ok(Arc::new(ProxyCache(Config::of(blueprint)?)))
}

impl Plugin for ProxyCache {
    fn needs(&self) -> Needs {
        let needs = Needs::REQUEST
            .and(Needs::RESPONSE)
            .and(Needs::RESPONSE_BODY)
            .and(Needs::LOG);
        if self.0.methods.have_bodies() {
            needs.and(Needs::REQUEST_BODY)
        } else {
            needs
        }
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        ask::ask(&self.0, request)
    }

    fn on_response(&self, response: &mut Response<'_>) -> ControlFlow<Interrupt> {
        review::review(&self.0, response)
    }

    fn on_response_body(&self, body: &mut ResponseBody<'_>) {
        keep::keep(&self.0, body);
    }

    /// Whoever waits for an exchange that has ended without an answer to store goes on.
    fn on_log(&self, log: &Log<'_>) {
        if let Some(pending) = Pending::of(log.notes) {
            if pending.counts {
                log.core.cache.count(pending.status.get());
            }
            pending.let_go();
        }
    }
}
