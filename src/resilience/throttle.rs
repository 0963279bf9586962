//! Shedding for a core that has more to do than it can: by how long a request waits before anybody looks at it.
//!
//! While every turn of the core's loop takes longer than the target, a smaller and smaller share of the requests is
//! admitted; when turns are short again the share grows back. The least delay of an interval counts, as in CoDel: a
//! single long turn is a burst that passes by itself. What is not admitted is taken from the lowest tier that sends
//! anything, then from the next.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits;
use crate::base::tier::Tier;

/// What one tier sends and may send.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    arrived: u32,
    /// The share that is admitted, in parts of [`WHOLE`].
    share: u32,
    /// What is left of earlier shares: at a [`WHOLE`] one more is admitted.
    credit: u32,
}

/// A share of everything.
const WHOLE: u32 = 1_024;
/// The least share that is admitted, of all requests together: some must pass, or nothing could be learnt.
const LEAST: u32 = WHOLE / 32;
/// What the share grows by in an interval without delay. From the least to all in three seconds of intervals.
const GROWTH: u32 = WHOLE / 32;

/// The state of one core.
#[derive(Clone, Debug)]
pub struct Throttle {
    lanes: [Lane; Tier::COUNT],
    share: u32,
    /// The least delay of the present interval.
    least_ns: u64,
    samples: u32,
    began: Instant,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            lanes: [Lane {
                share: WHOLE,
                ..Lane::default()
            }; Tier::COUNT],
            share: WHOLE,
            least_ns: u64::MAX,
            samples: 0,
            began: Instant::default(),
        }
    }
}

impl Throttle {
    /// Whether anything is shed now.
    #[inline]
    pub fn is_shedding(&self) -> bool {
        self.share < WHOLE
    }

    /// The share of the requests that is admitted, from 0 to 1,000.
    pub fn permille(&self) -> u32 {
        self.share * 1_000 / WHOLE
    }

    /// Whether a request of this tier is admitted.
    #[inline]
    pub fn admits(&mut self, tier: Tier) -> bool {
        let shedding = self.is_shedding();
        let lane = &mut self.lanes[tier as usize];
        lane.arrived = lane.arrived.saturating_add(1);
        if !shedding {
            return true;
        }
        lane.credit += lane.share;
        let admitted = lane.credit >= WHOLE;
        if admitted {
            lane.credit -= WHOLE;
        }
        admitted
    }

    /// Notes how long a turn of the loop took, while there was work. At an interval's end the share changes.
    pub fn turned(&mut self, nanos: u64, target: Duration, now: Instant) {
        self.least_ns = self.least_ns.min(nanos);
        self.samples += 1;
        let target_ns = u64::try_from(target.as_nanos()).unwrap_or(u64::MAX);
        let interval = u64::try_from(limits::OVERLOAD_INTERVAL.as_nanos()).unwrap_or(u64::MAX);
        if self.samples < limits::OVERLOAD_SAMPLES || now.nanos_since(self.began) < interval {
            return;
        }
        if self.least_ns > target_ns {
            // In proportion to the excess, and never by more than a third at once.
            let kept = (target_ns.saturating_mul(u64::from(WHOLE)) / self.least_ns.max(1))
                .max(u64::from(WHOLE) * 2 / 3);
            let share = u64::from(self.share) * kept / u64::from(WHOLE);
            self.share = u32::try_from(share).unwrap_or(WHOLE).max(LEAST);
        } else if self.least_ns < target_ns / 2 {
            self.share = (self.share + GROWTH).min(WHOLE);
        }
        self.divide();
        self.least_ns = u64::MAX;
        self.samples = 0;
        self.began = now;
    }

    /// There is so little to do that nothing waits: everything is admitted again.
    pub fn rest(&mut self) {
        if self.is_shedding() || self.samples > 0 {
            *self = Self::default();
        } else {
            self.lanes.iter_mut().for_each(|lane| lane.arrived = 0);
        }
    }

    /// Takes what is not admitted from the lowest tiers, by what each has sent.
    fn divide(&mut self) {
        let all: u64 = self.lanes.iter().map(|lane| u64::from(lane.arrived)).sum();
        let mut excess = all * u64::from(WHOLE - self.share) / u64::from(WHOLE);
        for lane in &mut self.lanes {
            let arrived = u64::from(lane.arrived);
            let taken = excess.min(arrived);
            excess -= taken;
            let share = ((arrived - taken) * u64::from(WHOLE)).checked_div(arrived);
            // Who sent nothing so far comes after those below, and has what they have.
            lane.share = u32::try_from(share.unwrap_or(u64::from(self.share))).unwrap_or(WHOLE);
            lane.arrived = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    const TARGET: Duration = Duration::from_millis(10);

    /// A core that serves at a cost, with requests of the three tiers arriving in each turn. A turn handles what
    /// arrived in the one before, so its length is the delay.
    struct Core {
        throttle: Throttle,
        now: Instant,
        turn_ns: u64,
        rng: Rng,
    }

    /// What was served of what was sent, by tier.
    #[derive(Clone, Copy, Debug, Default)]
    struct Counts {
        sent: [u64; Tier::COUNT],
        served: [u64; Tier::COUNT],
    }

    impl Core {
        fn new(seed: u64) -> Self {
            Self {
                throttle: Throttle::default(),
                now: Instant(1),
                turn_ns: 1_000_000,
                rng: Rng::seeded(seed),
            }
        }

        /// Runs for a time with so many requests a second of each tier; 20 µs to serve one, 4 µs to shed one.
        fn run(&mut self, span: Duration, rates: [u64; Tier::COUNT]) -> (Counts, u64) {
            let (mut counts, mut longest) = (Counts::default(), 0);
            let until = self.now.plus(span);
            while self.now < until {
                let mut cost = 20_000;
                for tier in Tier::ALL {
                    let expected = self.turn_ns * rates[tier as usize] / 1_000_000_000;
                    let jitter = self.rng.below(usize::try_from(expected / 5 + 2).unwrap());
                    for _ in 0..expected * 9 / 10 + jitter as u64 {
                        counts.sent[tier as usize] += 1;
                        if self.throttle.admits(tier) {
                            counts.served[tier as usize] += 1;
                            cost += 20_000;
                        } else {
                            cost += 4_000;
                        }
                    }
                }
                // What waits is bounded by what clients have open.
                self.turn_ns = cost.min(200_000_000);
                self.now = Instant(self.now.0 + self.turn_ns.max(1_000_000));
                longest = longest.max(self.turn_ns);
                self.throttle.turned(self.turn_ns, TARGET, self.now);
            }
            (counts, longest)
        }
    }

    fn success(counts: Counts, tier: Tier) -> f64 {
        counts.served[tier as usize] as f64 / counts.sent[tier as usize].max(1) as f64
    }

    #[test]
    fn nothing_is_shed_below_capacity() {
        for seed in 0..20 {
            let mut core = Core::new(seed);
            let (counts, _) = core.run(Duration::from_secs(5), [10_000, 20_000, 10_000]);
            assert_eq!(counts.sent, counts.served);
        }
    }

    #[test]
    fn overload_sheds_the_lowest_first_and_turns_stay_short() {
        for seed in 0..20 {
            let mut core = Core::new(seed);
            core.run(Duration::from_secs(3), [40_000, 20_000, 10_000]);
            let (counts, longest) = core.run(Duration::from_secs(5), [40_000, 20_000, 10_000]);
            assert!(success(counts, Tier::High) > 0.99, "{seed}: {counts:?}");
            assert!(success(counts, Tier::Normal) > 0.9, "{seed}: {counts:?}");
            assert!(success(counts, Tier::Low) < 0.6, "{seed}: {counts:?}");
            assert!(longest < 100_000_000, "{seed}: {longest}");
        }
    }

    #[test]
    fn everything_is_served_again_after_it() {
        for seed in 0..20 {
            let mut core = Core::new(seed);
            core.run(Duration::from_secs(3), [0, 90_000, 0]);
            assert!(core.throttle.is_shedding(), "{seed}");
            core.run(Duration::from_secs(5), [0, 10_000, 0]);
            assert!(!core.throttle.is_shedding(), "{seed}");
        }
    }

    #[test]
    fn a_core_with_nothing_to_do_admits_everything() {
        let mut core = Core::new(1);
        core.run(Duration::from_secs(3), [0, 90_000, 0]);
        core.throttle.rest();
        assert!(core.throttle.admits(Tier::Low) && !core.throttle.is_shedding());
        assert_eq!(core.throttle.permille(), 1_000);
    }

    #[test]
    fn one_long_turn_is_no_overload() {
        let mut throttle = Throttle::default();
        for at in 1..100_u64 {
            let turn = if at % 7 == 0 { 90_000_000 } else { 1_000_000 };
            throttle.turned(turn, TARGET, Instant(at * 20_000_000));
        }
        assert!(!throttle.is_shedding());
    }
}
