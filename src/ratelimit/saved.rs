//! Counters as plain data, so that a month's or a year's outlive the process, and how two copies of one are merged.

use std::sync::atomic::Ordering::Relaxed;

use super::pool::Pool;
use super::pool::Tag;
use super::pools::Pools;
use super::pools::locked;
use super::rule::Class;
use super::rule::Key;
use super::rule::Rule;
use super::rule::Seed;
use super::window::Frame;
use super::window::Period;
use super::window::Window;

/// What a process that ends leaves to the one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What [`Pools`] must be made with for the counters to be found again.
    pub seed: Seed,
    /// The counters.
    pub counters: Vec<SavedCounter>,
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCounter {
    /// What it is found by.
    pub key: [u64; 2],
    /// Whether clients can make up what it is for.
    pub class: Class,
    /// What its limit is per.
    pub period: Period,
    /// How usage is held against its limit.
    pub window: Window,
    /// The number of its frame.
    pub frame: u64,
    /// What has been taken in it; leases that cores hold are taken.
    pub taken: u64,
    /// What was used in the frames before, the latest first, as many as its window looks back.
    pub before: Vec<u64>,
}

impl SavedCounter {
    /// The same counter's two copies as one: the later frame counts, and of each frame the greater number. It does not
    /// matter in which order and how often copies are merged.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        debug_assert_eq!(self.key, other.key, "copies of one counter");
        let frame = self.frame.max(other.frame);
        let (mut one, other) = (self.at(frame), other.at(frame));
        one.taken = one.taken.max(other.taken);
        for (mine, others) in one.before.iter_mut().zip(other.before) {
            *mine = others.max(*mine);
        }
        one
    }

    /// As it stands in a frame that is not before its own.
    fn at(mut self, frame: u64) -> Self {
        let looks_back = self.window.looks_back();
        self.before.resize(looks_back, 0);
        let by = frame.saturating_sub(self.frame);
        for _ in 0..by.min(looks_back as u64 + 1) {
            self.before.insert(0, self.taken);
            self.before.truncate(looks_back);
            self.taken = 0;
        }
        self.frame = frame;
        self
    }

    fn of(pool: &Pool, now: u64) -> Self {
        let state = pool.state();
        let frame = pool.window.frame(pool.period, now).id;
        let behind = Tag::of(frame).since(state.tag());
        Self {
            key: pool.key,
            class: pool.class,
            period: pool.period,
            window: pool.window,
            frame: frame.saturating_add_signed(-behind),
            taken: state.taken(),
            before: pool.before()[..pool.window.looks_back()].to_vec(),
        }
    }

    fn frame(&self) -> Frame {
        self.window.frame_with(self.period, self.frame)
    }

    fn pool(&self) -> Pool {
        let rule = Rule::new(0, self.period, self.window, 0);
        Pool::new(self.key, &rule, self.class, self.frame())
    }
}

impl Pools {
    /// All counters of periods that are not shorter than this.
    pub fn export(&self, least: Period, now: u64) -> Saved {
        self.export_if(least, now, |_| true)
    }

    /// Those that have changed since they were exported last by this function.
    pub fn export_changed(&self, least: Period, now: u64) -> Saved {
        self.export_if(least, now, |pool| {
            // First unmarked and then read, so that a change in between is exported again.
            pool.changed.load(Relaxed) && pool.changed.swap(false, Relaxed)
        })
    }

    fn export_if(&self, least: Period, now: u64, wanted: impl Fn(&Pool) -> bool) -> Saved {
        let mut counters = Vec::new();
        let mut add = |pool: &Pool| {
            if pool.period >= least && !pool.is_over(now) && wanted(pool) {
                counters.push(SavedCounter::of(pool, now));
            }
        };
        for shard in self.shards() {
            let shard = locked(shard);
            if least >= Period::Month {
                shard.lasting().for_each(&mut add);
            } else {
                shard.all().for_each(&mut add);
            }
        }
        Saved {
            seed: self.seed(),
            counters,
        }
    }

    /// Takes over what was saved, merged with what has been counted already. Identities that were made with another seed
    /// cannot be found again and are left out, and so is what matters no more.
    pub fn import(&self, saved: &Saved, now: u64) {
        for counter in &saved.counters {
            let lost = counter.class == Class::Invented && saved.seed != self.seed();
            if lost || counter.pool().is_over(now) {
                continue;
            }
            let (key, kind): (Key, _) = (counter.key, (counter.class, counter.period));
            self.with(
                key,
                kind,
                now,
                || counter.pool(),
                |pool| {
                    let merged = SavedCounter::of(pool, now).merge(counter.clone());
                    pool.set(merged.frame(), merged.taken, &merged.before);
                },
            );
        }
    }
}
