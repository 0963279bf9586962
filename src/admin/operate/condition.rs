//! ETags, and the conditions of RFC 9110 section 13 that they are for.

use aws_lc_rs::digest;

use crate::entity::Document;

/// What must hold of the entity as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct Condition {
    /// `If-Match`
    pub(in crate::admin) matching: Option<String>,
    /// `If-None-Match`
    pub(in crate::admin) differing: Option<String>,
}

/// Bytes of a digest that make a tag; nobody gains anything by making two entities share one.
const TAG_BYTES: usize = 16;

/// The tag of an entity: equal entities have equal ones.
pub(in crate::admin) fn tag_of(document: &Document) -> String {
    // How long a credential still lasts is no change of it.
    let lasting = document.iter().filter(|(name, _)| *name != "ttl");
    let mut digest = digest::Context::new(&digest::SHA256);
    for (name, value) in lasting {
        digest.update(name.as_bytes());
        digest.update(b"\0");
        digest.update(value.to_string().as_bytes());
        digest.update(b"\0");
    }
    let digest = digest.finish();
    let digits = digest.as_ref().iter().take(TAG_BYTES);
    let digits: String = digits.map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

impl Condition {
    /// Whether it holds for a write to this entity, or to none.
    pub(super) fn permits(&self, current: Option<&Document>) -> bool {
        let has = |tags: &String| match current {
            Some(document) => lists(tags, || tag_of(document)),
            None => false,
        };
        self.matching.as_ref().is_none_or(has) && !self.differing.as_ref().is_some_and(has)
    }

    /// The tag of this entity if its reader has it as it is.
    pub(super) fn known(&self, current: &Document) -> Option<String> {
        let tags = self.differing.as_ref()?;
        let tag = tag_of(current);
        lists(tags, || tag.clone()).then_some(tag)
    }
}

/// Whether a field's value is `*` or lists this tag. A weak tag is none that we have given.
fn lists(tags: &str, tag: impl FnOnce() -> String) -> bool {
    if tags.trim() == "*" {
        return true;
    }
    let tag = tag();
    tags.split(',').any(|listed| listed.trim() == tag)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::Condition;
    use super::tag_of;
    use crate::entity::Document;

    fn document(value: Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn tags_tell_contents_apart_and_nothing_else() {
        let tag = |value| tag_of(&document(value));
        assert_eq!(tag(json!({"a": 1, "b": 2})), tag(json!({"b": 2, "a": 1})));
        assert_eq!(
            tag(json!({"a": 1, "ttl": 5})),
            tag(json!({"a": 1, "ttl": 4}))
        );
        assert_ne!(tag(json!({"a": 1})), tag(json!({"a": 2})));
        assert_ne!(tag(json!({"a": "1"})), tag(json!({"a": 1})));
        assert_eq!(tag(json!({})).len(), 34);
    }

    #[test]
    fn conditions_hold_or_not() {
        let entity = document(json!({"a": 1}));
        let tag = tag_of(&entity);
        let other = "\"0\"".to_owned();
        let both = format!("{other} , {tag}");
        let permits = |matching: Option<&str>, differing: Option<&str>, current| {
            let condition = Condition {
                matching: matching.map(str::to_owned),
                differing: differing.map(str::to_owned),
            };
            condition.permits(current)
        };
        let here = Some(&entity);
        assert!(permits(None, None, here) && permits(None, None, None));
        assert!(permits(Some(&tag), None, here) && permits(Some(&both), None, here));
        assert!(permits(Some("*"), None, here) && !permits(Some("*"), None, None));
        assert!(!permits(Some(&other), None, here) && !permits(Some(&tag), None, None));
        assert!(!permits(None, Some("*"), here) && permits(None, Some("*"), None));
        assert!(!permits(None, Some(&tag), here) && permits(None, Some(&other), here));
        assert!(!permits(Some(&format!("W/{tag}")), None, here));
    }
}
