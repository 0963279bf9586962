//! Gates in front of an origin that exists in numbers alone: places that serve, a queue, and clients that come by chance.
//! The same seed gives the same course of events.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::collections::VecDeque;

use super::gate::Entry;
use super::gate::Gate;
use crate::base::clock::Instant;
use crate::base::rng::Rng;
use crate::base::tier::Tier;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// How long the origin works on a request.
#[derive(Clone, Copy)]
enum Work {
    /// Always as long.
    Fixed(u64),
    /// By chance, so long on average.
    Exponential(u64),
    /// The one, or in so many of 1,000 the other.
    Bimodal(u64, u64, u64),
}

/// Who sends.
#[derive(Clone, Copy)]
struct Sender {
    tier: Tier,
    flow: u64,
    per_second: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival { core: usize, sender: usize },
    Served { request: usize },
}

#[derive(Clone, Copy)]
struct Request {
    core: usize,
    sender: usize,
    came: u64,
    sent: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u64,
    served: u64,
    refused: u64,
    nanos: u64,
}

impl Tally {
    fn success(self) -> f64 {
        1.0 - self.refused as f64 / self.sent.max(1) as f64
    }

    fn mean(self) -> f64 {
        self.nanos as f64 / self.served.max(1) as f64
    }
}

struct World {
    rng: Rng,
    now: u64,
    gates: Vec<Gate<usize>>,
    senders: Vec<Sender>,
    places: usize,
    work: Work,
    busy: usize,
    queue: VecDeque<usize>,
    requests: Vec<Request>,
    events: BinaryHeap<Reverse<(u64, usize, Event)>>,
    order: usize,
    tallies: HashMap<u64, Tally>,
    most_in_flight: usize,
}

impl World {
    fn new(seed: u64, cores: usize, places: usize, work: Work, senders: &[Sender]) -> Self {
        let mut world = Self {
            rng: Rng::seeded(seed),
            now: 1,
            gates: (0..cores).map(|_| Gate::new(u32::MAX, true)).collect(),
            senders: senders.to_vec(),
            places,
            work,
            busy: 0,
            queue: VecDeque::new(),
            requests: Vec::new(),
            events: BinaryHeap::new(),
            order: 0,
            tallies: HashMap::new(),
            most_in_flight: 0,
        };
        for core in 0..cores {
            for sender in 0..senders.len() {
                world.plan_arrival(core, sender);
            }
        }
        world
    }

    fn at(&mut self, after: u64, event: Event) {
        self.order += 1;
        let moment = self.now + after;
        self.events.push(Reverse((moment, self.order, event)));
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        let uniform = (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        (-mean * (1.0 - uniform).ln()) as u64 + 1
    }

    fn plan_arrival(&mut self, core: usize, sender: usize) {
        let rate = self.senders[sender].per_second / self.gates.len() as f64;
        let after = self.exponential(1e9 / rate.max(1e-9)).min(100 * SECOND);
        self.at(after, Event::Arrival { core, sender });
    }

    /// Lets time pass and counts anew.
    fn run(&mut self, nanos: u64) {
        self.tallies.clear();
        self.most_in_flight = 0;
        let until = self.now + nanos;
        while let Some(Reverse((moment, _, event))) = self.events.pop() {
            if moment > until {
                self.events.push(Reverse((moment, 0, event)));
                break;
            }
            self.now = moment;
            match event {
                Event::Arrival { core, sender } => self.arrive(core, sender),
                Event::Served { request } => self.served(request),
            }
            let in_flight = self.busy + self.queue.len();
            self.most_in_flight = self.most_in_flight.max(in_flight);
        }
        self.now = until;
    }

    fn arrive(&mut self, core: usize, sender: usize) {
        self.plan_arrival(core, sender);
        let Sender { tier, flow, .. } = self.senders[sender];
        self.tallies.entry(flow).or_default().sent += 1;
        let number = self.requests.len();
        self.requests.push(Request {
            core,
            sender,
            came: self.now,
            sent: 0,
        });
        match self.gates[core].enter(tier, flow, number) {
            Entry::Admitted => self.send(number),
            Entry::Queued(None) => {}
            Entry::Queued(Some(displaced)) => self.refuse(displaced),
            Entry::Refused => self.refuse(number),
        }
    }

    fn refuse(&mut self, request: usize) {
        let flow = self.senders[self.requests[request].sender].flow;
        self.tallies.entry(flow).or_default().refused += 1;
    }

    fn send(&mut self, request: usize) {
        self.requests[request].sent = self.now;
        self.queue.push_back(request);
        self.work();
    }

    fn work(&mut self) {
        while self.busy < self.places {
            let Some(request) = self.queue.pop_front() else {
                return;
            };
            self.busy += 1;
            let takes = match self.work {
                Work::Fixed(nanos) => nanos + self.rng.below(1 + nanos as usize / 10) as u64,
                Work::Exponential(mean) => self.exponential(mean as f64),
                Work::Bimodal(fast, slow, permille) => {
                    let slow_one = (self.rng.below(1_000) as u64) < permille;
                    let nanos = if slow_one { slow } else { fast };
                    nanos + self.rng.below(1 + nanos as usize / 10) as u64
                }
            };
            self.at(takes, Event::Served { request });
        }
    }

    fn served(&mut self, request: usize) {
        self.busy -= 1;
        let Request {
            core,
            sender,
            came,
            sent,
        } = self.requests[request];
        let took = self.now - came;
        let tally = self.tallies.entry(self.senders[sender].flow).or_default();
        tally.served += 1;
        tally.nanos += took;
        let gate = &mut self.gates[core];
        gate.answered(self.now - sent, 0, Instant(self.now));
        gate.leave();
        while let Some(next) = self.gates[core].admit_next() {
            self.send(next);
        }
        self.work();
    }

    fn tally(&self, flow: u64) -> Tally {
        self.tallies.get(&flow).copied().unwrap_or_default()
    }

    fn all(&self) -> Tally {
        let mut all = Tally::default();
        for tally in self.tallies.values() {
            all.sent += tally.sent;
            all.served += tally.served;
            all.refused += tally.refused;
            all.nanos += tally.nanos;
        }
        all
    }

    fn limit(&self) -> u32 {
        self.gates.iter().map(Gate::limit).sum()
    }
}

fn one(per_second: f64) -> [Sender; 1] {
    [Sender {
        tier: Tier::Normal,
        flow: 1,
        per_second,
    }]
}

/// Every kind of work of 10 ms on average, by name.
const WORKS: [(&str, Work); 3] = [
    ("fixed", Work::Fixed(10 * MS)),
    ("exponential", Work::Exponential(10 * MS)),
    ("bimodal", Work::Bimodal(MS, 91 * MS, 100)),
];

const SEEDS: std::ops::Range<u64> = 0..2;

#[test]
fn overload_keeps_the_origin_busy_and_its_queue_short() {
    for (name, work) in WORKS {
        for seed in SEEDS {
            // Twenty places of 10 ms serve 2,000 a second at most.
            let mut world = World::new(seed, 1, 20, work, &one(8_000.0));
            world.run(6 * SECOND);
            world.run(5 * SECOND);
            let goodput = world.all().served as f64 / 5.0;
            assert!(goodput > 1_800.0 * 0.95, "{name} {seed}: {goodput}");
            let mean = world.all().mean() / MS as f64;
            assert!(
                mean < 60.0,
                "{name} {seed}: {mean} ms, waiting at the gate included"
            );
            assert!(
                world.most_in_flight <= 100,
                "{name} {seed}: {}",
                world.most_in_flight
            );
        }
    }
}

#[test]
fn below_capacity_nothing_is_refused() {
    for (name, work) in WORKS {
        for seed in SEEDS {
            let mut world = World::new(seed, 1, 20, work, &one(1_000.0));
            world.run(5 * SECOND);
            world.run(20 * SECOND);
            let success = world.all().success();
            assert!(
                success > 0.998,
                "{name} {seed}: {success} limit {}",
                world.limit()
            );
        }
    }
}

#[test]
fn a_tenth_of_the_capacity_and_all_of_it_again() {
    for (name, work) in WORKS {
        for seed in SEEDS {
            let mut world = World::new(seed, 1, 40, work, &one(3_000.0));
            world.run(10 * SECOND);
            world.places = 4;
            world.run(10 * SECOND);
            world.run(10 * SECOND);
            let goodput = world.all().served as f64 / 10.0;
            assert!(goodput > 400.0 * 0.8, "{name} {seed}: {goodput}");
            assert!(
                world.most_in_flight <= 120,
                "{name} {seed}: {}",
                world.most_in_flight
            );
            world.places = 40;
            world.run(10 * SECOND);
            world.run(10 * SECOND);
            let success = world.all().success();
            assert!(success > 0.98, "{name} {seed}: {success}");
        }
    }
}

#[test]
fn ten_times_slower_does_not_collapse_and_the_first_tier_is_served() {
    let senders = [
        Sender {
            tier: Tier::High,
            flow: 1,
            per_second: 50.0,
        },
        Sender {
            tier: Tier::Normal,
            flow: 2,
            per_second: 600.0,
        },
        Sender {
            tier: Tier::Low,
            flow: 3,
            per_second: 600.0,
        },
    ];
    let slow = [
        Work::Fixed(100 * MS),
        Work::Exponential(100 * MS),
        Work::Bimodal(10 * MS, 910 * MS, 100),
    ];
    for ((name, work), slow) in WORKS.into_iter().zip(slow) {
        for seed in SEEDS {
            let mut world = World::new(seed, 1, 20, work, &senders);
            world.run(10 * SECOND);
            world.run(10 * SECOND);
            assert!(
                world.all().success() > 0.995,
                "{name} {seed}: {}",
                world.all().success()
            );
            world.work = slow;
            world.run(30 * SECOND);
            let (high, all) = (world.tally(1), world.all());
            let goodput = all.served as f64 / 30.0;
            assert!(high.success() >= 0.99, "{name} {seed}: {}", high.success());
            assert!(goodput > 130.0, "{name} {seed}: {goodput}");
            assert!(
                world.most_in_flight <= 100,
                "{name} {seed}: {}",
                world.most_in_flight
            );
            world.work = work;
            world.run(10 * SECOND);
            world.run(10 * SECOND);
            assert!(
                world.all().success() > 0.99,
                "{name} {seed}: {}",
                world.all().success()
            );
        }
    }
}

#[test]
fn hits_of_1_ms_and_reports_of_500_ms_do_not_collapse_the_limit() {
    for permille in [10, 50, 100, 300, 500, 900] {
        for seed in SEEDS {
            let work = Work::Bimodal(MS, 500 * MS, permille);
            // The origin has room for all of it.
            let mut world = World::new(seed, 1, 1_000, work, &one(400.0));
            world.run(20 * SECOND);
            world.run(15 * SECOND);
            assert!(
                world.all().success() > 0.95,
                "{permille} {seed}: {}",
                world.all().success()
            );
        }
    }
}

#[test]
fn a_mix_that_changes_does_not_collapse_the_limit() {
    for seed in SEEDS {
        let mut world = World::new(seed, 1, 1_000, Work::Bimodal(MS, 500 * MS, 10), &one(400.0));
        world.run(20 * SECOND);
        for permille in [500, 10, 980, 0, 1_000, 100] {
            world.work = Work::Bimodal(MS, 500 * MS, permille);
            world.run(10 * SECOND);
            world.run(10 * SECOND);
            assert!(
                world.all().success() > 0.95,
                "{permille} {seed}: {}",
                world.all().success()
            );
        }
    }
}

#[test]
fn cores_that_limit_the_same_origin_by_themselves_share_it() {
    for cores in [2, 8] {
        for (name, work) in WORKS {
            for seed in SEEDS {
                let mut world = World::new(seed, cores, 80, work, &one(12_000.0));
                world.run(8 * SECOND);
                world.run(5 * SECOND);
                let goodput = world.all().served as f64 / 5.0;
                let limits: Vec<u32> = world.gates.iter().map(Gate::limit).collect();
                assert!(goodput > 8_000.0 * 0.85, "{cores} {name} {seed}: {goodput}");
                assert!(
                    world.most_in_flight <= 400,
                    "{cores} {name} {seed}: {}",
                    world.most_in_flight
                );
                let (least, most) = (limits.iter().min().unwrap(), limits.iter().max().unwrap());
                assert!(*most <= 16 * *least, "{cores} {name} {seed}: {limits:?}");
            }
        }
    }
}

#[test]
fn who_sends_a_hundred_times_as_much_takes_nothing_from_the_other() {
    let senders = [
        Sender {
            tier: Tier::Normal,
            flow: 1,
            per_second: 10_000.0,
        },
        Sender {
            tier: Tier::Normal,
            flow: 2,
            per_second: 100.0,
        },
    ];
    for (name, work) in WORKS {
        for seed in SEEDS {
            let mut world = World::new(seed, 1, 20, work, &senders);
            world.run(4 * SECOND);
            world.run(8 * SECOND);
            let (greedy, modest) = (world.tally(1), world.tally(2));
            assert!(
                modest.success() >= 0.99,
                "{name} {seed}: {}",
                modest.success()
            );
            assert!(
                greedy.success() < 0.3,
                "{name} {seed}: {}",
                greedy.success()
            );
        }
    }
}
