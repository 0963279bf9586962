//! The thread and its handles: who sees what when, what followers are told, and what is answered without a store.

use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::author;
use super::in_memory;
use super::model;
use super::of;
use super::row;
use super::setting;
use super::write;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::NoPlugins;
use crate::store::Act;
use crate::store::Changed;
use crate::store::Counter;
use crate::store::Gone;
use crate::store::Keeper;
use crate::store::Made;
use crate::store::Revision;
use crate::store::unwritable;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn writes_are_seen_after_their_answer() {
    let (handle, thread) = in_memory().spawn().unwrap();
    runtime().block_on(async {
        let mut revisions = handle.revisions();
        assert_eq!(*revisions.borrow_and_update(), Revision(0));
        let written = handle
            .write(author(), setting(&[(1, "a")]))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(written.revision, Revision(1));
        assert_eq!(*revisions.borrow_and_update(), Revision(1));
        assert_eq!(handle.read(model).await.unwrap(), of(&[(1, "a")]));
        assert_eq!(handle.status().await.unwrap().state.revision, Revision(1));
        let hash = handle.history().await.unwrap()[1].hash;
        assert_eq!(
            handle.look_back(hash, model).await.unwrap().unwrap(),
            of(&[])
        );
        assert_eq!(handle.differences(hash).await.unwrap().unwrap().len(), 1);
        let rolled = handle.roll_back(hash, author()).await.unwrap().unwrap();
        assert_eq!(rolled.revision, Revision(2));
        assert_eq!(handle.read(model).await.unwrap(), of(&[]));
        drop(handle);
        assert!(revisions.changed().await.is_ok());
        assert!(revisions.changed().await.is_err());
    });
    thread.join();
}

fn missing() -> Made<()> {
    Err(Error::not_found("id", "x"))
}

#[test]
fn writes_that_wait_together_are_all_answered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let (handle, thread) = super::on_file(&path).spawn().unwrap();
    let runtime = runtime();
    let clients: Vec<_> = (0..300_u128)
        .map(|n| {
            let handle = handle.clone();
            runtime.spawn(async move {
                let set = setting(&[(n, "service")]);
                let written = handle.write(author(), set).await.unwrap().unwrap();
                let refused = handle
                    .write(author(), |_, _| missing())
                    .await
                    .unwrap()
                    .unwrap_err();
                assert_eq!(refused.code, 6);
                let seen = handle.read(move |entities| {
                    entities.row(Kind::Services, Uuid::from_u128(n)).is_some()
                });
                assert!(seen.await.unwrap());
                written.revision
            })
        })
        .collect();
    let mut revisions: Vec<_> = clients
        .into_iter()
        .map(|client| runtime.block_on(client).unwrap().0)
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=300).collect::<Vec<_>>());
    drop(handle);
    thread.join();
    assert_eq!(super::on_file(&path).entities().count(Kind::Services), 300);
}

#[test]
fn a_follower_is_told_everything_once() {
    let mut keeper = in_memory();
    write(&mut keeper, &[(1, "a"), (2, "b")]).unwrap();
    let first = keeper.take_changes();
    assert!(first.whole && first.rows.len() == 2);
    assert_eq!(first.revision, Revision(1));
    assert_eq!(keeper.take_changes().rows, []);
    write(&mut keeper, &[(1, "x")]).unwrap();
    write(&mut keeper, &[(1, "y"), (2, ""), (3, "c")]).unwrap();
    write(&mut keeper, &[(3, "")]).unwrap();
    let next = keeper.take_changes();
    assert!(!next.whole);
    assert_eq!(next.revision, Revision(4));
    let changed = |number, text| Changed {
        kind: Kind::Services,
        id: Uuid::from_u128(number),
        row: row(text),
    };
    assert_eq!(next.rows, [changed(1, "y"), changed(2, ""), changed(3, "")]);
}

#[test]
fn counters_are_put_and_forgotten() {
    let mut keeper = in_memory();
    let counter = |key: &[u8], value: Option<&[u8]>| Counter {
        key: key.into(),
        value: value.map(Into::into),
    };
    keeper
        .put_counters(vec![counter(b"a", Some(b"1")), counter(b"b", Some(b""))])
        .unwrap();
    keeper
        .put_counters(vec![counter(b"a", Some(b"2")), counter(b"c", None)])
        .unwrap();
    let found = keeper.counters().unwrap();
    assert_eq!(found, [counter(b"a", Some(b"2")), counter(b"b", Some(b""))]);
    keeper.put_counters(vec![counter(b"b", None)]).unwrap();
    assert_eq!(keeper.counters().unwrap(), [counter(b"a", Some(b"2"))]);
    assert_eq!(keeper.status().state.revision, Revision(0));
}

#[test]
fn nothing_is_written_where_there_is_no_store() {
    let mut keeper = Keeper::without_store(&NoPlugins);
    assert!(!keeper.status().writable);
    let error = write(&mut keeper, &[(1, "a")]).unwrap_err();
    assert_eq!(error.status(), 405);
    assert_eq!(error, unwritable(Act::Create, Kind::Services));
    assert_eq!(
        error.message,
        "cannot create 'services' entities when not using a database"
    );
    assert_eq!(model(keeper.entities()), of(&[]));
    let (handle, _thread) = keeper.spawn().unwrap();
    assert!(!handle.writable());
    assert_eq!(
        unwritable(Act::CreateOrUpdate, Kind::Acls).message,
        "cannot create or update 'acls' entities when not using a database"
    );
}

#[test]
fn a_look_that_panics_is_not_answered_and_the_next_one_is() {
    let (handle, _thread) = in_memory().spawn().unwrap();
    runtime().block_on(async {
        let answer = handle.read(|_| panic!("a test's own panic")).await;
        assert_eq!(answer.map(|()| 0), Err(Gone));
        assert_eq!(handle.read(model).await, Ok(of(&[])));
    });
}
