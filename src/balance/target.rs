//! What a balancer sees of a target, and what it is asked.

use crate::balance::Ewma;
use crate::balance::HashKey;
use crate::base::clock::Instant;

/// One target as one core knows it. An upstream's targets lie in one slice, so that looking at all of
/// them reads neighbouring memory.
#[derive(Clone, Copy, Debug)]
pub struct TargetView {
    /// Its share of the traffic among the weights of all; none at zero.
    pub weight: u16,
    /// Whether it may be chosen: its health, its breaker and its connection limit agree.
    pub usable: bool,
    /// Requests that this core has under way to it.
    pub in_flight: u32,
    /// How fast it has answered this core.
    pub latency: Ewma,
}

impl TargetView {
    /// A usable target of which nothing is known yet.
    pub fn new(weight: u16) -> Self {
        Self {
            weight,
            usable: true,
            in_flight: 0,
            latency: Ewma::default(),
        }
    }

    /// Whether the target can be chosen at all.
    #[inline]
    pub fn is_eligible(&self) -> bool {
        self.usable && self.weight > 0
    }
}

/// What is asked of a balancer besides the targets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// The hash of what the request is hashed by, if it has that.
    pub key: Option<HashKey>,
    /// The time.
    pub now: Instant,
    /// The targets that this request was sent to already, by index.
    pub tried: &'a [u32],
}

impl Ask<'_> {
    /// Whether the target with this index may be chosen now.
    #[inline]
    pub(crate) fn takes(&self, index: usize, target: &TargetView) -> bool {
        target.is_eligible() && !self.tried.iter().any(|&tried| tried as usize == index)
    }

    /// The targets that may be chosen now, with their indices.
    pub(crate) fn eligible<'t>(
        &self,
        targets: &'t [TargetView],
    ) -> impl Iterator<Item = (usize, &'t TargetView)> {
        let numbered = targets.iter().enumerate();
        numbered.filter(|(index, target)| self.takes(*index, target))
    }
}
