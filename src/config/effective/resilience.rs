//! What an upstream does about targets that fail, as TOML.

use crate::config::resolve::resilience::RETRY_ON;
use crate::entity::MASK;
use crate::resilience::ActiveChecks;
use crate::resilience::BreakerRule;
use crate::resilience::PassiveChecks;
use crate::resilience::RetryOn;
use crate::resilience::Rules;
use crate::resilience::Statuses;
use crate::resilience::Thresholds;

use super::Secrets;
use super::Writer;
use super::list;
use super::quoted;

/// The keys that stand in the table of the upstream itself.
pub(super) fn write_keys(rules: &Rules, out: &mut Writer) {
    out.value("threshold", rules.threshold);
    out.value("panic_threshold", rules.panic_threshold);
    out.duration("slow_start", rules.slow_start);
    out.strings("retry_on", &words(&rules.retry_on));
    if let Some(rule) = &rules.connections {
        out.value("max_connections", rule.max);
        out.value("queue", rule.queue);
        out.duration("queue_timeout", rule.patience);
    }
}

fn words(rule: &RetryOn) -> Vec<String> {
    let set = [rule.connect, rule.reset, rule.timeout];
    let failures = RETRY_ON.iter().zip(set).filter(|(_, set)| *set);
    let statuses = rule.statuses.iter().map(u16::to_string);
    failures
        .map(|(word, _)| (*word).to_owned())
        .chain(statuses)
        .collect()
}

/// The tables within it.
pub(super) fn write_tables(rules: &Rules, secrets: Secrets, out: &mut Writer) {
    out.line(format_args!("[upstreams.retry_budget]"));
    out.value("percent", rules.budget.percent);
    out.value("min_retries", rules.budget.min_retries);
    if let Some(rule) = &rules.breaker {
        write_breaker(rule, out);
    }
    if rules.passive != PassiveChecks::default() {
        out.line(format_args!("[upstreams.passive_checks]"));
        out.string("type", rules.passive.kind.name());
        write_statuses(&rules.passive.statuses, out);
        write_thresholds(&rules.passive.thresholds, out);
    }
    if rules.active != ActiveChecks::default() {
        write_active(&rules.active, secrets, out);
    }
}

fn write_breaker(rule: &BreakerRule, out: &mut Writer) {
    out.line(format_args!("[upstreams.circuit_breaker]"));
    out.value("consecutive_failures", rule.consecutive_failures);
    out.value("error_percent", rule.error_percent);
    out.value("min_requests", rule.min_requests);
    out.duration("window", rule.window);
    out.duration("open_time", rule.open_time);
    out.duration("max_open_time", rule.max_open_time);
    out.value("trials", rule.trials);
}

fn write_active(checks: &ActiveChecks, secrets: Secrets, out: &mut Writer) {
    out.line(format_args!("[upstreams.active_checks]"));
    out.string("type", checks.kind.name());
    out.string("path", &checks.path);
    if let Some(sni) = &checks.sni {
        out.string("sni", sni);
    }
    out.value("verify", checks.verify);
    out.duration("timeout", checks.timeout);
    out.value("concurrency", checks.concurrency);
    out.duration("interval", checks.interval);
    out.duration("unhealthy_interval", checks.unhealthy_interval);
    write_statuses(&checks.statuses, out);
    write_thresholds(&checks.thresholds, out);
    if !checks.headers.is_empty() {
        out.line(format_args!("[upstreams.active_checks.headers]"));
    }
    for (name, values) in &checks.headers {
        // An origin may want to be shown who asks.
        let shown = match secrets {
            Secrets::Shown => list(values),
            Secrets::Masked => list(&vec![MASK.to_owned(); values.len()]),
        };
        out.value(&quoted(name), shown);
    }
}

fn write_statuses(statuses: &Statuses, out: &mut Writer) {
    let numbers = |codes: &[u16]| {
        let codes: Vec<String> = codes.iter().map(u16::to_string).collect();
        format!("[{}]", codes.join(", "))
    };
    out.value("healthy_statuses", numbers(&statuses.healthy));
    out.value("unhealthy_statuses", numbers(&statuses.unhealthy));
}

fn write_thresholds(thresholds: &Thresholds, out: &mut Writer) {
    out.value("successes", thresholds.successes);
    out.value("http_failures", thresholds.http_failures);
    out.value("tcp_failures", thresholds.tcp_failures);
    out.value("timeouts", thresholds.timeouts);
}
