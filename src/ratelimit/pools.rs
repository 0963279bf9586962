//! All shared pools of the process, found by key.
//!
//! The table is cut into shards, each under a lock. A core comes here once for each of its counters and frames, and keeps
//! what it found; a lock is held for a look-up, never while anything is waited for, and two hundred shards make it unlikely
//! that two cores want the same. What a lease is taken from is the pool itself, without a lock.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::base::limits;

use super::pool::Pool;
use super::pool::Tag;
use super::rule::Class;
use super::rule::Fingerprint;
use super::rule::Key;
use super::rule::Rule;
use super::rule::Seed;
use super::window::Period;

#[expect(
    clippy::disallowed_types,
    reason = "taken once for a counter, a core and a frame, for a look-up in one of many shards; leases take none"
)]
type Lock<T> = std::sync::Mutex<T>;

/// All shared pools.
#[derive(Debug)]
pub struct Pools {
    shards: Box<[Lock<Shard>]>,
    hasher: RandomState,
    seed: Seed,
    /// Most pools of a shard.
    room: usize,
    /// How many pools there are.
    held: AtomicUsize,
}

/// A part of the pools.
#[derive(Debug, Default)]
pub(super) struct Shard {
    tables: [Table; 4],
}

/// Pools that are kept and given up together.
#[derive(Debug, Default)]
pub(super) struct Table {
    pools: HashTable<Arc<Pool>>,
    /// Where the next look for what can go begins.
    hand: usize,
}

/// A pool as a core counts by it until its frame ends.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) pool: Arc<Pool>,
    pub(super) tag: Tag,
    /// The end of the frame.
    pub(super) until: u64,
    /// The frame's length in microseconds.
    pub(super) length: u64,
    /// What counts of the frames before.
    pub(super) base: u64,
    /// See [`Pool::wait`].
    pub(super) wait: u8,
}

/// What a core still holds of a frame that it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leftover {
    pub(super) tag: Tag,
    pub(super) amount: u32,
}

const SHARDS: usize = 256;
/// So that a tenth is more than one request needs.
const ROOM_MIN: usize = 100;
/// How many pools are looked at to find one that can go.
const CANDIDATES: usize = 16;
/// How many places of a table a sweep looks at.
const SWEPT: usize = 256;

impl Default for Pools {
    fn default() -> Self {
        Self::new(Seed::random())
    }
}

impl Pools {
    /// No pools yet. The seed is that of saved counters, where there are any.
    pub fn new(seed: Seed) -> Self {
        Self::bounded(seed, limits::RATE_KEYS)
    }

    /// The same with room for so many.
    pub(super) fn bounded(seed: Seed, keys: usize) -> Self {
        Self {
            room: (keys / SHARDS).max(ROOM_MIN),
            shards: (0..SHARDS).map(|_| Lock::default()).collect(),
            hasher: RandomState::default(),
            seed,
            held: AtomicUsize::new(0),
        }
    }

    /// How many counters there are, all cores together.
    pub fn len(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What identities are made with.
    #[inline]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(self.seed)
    }

    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    #[inline]
    pub(super) fn hash(&self, key: Key) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = &Lock<Shard>> {
        self.shards.iter()
    }

    fn shard(&self, hash: u64) -> Option<&Lock<Shard>> {
        // Tables use the lowest and the highest bits.
        self.shards.get((hash >> 32) as usize % SHARDS)
    }

    /// The pool of a key in the frame of this moment, made if there is none. What is left over goes back first.
    pub(super) fn open(
        &self,
        hash: u64,
        key: Key,
        rule: &Rule,
        class: Class,
        now: u64,
        leftover: Option<Leftover>,
    ) -> Option<Opened> {
        let frame = rule.window.frame(rule.period, now);
        let mut shard = locked(self.shard(hash)?);
        let fresh = || Pool::new(key, rule, class, frame);
        let pool = shard.entry(self, hash, key, (class, rule.period), now, fresh);
        if let Some(leftover) = leftover {
            pool.correct(leftover.tag, leftover.amount);
        }
        let frame = pool.advance(frame);
        Some(Opened {
            tag: Tag::of(frame.id),
            until: frame.end,
            length: frame.length(),
            base: pool.base(),
            wait: pool.wait(),
            pool,
        })
    }

    /// Works on the pool of a key, made if there is none.
    pub(super) fn with(
        &self,
        key: Key,
        kind: (Class, Period),
        now: u64,
        fresh: impl FnOnce() -> Pool,
        work: impl FnOnce(&Pool),
    ) {
        let hash = self.hash(key);
        if let Some(shard) = self.shard(hash) {
            work(&locked(shard).entry(self, hash, key, kind, now, fresh));
        }
    }

    /// Takes back what was not used in a frame that may be closed.
    pub(super) fn settle(&self, pool: &Pool, leftover: Leftover) {
        if pool.give(leftover.tag, leftover.amount) || pool.window.looks_back() == 0 {
            return;
        }
        if let Some(shard) = self.shard(self.hash(pool.key)) {
            let _shard = locked(shard);
            pool.correct(leftover.tag, leftover.amount);
        }
    }

    /// Gives up some of the pools that nobody uses any more; each turn looks into another shard. One that is in use is
    /// passed over.
    pub(super) fn sweep(&self, turn: usize, now: u64) {
        let Some(Ok(mut shard)) = self.shards.get(turn % SHARDS).map(Lock::try_lock) else {
            return;
        };
        for table in &mut shard.tables {
            let removed = table.sweep(now);
            self.held.fetch_sub(removed, Relaxed);
        }
    }
}

/// A panic while a shard is held leaves counters as they are, which is right enough.
pub(super) fn locked<T>(lock: &Lock<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// Counters of a month or a year are saved, and saving looks at no others.
    fn place(class: Class, period: Period) -> usize {
        usize::from(class == Class::Invented) * 2 + usize::from(period >= Period::Month)
    }

    /// The pools of a month and a year.
    pub(super) fn lasting(&self) -> impl Iterator<Item = &Pool> {
        let tables = self.tables.iter().skip(1).step_by(2);
        tables.flat_map(|table| table.pools.iter().map(|pool| &**pool))
    }

    /// All pools.
    pub(super) fn all(&self) -> impl Iterator<Item = &Pool> {
        let tables = self.tables.iter();
        tables.flat_map(|table| table.pools.iter().map(|pool| &**pool))
    }

    fn entry(
        &mut self,
        pools: &Pools,
        hash: u64,
        key: Key,
        (class, period): (Class, Period),
        now: u64,
        fresh: impl FnOnce() -> Pool,
    ) -> Arc<Pool> {
        let place = Self::place(class, period);
        let found = self.tables.get(place);
        if let Some(pool) = found.and_then(|table| table.pools.find(hash, |pool| pool.key == key)) {
            return Arc::clone(pool);
        }
        if !self.make_room(class, pools.room, now) {
            pools.held.fetch_add(1, Relaxed);
        }
        let pool = Arc::new(fresh());
        if let Some(table) = self.tables.get_mut(place) {
            let hasher = |pool: &Arc<Pool>| pools.hash(pool.key);
            table.pools.insert_unique(hash, Arc::clone(&pool), hasher);
        }
        pool
    }

    /// Gives a pool up if there is no room for another; whether it did. Invented ones give way first: they
    /// never push a known one out, and a tenth of the room is theirs.
    fn make_room(&mut self, newcomer: Class, room: usize, now: u64) -> bool {
        let [a, b, c, d] = &self.tables;
        let known = a.pools.len() + b.pools.len();
        let invented = c.pools.len() + d.pools.len();
        let victims = match newcomer {
            Class::Known if known >= room / 10 * 9 => 0..2,
            Class::Known | Class::Invented if known + invented >= room => 2..4,
            Class::Known | Class::Invented => return false,
        };
        // The larger table of the class: usually the one whose windows are short.
        let victims = self.tables.get_mut(victims).into_iter().flatten();
        victims
            .max_by_key(|table| table.pools.len())
            .is_some_and(|table| table.evict(now))
    }
}

impl Table {
    /// Gives up a pool that matters no more, or else the one of some that has counted least.
    fn evict(&mut self, now: u64) -> bool {
        let places = self.pools.num_buckets();
        let mut best: Option<(u64, usize)> = None;
        let mut looked_at = 0;
        for _ in 0..places {
            self.hand = (self.hand + 1) % places;
            let Some(pool) = self.pools.get_bucket(self.hand) else {
                continue;
            };
            looked_at += 1;
            let cost = if pool.is_over(now) {
                0
            } else {
                1 + pool.state().taken()
            };
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, self.hand));
            }
            if cost == 0 || looked_at == CANDIDATES {
                break;
            }
        }
        let victim = best.and_then(|(_, place)| self.pools.get_bucket_entry(place).ok());
        victim.is_some_and(|victim| {
            victim.remove().0.kill();
            true
        })
    }

    /// Gives up what matters no more and no core knows, in a part of the table; says how many.
    fn sweep(&mut self, now: u64) -> usize {
        let places = self.pools.num_buckets();
        let before = self.pools.len();
        for _ in 0..SWEPT.min(places) {
            self.hand = (self.hand + 1) % places;
            if let Ok(entry) = self.pools.get_bucket_entry(self.hand)
                && entry.get().is_over(now)
                && Arc::strong_count(entry.get()) == 1
            {
                entry.remove();
            }
        }
        if self.pools.is_empty() {
            self.pools = HashTable::new();
            self.hand = 0;
        }
        before - self.pools.len()
    }
}
