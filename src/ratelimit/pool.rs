//! The shared pool of one counter: what all cores together have taken of a limit in the present frame, in one atomic.
//!
//! A core takes a lease from it with one compare-and-exchange and then counts in a cell of its own. What is not used goes
//! back. A frame is closed, and what was taken in it remembered, by whoever first comes with a later one; that and all that looks
//! at frames before the present one happens under the lock of the pool's shard ([`super::Pools`]). The atomic carries the
//! frame's number, so that nothing is ever taken from a frame that is closed. Orderings are relaxed: the
//! atomic guards no other memory.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::rule::Class;
use super::rule::Key;
use super::rule::LIMIT_MAX;
use super::rule::Rule;
use super::window::Frame;
use super::window::Period;
use super::window::STRICT_FRAMES;
use super::window::Window;

/// One counter, shared by all cores.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) key: Key,
    /// A [`State`].
    state: AtomicU64,
    /// What was used in the frame before the present one.
    last: AtomicU64,
    /// And in those before that, the latest first.
    older: Option<Box<[AtomicU64; STRICT_FRAMES - 1]>>,
    /// Second since the Unix epoch at which nothing of it matters any more.
    over: AtomicU32,
    pub(super) period: Period,
    pub(super) window: Window,
    pub(super) class: Class,
    /// It differs from what was last saved.
    pub(super) changed: AtomicBool,
}

/// The low bits of a frame's number: enough to tell frames apart for days, the shortest ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

/// A tag, and in the lower 40 bits what was taken in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

/// What a core asks a pool for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// How much may be taken in the frame, by all.
    pub(super) room: u64,
    /// The least that is of use.
    pub(super) cost: u32,
    /// The most that is wanted.
    pub(super) most: u32,
    /// Twice the number of cores: no lease is more than this part of what is there.
    pub(super) divisor: u64,
}

/// What a pool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A lease of this much.
    Lease(u32),
    /// There is not enough.
    Empty,
    /// The frame is another now.
    Moved,
}

const TAKEN_BITS: u32 = 40;
/// Tags are numbers modulo this; it is itself the tag of a pool that is no more.
const TAGS: u32 = (1 << 24) - 1;
/// How far a core's clock may be behind another's before it is believed that the clock was set back.
const BEHIND_MICROS: u64 = 60_000_000;

impl Tag {
    const DEAD: Self = Self(TAGS);

    pub(super) const fn of(frame: u64) -> Self {
        Self((frame % TAGS as u64) as u32)
    }

    /// How many frames later than `other`; negative if earlier.
    pub(super) const fn since(self, other: Self) -> i64 {
        let ahead = (self.0 as i64 - other.0 as i64).rem_euclid(TAGS as i64);
        if ahead > TAGS as i64 / 2 {
            ahead - TAGS as i64
        } else {
            ahead
        }
    }
}

impl State {
    const fn new(tag: Tag, taken: u64) -> Self {
        Self((tag.0 as u64) << TAKEN_BITS | taken)
    }

    pub(super) const fn tag(self) -> Tag {
        Tag((self.0 >> TAKEN_BITS) as u32)
    }

    pub(super) const fn taken(self) -> u64 {
        self.0 & LIMIT_MAX
    }
}

impl Pool {
    pub(super) fn new(key: Key, rule: &Rule, class: Class, frame: Frame) -> Self {
        let older = || Box::new(std::array::from_fn(|_| AtomicU64::new(0)));
        let pool = Self {
            key,
            state: AtomicU64::new(State::new(Tag::of(frame.id), 0).0),
            last: AtomicU64::new(0),
            older: (rule.window == Window::Strict).then(older),
            over: AtomicU32::new(0),
            period: rule.period,
            window: rule.window,
            class,
            changed: AtomicBool::new(false),
        };
        pool.lasts(frame);
        pool
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        State(self.state.load(Relaxed))
    }

    /// Takes a lease.
    pub(super) fn take(&self, tag: Tag, wish: Wish) -> Taken {
        let mut seen = self.state();
        loop {
            if seen.tag() != tag {
                return Taken::Moved;
            }
            let there = wish.room.saturating_sub(seen.taken());
            if there < u64::from(wish.cost) {
                return Taken::Empty;
            }
            let part = (there / wish.divisor).min(u64::from(wish.most));
            // The part is no more than `most`, which is 32 bits wide.
            let lease = u32::try_from(part).unwrap_or(wish.most).max(wish.cost);
            match self.replace(seen, State::new(tag, seen.taken() + u64::from(lease))) {
                Ok(()) => return Taken::Lease(lease),
                Err(other) => seen = other,
            }
        }
    }

    /// Takes so much, be it there or not; whether the frame is still that one.
    pub(super) fn overdraw(&self, tag: Tag, amount: u32) -> bool {
        self.change(tag, |taken| (taken + u64::from(amount)).min(LIMIT_MAX))
    }

    /// Gives back what was not used; whether the frame is still that one.
    pub(super) fn give(&self, tag: Tag, amount: u32) -> bool {
        self.change(tag, |taken| taken.saturating_sub(u64::from(amount)))
    }

    fn change(&self, tag: Tag, to: impl Fn(u64) -> u64) -> bool {
        let mut seen = self.state();
        while seen.tag() == tag {
            match self.replace(seen, State::new(tag, to(seen.taken()))) {
                Ok(()) => return true,
                Err(other) => seen = other,
            }
        }
        false
    }

    fn replace(&self, from: State, to: State) -> Result<(), State> {
        let replaced = self
            .state
            .compare_exchange_weak(from.0, to.0, Relaxed, Relaxed);
        replaced.map_err(State)?;
        if !self.changed.load(Relaxed) {
            self.changed.store(true, Relaxed);
        }
        Ok(())
    }

    /// Makes it refuse every lease, so that cores look for another pool of the key.
    pub(super) fn kill(&self) {
        self.state.store(State::new(Tag::DEAD, 0).0, Relaxed);
    }
}

/// What is done under the lock of the shard alone.
impl Pool {
    /// Closes frames that are before `frame`, and gives the one that is in force: a later one if another core's clock is
    /// ahead.
    pub(super) fn advance(&self, frame: Frame) -> Frame {
        let mut seen = self.state();
        loop {
            let by = Tag::of(frame.id).since(seen.tag());
            if by == 0 {
                return frame;
            }
            let slack = (BEHIND_MICROS / frame.length().max(1)).max(1);
            if by < 0 && by.unsigned_abs() <= slack {
                let ahead = frame.id + by.unsigned_abs();
                return self.window.frame_with(self.period, ahead);
            }
            match self.replace(seen, State::new(Tag::of(frame.id), 0)) {
                Ok(()) => {
                    self.remember(seen.taken(), by);
                    self.lasts(frame);
                    return frame;
                }
                Err(other) => seen = other,
            }
        }
    }

    /// Notes what was used in the frame that was closed, `by` frames before the present one. A clock that was set back
    /// makes history meaningless.
    fn remember(&self, used: u64, by: i64) {
        let mut before = self.before();
        match usize::try_from(by) {
            Ok(by) if by <= STRICT_FRAMES => {
                before.copy_within(..STRICT_FRAMES - by, by);
                before[..by].fill(0);
                before[by - 1] = used;
            }
            Ok(_) | Err(_) => before.fill(0),
        }
        self.set_before(&before);
    }

    /// What was used in the frames before the present one, the latest first; zeros beyond what its window looks back.
    pub(super) fn before(&self) -> [u64; STRICT_FRAMES] {
        let mut before = [0; STRICT_FRAMES];
        for (used, kept) in before.iter_mut().zip(self.history()) {
            *used = kept.load(Relaxed);
        }
        before
    }

    /// Sets what was used before; what is missing is nothing.
    pub(super) fn set_before(&self, before: &[u64]) {
        let mut values = before.iter().copied();
        for used in self.history() {
            used.store(values.next().unwrap_or(0), Relaxed);
        }
    }

    fn history(&self) -> impl Iterator<Item = &AtomicU64> {
        let older = self.older.iter().flat_map(|older| older.iter());
        let all = std::iter::once(&self.last).chain(older);
        all.take(self.window.looks_back())
    }

    /// Gives back what was not used in a frame that may be closed.
    pub(super) fn correct(&self, tag: Tag, amount: u32) {
        if self.give(tag, amount) {
            return;
        }
        let by = self.state().tag().since(tag);
        let place = usize::try_from(by - 1).unwrap_or(usize::MAX);
        let used = self.history().nth(place);
        if let Some(used) = used {
            let left = used.load(Relaxed).saturating_sub(u64::from(amount));
            used.store(left, Relaxed);
        }
    }

    /// What counts of the frames before: all that a strict window looks at, or the last.
    pub(super) fn base(&self) -> u64 {
        match self.window {
            Window::Fixed => 0,
            Window::Sliding => self.last.load(Relaxed),
            Window::Strict => self.before().iter().sum(),
        }
    }

    /// How many frames after the present one's end something becomes free, if no more is used.
    pub(super) fn wait(&self) -> u8 {
        let oldest = self.before().iter().rposition(|used| *used > 0);
        let frames = match oldest {
            Some(place) => STRICT_FRAMES - 1 - place,
            None => STRICT_FRAMES,
        };
        u8::try_from(frames).unwrap_or(u8::MAX)
    }

    /// Notes how long it matters.
    fn lasts(&self, frame: Frame) {
        let after = frame.length() * self.window.looks_back() as u64;
        let second = (frame.end + after).div_ceil(1_000_000);
        let second = u32::try_from(second).unwrap_or(u32::MAX);
        self.over.store(second, Relaxed);
    }

    /// Whether nothing of it matters any more.
    pub(super) fn is_over(&self, now: u64) -> bool {
        u64::from(self.over.load(Relaxed)) <= now / 1_000_000
    }

    /// Takes over what was saved: at most with a frame of the present or the past.
    pub(super) fn set(&self, frame: Frame, taken: u64, before: &[u64]) {
        let state = State::new(Tag::of(frame.id), taken.min(LIMIT_MAX));
        self.state.store(state.0, Relaxed);
        self.set_before(before);
        self.lasts(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;

    fn pool(window: Window, now: u64) -> (Pool, Frame) {
        let rule = Rule::new(1, Period::Minute, window, 10);
        let frame = window.frame(Period::Minute, now);
        let pool = Pool::new(
            rule.key_of(super::super::Who::known(1)),
            &rule,
            Class::Known,
            frame,
        );
        (pool, frame)
    }

    fn wish(room: u64, divisor: u64) -> Wish {
        Wish {
            room,
            cost: 1,
            most: u32::MAX,
            divisor,
        }
    }

    #[test]
    fn a_pool_fits_a_cache_line_with_its_counts() {
        assert!(size_of::<Pool>() + 2 * size_of::<usize>() <= 64);
    }

    #[test]
    fn leases_shrink_with_what_is_left_and_end_with_it() {
        let (pool, frame) = pool(Window::Fixed, 0);
        let tag = Tag::of(frame.id);
        let mut leases = Vec::new();
        while let Taken::Lease(lease) = pool.take(tag, wish(10, 4)) {
            leases.push(lease);
        }
        assert_eq!(leases, [2, 2, 1, 1, 1, 1, 1, 1]);
        assert!(pool.give(tag, 3));
        assert_eq!(pool.take(tag, wish(10, 1)), Taken::Lease(3));
        assert_eq!(pool.take(tag, wish(10, 1)), Taken::Empty);
        assert_eq!(pool.take(tag, wish(9, 1)), Taken::Empty);
        assert!(pool.overdraw(tag, 5));
        assert_eq!(pool.state().taken(), 15);
    }

    #[test]
    fn a_closed_frame_gives_nothing_and_is_remembered() {
        let (pool, frame) = pool(Window::Sliding, 0);
        let tag = Tag::of(frame.id);
        assert_eq!(pool.take(tag, wish(10, 1)), Taken::Lease(10));
        let next = Window::Sliding.frame(Period::Minute, MINUTE);
        assert_eq!(pool.advance(next), next);
        assert_eq!(pool.base(), 10);
        assert_eq!(pool.take(tag, wish(10, 1)), Taken::Moved);
        assert!(!pool.give(tag, 4));
        pool.correct(tag, 4);
        assert_eq!(pool.base(), 6);
        let far = Window::Sliding.frame(Period::Minute, 5 * MINUTE);
        pool.advance(far);
        assert_eq!(pool.base(), 0);
        assert!(!pool.is_over(7 * MINUTE - 1) && pool.is_over(7 * MINUTE));
    }

    #[test]
    fn a_core_that_is_behind_counts_in_the_later_frame() {
        let (pool, frame) = pool(Window::Fixed, 10 * MINUTE);
        let behind = Window::Fixed.frame(Period::Minute, 10 * MINUTE - 1);
        assert_eq!(pool.advance(behind), frame);
        pool.take(Tag::of(frame.id), wish(10, 1));
        let set_back = Window::Fixed.frame(Period::Minute, 5 * MINUTE);
        assert_eq!(pool.advance(set_back), set_back);
        assert_eq!(pool.state().taken(), 0);
    }

    #[test]
    fn a_strict_pool_remembers_ten_frames() {
        let (pool, mut frame) = pool(Window::Strict, 0);
        for _ in 0..STRICT_FRAMES {
            pool.overdraw(Tag::of(frame.id), 1);
            frame = Window::Strict.frame(Period::Minute, frame.end);
            pool.advance(frame);
        }
        assert_eq!((pool.base(), pool.wait()), (10, 0));
        let frame = Window::Strict.frame(Period::Minute, frame.end);
        pool.advance(frame);
        assert_eq!((pool.base(), pool.wait()), (9, 0));
        let tag = Tag::of(frame.id - 4);
        pool.correct(tag, 1);
        assert_eq!(pool.base(), 8);
        let frame = Window::Strict.frame_with(Period::Minute, frame.id + 9);
        pool.advance(frame);
        assert_eq!((pool.base(), pool.wait()), (0, 10));
    }

    #[test]
    fn tags_wrap() {
        let all = u64::from(TAGS);
        assert_eq!(Tag::of(all + 3).since(Tag::of(all - 2)), 5);
        assert_eq!(Tag::of(all - 2).since(Tag::of(all + 3)), -5);
        assert_ne!(Tag::of(all), Tag::DEAD);
        assert_ne!(Tag::of(all - 1), Tag::DEAD);
    }
}
