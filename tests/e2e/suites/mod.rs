//! The suites, by topic.

mod kit;
mod responses;
mod smuggling;

use crate::support::Case;

/// Every case of every suite.
pub(crate) fn cases() -> Vec<Case> {
    [kit::cases(), responses::cases(), smuggling::cases()].concat()
}
