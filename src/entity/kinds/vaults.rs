//! Where secrets come from that other entities refer to. They are kept for Kong's clients; no reference is followed
//! yet.

use serde_json::Value;

use super::Entity;
use super::common;
use crate::entity::Field;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::schema::Form;
use crate::entity::schema::How;

/// Kong's `env` is the only one that it has without a licence.
const NAMES: &[&str] = &["env"];

/// A word that can stand in `{vault://prefix/secret}`.
const PREFIX: Form = Form {
    how: How::Match,
    patterns: &["^[a-z][a-z%d-]-[a-z%d]+$"],
    holds: is_prefix,
    error: "",
};

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("prefix"),
    ..Entity::new(Schema {
        fields: &[
            common::ID,
            Field::text(
                "prefix",
                "what references to its secrets begin with, none of which is followed yet",
            )
            .required()
            .unique()
            .rules(&[Rule::Form(&PREFIX), Rule::NotOneOf(NAMES)]),
            Field::text("name", "its kind; `env`: variables of the environment")
                .required()
                .rules(&[Rule::Custom(check_name)]),
            Field::text("description", "what it is for"),
            Field::record(
                "config",
                &[Field::text(
                    "prefix",
                    "what the variables' names begin with",
                )],
                "how its secrets are found",
            )
            .required(),
            common::CREATED_AT,
            common::UPDATED_AT,
            common::TAGS,
        ],
        checks: &[],
    })
};

fn check_name(name: &Value) -> Result<(), String> {
    match name.as_str() {
        Some(name) if !NAMES.contains(&name) => Err(format!("vault '{name}' is not installed")),
        Some(_) | None => Ok(()),
    }
}

/// A letter, then letters, digits and hyphens, of which the last is none.
fn is_prefix(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let [first, middle @ .., last] = text.as_bytes() else {
        return false;
    };
    first.is_ascii_lowercase()
        && middle.iter().all(|byte| plain(*byte) || *byte == b'-')
        && plain(*last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check_name;
    use super::is_prefix;

    #[test]
    fn prefixes_are_words_of_a_reference() {
        for good in ["env-1", "my-env", "ab", "a1"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "a", "1a", "a-", "A1", "a_b", "-a"] {
            assert!(!is_prefix(bad), "{bad}");
        }
        assert_eq!(check_name(&json!("env")), Ok(()));
        let unknown = Err("vault 'aws' is not installed".to_owned());
        assert_eq!(check_name(&json!("aws")), unknown);
    }
}
