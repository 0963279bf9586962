//! All stored entities replaced by those of a document, or nothing if any of it is wrong.
//!
//! An entity that is what it was keeps its times, so that posting the same document again changes nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::changes;
use super::faults::Faults;
use crate::declarative::Declaration;
use crate::declarative::Declared;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Origin;
use crate::entity::error::code;
use crate::store::Draft;
use crate::store::Made;
use crate::store::draft;

/// What it is done for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To say what would change.
    Try,
    /// To change it.
    Replace,
    /// The same, unless nothing would change.
    ReplaceIfOther,
}

/// What has changed, or would.
#[derive(Debug)]
pub(super) struct Replaced {
    /// Each change, secrets left out.
    pub(super) changes: Vec<Value>,
    /// The entities, by kind and id.
    pub(super) entities: Document,
}

/// Entities by kind and id.
type Shown = BTreeMap<(Kind, Uuid), Document>;

/// Why nothing is kept.
enum Stop {
    /// Something is wrong.
    Wrong(Faults),
    /// It was to be tried, or is what it was.
    Tried(Replaced),
    /// The collection refused.
    Failed(Error),
}

/// Replaces, unless something is wrong: what is known to be, and what is found beside it.
pub(super) fn replace(
    entities: &mut Entities,
    env: &mut Env<'_>,
    (declaration, known): (Declaration, Faults),
    purpose: Purpose,
) -> Made<Result<Replaced, Faults>> {
    let transforms = std::mem::replace(&mut env.transforms, declaration.transform);
    let made = draft(entities, env, |draft| {
        let before = stored(draft.entities());
        let after = put(draft, declaration.entities, known, &before)?;
        let changes = changes::between(&before, &after);
        let same = changes.is_empty() && purpose == Purpose::ReplaceIfOther;
        let replaced = Replaced {
            changes,
            entities: by_kind(after),
        };
        match purpose == Purpose::Try || same {
            true => Err(Stop::Tried(replaced)),
            false => Ok(replaced),
        }
    });
    env.transforms = transforms;
    match made {
        Ok((replaced, changes)) => Ok((Ok(replaced), changes)),
        Err(Stop::Tried(replaced)) => Ok((Ok(replaced), Vec::new())),
        Err(Stop::Wrong(faults)) => Ok((Err(faults), Vec::new())),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn stored(entities: &Entities) -> Shown {
    let mut shown = Shown::new();
    for kind in Kind::ALL {
        let rows = entities
            .iter(kind)
            .filter(|row| *row.origin == Origin::Store);
        shown.extend(rows.map(|row| ((kind, row.id), bare(kind, row.doc()))));
    }
    shown
}

/// An entity without what stands in others: the server names of a certificate are entities of their own.
fn bare(kind: Kind, mut document: Document) -> Document {
    if kind == Kind::Certificates {
        document.remove("snis");
    }
    document
}

fn put(
    draft: &mut Draft<'_, '_>,
    declared: Vec<Declared>,
    mut faults: Faults,
    before: &Shown,
) -> Result<Shown, Stop> {
    draft.clear().map_err(Stop::Failed)?;
    // A reference to nothing, which is known to be wrong, leads to the nil id.
    let (mut after, mut missing) = (Shown::new(), BTreeSet::from([Uuid::nil()]));
    for mut one in declared {
        let key = (one.kind, one.id);
        one.fields
            .insert("id".to_owned(), one.id.to_string().into());
        let old = before.get(&key);
        let input = keep_times(one.fields.clone(), old);
        match draft.insert(one.kind, input) {
            Ok(made) => {
                let made = renew(draft, key, bare(one.kind, made), old).map_err(Stop::Failed)?;
                after.insert(key, bare(one.kind, made));
            }
            Err(error) => {
                let follows =
                    error.code == code::FOREIGN_KEY_VIOLATION && refers(&one.fields, &missing);
                missing.insert(one.id);
                // What is missing has been told already.
                if !follows {
                    faults.add(&one, error);
                }
            }
        }
    }
    match faults.is_empty() {
        true => Ok(after),
        false => Err(Stop::Wrong(faults)),
    }
}

/// An entity that was there before has the age that it had, unless the document says otherwise.
fn keep_times(mut input: Document, old: Option<&Document>) -> Document {
    for field in ["created_at", "updated_at"] {
        if let Some(time) = old.and_then(|old| old.get(field)) {
            let given = input.entry(field).or_insert(Value::Null);
            if given.is_null() {
                *given = time.clone();
            }
        }
    }
    input
}

/// An entity that has become another one has been changed now.
fn renew(
    draft: &mut Draft<'_, '_>,
    (kind, id): (Kind, Uuid),
    made: Document,
    old: Option<&Document>,
) -> Result<Document, Error> {
    let changed = old.is_some_and(|old| changes::keys(old, &made).next().is_some());
    let dated = made.get("updated_at").is_some()
        && made.get("updated_at") == old.and_then(|old| old.get("updated_at"));
    match changed && dated {
        true => draft.update(kind, id, Document::new()),
        false => Ok(made),
    }
}

fn refers(fields: &Document, missing: &BTreeSet<Uuid>) -> bool {
    let ids = fields
        .values()
        .filter_map(|value| value.get("id")?.as_str()?.parse().ok());
    ids.into_iter().any(|id: Uuid| missing.contains(&id))
}

/// As Kong answers.
fn by_kind(shown: Shown) -> Document {
    let mut kinds = Document::new();
    for ((kind, id), document) in shown {
        let of_kind = kinds
            .entry(kind.as_str())
            .or_insert_with(|| Value::Object(Document::new()));
        if let Value::Object(of_kind) = of_kind {
            of_kind.insert(id.to_string(), Value::Object(document));
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::Purpose;
    use super::Replaced;
    use super::replace;
    use crate::admin::configuration::faults::Faults;
    use crate::declarative;
    use crate::entity::Entities;
    use crate::entity::Env;
    use crate::entity::Kind;
    use crate::plugin::registry::Registry;

    struct World {
        entities: Entities,
        now_ms: u64,
    }

    impl World {
        fn new() -> Self {
            Self {
                entities: Entities::new(&Registry),
                now_ms: 1_700_000_000_000,
            }
        }

        /// What came of it, and in how many steps.
        fn post(
            &mut self,
            document: serde_json::Value,
            purpose: Purpose,
        ) -> (Result<Replaced, Faults>, usize) {
            self.now_ms += 5_000;
            let mut new_id = Uuid::new_v4;
            let mut env = Env::new(self.now_ms, &mut new_id);
            let (declaration, wrong) = declarative::survey(document).unwrap();
            let declared = (declaration, Faults::of_document(&wrong));
            let (replaced, changes) =
                replace(&mut self.entities, &mut env, declared, purpose).unwrap();
            (replaced, changes.len())
        }
    }

    fn two_services(host: &str) -> serde_json::Value {
        json!({ "_format_version": "3.0", "services": [
            { "name": "a", "host": host, "routes": [{ "name": "r", "paths": ["/r"] }] },
            { "name": "b", "host": "b.test" },
        ] })
    }

    #[test]
    fn what_is_posted_again_changes_nothing() {
        let mut world = World::new();
        let (replaced, _) = world.post(two_services("a.test"), Purpose::Replace);
        let replaced = replaced.unwrap();
        assert_eq!(replaced.changes.len(), 3);
        assert_eq!(replaced.entities["services"].as_object().unwrap().len(), 2);
        let before = world.entities.find(Kind::Services, "a").unwrap();
        let (again, steps) = world.post(two_services("a.test"), Purpose::ReplaceIfOther);
        assert_eq!((again.unwrap().changes.len(), steps), (0, 0));
        assert_eq!(world.entities.find(Kind::Services, "a").unwrap(), before);

        let (changed, _) = world.post(two_services("c.test"), Purpose::Replace);
        let changes = changed.unwrap().changes;
        assert_eq!(changes.len(), 1);
        assert_eq!(
            (&changes[0]["change"], &changes[0]["keys"]),
            (&json!("changed"), &json!(["host"]))
        );
        let (_, after) = world.entities.find(Kind::Services, "a").unwrap();
        assert_eq!(after["created_at"], before.1["created_at"]);
        assert_ne!(after["updated_at"], before.1["updated_at"]);
    }

    #[test]
    fn a_certificate_is_what_it_was_with_its_names() {
        let mut world = World::new();
        let pair = |tag: &str| {
            json!({ "_format_version": "3.0", "certificates": [{
                "cert": include_str!("../../../tests/tls/cert.pem"),
                "key": include_str!("../../../tests/tls/key.pem"),
                "tags": [tag],
                "snis": [{ "name": "a.test" }, { "name": "b.test" }],
            }] })
        };
        let (first, _) = world.post(pair("t"), Purpose::Replace);
        let first = first.unwrap();
        assert_eq!(first.changes.len(), 3);
        let (again, steps) = world.post(pair("t"), Purpose::ReplaceIfOther);
        assert_eq!((again.unwrap().changes.len(), steps), (0, 0));
        let (other, _) = world.post(pair("u"), Purpose::Try);
        let changes = other.unwrap().changes;
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0]["keys"], json!(["tags"]));
    }

    #[test]
    fn trying_and_failing_leave_everything_as_it_was() {
        let mut world = World::new();
        world
            .post(two_services("a.test"), Purpose::Replace)
            .0
            .unwrap();
        let one =
            json!({ "_format_version": "3.0", "services": [{ "name": "b", "host": "x.test" }] });
        let (tried, steps) = world.post(one, Purpose::Try);
        assert_eq!((tried.unwrap().changes.len(), steps), (3, 0));
        let wrong = json!({ "_format_version": "3.0", "services": [
            { "name": "good", "host": "x.test" },
            { "name": "a b", "routes": [{ "name": "r", "paths": ["r"] }], "tags": ["t"] },
        ] });
        let (failed, steps) = world.post(wrong, Purpose::Replace);
        assert_eq!(steps, 0);
        let body = failed.unwrap_err().body(true);
        assert_eq!(body["code"], 14);
        assert_eq!(body["fields"]["services"][0], json!(null));
        assert_eq!(
            body["fields"]["services"][1]["host"],
            "required field missing"
        );
        assert_eq!(
            body["fields"]["services"][1]["routes"][0]["paths"][0],
            "should start with: / (fixed path) or ~/ (regex path)"
        );
        let flat = body["flattened_errors"].as_array().unwrap();
        assert_eq!(flat.len(), 2);
        assert_eq!(
            (&flat[0]["entity_type"], &flat[0]["entity_name"]),
            (&json!("service"), &json!("a b"))
        );
        assert_eq!(flat[0]["entity_tags"], json!(["t"]));
        assert_eq!(flat[0]["errors"].as_array().unwrap().len(), 2);
        assert!(world.entities.find(Kind::Services, "good").is_none());
        assert_eq!(world.entities.count(Kind::Services), 2);
    }

    #[test]
    fn faults_of_all_sorts_are_told_together() {
        let mut world = World::new();
        let wrong = json!({ "_format_version": "3.0",
            "services": [
                { "name": "s", "host": "a.test", "nme": 1 },
                { "name": "t", "host": "a.test" },
                { "name": "t", "host": "a.test" },
            ],
            "routes": [{ "name": "r", "paths": ["/r"], "service": "x", "tgas": [] }, { "paths": ["/q"], "service": "y" }],
        });
        let (failed, _) = world.post(wrong, Purpose::Try);
        let body = failed.unwrap_err().body(true);
        let unknown = "unknown field";
        assert_eq!(
            body["fields"],
            json!({
                "services": [
                    { "nme": unknown },
                    null,
                    "uniqueness violation: 'services' entity with name set to 't' already declared",
                ],
                "routes": [
                    { "service": "invalid reference 'service: x' (no such entry in 'services')", "tgas": unknown },
                    { "service": "invalid reference 'service: y' (no such entry in 'services')" },
                ],
            })
        );
    }

    #[test]
    fn what_depends_on_a_fault_is_not_told_again() {
        let mut world = World::new();
        let wrong = json!({ "_format_version": "3.0", "services": [
            { "name": "s", "routes": [{ "name": "r", "paths": ["/r"], "plugins": [{ "name": "key-auth" }] }] },
        ] });
        let (failed, _) = world.post(wrong, Purpose::Replace);
        let body = failed.unwrap_err().body(true);
        assert_eq!(
            body["flattened_errors"].as_array().unwrap().len(),
            1,
            "{body}"
        );
    }
}
