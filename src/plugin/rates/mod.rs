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

    /// As rules, which `scope` sets apart from the plugin's other ones.
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

/// What sets the counters of a limit with a name apart from those of a plugin's other limits.
pub(super) fn scope_of(name: &str) -> u128 {
    const LIMITS: Uuid = Uuid::from_u128(0x6b1f_3c0a_94d2_4e8d_b5a7_0c5e_d6f1_2a93);
    Uuid::new_v5(&LIMITS, name.as_bytes()).as_u128()
}
