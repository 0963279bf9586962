//! Disks that refuse, that lie, that lose power, and writes that panic.

use super::author;
use super::in_memory;
use super::model;
use super::of;
use super::on_platter;
use super::platter::Fault;
use super::platter::Platter;
use super::set;
use super::write;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Kind;
use crate::entity::error::code;
use crate::store::Counter;
use crate::store::Keeper;
use crate::store::Made;
use crate::store::keeper::Batch;
use crate::store::write::pending;

#[test]
fn what_the_disk_refuses_has_not_happened() {
    let platter = Platter::default();
    let mut keeper = on_platter(&platter);
    write(&mut keeper, &[(1, "a"), (2, "b")]).unwrap();
    let before = keeper.status();
    platter.fault(Fault::Refuses);
    for _ in 0..2 {
        let error = write(&mut keeper, &[(1, "x"), (2, ""), (3, "c")]).unwrap_err();
        assert_eq!(error.code, code::DATABASE_ERROR);
        assert_eq!(model(keeper.entities()), of(&[(1, "a"), (2, "b")]));
        assert_eq!(keeper.status().state, before.state);
        assert!(!keeper.status().healthy);
    }
    platter.fault(Fault::None);
    write(&mut keeper, &[(3, "c")]).unwrap();
    assert!(keeper.status().healthy);
    let expected = of(&[(1, "a"), (2, "b"), (3, "c")]);
    assert_eq!(model(keeper.entities()), expected);
    drop(keeper);
    assert_eq!(model(on_platter(&platter).entities()), expected);
}

#[test]
fn what_the_disk_took_after_all_is_seen() {
    let platter = Platter::default();
    let mut keeper = on_platter(&platter);
    write(&mut keeper, &[(1, "a")]).unwrap();
    keeper.take_changes();
    platter.fault(Fault::Lies);
    assert!(write(&mut keeper, &[(2, "b")]).is_err());
    platter.fault(Fault::None);
    // Whichever it is, memory and disk agree from the next write on, and numbers go on.
    let next = write(&mut keeper, &[(3, "c")]).unwrap().revision;
    let (seen, state) = (model(keeper.entities()), keeper.status().state);
    assert_eq!(state.revision, next);
    let changes = keeper.take_changes();
    if seen.contains_key(&2) {
        assert!(changes.whole);
        assert_eq!(changes.rows.len(), 3);
    }
    drop(keeper);
    let keeper = on_platter(&platter);
    assert_eq!(model(keeper.entities()), seen);
    assert_eq!(keeper.status().state, state);
}

#[test]
fn a_dead_disk_is_read_from_memory() {
    let platter = Platter::default();
    let mut keeper = on_platter(&platter);
    write(&mut keeper, &[(1, "a")]).unwrap();
    platter.fault(Fault::Dead);
    assert!(write(&mut keeper, &[(2, "b")]).is_err());
    assert!(keeper.counters().is_err());
    assert!(keeper.put_counters(Vec::new()).is_err());
    assert_eq!(model(keeper.entities()), of(&[(1, "a")]));
    platter.fault(Fault::None);
    write(&mut keeper, &[(2, "b")]).unwrap();
    assert_eq!(model(keeper.entities()), of(&[(1, "a"), (2, "b")]));
}

#[test]
fn whatever_a_loss_of_power_leaves_holds_what_was_acknowledged() {
    for seed in 0..4 {
        let platter = Platter::default();
        let mut keeper = on_platter(&platter);
        platter.cut(seed);
        for n in 1..=60_u64 {
            write(&mut keeper, &[(n.into(), "service")]).unwrap();
            keeper
                .put_counters(vec![Counter {
                    key: (*b"count").into(),
                    value: Some(n.to_be_bytes().into()),
                }])
                .unwrap();
            platter.mark(n);
        }
        for (acknowledged, left) in platter.left() {
            let keeper = on_platter(&left);
            let found = model(keeper.entities()).len() as u64;
            let range = acknowledged..=acknowledged + 1;
            assert!(
                range.contains(&found),
                "seed {seed}: {found}, not {range:?}"
            );
            let revision = keeper.status().state.revision.0;
            assert_eq!(revision, found);
            let counters = keeper.counters().unwrap();
            let count = counters
                .first()
                .and_then(|count| count.value.as_ref())
                .map_or(0, |value| u64::from_be_bytes(value[..].try_into().unwrap()));
            assert!(
                range.contains(&count),
                "seed {seed}: {count}, not {range:?}"
            );
        }
    }
}

fn panicking(entities: &mut Entities, _: &mut Env<'_>) -> Made<()> {
    set(entities, 1, "half");
    panic!("a test's own panic");
}

#[test]
fn a_write_that_panics_has_not_happened() {
    let in_file = (
        Kind::Services,
        uuid::Uuid::from_u128(9),
        Document::new(),
        "a:1".into(),
    );
    let without = || Keeper::without_store(&crate::entity::NoPlugins);
    for (mut keeper, stored) in [(in_memory(), true), (without(), false)] {
        keeper.replace_file_rows(vec![in_file.clone()]).unwrap();
        let _ = write(&mut keeper, &[(1, "a")]);
        let before = model_of_store(&keeper);
        let (write_one, mut one) = pending(author(), panicking);
        let (write_two, mut two) = pending(author(), super::setting(&[(2, "b")]));
        let batch = Batch {
            writes: vec![write_one, write_two],
            ..Batch::default()
        };
        keeper.commit(batch, 0);
        assert!(one.try_recv().unwrap().is_err());
        assert!(two.try_recv().unwrap().is_err());
        assert_eq!(model_of_store(&keeper), before);
        assert!(keeper.status().healthy);
        assert_eq!(write(&mut keeper, &[(2, "b")]).is_ok(), stored);
    }
}

fn model_of_store(keeper: &Keeper) -> Vec<(u128, Vec<u8>)> {
    let rows = keeper.entities().iter(Kind::Services);
    rows.map(|row| (row.id.as_u128(), row.raw.to_vec()))
        .collect()
}
