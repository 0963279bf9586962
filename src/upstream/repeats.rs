//! What of an upstream's failed attempts is tried again, and how often on this core.

use std::cell::RefCell;

use crate::base::clock::Instant;
use crate::resilience::BudgetRule;
use crate::resilience::RetryBudget;
use crate::resilience::Rules;

/// The rules, and the budget so far.
#[derive(Debug)]
pub struct Repeats {
    /// Where no connection could be made.
    pub connect: bool,
    /// Where the connection ended before an answer.
    pub reset: bool,
    /// Where no answer came in time.
    pub timeout: bool,
    /// Where the answer has one of these statuses.
    pub statuses: StatusSet,
    rule: BudgetRule,
    budget: RefCell<RetryBudget>,
}

impl Repeats {
    /// By an upstream's rules, or the usual ones.
    pub(super) fn of(rules: Option<&Rules>) -> Self {
        let usual = Rules::default();
        let rules = rules.unwrap_or(&usual);
        Self {
            connect: rules.retry_on.connect,
            reset: rules.retry_on.reset,
            timeout: rules.retry_on.timeout,
            statuses: StatusSet::of(&rules.retry_on.statuses),
            rule: rules.budget,
            budget: RefCell::default(),
        }
    }

    /// Notes a request.
    #[inline]
    pub fn request(&self, now: Instant) {
        self.budget.borrow_mut().request(now);
    }

    /// Takes from the budget, if there is something left.
    pub fn take(&self, now: Instant) -> bool {
        self.budget.borrow_mut().take(now, &self.rule)
    }

    /// Whether there is something left.
    pub fn has_room(&self, now: Instant) -> bool {
        self.budget.borrow_mut().has_room(now, &self.rule)
    }
}

/// A set of statuses, 429 and those of 5xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet(u128);

/// The place of 429 behind those of 500 to 599.
const TOO_MANY: u16 = 100;

impl StatusSet {
    fn of(statuses: &[u16]) -> Self {
        Self(
            statuses
                .iter()
                .map(|status| bit(*status))
                .fold(0, |set, bit| set | bit),
        )
    }

    /// Whether there is none in it.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a status is in it.
    pub fn contains(self, status: u16) -> bool {
        self.0 & bit(status) != 0
    }
}

/// The bit of a status; none of one that cannot be in a set.
fn bit(status: u16) -> u128 {
    match status {
        429 => 1 << TOO_MANY,
        500..=599 => 1 << (status - 500),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::StatusSet;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let set = StatusSet::of(&[429, 502, 599]);
        let held: Vec<u16> = (100..1000).filter(|status| set.contains(*status)).collect();
        assert_eq!(held, [429, 502, 599]);
        assert!(StatusSet::default().is_empty() && !set.is_empty());
    }
}
