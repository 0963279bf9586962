//! How an upstream deals with targets that fail: checks, breaker, budget, bounds.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::base::limits;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::raw::Table;
use crate::config::schema;
use crate::resilience::ActiveChecks;
use crate::resilience::BreakerRule;
use crate::resilience::BudgetRule;
use crate::resilience::CheckKind;
use crate::resilience::ConnectionRule;
use crate::resilience::PassiveChecks;
use crate::resilience::RetryOn;
use crate::resilience::Rules;
use crate::resilience::Statuses;
use crate::resilience::Thresholds;

use super::patterns;

/// The failures that `retry_on` names; the rest of it are statuses.
pub(in crate::config) const RETRY_ON: [&str; 3] = ["connect", "reset", "timeout"];

/// What a table of active checks says where it is silent.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(5);
const ACTIVE: Thresholds = Thresholds {
    successes: 2,
    http_failures: 3,
    tcp_failures: 3,
    timeouts: 3,
};
/// What a table of passive checks says where it is silent.
const PASSIVE: Thresholds = Thresholds {
    successes: 2,
    http_failures: 5,
    tcp_failures: 3,
    timeouts: 3,
};
const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);

/// A time that may be none, to Kong's ceiling.
const PAUSE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(65_535);
/// A time that must be some.
const TIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(65_535);

/// Reads what a table of `upstreams` says of it.
pub(super) fn read(table: &Table<'_>, sink: &mut Sink) -> Option<Arc<Rules>> {
    let usual = Rules::default();
    let mut percent = |key, default: u8| small(table, key, default, 0..=100, sink);
    let rules = Rules {
        threshold: percent("threshold", usual.threshold),
        panic_threshold: percent("panic_threshold", usual.panic_threshold),
        active: active(table, sink),
        passive: passive(table, sink),
        slow_start: table
            .duration("slow_start", PAUSE, sink)
            .unwrap_or_default(),
        breaker: breaker(table, sink),
        budget: budget(table, sink),
        retry_on: retry_on(table, sink),
        connections: connections(table, sink),
    };
    rules.shared()
}

fn small(
    table: &Table<'_>,
    key: &'static str,
    default: u8,
    range: RangeInclusive<u8>,
    sink: &mut Sink,
) -> u8 {
    let range = i64::from(*range.start())..=i64::from(*range.end());
    let read = table.integer(key, i64::from(default), range, sink);
    u8::try_from(read).unwrap_or(default)
}

fn number(
    table: &Table<'_>,
    key: &'static str,
    default: u32,
    range: RangeInclusive<u32>,
    sink: &mut Sink,
) -> u32 {
    let range = i64::from(*range.start())..=i64::from(*range.end());
    let read = table.integer(key, i64::from(default), range, sink);
    u32::try_from(read).unwrap_or(default)
}

fn active(table: &Table<'_>, sink: &mut Sink) -> ActiveChecks {
    let usual = ActiveChecks::default();
    let Some(table) = table.table("active_checks", &schema::ACTIVE_CHECKS, sink) else {
        return usual;
    };
    let mut pause = |key| table.duration(key, PAUSE, sink).unwrap_or(ACTIVE_INTERVAL);
    let (interval, unhealthy_interval) = (pause("interval"), pause("unhealthy_interval"));
    let path = table.text("path", sink);
    let is_path =
        |path: &str| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(text) = path.filter(|text| !is_path(text.value)) {
        text.fault(Code::BadPath, "should start with: / and be printable", sink);
    }
    let sni = table.text("sni", sink);
    if let Some(text) = sni.filter(|text| !patterns::is_host_name(text.value)) {
        text.fault(
            Code::BadHost,
            format!("invalid hostname: {}", text.value),
            sink,
        );
    }
    let concurrency = limits::PROBES_CEILING;
    ActiveChecks {
        kind: table.word("type", &CheckKind::ALL, usual.kind, sink),
        path: path.map_or(usual.path, |text| text.value.to_owned()),
        headers: headers(&table, sink),
        sni: sni.map(|text| text.value.to_owned()),
        verify: table.flag("verify", usual.verify, sink),
        timeout: table
            .duration("timeout", TIME, sink)
            .unwrap_or(usual.timeout),
        concurrency: number(
            &table,
            "concurrency",
            usual.concurrency,
            1..=concurrency,
            sink,
        ),
        interval,
        unhealthy_interval,
        statuses: statuses(&table, usual.statuses, sink),
        thresholds: thresholds(&table, ACTIVE, sink),
    }
}

fn passive(table: &Table<'_>, sink: &mut Sink) -> PassiveChecks {
    let usual = PassiveChecks::default();
    let Some(table) = table.table("passive_checks", &schema::PASSIVE_CHECKS, sink) else {
        return usual;
    };
    PassiveChecks {
        kind: table.word("type", &CheckKind::ALL, usual.kind, sink),
        statuses: statuses(&table, usual.statuses, sink),
        thresholds: thresholds(&table, PASSIVE, sink),
    }
}

fn headers(table: &Table<'_>, sink: &mut Sink) -> Vec<(String, Vec<String>)> {
    let Some(headers) = table.table("headers", &schema::CHECK_HEADERS, sink) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, item) in headers.entries() {
        if !patterns::is_token(name.value) {
            name.fault(
                Code::BadHeader,
                format!("bad header name '{}'", name.value),
                sink,
            );
        }
        let mut values = Vec::new();
        for text in item.list(sink) {
            let Some(text) = text.text(sink) else {
                continue;
            };
            if text.value.chars().any(char::is_control) {
                text.fault(
                    Code::BadHeader,
                    "a control character in a header's value",
                    sink,
                );
            }
            values.push(text.value.to_owned());
        }
        found.push((name.value.to_owned(), values));
    }
    found.sort();
    found
}

fn statuses(table: &Table<'_>, usual: Statuses, sink: &mut Sink) -> Statuses {
    let mut read = |key, usual: Vec<u16>| match table.get(key) {
        None => usual,
        Some(item) => {
            let items = item.list(sink);
            let codes = items
                .iter()
                .filter_map(|item| item.integer(100..=999, sink));
            codes.filter_map(|code| u16::try_from(code).ok()).collect()
        }
    };
    Statuses {
        healthy: read("healthy_statuses", usual.healthy),
        unhealthy: read("unhealthy_statuses", usual.unhealthy),
    }
}

fn thresholds(table: &Table<'_>, usual: Thresholds, sink: &mut Sink) -> Thresholds {
    let mut read = |key, default| small(table, key, default, 0..=255, sink);
    Thresholds {
        successes: read("successes", usual.successes),
        http_failures: read("http_failures", usual.http_failures),
        tcp_failures: read("tcp_failures", usual.tcp_failures),
        timeouts: read("timeouts", usual.timeouts),
    }
}

fn breaker(table: &Table<'_>, sink: &mut Sink) -> Option<BreakerRule> {
    let table = table.table("circuit_breaker", &schema::CIRCUIT_BREAKER, sink)?;
    let usual = BreakerRule::default();
    let mut time = |key, default| table.duration(key, TIME, sink).unwrap_or(default);
    let (window, open_time) = (
        time("window", usual.window),
        time("open_time", usual.open_time),
    );
    let max_open_time = time("max_open_time", usual.max_open_time.max(open_time));
    if let Some(item) = table
        .get("max_open_time")
        .filter(|_| max_open_time < open_time)
    {
        let message = "`max_open_time` is shorter than `open_time`";
        sink.add(Code::OutOfRange, item.place, message);
    }
    let any = u32::MAX >> 1;
    let mut count = |key, default, least| number(&table, key, default, least..=any, sink);
    Some(BreakerRule {
        consecutive_failures: count("consecutive_failures", usual.consecutive_failures, 0),
        min_requests: count("min_requests", usual.min_requests, 1),
        trials: count("trials", usual.trials, 1),
        error_percent: small(&table, "error_percent", usual.error_percent, 0..=100, sink),
        window,
        open_time,
        max_open_time,
    })
}

fn budget(table: &Table<'_>, sink: &mut Sink) -> BudgetRule {
    let usual = BudgetRule::default();
    let Some(table) = table.table("retry_budget", &schema::RETRY_BUDGET, sink) else {
        return usual;
    };
    let percent = number(&table, "percent", u32::from(usual.percent), 0..=1_000, sink);
    BudgetRule {
        percent: u16::try_from(percent).unwrap_or(usual.percent),
        min_retries: number(
            &table,
            "min_retries",
            usual.min_retries,
            0..=1_000_000,
            sink,
        ),
    }
}

fn retry_on(table: &Table<'_>, sink: &mut Sink) -> RetryOn {
    if table.get("retry_on").is_none() {
        return RetryOn::default();
    }
    let mut rule = RetryOn {
        connect: false,
        reset: false,
        timeout: false,
        statuses: Vec::new(),
    };
    for text in table.texts("retry_on", sink) {
        let status = text.value.parse().ok();
        match text.value {
            "connect" => rule.connect = true,
            "reset" => rule.reset = true,
            "timeout" => rule.timeout = true,
            _ => match status.filter(|status| *status == 429 || (500..600).contains(status)) {
                Some(status) => rule.statuses.push(status),
                None => {
                    let words = RETRY_ON.join(", ");
                    let message = format!("expected one of: {words}, or 429, or a status of 5xx");
                    text.fault(Code::NotOneOf, message, sink);
                }
            },
        }
    }
    rule.statuses.sort_unstable();
    rule.statuses.dedup();
    rule
}

fn connections(table: &Table<'_>, sink: &mut Sink) -> Option<ConnectionRule> {
    let ceiling = u32::try_from(limits::CONNECTIONS_CEILING).unwrap_or(u32::MAX);
    let max = number(table, "max_connections", 0, 0..=ceiling, sink);
    let queue = number(
        table,
        "queue",
        limits::QUEUE,
        0..=limits::QUEUE_CEILING,
        sink,
    );
    let patience = table.duration("queue_timeout", TIME, sink);
    let patience = patience.unwrap_or(QUEUE_TIMEOUT);
    (max > 0).then_some(ConnectionRule {
        max,
        queue,
        patience,
    })
}
