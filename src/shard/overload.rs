//! What one core knows of how much it has to do.

use std::cell::Cell;
use std::cell::RefCell;
use std::task::Waker;

use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::tier::Tier;
use crate::resilience::throttle::Throttle;
use crate::snapshot::OverloadPlan;
use crate::telemetry::Reason;

/// One core's load.
#[derive(Debug, Default)]
pub struct Overload {
    throttle: RefCell<Throttle>,
    shedding: Cell<bool>,
    in_flight: Cell<u32>,
    /// Requests since somebody looked last.
    begun: Cell<u32>,
    delay_ns: Cell<u64>,
    /// Whoever measures delays, while there is too little to do for it.
    pub sleeper: RefCell<Option<Waker>>,
}

/// A request in flight, for as long as it lives.
#[derive(Debug)]
pub struct InFlight<'a>(&'a Overload);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}

impl Overload {
    /// Counts a request in flight.
    #[inline]
    pub fn begin(&self) -> InFlight<'_> {
        self.in_flight.set(self.in_flight.get() + 1);
        self.begun.set(self.begun.get().wrapping_add(1));
        InFlight(self)
    }

    /// Whether a request of this tier, which is counted already, may go on.
    ///
    /// # Errors
    /// Why not.
    #[inline]
    pub fn admit(&self, tier: Tier, plan: &OverloadPlan, core: CoreId) -> Result<(), Reason> {
        if let Some(shares) = plan.requests
            && self.in_flight.get() as usize > part(shares.of(core), tier)
        {
            return Err(Reason::Requests);
        }
        if plan.queue_delay.is_some() && !self.throttle.borrow_mut().admits(tier) {
            return Err(Reason::Delay);
        }
        Ok(())
    }

    /// Whether some requests are shed because they wait too long.
    #[inline]
    pub fn is_shedding(&self) -> bool {
        self.shedding.get()
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    /// How long a request waits before this core looks at it, in nanoseconds, as last measured.
    #[inline]
    pub fn delay_ns(&self) -> u64 {
        self.delay_ns.get()
    }

    /// The share of the requests that is admitted, in thousandths.
    pub fn permille(&self) -> u32 {
        self.throttle.borrow().permille()
    }

    /// Requests since this was asked last.
    pub fn take_begun(&self) -> u32 {
        self.begun.take()
    }

    /// Notes how long a turn took.
    pub fn turned(&self, nanos: u64, plan: &OverloadPlan, now: Instant) {
        self.delay_ns.set(nanos);
        match plan.queue_delay {
            Some(target) => {
                let mut throttle = self.throttle.borrow_mut();
                throttle.turned(nanos, target, now);
                self.shedding.set(throttle.is_shedding());
            }
            None => self.rest(),
        }
    }

    /// There is little to do.
    pub fn rest(&self) {
        self.delay_ns.set(0);
        self.shedding.set(false);
        self.throttle.borrow_mut().rest();
    }
}

/// The part of a bound that a tier may fill: what is left is for those above it.
fn part(bound: usize, tier: Tier) -> usize {
    let part = match tier {
        Tier::Low => bound * 3 / 4,
        Tier::Normal => bound * 9 / 10,
        Tier::High => bound,
    };
    part.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ConnectionShares;

    #[test]
    fn lower_tiers_leave_room_for_higher_ones() {
        let plan = OverloadPlan {
            requests: Some(ConnectionShares {
                limit: 40,
                workers: 2,
            }),
            queue_delay: None,
            upstream_wait: crate::base::limits::GATE_WAIT,
            connections_per_address: None,
        };
        let overload = Overload::default();
        let mut flying = Vec::new();
        let mut refused = [0; Tier::COUNT];
        for _ in 0..21 {
            flying.push(overload.begin());
            for tier in Tier::ALL {
                let admitted = overload.admit(tier, &plan, CoreId(1));
                refused[tier as usize] += u32::from(admitted.is_err());
            }
        }
        assert_eq!(refused, [6, 3, 1]);
        flying.clear();
        assert_eq!(overload.in_flight(), 0);
        assert!(overload.admit(Tier::Low, &plan, CoreId(1)).is_ok());
    }
}
