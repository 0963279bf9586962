//! Requests that were shed, by reason and tier.

use crate::base::tier::Tier;

/// Why a request was shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// Its core had more to do than it could.
    Delay,
    /// Its core had as many requests in flight as it may.
    Requests,
    /// There was no room to wait for its upstream.
    Upstream,
    /// It waited for its upstream in vain.
    UpstreamWait,
}

impl Reason {
    /// Every reason, in order.
    pub const ALL: [Self; 4] = [
        Self::Delay,
        Self::Requests,
        Self::Upstream,
        Self::UpstreamWait,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Requests => "requests",
            Self::Upstream => "upstream",
            Self::UpstreamWait => "upstream_wait",
        }
    }
}

/// Counts by reason, then by tier.
pub(super) type Sheds<T> = [[T; Tier::COUNT]; Reason::COUNT];
