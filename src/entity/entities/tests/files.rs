//! Entities that stand in files.

use super::*;

fn file_row(
    world: &mut World,
    kind: Kind,
    input: Value,
    place: &str,
) -> (Kind, Uuid, Document, Box<str>) {
    let document = world.write(|entities, env| entities.check(kind, object(input), env));
    let document = document.unwrap();
    (kind, id_of(&document), document, place.into())
}

#[test]
fn entities_of_files_are_read_only() {
    let mut world = World::new();
    let row = file_row(
        &mut world,
        Kind::Services,
        json!({"name": "f", "host": "a.test"}),
        "a.toml:3",
    );
    let id = row.1;
    world.entities.replace_file_rows(vec![row]).unwrap();
    assert_eq!(
        world.entities.row(Kind::Services, id).unwrap().origin,
        &Origin::File("a.toml:3".into())
    );
    let refusal = world
        .patch(Kind::Services, id, json!({"port": 1}))
        .unwrap_err();
    assert_eq!((refusal.code, refusal.status()), (12, 405));
    assert_eq!(
        refusal.message,
        "cannot update 'services' entities that stand in a file: a.toml:3"
    );
    assert_eq!(
        world
            .put(Kind::Services, "f", json!({"host": "b.test"}))
            .unwrap_err()
            .code,
        12
    );
    assert_eq!(
        world.entities.delete(Kind::Services, id).unwrap_err().code,
        12
    );
    world.add(
        Kind::Routes,
        json!({"paths": ["/"], "service": {"name": "f"}}),
    );
    let refusal = world.entities.delete(Kind::Services, id).unwrap_err();
    assert_eq!(
        refusal.message,
        "cannot remove 'services' entities that stand in a file: a.toml:3"
    );
    let same = json!({"name": "f", "host": "b.test"});
    let clash = world.insert(Kind::Services, same).unwrap_err();
    assert_eq!(
        clash.discreet(Kind::Services).body(),
        json!({
            "code": 5,
            "name": "unique constraint violation",
            "message": "UNIQUE violation detected on '{name=\"f\"}' (it stands in a.toml:3)",
            "fields": {"name": "f"},
        })
    );
    let same = json!({"id": id, "host": "b.test"});
    assert_eq!(
        refused(world.insert(Kind::Services, same)),
        format!("primary key violation on key '{{id=\"{id}\"}}' (it stands in a.toml:3)")
    );
    let nowhere = json!({"host": "b.test", "client_certificate": {"name": 1}});
    assert_eq!(
        world.put(Kind::Services, "f", nowhere).unwrap_err().code,
        12
    );
}

#[test]
fn entities_of_files_come_all_at_once_or_not_at_all() {
    let mut world = World::new();
    world.add(Kind::Services, json!({"name": "s", "host": "a.test"}));
    let first = file_row(
        &mut world,
        Kind::Services,
        json!({"name": "f", "host": "a.test"}),
        "a.toml:1",
    );
    world.entities.replace_file_rows(vec![first]).unwrap();
    world.add(
        Kind::Routes,
        json!({"paths": ["/"], "service": {"name": "f"}}),
    );
    let before = world.all();

    let taken = file_row(
        &mut world,
        Kind::Services,
        json!({"name": "s", "host": "a.test"}),
        "a.toml:5",
    );
    let nowhere = json!({"paths": ["/"], "service": {"id": Uuid::max()}});
    let nowhere = file_row(&mut world, Kind::Routes, nowhere, "a.toml:9");
    let clashes = world
        .entities
        .replace_file_rows(vec![taken, nowhere])
        .unwrap_err();
    let told: Vec<(&str, Option<Origin>, &str)> = clashes
        .iter()
        .map(|clash| (&*clash.place, clash.other.clone(), clash.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "a.toml:5",
                Some(Origin::Store),
                "UNIQUE violation detected on '{name=\"s\"}'"
            ),
            (
                "a.toml:9",
                None,
                "the foreign key '{id=\"ffffffff-ffff-ffff-ffff-ffffffffffff\"}' does not \
                 reference an existing 'services' entity."
            ),
            (
                "a.toml:1",
                Some(Origin::Store),
                "an existing 'routes' entity references this 'services' entity"
            ),
        ]
    );
    assert_eq!(world.all(), before);
}
