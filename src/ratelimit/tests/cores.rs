//! Many cores over one set of pools: in simulated time with seeds, and on real threads.

use super::*;
use crate::base::rng::Rng;

/// Cores with clocks and ticks of their own, under load that is spread unevenly.
struct World {
    cores: Vec<Core>,
    rng: Rng,
    now: u64,
}

struct Core {
    limiter: Limiter,
    /// How far its clock is behind.
    behind: u64,
    next_tick: u64,
    /// Between ticks.
    pause: u64,
    /// How much of the load comes here.
    weight: usize,
}

impl World {
    fn new(count: u16, seed: u64, skew: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let pools = pools();
        let core = |_| Core {
            limiter: Limiter::new(Arc::clone(&pools), count),
            behind: rng.below(skew as usize + 1) as u64,
            next_tick: NOON + rng.below(50_000) as u64,
            pause: 50_000 + rng.below(2_000) as u64,
            weight: [1, 4, 20][rng.below(3)],
        };
        Self {
            cores: (0..count).map(core).collect(),
            rng,
            now: NOON,
        }
    }

    /// Lets the time go on to a moment; ticks happen on the way.
    fn go_to(&mut self, moment: u64) {
        self.now = moment;
        for core in &mut self.cores {
            while core.next_tick <= moment {
                core.limiter.tick(core.next_tick - core.behind);
                core.next_tick += core.pause;
            }
        }
    }

    fn random_core(&mut self) -> &Core {
        let all = self.cores.iter().map(|core| core.weight).sum();
        let mut at = self.rng.below(all);
        let chosen = self.cores.iter().position(|core| {
            let hit = at < core.weight;
            at = at.saturating_sub(core.weight);
            hit
        });
        &self.cores[chosen.unwrap()]
    }

    /// A request on some core; whether it is admitted.
    fn request(&mut self, rules: &[Rule], who: Who) -> bool {
        let now = self.now;
        let core = self.random_core();
        admits(&core.limiter, rules, who, now - core.behind)
    }
}

/// What was admitted in each frame by the time that the core saw, of each identity.
type Frames = std::collections::HashMap<(u64, usize), u64>;

/// Runs an overload of `factor` on one rule for `seconds`, with so many identities; what was admitted and the least
/// that all full frames together should have.
fn overload(world: &mut World, rule: Rule, identities: usize, factor: u64, seconds: u64) -> Frames {
    let mut frames = Frames::new();
    let length = rule.period.longest();
    let mean = length / (rule.limit * factor * identities as u64);
    let end = world.now + seconds * SECOND;
    while world.now < end {
        let pause = world.rng.below(2 * mean as usize + 1) as u64;
        world.go_to(world.now + pause);
        let identity = world.rng.below(identities);
        if world.request(&[rule], Who::known(identity as u128)) {
            let frame = rule.window.frame(rule.period, world.now).id;
            *frames.entry((frame, identity)).or_default() += 1;
        }
    }
    frames
}

#[test]
fn never_more_than_the_limit_and_nearly_all_of_it() {
    let cases = [
        (8, 1_000, 1),
        (8, 100, 20),
        (2, 1_000, 3),
        (16, 50, 10),
        (3, 5, 100),
        (8, 1, 50),
    ];
    for (cores, limit, identities) in cases {
        for seed in 0..3 {
            let rule = rule(Period::Second, Window::Fixed, limit);
            let mut world = World::new(cores, seed, 0);
            let frames = overload(&mut world, rule, identities, 4, 6);
            assert!(frames.values().all(|admitted| *admitted <= limit));
            let most = 6 * limit * identities as u64;
            let admitted: u64 = frames.values().sum();
            assert!(
                admitted * 100 >= most * 98,
                "{admitted} of {most} with {cores} cores"
            );
        }
    }
}

#[test]
fn tiny_limits_are_exact_on_many_cores() {
    for seed in 0..50 {
        let mut world = World::new(8, seed, 0);
        let limit = 1 + seed % 7;
        let rules = [rule(Period::Minute, Window::Fixed, limit)];
        for minute in 0..3 {
            let mut admitted = 0;
            for n in 0..200 {
                world.go_to(NOON + minute * 60 * SECOND + n * 290_000);
                admitted += u64::from(world.request(&rules, Who::known(1)));
            }
            assert_eq!(admitted, limit);
        }
    }
}

#[test]
fn a_lone_busy_core_can_use_all_of_it() {
    for limit in [1, 7, 100, 12_345] {
        let mut world = World::new(8, limit, 0);
        let rules = [rule(Period::Minute, Window::Fixed, limit)];
        // Each of the others takes a lease and falls idle.
        let first: u64 = (0..8)
            .map(|core| {
                u64::from(admits(
                    &world.cores[core].limiter,
                    &rules,
                    Who::known(1),
                    NOON,
                ))
            })
            .sum();
        let mut admitted = first;
        for n in 0..2 * limit {
            world.go_to(NOON + n * 50 * SECOND / (2 * limit));
            let now = world.now;
            let lone = &world.cores[3].limiter;
            admitted += u64::from(admits(lone, &rules, Who::known(1), now));
        }
        assert_eq!(admitted, limit);
    }
}

#[test]
fn clocks_that_differ_still_admit_the_limit_for_each_frame() {
    for seed in 0..20 {
        let (limit, seconds) = (40, 5);
        let rule = rule(Period::Second, Window::Fixed, limit);
        let mut world = World::new(6, seed, 30_000);
        let frames = overload(&mut world, rule, 1, 4, seconds);
        // Who is behind may use up its lease of the last frame when the observer's next one has begun; all frames together
        // get what is theirs. The first may be the one before, for late clocks.
        let admitted: u64 = frames.values().sum();
        assert!(admitted <= (seconds + 1) * limit);
        assert!(
            frames
                .values()
                .all(|admitted| *admitted <= limit + limit / 4)
        );
    }
}

#[test]
fn remaining_is_never_overstated() {
    for seed in 0..20 {
        let limit = 200;
        let rules = [rule(Period::Minute, Window::ALL[seed as usize % 3], limit)];
        let mut world = World::new(4, seed, 0);
        let mut last = limit;
        for n in 0..600 {
            world.go_to(NOON + n * 5_000);
            let now = world.now;
            let core = world.random_core();
            let tally = ask(&core.limiter, &rules, Who::known(1), now);
            last -= u64::from(tally.refused().is_none());
            assert!(tally.standings()[0].remaining <= last);
        }
        assert_eq!(last, 0);
    }
}

#[test]
fn sliding_and_strict_windows_hold_over_many_cores() {
    for seed in 0..10 {
        let limit = 60;
        let sliding = rule(Period::Second, Window::Sliding, limit);
        let mut world = World::new(8, seed, 0);
        let frames = overload(&mut world, sliding, 1, 4, 6);
        assert!(frames.values().all(|admitted| *admitted <= limit));
        // The estimate takes the last frame for even, so under an even overload it admits the limit each second.
        let admitted: u64 = frames.values().sum();
        assert!(
            admitted * 100 >= 6 * limit * 90,
            "{admitted} of {}",
            6 * limit
        );

        let strict = rule(Period::Second, Window::Strict, limit);
        let mut world = World::new(8, seed, 0);
        let tenths = overload(&mut world, strict, 1, 4, 6);
        let mut admitted: Vec<(u64, u64)> = tenths.iter().map(|((id, _), n)| (*id, *n)).collect();
        admitted.sort_unstable();
        for (first, (id, _)) in admitted.iter().enumerate() {
            let window = admitted[first..]
                .iter()
                .take_while(|(other, _)| *other <= id + 10);
            assert!(window.map(|(_, n)| n).sum::<u64>() <= limit);
        }
        let admitted: u64 = admitted.iter().map(|(_, n)| n).sum();
        assert!(
            admitted * 100 >= 6 * limit * 85,
            "{admitted} of {}",
            6 * limit
        );
    }
}

#[test]
fn threads_together_admit_the_limit() {
    const THREADS: u16 = 4;
    for round in 0..20 {
        let limit = [3, 100, 10_000][round % 3];
        let window = Window::ALL[round / 3 % 3];
        let pools = pools();
        let rules = [
            rule(Period::Hour, window, limit),
            rule(Period::Day, Window::Fixed, 3 * limit),
        ];
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let pools = Arc::clone(&pools);
                std::thread::spawn(move || {
                    let limiter = Limiter::new(pools, THREADS);
                    let mut admitted = 0;
                    let mut rounds = 0;
                    // Ends when nothing is left, or it would have to be held by nobody.
                    while rounds < 6 * limit {
                        rounds += 1;
                        admitted += u64::from(admits(&limiter, &rules, Who::known(1), NOON));
                        if rounds % 50 == 0 {
                            limiter.tick(NOON);
                        }
                    }
                    limiter.close();
                    (limiter, admitted)
                })
            })
            .collect();
        let ended: Vec<(Limiter, u64)> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let mut admitted: u64 = ended.iter().map(|(_, admitted)| admitted).sum();
        assert!(admitted <= limit);
        // What the last threads gave back is there for one more.
        while admits(&ended[0].0, &rules, Who::known(1), NOON) {
            admitted += 1;
        }
        assert_eq!(admitted, limit);
    }
}
