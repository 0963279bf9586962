//! What the two plugins that count requests have in common: limits for periods, whose requests are counted together, and
//! the fields of their configurations.

mod fields;
mod limit_by;

pub(super) use fields::PERIOD_NAMES;
pub(super) use fields::PERIODS;
pub(super) use fields::check_policy;
pub(super) use fields::fault_tolerant;
pub(super) use fields::hide_client_headers;
pub(super) use fields::policy;
pub(super) use fields::redis;
pub(super) use fields::redis_aliases;
pub(super) use fields::unordered;
pub(super) use fields::window;
pub(super) use limit_by::LimitBy;
pub(super) use limit_by::Names;

use serde::Deserialize;
use uuid::Uuid;

use crate::ratelimit::LIMIT_MAX;
use crate::ratelimit::Period;
use crate::ratelimit::Rule;
use crate::ratelimit::Window;

use super::Blueprint;

/// Limits as they are configured.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    second: Option<f64>,
    minute: Option<f64>,
    hour: Option<f64>,
    day: Option<f64>,
    month: Option<f64>,
    year: Option<f64>,
}

impl Limits {
    /// Those that are set, the shortest period first.
    pub(super) fn iter(self) -> impl Iterator<Item = (Period, f64)> {
        let limits = [
            self.second,
            self.minute,
            self.hour,
            self.day,
            self.month,
            self.year,
        ];
        let all = Period::ALL.into_iter().zip(limits);
        all.filter_map(|(period, limit)| Some((period, limit?)))
    }

    /// As rules for what a plugin is put on.
    pub(super) fn rules(self, scope: u128, window: Window) -> Box<[Rule]> {
        let rule = |(period, limit)| Rule::new(scope, period, window, whole(limit));
        self.iter().map(rule).collect()
    }
}

/// How many requests a limit admits: one more as long as less than the limit has been counted.
fn whole(limit: f64) -> u64 {
    // Rounds towards zero and saturates, after a fraction has been made a whole one.
    (limit.ceil() as u64).min(LIMIT_MAX)
}

/// The window that a configuration names; Kong's if it names none.
pub(super) fn window_named(name: Option<&str>) -> Window {
    name.and_then(Window::named).unwrap_or_default()
}

/// What the counters of a plugin are known by: what it is and what it is put on, which stays the same when it is
/// configured anew. Plugins on different consumers never share counters.
pub(super) fn scope_of(plugin: &str, blueprint: &Blueprint<'_>, name: &str) -> u128 {
    const COUNTERS: Uuid = Uuid::from_u128(0x2f0c_95d0_5c57_4f6b_8d2e_6f7a_91c3_7e15);
    let mut text = Vec::new();
    for id in [blueprint.route, blueprint.service, blueprint.consumer] {
        text.extend_from_slice(id.unwrap_or_default().as_bytes());
    }
    text.extend_from_slice(plugin.as_bytes());
    text.push(0);
    text.extend_from_slice(name.as_bytes());
    Uuid::new_v5(&COUNTERS, &text).as_u128()
}
