//! One core's cell of a counter: the lease that it holds in the present frame, and what it needs to know to use it.

use std::sync::Arc;

use super::pool::Pool;
use super::pool::Tag;
use super::pools::Leftover;
use super::pools::Opened;
use super::rule::Key;
use super::rule::Rule;
use super::window::STRICT_FRAMES;
use super::window::Window;

/// A cell; one cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Cell {
    pub(super) key: Key,
    pub(super) pool: Arc<Pool>,
    /// The end of the frame that the rest is about.
    pub(super) until: u64,
    /// What counts of the frames before.
    base: u64,
    /// The frame's length in whole seconds; only a sliding window needs it, whose frames have that.
    length_secs: u32,
    pub(super) tag: Tag,
    /// What is left of the lease.
    pub(super) left: u32,
    /// What was used between two ticks.
    spent: u32,
    /// Between which: the number of the first one, its low bits.
    tick: u16,
    /// See [`Pool::wait`].
    wait: u8,
    /// It stands in the list of those that hold a lease.
    pub(super) listed: bool,
    /// It was used since it was last passed by.
    pub(super) touched: bool,
}

/// How one counter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is left in the window: never more than is left in truth, and just that if one core counts alone.
    pub remaining: u64,
    /// Microseconds until the window ends; or, where nothing is left of one that slides, until something is.
    pub reset_micros: u64,
}

const SECOND: u64 = 1_000_000;

impl Cell {
    pub(super) fn new(key: Key, opened: Opened) -> Self {
        let mut cell = Self {
            key,
            pool: Arc::clone(&opened.pool),
            until: 0,
            base: 0,
            length_secs: 0,
            tag: opened.tag,
            left: 0,
            spent: 0,
            tick: 0,
            wait: 0,
            listed: false,
            touched: true,
        };
        cell.enter(opened);
        cell
    }

    /// Begins another frame, perhaps in another pool. What was left has been taken out of the cell before.
    pub(super) fn enter(&mut self, opened: Opened) {
        debug_assert_eq!(self.left, 0, "a lease belongs to its frame");
        self.pool = opened.pool;
        self.until = opened.until;
        self.base = opened.base;
        self.length_secs = u32::try_from(opened.length / SECOND).unwrap_or(u32::MAX);
        self.tag = opened.tag;
        self.wait = opened.wait;
    }

    /// Takes what is left of the lease out of the cell, beyond what it may `keep`.
    pub(super) fn leave(&mut self, keep: u32) -> Option<Leftover> {
        let amount = self.left.saturating_sub(keep);
        self.left -= amount;
        (amount > 0).then_some(Leftover {
            tag: self.tag,
            amount,
        })
    }

    /// What was used since this tick.
    #[inline]
    pub(super) fn spent_since(&self, tick: u16) -> u32 {
        if self.tick == tick { self.spent } else { 0 }
    }

    /// Notes that something is used.
    #[inline]
    pub(super) fn spends(&mut self, tick: u16, amount: u32) {
        self.spent = self.spent_since(tick).saturating_add(amount);
        self.tick = tick;
    }

    /// How much all cores together may have taken of the frame at a moment.
    #[inline]
    pub(super) fn room(&self, rule: &Rule, now: u64) -> u64 {
        let counted = match rule.window {
            Window::Fixed => 0,
            Window::Sliding => self.weight(now),
            Window::Strict => self.base,
        };
        rule.limit.saturating_sub(counted)
    }

    /// How much of the last frame a period that ends now still covers, rounded up.
    fn weight(&self, now: u64) -> u64 {
        if self.base == 0 {
            return 0;
        }
        let ahead = self.until.saturating_sub(now).min(self.length());
        scale(
            self.base,
            ahead,
            self.length(),
            u64::div_ceil,
            u128::div_ceil,
        )
    }

    fn length(&self) -> u64 {
        u64::from(self.length_secs.max(1)) * SECOND
    }

    /// How the counter stands. With `refused` what it lacked.
    #[inline]
    pub(super) fn standing(&self, rule: &Rule, now: u64, refused: Option<u32>) -> Standing {
        let state = self.pool.state();
        let taken = if state.tag() == self.tag {
            state.taken()
        } else {
            u64::MAX
        };
        let there = self.room(rule, now).saturating_sub(taken);
        let ends = self.until.saturating_sub(now);
        let reset_micros = match (rule.window, refused) {
            (Window::Fixed, _) | (Window::Sliding, None) => ends,
            (Window::Sliding, Some(cost)) => self.slides_in(rule, now, taken, cost.into()),
            (Window::Strict, _) => {
                ends + u64::from(self.wait) * (rule.period.longest() / STRICT_FRAMES as u64)
            }
        };
        Standing {
            remaining: there.saturating_add(self.left.into()),
            reset_micros,
        }
    }

    /// How long it is until so much is free of a sliding window, if nobody uses any meanwhile.
    fn slides_in(&self, rule: &Rule, now: u64, taken: u64, cost: u64) -> u64 {
        let ends = self.until.saturating_sub(now);
        let free_when = |used: u64, room: u64| {
            let length = self.length();
            let covered = scale(room, length, used.max(1), |a, b| a / b, |a, b| a / b);
            length - covered.min(length)
        };
        match rule.limit.checked_sub(taken.saturating_add(cost)) {
            Some(room) if room < self.base => {
                let passed = self.length().saturating_sub(ends);
                free_when(self.base, room).saturating_sub(passed)
            }
            Some(_) => 0,
            // The next frame's length is taken for the same.
            None => ends + free_when(taken, rule.limit.saturating_sub(cost)),
        }
    }
}

/// `amount * part / whole`, in 64 bits where they do.
fn scale(
    amount: u64,
    part: u64,
    whole: u64,
    divide: fn(u64, u64) -> u64,
    divide_wide: fn(u128, u128) -> u128,
) -> u64 {
    match amount.checked_mul(part) {
        Some(product) => divide(product, whole),
        None => {
            let quotient = divide_wide(u128::from(amount) * u128::from(part), whole.into());
            u64::try_from(quotient).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_cache_line_wherever_it_stands() {
        assert_eq!(size_of::<Cell>(), 64);
        assert_eq!(size_of::<Option<Cell>>(), 64);
    }

    #[test]
    fn scaling_rounds_as_asked_and_is_wide_enough() {
        assert_eq!(scale(7, 2, 4, u64::div_ceil, u128::div_ceil), 4);
        assert_eq!(scale(7, 2, 4, |a, b| a / b, |a, b| a / b), 3);
        let year = 366 * 86_400 * SECOND;
        let much = (1 << 40) - 1;
        assert_eq!(scale(much, year, year, u64::div_ceil, u128::div_ceil), much);
    }
}
