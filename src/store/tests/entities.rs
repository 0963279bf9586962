//! The store with what Kong's entities ask of it: many operations as one, times to live, files beside it.

use serde_json::Value;
use serde_json::json;
use tokio::runtime::Builder;
use uuid::Uuid;

use super::author;
use super::in_memory;
use super::on_file;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::error::code;
use crate::store::Draft;
use crate::store::FileRow;
use crate::store::Keeper;
use crate::store::PastError;
use crate::store::Revision;
use crate::store::draft;

fn document(value: &Value) -> Document {
    value.as_object().cloned().unwrap()
}

/// Does all of it as one write.
fn edit<T: Send + 'static>(
    keeper: &mut Keeper,
    edit: impl FnOnce(&mut Draft<'_, '_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let change = |entities: &mut Entities, env: &mut Env<'_>| draft(entities, env, edit);
    Ok(keeper.write(author(), change)?.answer)
}

fn insert(keeper: &mut Keeper, kind: Kind, fields: Value) -> Uuid {
    let made = edit(keeper, move |draft| draft.insert(kind, document(&fields)));
    made.unwrap()["id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_draft_is_written_as_a_whole_or_not_at_all() {
    let (handle, thread) = in_memory().spawn().unwrap();
    let service = || document(&json!({ "name": "a", "host": "h" }));
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(async {
            let twice = handle.edit(author(), move |draft| {
                draft.insert(Kind::Services, service())?;
                draft.insert(Kind::Services, service())
            });
            let error = twice.await.unwrap().unwrap_err();
            assert_eq!(error.code, code::UNIQUE_VIOLATION);
            let count = |entities: &Entities| entities.count(Kind::Services);
            assert_eq!(handle.read(count).await, Ok(0));

            let whole = handle.edit(author(), move |draft| {
                let made = draft.insert(Kind::Services, service())?;
                let route = json!({ "paths": ["/a"], "service": { "id": made["id"] } });
                draft.insert(Kind::Routes, document(&route))?;
                draft.upsert(Kind::Consumers, "alice", Document::new())?;
                assert_eq!(draft.entities().count(Kind::Routes), 1);
                Ok(())
            });
            assert_eq!(whole.await.unwrap().unwrap().revision, Revision(1));
            assert_eq!(handle.read(count).await, Ok(1));
        });
    drop(handle);
    thread.join();
}

#[test]
fn what_is_put_back_as_it_was_has_not_changed() {
    let mut keeper = in_memory();
    let service = insert(
        &mut keeper,
        Kind::Services,
        json!({ "name": "a", "host": "h" }),
    );
    insert(
        &mut keeper,
        Kind::Routes,
        json!({ "paths": ["/a"], "service": { "id": service } }),
    );
    insert(&mut keeper, Kind::Consumers, json!({ "username": "alice" }));
    let before = keeper.status().state;
    edit(&mut keeper, move |draft| {
        let document = |kind: Kind| {
            let rows = draft.entities().iter(kind).map(|row| row.doc());
            rows.collect::<Vec<_>>()
        };
        let all = [Kind::Services, Kind::Routes].map(|kind| (kind, document(kind)));
        draft.clear()?;
        for kind in Kind::ALL {
            assert_eq!(draft.entities().count(kind), 0);
        }
        for (kind, documents) in all {
            for mut document in documents {
                // Times are given, and this one is always now.
                document.remove("updated_at");
                draft.insert(kind, document)?;
            }
        }
        Ok(())
    })
    .unwrap();
    let after = keeper.status().state;
    assert_eq!(after.revision.0, before.revision.0 + 1);
    assert_eq!(after.tally.created, 0);
    assert_eq!(after.tally.deleted, 1);
}

#[test]
fn credentials_go_when_their_time_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let mut keeper = on_file(&path);
    let alice = insert(&mut keeper, Kind::Consumers, json!({ "username": "alice" }));
    let key = |key: &str, ttl| json!({ "key": key, "ttl": ttl, "consumer": { "id": alice } });
    insert(
        &mut keeper,
        Kind::KeyauthCredentials,
        key("short", json!(10)),
    );
    insert(
        &mut keeper,
        Kind::KeyauthCredentials,
        key("long", json!(1_000_000)),
    );
    insert(
        &mut keeper,
        Kind::KeyauthCredentials,
        key("forever", Value::Null),
    );
    let now_ms = keeper.status().state.at_ms;
    let before = keeper.status().state;
    keeper.expire(now_ms + 5_000);
    assert_eq!(keeper.status().state, before);
    keeper.expire(now_ms + 12_000);
    assert_eq!(keeper.entities().count(Kind::KeyauthCredentials), 2);
    assert_eq!(keeper.status().state.author.name(), "expiry");
    drop(keeper);
    assert_eq!(on_file(&path).entities().count(Kind::KeyauthCredentials), 2);
}

/// Complete entities of a file.
fn file(keeper: &Keeper, rows: &[(Kind, u128, Value)]) -> Vec<FileRow> {
    let complete = |(kind, id, fields): &(Kind, u128, Value)| {
        let id = Uuid::from_u128(*id);
        let mut input = document(fields);
        input.insert("id".to_owned(), json!(id));
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(1_700_000_000_000, &mut new_id);
        let document = keeper.entities().check(*kind, input, &mut env).unwrap();
        (*kind, id, document, "gateway.toml:7".into())
    };
    rows.iter().map(complete).collect()
}

fn refusal(error: &PastError) -> String {
    match error {
        PastError::Failed(error) if error.code == code::DECLARATIVE_CONFIG => error.message.clone(),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_rollback_is_held_against_what_stands_in_files_by_now() {
    let mut keeper = in_memory();
    let service = json!({ "name": "a", "host": "h" });
    let id = insert(&mut keeper, Kind::Services, service.clone());
    let with_service = keeper.status().state.hash;
    edit(&mut keeper, move |draft| draft.delete(Kind::Services, id)).unwrap();

    let rows = file(&keeper, &[(Kind::Services, 7, service)]);
    keeper.replace_file_rows(rows).unwrap();
    let before = keeper.status().state;
    let error = keeper.roll_back(with_service, author()).unwrap_err();
    let text = refusal(&error);
    assert!(text.contains("UNIQUE violation"), "{text}");
    assert!(text.contains("gateway.toml:7"), "{text}");
    assert_eq!(keeper.status().state, before);
    assert_eq!(keeper.entities().count(Kind::Services), 1);
    // It can be looked at all the same.
    let seen = keeper.look_back(with_service, |entities| entities.count(Kind::Services));
    assert_eq!(seen, Ok(2));

    let of_file = Uuid::from_u128(7);
    let route = json!({ "paths": ["/a"], "service": { "id": of_file } });
    let route = insert(&mut keeper, Kind::Routes, route);
    let with_route = keeper.status().state.hash;
    edit(&mut keeper, move |draft| draft.delete(Kind::Routes, route)).unwrap();
    keeper.replace_file_rows(Vec::new()).unwrap();
    let error = keeper.roll_back(with_route, author()).unwrap_err();
    let text = refusal(&error);
    assert!(
        text.contains("there is no entity 00000000-0000-0000-0000-000000000007"),
        "{text}"
    );
    assert_eq!(keeper.entities().count(Kind::Routes), 0);
    keeper.roll_back(with_service, author()).unwrap();
    assert_eq!(keeper.entities().count(Kind::Services), 1);
}

#[test]
fn differences_say_that_there_is_a_secret_and_not_which() {
    let mut keeper = in_memory();
    let alice = insert(&mut keeper, Kind::Consumers, json!({ "username": "alice" }));
    let before = keeper.status().state.hash;
    let credential = json!({ "key": "canary", "consumer": { "id": alice } });
    insert(&mut keeper, Kind::KeyauthCredentials, credential);
    let found = format!("{:?}", keeper.differences(before).unwrap());
    assert!(found.contains("\"key\": String(\"********\")"), "{found}");
    assert!(!found.contains("canary"), "{found}");
    let rolled = format!("{:?}", keeper.roll_back(before, author()).unwrap());
    assert!(!rolled.contains("canary"), "{rolled}");
}
