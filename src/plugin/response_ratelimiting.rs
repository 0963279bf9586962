//! response-ratelimiting: quotas that origins charge. An answer says in a field what it costs (`X-Kong-Limit: video=2`), and
//! the field is kept from the client.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;

use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Then;
use crate::entity::Type;
use crate::http::Name;
use crate::http::Reply;
use crate::http::ResponseHead;
use crate::http::reply::Body;
use crate::http1::hop_by_hop::Nominated;
use crate::ratelimit;
use crate::ratelimit::Counters;
use crate::ratelimit::Spend;
use crate::ratelimit::Who;

use super::Blueprint;
use super::Core;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Response;
use super::rates;
use super::rates::LimitBy;
use super::rates::Limits;
use super::rates::Names;

/// The plugin.
pub(super) const DEFINITION: Definition = Definition {
    name: "response-ratelimiting",
    priority: 900,
    about: "quotas that are charged by what origins say in their answers",
    config: Schema {
        fields: &FIELDS,
        checks: &[
            Check::If("policy", REDIS, "redis.host", Then::Required),
            Check::If("policy", REDIS, "redis.port", Then::Required),
            Check::If("policy", REDIS, "redis.timeout", Then::Required),
            Check::Custom(rates::check_policy),
        ],
    },
    consumer_scope: true,
    denies: true,
    compile,
};

const REDIS: Rule = Rule::OneOf(&["redis"]);
const STATUS: u16 = 429;
const HEADER: &str = "x-kong-limit";

const FIELDS: [Field; 18] = {
    let [
        host,
        port,
        password,
        username,
        ssl,
        verify,
        name,
        timeout,
        database,
    ] = rates::redis_aliases();
    [
        Field::text(
            "header_name",
            "the field in which answers say what they cost",
        )
        .preset(Preset::Text(HEADER)),
        Field::text("limit_by", "whose requests are counted together")
            .preset(Preset::Text("consumer"))
            .rules(&[Rule::OneOf(&["consumer", "credential", "ip"])]),
        rates::policy(),
        rates::fault_tolerant(),
        rates::redis(),
        Field::flag(
            "block_on_first_violation",
            false,
            "refuse requests when any quota is used up",
        ),
        rates::hide_client_headers(),
        Field::new(
            "limits",
            Type::Map(&Element::TEXT, &Element::new(Type::Checked(&LIMIT))),
            "the quotas by their names",
        )
        .required()
        .rules(&[Rule::LengthMin(1)]),
        rates::window(),
        host,
        port,
        password,
        username,
        ssl,
        verify,
        name,
        timeout,
        database,
    ]
};

const LIMIT: Schema = Schema {
    fields: &rates::PERIODS,
    checks: &[
        Check::AtLeastOneOf(rates::PERIOD_NAMES),
        Check::Custom(check_order),
    ],
};

fn check_order(limits: &Document) -> Result<(), Misfit> {
    match rates::unordered(limits) {
        Some([(longer, low), (shorter, high)]) => Err(Misfit::whole(format!(
            "the limit for {longer}({low:.1}) cannot be lower than the limit for {shorter}({high:.1})"
        ))),
        None => Ok(()),
    }
}

#[derive(Debug, Deserialize)]
struct Config {
    header_name: Option<String>,
    limit_by: Option<Names>,
    block_on_first_violation: Option<bool>,
    hide_client_headers: Option<bool>,
    limits: BTreeMap<String, Limits>,
    window: Option<String>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    let window = rates::window_named(config.window.as_deref());
    let mut quotas = Vec::with_capacity(config.limits.len());
    for (name, limits) in config.limits {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!(
                "the name of a limit is part of a header's name, which {name:?} cannot be"
            ));
        }
        quotas.push(Quota {
            rules: limits.rules(rates::scope_of(&name), window),
            lines: limits
                .iter()
                .map(|(period, limit)| lines(&name, period.name(), limit))
                .collect(),
            remaining: format!("X-RateLimit-Remaining-{name}: ")
                .into_bytes()
                .into(),
            refusal: format!("API rate limit exceeded for '{name}'").into(),
            name: name.into_bytes().into(),
        });
    }
    Ok(Arc::new(ResponseRatelimiting {
        header: config
            .header_name
            .map_or_else(|| HEADER.into(), String::into_bytes)
            .into(),
        by: LimitBy::new(config.limit_by.as_ref(), None, None)?,
        blocks: config.block_on_first_violation.unwrap_or(false),
        hides: config.hide_client_headers.unwrap_or(false),
        quotas: quotas.into(),
    }))
}

/// What is said of a limit, up to the number that changes.
fn lines(name: &str, period: &str, limit: f64) -> Box<[u8]> {
    format!("X-RateLimit-Limit-{name}-{period}: {limit}\r\nX-RateLimit-Remaining-{name}-{period}: ")
        .into_bytes()
        .into()
}

#[derive(Debug)]
struct ResponseRatelimiting {
    header: Box<[u8]>,
    by: LimitBy,
    blocks: bool,
    hides: bool,
    quotas: Box<[Quota]>,
}

/// A limit with a name.
#[derive(Debug)]
struct Quota {
    name: Box<[u8]>,
    /// One for each period, ascending.
    rules: Box<[ratelimit::Rule]>,
    /// What is said of each.
    lines: Box<[Box<[u8]>]>,
    /// `X-RateLimit-Remaining-video: `
    remaining: Box<[u8]>,
    /// What is said to who is refused.
    refusal: Box<str>,
}

/// What the request's phase leaves to the answer's.
struct Asked {
    who: Who,
    /// The answer has been looked at: the refusal that may stand in its place is not looked at again.
    answered: Cell<bool>,
}

impl Plugin for ResponseRatelimiting {
    fn needs(&self) -> Needs {
        Needs::REQUEST.and(Needs::RESPONSE)
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let who = self.by.who(request);
        let left = |quota: &Quota| quota.left(request.core, who, request.unix_micros);
        if self.blocks
            && let Some(quota) = self.quotas.iter().find(|quota| left(quota) == 0)
        {
            let reply = DEFINITION.refuse(STATUS, String::from(quota.refusal.clone()));
            return ControlFlow::Break(reply.into());
        }
        if !self.hides {
            for quota in &self.quotas {
                request.downstream.add_number(&quota.remaining, left(quota));
            }
        }
        request.notes.put(Asked {
            who,
            answered: Cell::new(false),
        });
        ControlFlow::Continue(())
    }

    fn on_response(&self, response: &mut Response<'_>) -> ControlFlow<Interrupt> {
        let Some(asked) = response.notes.find::<Asked>(|_| true) else {
            return ControlFlow::Continue(());
        };
        if asked.answered.replace(true) {
            return ControlFlow::Continue(());
        }
        let who = asked.who;
        let cost = response
            .origin
            .and_then(|origin| field(origin, &self.header));
        let cost = cost.unwrap_or_default();
        let spent = self.spend(response, who, cost);
        if let Some((head, bytes)) = response.origin {
            response.edits.remove(&self.header);
            if !spent {
                return ControlFlow::Break(in_place_of(head, bytes, &self.header).into());
            }
        }
        ControlFlow::Continue(())
    }
}

impl ResponseRatelimiting {
    /// Charges all quotas with what an answer costs, or none of them if one was used up before; tells the client how
    /// they stand. Says whether it was charged.
    fn spend(&self, response: &mut Response<'_>, who: Who, cost: &[u8]) -> bool {
        let (core, now) = (response.core, response.unix_micros);
        let amounts = |quota: &Quota| amount_of(&quota.name, cost);
        let used_up = |quota: &&Quota| amounts(quota) > 0 && quota.left(core, who, now) == 0;
        let mut spent = !self.quotas.iter().any(|quota| used_up(&quota));
        for quota in &self.quotas {
            let spend = match amounts(quota) {
                0 => Spend::Nothing,
                _ if !spent => Spend::Nothing,
                amount => Spend::Beyond(amount),
            };
            let tally = core.limiter.spend(&quota.rules, who, now, spend);
            // Another core may have taken the last of it since.
            spent &= tally.refused().is_none();
            if !self.hides {
                for (lines, standing) in quota.lines.iter().zip(tally.standings()) {
                    response.edits.add_number(lines, standing.remaining);
                }
            }
        }
        spent
    }
}

impl Quota {
    /// What is left of the period that is used up most.
    fn left(&self, core: &Core, who: Who, now: u64) -> u64 {
        let tally = core.limiter.spend(&self.rules, who, now, Spend::Nothing);
        let left = tally.standings().iter().map(|standing| standing.remaining);
        left.min().unwrap_or(u64::MAX)
    }
}

/// What `video=2, image=1` says of one name; the last word counts, and what is not a number says nothing.
fn amount_of(name: &[u8], cost: &[u8]) -> u32 {
    let parts = cost.split(|byte| *byte == b',');
    let mut amounts = parts.rev().filter_map(|part| {
        let mut sides = part.split(|byte| *byte == b'=').map(<[u8]>::trim_ascii);
        let (of, amount) = (sides.next()?, sides.next()?);
        let amount: f64 = std::str::from_utf8(amount).ok()?.parse().ok()?;
        // Rounds up a fraction; saturates, and makes nothing of less than nothing.
        (of == name && sides.next().is_none()).then(|| amount.ceil() as u32)
    });
    amounts.next().unwrap_or(0)
}

fn field<'a>((head, bytes): (&ResponseHead, &'a [u8]), name: &[u8]) -> Option<&'a [u8]> {
    match Name::of(name) {
        Name::Other => head.fields.all_named(name, bytes).next(),
        known => head.fields.get(known, bytes),
    }
}

/// The refusal of an answer: its fields without its body, as in Kong.
fn in_place_of(head: &ResponseHead, bytes: &[u8], header: &[u8]) -> Reply {
    let nominated = Nominated::of_response(head, bytes);
    let mut reply = Reply {
        body: Body::Empty,
        ..DEFINITION.refuse(STATUS, "")
    };
    for field in head.fields.lines() {
        let name = field.name.of(bytes);
        let ours = matches!(
            field.known,
            Name::ContentLength
                | Name::Date
                | Name::Server
                | Name::Via
                | Name::XKongProxyLatency
                | Name::XKongRequestId
                | Name::XKongUpstreamLatency
        );
        if ours || name.eq_ignore_ascii_case(header) || nominated.covers_response(field, bytes) {
            continue;
        }
        if let Ok(name) = std::str::from_utf8(name) {
            let value = Cow::Owned(field.value.of(bytes).to_vec());
            reply.fields.push((Cow::Owned(name.to_owned()), value));
        }
    }
    reply
}

#[cfg(test)]
mod tests;
