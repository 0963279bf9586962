//! Every plugin there is: one line each.

use super::Definition;
use super::request_transformer;
use super::response_transformer;

/// All definitions, in the order of their names.
pub const ALL: &[&Definition] = &[
    &request_transformer::DEFINITION,
    &response_transformer::DEFINITION,
];

/// The definition with this name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter()
        .copied()
        .find(|definition| definition.name == name)
}
