//! What is kept of an entity, and how it is found again.

use super::*;

#[test]
fn a_row_keeps_what_does_not_go_without_saying() {
    let mut world = World::new();
    let id = world.add(
        Kind::Services,
        json!({"name": "s", "host": "a.test", "retries": null, "port": 80}),
    );
    let row = world.entities.row(Kind::Services, id).unwrap();
    let kept: Value = serde_json::from_slice(row.raw).unwrap();
    assert_eq!(
        kept,
        json!({
            "name": "s",
            "host": "a.test",
            "retries": null,
            "created_at": 1_700_000_000,
            "updated_at": 1_700_000_000,
        })
    );
    let shown = row.doc();
    assert_eq!(shown["retries"], Value::Null);
    assert_eq!(shown["port"], json!(80));
    assert_eq!(shown["tls_verify"], Value::Null);
}

#[test]
fn pages_follow_each_other_without_a_gap() {
    let mut world = World::new();
    for n in 0..7 {
        let tags = if n % 2 == 0 {
            json!(["even", "all"])
        } else {
            json!(["all"])
        };
        world.add(Kind::Services, json!({"host": "a.test", "tags": tags}));
    }
    let walk = |filter: Filter| {
        let (mut offset, mut lengths) = (None, Vec::new());
        loop {
            let page = world
                .entities
                .list(Kind::Services, &filter, 3, offset.as_deref());
            let page = page.unwrap();
            lengths.push(page.data.len());
            match page.offset {
                Some(next) => offset = Some(next),
                None => return lengths,
            }
        }
    };
    let tagged = |tags| Filter {
        tags,
        ..Filter::default()
    };
    assert_eq!(walk(Filter::default()), [3, 3, 1]);
    assert_eq!(
        walk(tagged(Tags::AllOf(vec!["all".into(), "even".into()]))),
        [3, 1]
    );
    assert_eq!(
        walk(tagged(Tags::AnyOf(vec!["even".into(), "all".into()]))),
        [3, 3, 1]
    );
    assert_eq!(walk(tagged(Tags::AllOf(vec!["none".into()]))), [0]);
    assert_eq!(world.entities.tagged(Some("even")).count(), 4);
    assert_eq!(world.entities.tagged(None).count(), 11);
}

#[test]
fn what_names_no_entity_is_told() {
    let mut world = World::new();
    assert_eq!(
        world
            .put(Kind::Services, "bad name!", json!({"host": "a.test"}))
            .unwrap_err()
            .name,
        "invalid unique name"
    );
    let refusal = world.put(Kind::CaCertificates, "x", json!({}));
    assert_eq!(
        refused(refusal),
        "invalid primary key: '{id=\"expected a valid UUID\"}'"
    );
    world.add(Kind::Upstreams, json!({"name": "u"}));
    let target = json!({"weight": 1, "upstream": {"name": "u"}});
    assert_eq!(
        world
            .put(Kind::Targets, "a.test:1", target.clone())
            .unwrap_err()
            .status(),
        404
    );
    world.add(
        Kind::Targets,
        json!({"target": "a.test:1", "upstream": {"name": "u"}}),
    );
    let changed = world.put(Kind::Targets, "a.test:1", target).unwrap();
    assert_eq!(changed["weight"], json!(1));
}

#[test]
fn a_change_must_leave_an_entity_that_is_right() {
    let mut world = World::new();
    let id = world.add(Kind::Consumers, json!({"username": "alice"}));
    assert_eq!(
        refused(world.patch(Kind::Consumers, id, json!({"username": null}))),
        "schema violation (when updating, at least one of these fields must be non-empty: \
         'custom_id', 'username')"
    );
    let ghost = world.patch(Kind::Consumers, Uuid::max(), json!({}));
    assert_eq!(ghost.unwrap_err().code, 6);
}

#[test]
fn rows_come_back_from_a_store_as_they_were() {
    let mut world = World::new();
    let service = world.add(
        Kind::Services,
        json!({"name": "s", "host": "a.test", "tags": ["t"]}),
    );
    world.add(
        Kind::Routes,
        json!({"paths": ["/"], "service": {"id": service}}),
    );
    let mut other = World::new();
    for (kind, id, raw) in world.all() {
        other.entities.restore(kind, id, raw.into()).unwrap();
    }
    assert_eq!(other.all(), world.all());
    assert_eq!(other.entities.find(Kind::Services, "s").unwrap().0, service);
    assert!(other.entities.delete(Kind::Services, service).is_err());
    assert_eq!(other.entities.tagged(Some("t")).count(), 1);
    let garbage = Box::from(&b"{"[..]);
    assert!(
        other
            .entities
            .restore(Kind::Services, Uuid::nil(), garbage)
            .is_err()
    );
}
