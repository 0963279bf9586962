//! Control and several cores by seeded chance: what cores see, when they tell it, and when they are told.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use super::*;
use crate::base::ids::Generation;
use crate::config;
use crate::resilience::Outcome;
use crate::snapshot;
use crate::upstream::Absence;
use crate::upstream::Choice;
use crate::upstream::Group;
use crate::upstream::Peers;
use crate::upstream::Wards;

const POOL: &str = "[[upstreams]]\nname = \"pool.test\"\n\
    passive_checks = { tcp_failures = 3, successes = 2 }\nKEYS\n\
    [[upstreams.targets]]\ntarget = \"10.0.0.1:80\"\n[[upstreams.targets]]\ntarget = \"10.0.0.2:80\"\n\
    [[upstreams.targets]]\ntarget = \"10.0.0.3:80\"\n[[upstreams.targets]]\ntarget = \"10.0.0.4:80\"\n";

fn compiled(keys: &str) -> Snapshot {
    let model = config::parse_str("test", &POOL.replace("KEYS", keys))
        .unwrap()
        .model;
    snapshot::compile(&model, Generation(1), 4).unwrap()
}

fn at(millis: u64) -> Instant {
    Instant(1 + millis * 1_000_000)
}

/// One core, and what is on its way to it and from it.
struct Core {
    wards: Wards,
    group: Group,
    to_come: VecDeque<(u64, Arc<Marks>)>,
    to_tell: VecDeque<(u64, Vec<Notice>)>,
}

impl Core {
    fn new(number: u16, snapshot: &Snapshot) -> Self {
        let wards = Wards::new(CoreId(number));
        let plan = &snapshot.upstreams[0];
        let group = Group::new(plan, &Addresses::default(), &Peers::default(), &wards);
        Self {
            wards,
            group,
            to_come: VecDeque::new(),
            to_tell: VecDeque::new(),
        }
    }

    /// One request; which target it went to.
    fn ask(&self, dead: &[bool], now: u64, rng: &RefCell<Rng>) -> Result<usize, Absence> {
        let member = self.group.pick(&Choice::new(None), at(now), rng)?;
        let care = self.group.care.as_ref().unwrap();
        let turn = care.begin(member, at(now));
        let outcome = if dead[member] {
            Outcome::TcpFailure
        } else {
            Outcome::Status(200)
        };
        turn.ended(outcome, at(now), &self.wards, &mut rng.borrow_mut());
        Ok(member)
    }
}

/// Lets what is due travel between cores and control.
fn carry(health: &mut Health, cores: &mut [Core], now: u64, rng: &mut Rng) {
    for (number, core) in (0..).zip(&mut *cores) {
        if core.wards.has_notices() {
            let due = now + rng.below(200) as u64;
            core.to_tell.push_back((due, core.wards.take_notices()));
        }
        while core.to_tell.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, notices)) = core.to_tell.pop_front() {
                health.hear(CoreId(number), &notices, at(now));
            }
        }
    }
    if health.news.is_some() {
        let marks = health.take_news();
        for core in &mut *cores {
            let due = now + rng.below(200) as u64;
            core.to_come.push_back((due, Arc::clone(&marks)));
        }
    }
    for core in cores {
        while core.to_come.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, marks)) = core.to_come.pop_front() {
                core.wards.hear(marks, at(now));
            }
        }
    }
}

#[test]
fn however_word_travels_no_core_ejects_all_and_in_the_end_all_agree() {
    for seed in 0..40 {
        let snapshot = compiled("");
        let mut health = Health::default();
        health.adopt(&snapshot, &Addresses::default(), at(0));
        let mut cores: Vec<Core> = (0..4).map(|number| Core::new(number, &snapshot)).collect();
        let (mut chance, rng) = (Rng::seeded(seed), RefCell::new(Rng::seeded(!seed)));
        let mut dead = [false; 4];
        for now in 0..20_000 {
            if chance.below(1_000) == 0 {
                let target = chance.below(4);
                dead[target] = !dead[target];
            }
            let core = &cores[chance.below(4)];
            assert!(
                core.ask(&dead, now, &rng).is_ok(),
                "seed {seed}: all are ejected"
            );
            carry(&mut health, &mut cores, now, &mut chance);
        }
        // Nobody asks any more, and what is on its way arrives.
        for now in 20_000..21_000 {
            carry(&mut health, &mut cores, now, &mut chance);
        }
        let out = health.registry.out();
        let worked: Vec<bool> = (0..4)
            .map(|target| {
                let address = snapshot.upstreams[0].places(&Addresses::default())[target].0;
                let upstream = snapshot.upstreams[0].id;
                !out.contains_key(&TargetKey { upstream, address })
            })
            .collect();
        if worked.iter().filter(|works| **works).count() < 2 {
            // In a panic all are used.
            continue;
        }
        for core in &cores {
            for _ in 0..40 {
                let target = core
                    .group
                    .pick(&Choice::new(None), at(21_000), &rng)
                    .unwrap();
                assert!(worked[target], "seed {seed}: a core knows better");
            }
        }
    }
}

#[test]
fn one_dead_target_costs_each_core_three_requests_at_most() {
    let snapshot = compiled("");
    let mut health = Health::default();
    health.adopt(&snapshot, &Addresses::default(), at(0));
    let mut cores: Vec<Core> = (0..4).map(|number| Core::new(number, &snapshot)).collect();
    let (mut chance, rng) = (Rng::seeded(1), RefCell::new(Rng::seeded(2)));
    let dead = [false, true, false, false];
    let mut failed = 0;
    for now in 0..5_000 {
        let core = &cores[chance.below(4)];
        failed += usize::from(core.ask(&dead, now, &rng) == Ok(1));
        carry(&mut health, &mut cores, now, &mut chance);
    }
    assert!((3..=12).contains(&failed), "{failed}");
}

#[test]
fn what_checks_find_dead_no_panic_brings_back_and_reloads_forget_nothing() {
    let checks = "active_checks = { type = \"tcp\", tcp_failures = 2, successes = 2 }";
    let snapshot = compiled(checks);
    let mut health = Health::default();
    health.adopt(&snapshot, &Addresses::default(), at(0));
    let upstream = snapshot.upstreams[0].id;
    let address = "10.0.0.1:80".parse().unwrap();
    let target = TargetKey { upstream, address };
    let mark = |health: &Health| health.registry.out().get(&target).copied();
    health.set(target, Some(Reason::Passive), at(1));
    health.landed(target, Outcome::TcpFailure, at(2));
    assert_eq!(mark(&health), Some(Reason::Passive));
    health.landed(target, Outcome::TcpFailure, at(3));
    assert_eq!(mark(&health), Some(Reason::Active));
    health.set(target, Some(Reason::Passive), at(4));
    assert_eq!(
        mark(&health),
        Some(Reason::Active),
        "the stronger mark stays"
    );
    health.adopt(&compiled(checks), &Addresses::default(), at(5));
    assert_eq!(mark(&health), Some(Reason::Active));
    health.landed(target, Outcome::Connected, at(6));
    health.landed(target, Outcome::Connected, at(7));
    assert_eq!(mark(&health), None);
    assert_eq!(
        health.ejections(),
        [("active", 0), ("passive", 1), ("manual", 0)]
    );
    // Without checks there is no health, and no mark either.
    health.mark(upstream, &[address], false);
    let mut text = POOL.replace("passive_checks = { tcp_failures = 3, successes = 2 }", "");
    text = text.replace("KEYS", "");
    let model = config::parse_str("test", &text).unwrap().model;
    let bare = snapshot::compile(&model, Generation(2), 4).unwrap();
    health.adopt(&bare, &Addresses::default(), at(8));
    assert_eq!(mark(&health), None);
    assert!(!health.mark(upstream, &[address], false));
}

#[test]
fn each_target_has_one_check_ahead_of_it_whatever_happens() {
    let checks =
        "active_checks = { type = \"tcp\", tcp_failures = 1, successes = 1, concurrency = 2 }";
    let snapshot = compiled(checks);
    let mut health = Health::default();
    health.adopt(&snapshot, &Addresses::default(), at(0));
    let mut chance = Rng::seeded(4);
    let (mut under_way, mut checked): (Vec<TargetKey>, usize) = (Vec::new(), 0);
    for now in 0..200_000 {
        while let Some((target, round)) = health.timetable.take_due(at(now)) {
            if !health.registry.is_current(target, round) {
                continue;
            }
            assert!(!under_way.contains(&target), "twice at a time");
            if health.registry.begin(target).is_some() {
                under_way.push(target);
            } else {
                health.timetable.add(target, round, at(now + 50));
            }
        }
        assert!(under_way.len() <= 2);
        if !under_way.is_empty() && chance.below(100) == 0 {
            let target = under_way.swap_remove(chance.below(under_way.len()));
            let outcome = [Outcome::Connected, Outcome::Timeout][chance.below(2)];
            health.landed(target, outcome, at(now));
            checked += 1;
        }
        if chance.below(5_000) == 0 {
            health.adopt(&snapshot, &Addresses::default(), at(now));
        }
    }
    // Four targets, each about every five seconds for 200.
    assert!((120..=180).contains(&checked), "{checked}");
}

#[test]
fn an_address_that_a_name_comes_back_to_is_remembered_for_a_while() {
    let text = "[[upstreams]]\nname = \"pool.test\"\npassive_checks = {}\n\
        [[upstreams.targets]]\ntarget = \"a.test:80\"\n";
    let model = config::parse_str("test", text).unwrap().model;
    let snapshot = snapshot::compile(&model, Generation(1), 1).unwrap();
    let resolved = |end: u8| {
        let address = snapshot::Address {
            ip: [10, 0, 0, end].into(),
            port: None,
            weight: None,
        };
        Addresses {
            generation: Generation(1),
            names: vec![snapshot::Resolved::Addresses(vec![address])],
        }
    };
    let mut health = Health::default();
    let [one, two] = [resolved(1), resolved(2)];
    health.adopt(&snapshot, &one, at(0));
    let upstream = snapshot.upstreams[0].id;
    assert!(health.mark(upstream, &["10.0.0.1:80".parse().unwrap()], false));
    health.adopt(&snapshot, &two, at(1_000));
    let shown: Vec<_> = health.targets();
    assert_eq!(
        shown,
        [("pool.test", "a.test:80", "10.0.0.2:80".to_owned(), true)]
    );
    health.adopt(&snapshot, &one, at(2_000));
    assert_eq!(health.registry.out().len(), 1);
    let long = u64::try_from(limits::HEALTH_KEPT.as_millis()).unwrap();
    health.adopt(&snapshot, &two, at(3_000));
    health.adopt(&snapshot, &two, at(3_000 + long));
    health.adopt(&snapshot, &one, at(4_000 + long));
    assert_eq!(health.registry.out().len(), 0);
}
