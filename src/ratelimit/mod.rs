//! Rate limits and quotas: windows, one core's counters, the pools that all cores share, and what is saved of them.
//!
//! The sum over all cores never passes a limit: whatever a core spends it has taken from the counter's pool before, by one
//! atomic operation for a lease of many requests ([`Limiter`], [`Pools`]). `docs/rate-limits.md` states the bounds; the tests
//! hold them against a log of everything, and against many cores in simulated time. Time is an argument
//! everywhere, in microseconds since the Unix epoch.

mod cell;
mod limiter;
mod pool;
mod pools;
mod rule;
mod saved;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use cell::Standing;
pub use limiter::Limiter;
pub use pools::Pools;
pub use rule::Class;
pub use rule::Fingerprint;
pub use rule::LIMIT_MAX;
pub use rule::Rule;
pub use rule::Seed;
pub use rule::Who;
pub use saved::Saved;
pub use saved::SavedCounter;
pub use window::Period;
pub use window::Window;

/// Where requests are counted. One implementation counts in this process; one that shares counters with other
/// processes can stand beside it.
pub trait Counters {
    /// Counts a request against all rules or against none. At most one rule for each period.
    fn spend(&self, rules: &[Rule], who: Who, now: u64, spend: Spend) -> Tally;

    /// Begins an identity that is made of parts.
    fn fingerprint(&self) -> Fingerprint;
}

/// How much a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// Nothing: how does it stand?
    Nothing,
    /// So much, if there is so much.
    Within(u32),
    /// So much if there is anything at all; it may go beyond the limit.
    Beyond(u32),
}

impl Spend {
    /// How much.
    pub const fn amount(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Within(amount) | Self::Beyond(amount) => amount,
        }
    }
}

/// What became of a request, and how each of its counters stands then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    standings: [Standing; Period::ALL.len()],
    length: u8,
    /// A bit for each counter that lacked something.
    lacks: u8,
}

impl Tally {
    fn push(&mut self, standing: Standing) {
        if let Some(place) = self.standings.get_mut(usize::from(self.length)) {
            *place = standing;
            self.length += 1;
        }
    }

    fn refuse(&mut self, index: usize, lacks: bool) {
        self.lacks |= u8::from(lacks) << index;
    }

    fn lacks(&self, index: usize) -> bool {
        self.lacks >> index & 1 == 1
    }

    /// The first counter that did not allow it; nothing was counted then.
    pub fn refused(&self) -> Option<usize> {
        (self.lacks != 0).then(|| self.lacks.trailing_zeros() as usize)
    }

    /// How each counter stands, in the order of the rules.
    pub fn standings(&self) -> &[Standing] {
        self.standings.get(..self.length.into()).unwrap_or_default()
    }
}
