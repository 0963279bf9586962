//! Which targets are out: what control tells all cores, and what a core tells control. They travel beside the
//! snapshot and outlive it: a target is known by its upstream and its address.

use std::net::SocketAddr;
use std::time::Duration;

use foldhash::HashMap;
use uuid::Uuid;

use crate::base::ids::CoreId;
use crate::resilience::Reason;

/// Which target of which upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetKey {
    /// The upstream's id.
    pub upstream: Uuid,
    /// Where the target is.
    pub address: SocketAddr,
}

/// Every target that is out, and how much of what each core said is in it.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Those that are out; all others are healthy.
    pub out: HashMap<TargetKey, Reason>,
    /// By core, the number of its last notice that was heard.
    pub heard: Vec<u64>,
}

impl Marks {
    /// The number of a core's last notice that these marks know of.
    pub fn heard(&self, core: CoreId) -> u64 {
        self.heard.get(usize::from(core.0)).copied().unwrap_or(0)
    }
}

/// What a core has to tell of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Counts this core's notices, from 1.
    pub number: u64,
    /// Which target.
    pub target: TargetKey,
    /// What happened.
    pub news: News,
}

/// What happened to a target, by the requests of one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Too many failed.
    Unhealthy,
    /// Enough went well.
    Healthy,
    /// Its breaker on that core has opened, for so long.
    Opened(Duration),
    /// Its breaker on that core has closed.
    Closed,
}
