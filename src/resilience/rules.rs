//! How an upstream deals with targets that fail, as it is configured.

use std::sync::Arc;
use std::time::Duration;

use crate::resilience::BreakerRule;
use crate::resilience::BudgetRule;
use crate::resilience::Statuses;
use crate::resilience::Thresholds;

/// Default of `panic_threshold` in percent, as in Envoy.
const PANIC_PERCENT: u8 = 50;

/// Everything that is configured of one upstream's resilience.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Checks by requests of our own.
    pub active: ActiveChecks,
    /// Checks by the requests that are served.
    pub passive: PassiveChecks,
    /// Percents of the weight that must be healthy for the upstream to work at all.
    pub threshold: u8,
    /// Percents of the weight below which the marks of requests are ignored.
    pub panic_threshold: u8,
    /// How long a target that returns takes to get its whole share; zero for at once.
    pub slow_start: Duration,
    /// The breaker of each target.
    pub breaker: Option<BreakerRule>,
    /// The retry budget.
    pub budget: BudgetRule,
    /// What is tried again.
    pub retry_on: RetryOn,
    /// The bound of each target's requests.
    pub connections: Option<ConnectionRule>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            active: ActiveChecks::default(),
            passive: PassiveChecks::default(),
            threshold: 0,
            panic_threshold: PANIC_PERCENT,
            slow_start: Duration::ZERO,
            breaker: None,
            budget: BudgetRule::default(),
            retry_on: RetryOn::default(),
            connections: None,
        }
    }
}

impl Rules {
    /// The rules to be kept: none where all of them are the defaults, which most upstreams have.
    pub fn shared(self) -> Option<Arc<Self>> {
        (self != Self::default()).then(|| Arc::new(self))
    }

    /// Whether targets have a state of health at all, as Kong's have as soon as anything is checked.
    pub fn has_checks(&self) -> bool {
        self.active.is_on() || !self.passive.thresholds.is_off()
    }

    /// Whether a core has to look after the targets, by more than counting repeats.
    pub fn needs_care(&self) -> bool {
        self.has_checks() || self.breaker.is_some() || self.connections.is_some()
    }
}

/// What a check is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// A request.
    #[default]
    Http,
    /// A request over TLS.
    Https,
    /// A connection.
    Tcp,
    /// As Kong stores it; a connection.
    Grpc,
    /// As Kong stores it; a connection.
    Grpcs,
}

impl CheckKind {
    /// Every kind by its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("http", Self::Http),
        ("https", Self::Https),
        ("tcp", Self::Tcp),
        ("grpc", Self::Grpc),
        ("grpcs", Self::Grpcs),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Grpc => "grpc",
            Self::Grpcs => "grpcs",
        }
    }
}

/// Checks by requests of our own, made in one place of the process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActiveChecks {
    /// What a check is made of.
    pub kind: CheckKind,
    /// The path of a request.
    pub path: String,
    /// Fields of a request, each with its values.
    pub headers: Vec<(String, Vec<String>)>,
    /// The server name of the handshake.
    pub sni: Option<String>,
    /// Whether certificates are verified.
    pub verify: bool,
    /// How long a check may take.
    pub timeout: Duration,
    /// Checks of this upstream at a time.
    pub concurrency: u32,
    /// Time between two checks of a healthy target; zero for none.
    pub interval: Duration,
    /// Time between two checks of an unhealthy target; zero for none.
    pub unhealthy_interval: Duration,
    /// Good and bad statuses.
    pub statuses: Statuses,
    /// How many it takes.
    pub thresholds: Thresholds,
}

impl Default for ActiveChecks {
    /// Kong's defaults: none.
    fn default() -> Self {
        Self {
            kind: CheckKind::Http,
            path: "/".to_owned(),
            headers: Vec::new(),
            sni: None,
            verify: true,
            timeout: Duration::from_secs(1),
            concurrency: 10,
            interval: Duration::ZERO,
            unhealthy_interval: Duration::ZERO,
            statuses: Statuses {
                healthy: vec![200, 302],
                unhealthy: vec![429, 404, 500, 501, 502, 503, 504, 505],
            },
            thresholds: Thresholds::default(),
        }
    }
}

impl ActiveChecks {
    /// Whether anything is ever checked.
    pub fn is_on(&self) -> bool {
        !(self.interval.is_zero() && self.unhealthy_interval.is_zero())
    }
}

/// Checks by the requests that are served.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PassiveChecks {
    /// As Kong stores it; with `tcp`, statuses are not looked at.
    pub kind: CheckKind,
    /// Good and bad statuses.
    pub statuses: Statuses,
    /// How many it takes.
    pub thresholds: Thresholds,
}

impl Default for PassiveChecks {
    /// Kong's defaults: none.
    fn default() -> Self {
        let redirects = 300..=308;
        Self {
            kind: CheckKind::Http,
            statuses: Statuses {
                healthy: (200..=208).chain([226]).chain(redirects).collect(),
                unhealthy: vec![429, 500, 503],
            },
            thresholds: Thresholds::default(),
        }
    }
}

/// What is tried again: by which failures, and which statuses of answers to idempotent requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetryOn {
    /// No connection could be made.
    pub connect: bool,
    /// The connection ended before an answer.
    pub reset: bool,
    /// No answer in time.
    pub timeout: bool,
    /// These statuses.
    pub statuses: Vec<u16>,
}

impl Default for RetryOn {
    /// Every failure and no answer.
    fn default() -> Self {
        Self {
            connect: true,
            reset: true,
            timeout: true,
            statuses: Vec::new(),
        }
    }
}

/// The bound of the requests that are under way to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionRule {
    /// Requests under way, and so connections in use, of the process.
    pub max: u32,
    /// Requests that may wait on each core.
    pub queue: u32,
    /// How long they wait.
    pub patience: Duration,
}
