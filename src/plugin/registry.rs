//! Every plugin there is: one line each.

use super::Definition;

/// All definitions, in the order of their names.
pub const ALL: &[&Definition] = &[
    &super::acl::DEFINITION,
    &super::basic_auth::DEFINITION,
    &super::hmac_auth::DEFINITION,
    &super::jwt::DEFINITION,
    &super::key_auth::DEFINITION,
];

/// The definition with this name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter()
        .copied()
        .find(|definition| definition.name == name)
}
