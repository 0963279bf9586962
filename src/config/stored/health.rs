//! Kong's `healthchecks` of an upstream, read from a row and written for one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::resilience::ActiveChecks;
use crate::resilience::CheckKind;
use crate::resilience::PassiveChecks;
use crate::resilience::Rules;
use crate::resilience::Statuses;
use crate::resilience::Thresholds;

/// The record, with nothing where a row says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Healthchecks {
    active: Option<Active>,
    passive: Option<Passive>,
    threshold: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Active {
    r#type: Option<String>,
    timeout: Option<f64>,
    concurrency: Option<u32>,
    http_path: Option<String>,
    https_sni: Option<String>,
    https_verify_certificate: Option<bool>,
    headers: Option<BTreeMap<String, Vec<String>>>,
    healthy: Healthy,
    unhealthy: Unhealthy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Passive {
    r#type: Option<String>,
    healthy: Healthy,
    unhealthy: Unhealthy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Healthy {
    interval: Option<f64>,
    successes: u8,
    http_statuses: Option<Vec<u16>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Unhealthy {
    interval: Option<f64>,
    http_failures: u8,
    tcp_failures: u8,
    timeouts: u8,
    http_statuses: Option<Vec<u16>>,
}

impl Healthchecks {
    /// The rules that follow; what Kong does not have is ours by default.
    pub(super) fn rules(self) -> Rules {
        let threshold = self.threshold.unwrap_or_default().clamp(0.0, 100.0);
        Rules {
            active: self
                .active
                .map_or_else(ActiveChecks::default, Active::checks),
            passive: self
                .passive
                .map_or_else(PassiveChecks::default, Passive::checks),
            threshold: threshold.ceil() as u8,
            ..Rules::default()
        }
    }
}

impl Active {
    fn checks(self) -> ActiveChecks {
        let usual = ActiveChecks::default();
        ActiveChecks {
            kind: kind(self.r#type.as_deref()),
            path: self.http_path.unwrap_or(usual.path),
            headers: self.headers.unwrap_or_default().into_iter().collect(),
            sni: self.https_sni,
            verify: self.https_verify_certificate.unwrap_or(usual.verify),
            // Kong takes zero for no bound at all; a check that hangs for ever says nothing.
            timeout: seconds(self.timeout)
                .filter(|timeout| !timeout.is_zero())
                .unwrap_or(usual.timeout),
            concurrency: self.concurrency.unwrap_or(usual.concurrency),
            interval: seconds(self.healthy.interval).unwrap_or_default(),
            unhealthy_interval: seconds(self.unhealthy.interval).unwrap_or_default(),
            thresholds: thresholds(&self.healthy, &self.unhealthy),
            statuses: statuses(self.healthy, self.unhealthy, usual.statuses),
        }
    }
}

impl Passive {
    fn checks(self) -> PassiveChecks {
        PassiveChecks {
            kind: kind(self.r#type.as_deref()),
            thresholds: thresholds(&self.healthy, &self.unhealthy),
            statuses: statuses(
                self.healthy,
                self.unhealthy,
                PassiveChecks::default().statuses,
            ),
        }
    }
}

fn kind(name: Option<&str>) -> CheckKind {
    let known = |name: &str| CheckKind::ALL.iter().find(|(known, _)| *known == name);
    name.and_then(known)
        .map_or_else(CheckKind::default, |(_, kind)| *kind)
}

fn seconds(number: Option<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(number?).ok()
}

fn thresholds(healthy: &Healthy, unhealthy: &Unhealthy) -> Thresholds {
    Thresholds {
        successes: healthy.successes,
        http_failures: unhealthy.http_failures,
        tcp_failures: unhealthy.tcp_failures,
        timeouts: unhealthy.timeouts,
    }
}

fn statuses(healthy: Healthy, unhealthy: Unhealthy, usual: Statuses) -> Statuses {
    Statuses {
        healthy: healthy.http_statuses.unwrap_or(usual.healthy),
        unhealthy: unhealthy.http_statuses.unwrap_or(usual.unhealthy),
    }
}

/// The record that says the same as the rules, as far as Kong has words for them.
pub(in crate::config) fn healthchecks(rules: &Rules) -> Value {
    let (active, passive) = (&rules.active, &rules.passive);
    let headers: BTreeMap<&String, &Vec<String>> = active
        .headers
        .iter()
        .map(|(name, values)| (name, values))
        .collect();
    json!({
        "threshold": rules.threshold,
        "active": {
            "type": active.kind.name(),
            "timeout": number(active.timeout),
            "concurrency": active.concurrency,
            "http_path": active.path,
            "https_sni": active.sni,
            "https_verify_certificate": active.verify,
            "headers": (!headers.is_empty()).then_some(headers),
            "healthy": healthy(&active.statuses, active.thresholds, Some(active.interval)),
            "unhealthy": unhealthy(&active.statuses, active.thresholds, Some(active.unhealthy_interval)),
        },
        "passive": {
            "type": passive.kind.name(),
            "healthy": healthy(&passive.statuses, passive.thresholds, None),
            "unhealthy": unhealthy(&passive.statuses, passive.thresholds, None),
        },
    })
}

fn healthy(statuses: &Statuses, thresholds: Thresholds, interval: Option<Duration>) -> Value {
    let mut record = json!({
        "http_statuses": statuses.healthy,
        "successes": thresholds.successes,
    });
    if let Some(interval) = interval {
        record["interval"] = number(interval);
    }
    record
}

fn unhealthy(statuses: &Statuses, thresholds: Thresholds, interval: Option<Duration>) -> Value {
    let mut record = json!({
        "http_statuses": statuses.unhealthy,
        "http_failures": thresholds.http_failures,
        "tcp_failures": thresholds.tcp_failures,
        "timeouts": thresholds.timeouts,
    });
    if let Some(interval) = interval {
        record["interval"] = number(interval);
    }
    record
}

/// Seconds, whole where they are.
fn number(duration: Duration) -> Value {
    if duration.subsec_nanos() == 0 {
        duration.as_secs().into()
    } else {
        duration.as_secs_f64().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_rules() {
        let read = |record: Value| -> Rules {
            let checks: Healthchecks = serde_json::from_value(record).unwrap();
            checks.rules()
        };
        assert_eq!(read(json!({})), Rules::default());
        let rules = read(json!({
            "threshold": 20,
            "active": {
                "type": "https", "https_sni": "a.test", "https_verify_certificate": false,
                "headers": { "x-a": ["1", "2"] }, "http_path": "/status", "timeout": 0.5,
                "healthy": { "interval": 5, "successes": 2, "http_statuses": [204] },
                "unhealthy": { "interval": 0.1, "timeouts": 3 },
            },
            "passive": { "unhealthy": { "tcp_failures": 2 } },
        }));
        assert_eq!(rules.active.interval, Duration::from_secs(5));
        assert_eq!(rules.active.unhealthy_interval, Duration::from_millis(100));
        assert_eq!(rules.active.statuses.healthy, [204]);
        assert_eq!(rules.passive.thresholds.tcp_failures, 2);
        assert_eq!(read(healthchecks(&rules)), rules);
    }
}
