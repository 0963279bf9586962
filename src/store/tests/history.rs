//! States, the way back to them, and what is not kept twice.

use std::collections::HashMap;

use super::Model;
use super::author;
use super::in_memory;
use super::model;
use super::of;
use super::on_file;
use super::setting;
use super::write;
use crate::base::limits::HISTORY_BURST_MS;
use crate::base::limits::HISTORY_STATES;
use crate::base::rng::Rng;
use crate::store::Author;
use crate::store::Hash;
use crate::store::Keeper;
use crate::store::PastError;
use crate::store::Revision;
use crate::store::Tally;
use crate::store::keeper::Batch;
use crate::store::write::pending;

fn hashes(keeper: &Keeper) -> Vec<Hash> {
    keeper.history().iter().map(|state| state.hash).collect()
}

#[test]
fn states_say_who_when_and_how_much() {
    let mut keeper = in_memory();
    write(&mut keeper, &[(1, "a"), (2, "b")]).unwrap();
    let change = setting(&[(1, "x"), (2, ""), (3, "c")]);
    keeper.write(Author::new("alice"), change).unwrap();
    let [newest, one, zero] = keeper.history().try_into().unwrap();
    assert_eq!(newest.revision, Revision(2));
    assert_eq!(newest.author.name(), "alice");
    assert!(newest.at_ms > 1_600_000_000_000);
    let (created, updated, deleted) = (1, 1, 1);
    assert_eq!(
        newest.tally,
        Tally {
            created,
            updated,
            deleted
        }
    );
    assert_eq!(one.author.name(), "tests");
    assert_eq!(zero.hash, Hash::default());
}

#[test]
fn a_write_that_changes_nothing_makes_no_state() {
    let mut keeper = in_memory();
    let first = write(&mut keeper, &[(1, "a")]).unwrap();
    let again = write(&mut keeper, &[(1, "b"), (1, "a")]).unwrap();
    assert_eq!(first.revision, again.revision);
    assert_eq!(keeper.history().len(), 2);
}

#[test]
fn equal_contents_have_equal_hashes() {
    let (mut one, mut other) = (in_memory(), in_memory());
    write(&mut one, &[(1, "a"), (2, "b")]).unwrap();
    write(&mut other, &[(2, "x"), (3, "c")]).unwrap();
    write(&mut other, &[(2, "b"), (3, "")]).unwrap();
    assert_ne!(hashes(&one)[0], hashes(&other)[0]);
    write(&mut other, &[(1, "a")]).unwrap();
    assert_eq!(hashes(&one)[0], hashes(&other)[0]);
}

#[test]
fn differences_show_both_sides_and_a_rollback_makes_them_go() {
    let mut keeper = in_memory();
    write(&mut keeper, &[(1, "a"), (2, "b")]).unwrap();
    let then = hashes(&keeper)[0];
    write(&mut keeper, &[(1, "x"), (2, ""), (3, "c")]).unwrap();
    let now = hashes(&keeper)[0];

    let differences = keeper.differences(then).unwrap();
    let host = |document: &Option<crate::entity::Document>| {
        let host = document.as_ref()?.get("host")?;
        Some(host.as_str()?.to_owned())
    };
    let sides: Vec<_> = differences
        .iter()
        .map(|found| (found.id.as_u128(), host(&found.now), host(&found.then)))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        sides,
        [
            (1, text("x"), text("a")),
            (2, None, text("b")),
            (3, text("c"), None)
        ]
    );
    assert_eq!(keeper.history().len(), 3);
    assert_eq!(
        keeper.look_back(then, model).unwrap(),
        of(&[(1, "a"), (2, "b")])
    );
    assert_eq!(model(keeper.entities()), of(&[(1, "x"), (3, "c")]));

    let written = keeper.roll_back(then, author()).unwrap();
    assert_eq!(written.answer, differences);
    assert_eq!(model(keeper.entities()), of(&[(1, "a"), (2, "b")]));
    assert_eq!(hashes(&keeper), [then, now, then, Hash::default()]);
    assert_eq!(keeper.differences(then).unwrap(), []);

    keeper.roll_back(now, author()).unwrap();
    assert_eq!(model(keeper.entities()), of(&[(1, "x"), (3, "c")]));
    keeper.roll_back(Hash::default(), author()).unwrap();
    assert_eq!(model(keeper.entities()), Model::new());
    let unknown = Hash::default().with(&[0; 17], b"");
    assert_eq!(keeper.differences(unknown), Err(PastError::Unknown));
}

/// One write at a time of the test's choosing.
fn write_at(keeper: &mut Keeper, author: &str, at_ms: u64, sets: &[(u128, &str)]) {
    let (write, mut answered) = pending(Author::new(author), setting(sets));
    let batch = Batch {
        writes: vec![write],
        ..Batch::default()
    };
    keeper.commit(batch, at_ms);
    answered.try_recv().unwrap().unwrap();
}

#[test]
fn every_state_of_the_list_can_be_seen_whatever_went_between() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let mut keeper = on_file(&path);
    let mut rng = Rng::seeded(11);
    let mut seen: HashMap<Revision, Model> = HashMap::from([(Revision(0), Model::new())]);
    let mut at_ms = 0;
    for n in 0..400 {
        let texts = ["", "a", "b", "c", "d"];
        let sets: Vec<_> = (0..1 + rng.below(3))
            .map(|_| (rng.below(8) as u128, texts[rng.below(texts.len())]))
            .collect();
        let author = ["a", "b"][rng.below(9) / 8];
        at_ms += [1, HISTORY_BURST_MS * 2][rng.below(20) / 19];
        write_at(&mut keeper, author, at_ms, &sets);
        let revision = keeper.status().state.revision;
        seen.insert(revision, model(keeper.entities()));
        if n % 100 == 99 {
            drop(keeper);
            keeper = on_file(&path);
            check(&mut keeper, &seen);
        }
    }
    assert_eq!(keeper.history().len(), HISTORY_STATES);
    let oldest = keeper.history().pop().unwrap();
    assert!(
        oldest.revision.0 < 350 - HISTORY_STATES as u64,
        "{oldest:?}"
    );
    keeper.roll_back(oldest.hash, author()).unwrap();
    assert_eq!(&model(keeper.entities()), &seen[&oldest.revision]);
    let revision = keeper.status().state.revision;
    seen.insert(revision, model(keeper.entities()));
    check(&mut keeper, &seen);
}

fn check(keeper: &mut Keeper, seen: &HashMap<Revision, Model>) {
    for state in keeper.history() {
        let found = keeper.look_back(state.hash, model).unwrap();
        assert_eq!(&found, &seen[&state.revision], "{state:?}");
    }
}

#[test]
fn what_stays_the_same_is_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let mut keeper = on_file(&path);
    let text = "x".repeat(1_000);
    let sets: Vec<_> = (0..2_000).map(|n| (n, text.as_str())).collect();
    write(&mut keeper, &sets).unwrap();
    for n in 0..60 {
        let text = format!("y{n}");
        write_at(&mut keeper, &text, n, &[(0, &text)]);
    }
    assert_eq!(keeper.history().len(), HISTORY_STATES);
    drop(keeper);
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 10_000_000, "{bytes}");
}
