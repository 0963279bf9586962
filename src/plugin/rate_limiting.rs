//! rate-limiting: so many requests in a second, minute, hour, day, month or year, and no more.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

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
use crate::entity::rules::NO_EMPTY_SEGMENTS;
use crate::ratelimit;
use crate::ratelimit::Counters;
use crate::ratelimit::Period;
use crate::ratelimit::Spend;
use crate::ratelimit::Tally;

use super::Blueprint;
use super::Definition;
use super::Edits;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::rates;
use super::rates::LimitBy;
use super::rates::Limits;
use super::rates::Names;

/// The plugin.
pub(super) const DEFINITION: Definition = Definition {
    name: "rate-limiting",
    priority: 910,
    about: "admits so many requests in a period",
    config: Schema {
        fields: &FIELDS,
        checks: &[
            Check::AtLeastOneOf(rates::PERIOD_NAMES),
            Check::Custom(check_order_and_sync),
            Check::If("policy", REDIS, "redis.host", Then::Required),
            Check::If("policy", REDIS, "redis.port", Then::Required),
            Check::If("policy", REDIS, "redis.timeout", Then::Required),
            Check::If(
                "limit_by",
                Rule::Eq("header"),
                "header_name",
                Then::Required,
            ),
            Check::If("limit_by", Rule::Eq("path"), "path", Then::Required),
            Check::Each(check_names),
            Check::Custom(rates::check_policy),
        ],
    },
    consumer_scope: true,
    denies: true,
    compile,
};

const REDIS: Rule = Rule::Eq("redis");
const MESSAGE: &str = "API rate limit exceeded";
const STATUS: f64 = 429.0;

const FIELDS: [Field; 26] = {
    let [second, minute, hour, day, month, year] = rates::PERIODS;
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
        second,
        minute,
        hour,
        day,
        month,
        year,
        Field::new(
            "limit_by",
            Type::OneOrMore(&Element::texts(&[Rule::OneOf(LimitBy::NAMES)])),
            "whose requests are counted together: one name or several",
        )
        .preset(Preset::Text("consumer")),
        Field::text("header_name", "the field that `header` means"),
        Field::text("path", "the path that `path` means")
            .rules(&[Rule::StartsWith("/"), Rule::Form(&NO_EMPTY_SEGMENTS)]),
        rates::policy(),
        rates::fault_tolerant(),
        rates::redis(),
        rates::hide_client_headers(),
        Field::number("error_code", "the status of a refusal")
            .preset(Preset::Int(429))
            .rules(&[Rule::GreaterThan(0.0)]),
        Field::text("error_message", "the message of a refusal").preset(Preset::Text(MESSAGE)),
        Field::number(
            "sync_rate",
            "seconds between synchronisations with the store, for the policy `redis`",
        )
        .required()
        .preset(Preset::Int(-1)),
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

/// A list of names needs what each of them needs; Kong, which has no lists, says so of one name.
fn check_names(config: &Document) -> Vec<Misfit> {
    let Some(Value::Array(names)) = config.get("limit_by") else {
        return Vec::new();
    };
    let needs = [("header", "header_name"), ("path", "path")];
    let missing = needs.into_iter().filter(|(name, field)| {
        let given = config.get(*field).is_some_and(|value| !value.is_null());
        names.iter().any(|listed| listed == name) && !given
    });
    missing
        .map(|(_, field)| Misfit::at(field, "required field missing"))
        .collect()
}

/// What Kong checks of the configuration as a whole.
fn check_order_and_sync(config: &Document) -> Result<(), Misfit> {
    if let Some([(longer, low), (shorter, high)]) = rates::unordered(config) {
        return Err(Misfit::whole(format!(
            "The limit for {longer}({low:.1}) cannot be lower than the limit for {shorter}({high:.1})"
        )));
    }
    let redis = config.get("policy").is_some_and(|policy| policy == "redis");
    let rate = config
        .get("sync_rate")
        .and_then(Value::as_f64)
        .unwrap_or(-1.0);
    if rate == -1.0 {
        Ok(())
    } else if !redis {
        Err(Misfit::whole(
            "sync_rate can only be used with the redis policy",
        ))
    } else if rate < 0.02 {
        Err(Misfit::whole(
            "sync_rate must be greater than 0.02, or -1 to disable",
        ))
    } else {
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
struct Config {
    #[serde(flatten)]
    limits: Limits,
    limit_by: Option<Names>,
    header_name: Option<String>,
    path: Option<String>,
    hide_client_headers: Option<bool>,
    error_code: Option<f64>,
    error_message: Option<String>,
    window: Option<String>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    let by = LimitBy::new(
        config.limit_by.as_ref(),
        config.header_name.as_deref(),
        config.path.as_deref(),
    )?;
    let status = config.error_code.unwrap_or(STATUS);
    if !(200.0..600.0).contains(&status) {
        return Err(format!(
            "error_code {status} is not the status of an answer"
        ));
    }
    let window = rates::window_named(config.window.as_deref());
    let message = config
        .error_message
        .map_or(Cow::Borrowed(MESSAGE), Cow::Owned);
    Ok(Arc::new(RateLimiting {
        rules: config.limits.rules(0, window),
        lines: config.limits.iter().map(Lines::new).collect(),
        by,
        hides: config.hide_client_headers.unwrap_or(false),
        status: status as u16,
        message,
    }))
}

#[derive(Debug)]
struct RateLimiting {
    /// One for each period, ascending.
    rules: Box<[ratelimit::Rule]>,
    /// What is said of each.
    lines: Box<[Lines]>,
    by: LimitBy,
    hides: bool,
    status: u16,
    message: Cow<'static, str>,
}

/// What is said of a limit, up to the numbers that change.
#[derive(Debug)]
struct Lines {
    /// `X-RateLimit-Limit-Minute: 5`, `X-RateLimit-Remaining-Minute: `
    own: Box<[u8]>,
    /// `RateLimit-Limit: 5`, `RateLimit-Remaining: `
    tightest: Box<[u8]>,
}

impl Lines {
    fn new((period, limit): (Period, f64)) -> Self {
        let name = match period {
            Period::Second => "Second",
            Period::Minute => "Minute",
            Period::Hour => "Hour",
            Period::Day => "Day",
            Period::Month => "Month",
            Period::Year => "Year",
        };
        let mut own = String::new();
        // Writing to a text cannot fail.
        let _ = write!(
            own,
            "X-RateLimit-Limit-{name}: {limit}\r\nX-RateLimit-Remaining-{name}: "
        );
        let tightest = format!("RateLimit-Limit: {limit}\r\nRateLimit-Remaining: ");
        Self {
            own: own.into_bytes().into(),
            tightest: tightest.into_bytes().into(),
        }
    }
}

impl Plugin for RateLimiting {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    #[inline]
    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let who = self.by.who(request);
        let limiter = &request.core.limiter;
        let tally = limiter.spend(&self.rules, who, request.unix_micros, Spend::Within(1));
        let reset = (!self.hides).then(|| self.tell(&tally, request.downstream));
        if tally.refused().is_none() {
            return ControlFlow::Continue(());
        }
        let mut reply = DEFINITION.refuse(self.status, self.message.clone());
        reply.retry_after_secs = reset.map(|reset| u32::try_from(reset).unwrap_or(u32::MAX));
        ControlFlow::Break(reply.into())
    }
}

impl RateLimiting {
    /// Tells the client how its limits stand; returns the seconds until the tightest one is reset.
    #[inline]
    fn tell(&self, tally: &Tally, downstream: &mut Edits) -> u64 {
        let mut tightest = None;
        for (lines, standing) in self.lines.iter().zip(tally.standings()) {
            downstream.add_number(&lines.own, standing.remaining);
            // Of two that are as tight the longer period's.
            if tightest.is_none_or(|(_, least, _)| standing.remaining <= least) {
                tightest = Some((lines, standing.remaining, standing.reset_micros));
            }
        }
        let Some((lines, remaining, reset)) = tightest else {
            return 1;
        };
        let reset = reset.div_ceil(1_000_000).max(1);
        downstream.add_number(&lines.tightest, remaining);
        downstream.add_number(b"RateLimit-Reset: ", reset);
        reset
    }
}

#[cfg(test)]
mod tests;
