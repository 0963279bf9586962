//! What cannot be opened, and in which words.

use std::fs;
use std::io;
use std::path::Path;

use redb::Database;
use redb::TableDefinition;

use super::model;
use super::on_file;
use super::write;
use crate::base::rng::Rng;
use crate::entity::NoPlugins;
use crate::store::Cause;
use crate::store::Keeper;
use crate::store::OpenError;

fn refused(path: &Path) -> String {
    let error = Keeper::open(path, &NoPlugins).unwrap_err();
    let text = error.to_string();
    text.replace(&path.parent().unwrap().display().to_string(), "DIR")
}

#[test]
fn rows_and_counters_and_revisions_outlive_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let mut keeper = on_file(&path);
    write(&mut keeper, &[(1, "a"), (2, "b")]).unwrap();
    write(&mut keeper, &[(2, "")]).unwrap();
    let (before, state) = (model(keeper.entities()), keeper.status().state);
    keeper.close();
    let keeper = on_file(&path);
    assert_eq!(model(keeper.entities()), before);
    assert_eq!(keeper.status().state, state);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn each_obstacle_has_its_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let keeper = on_file(&path);
    assert_eq!(
        refused(&path),
        "the store DIR/store.redb is in use by another process"
    );
    drop(keeper);

    let path = directory.path().join("empty");
    fs::write(&path, "").unwrap();
    assert_eq!(
        refused(&path),
        "the store DIR/empty is an empty file: remove it, and a new store is made in its place"
    );
    fs::write(&path, "host = 1\n").unwrap();
    assert_eq!(
        refused(&path),
        "the store DIR/empty cannot be opened: the file is no store of Silverback's"
    );
    let path = directory.path().join("directory");
    fs::create_dir(&path).unwrap();
    assert_eq!(
        refused(&path),
        "the store DIR/directory cannot be opened: there is something else than a file"
    );
    assert_eq!(
        refused(&directory.path().join("none").join("store")).replace("DIR", "D"),
        "the store D/store cannot be made: there is no directory D"
    );
}

#[test]
fn other_databases_and_other_versions_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other");
    let with_format = |format: Option<u64>| {
        let _ = fs::remove_file(&path);
        let database = Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let name = format.map_or("theirs", |_| "meta");
        let definition: TableDefinition<'_, &str, u64> = TableDefinition::new(name);
        let mut table = transaction.open_table(definition).unwrap();
        table.insert("format", format.unwrap_or(1)).unwrap();
        drop(table);
        transaction.commit().unwrap();
        drop(database);
        refused(&path)
    };
    assert_eq!(
        with_format(None),
        "the store DIR/other cannot be opened: the file is no store of Silverback's"
    );
    assert_eq!(
        with_format(Some(2)),
        "the store DIR/other was written by another version of Silverback: it has format 2, and this version \
         reads format 1"
    );
    assert!(with_format(Some(1)).ends_with("the file is no store of Silverback's"));
}

#[test]
fn what_the_system_says_is_said_in_words() {
    let says = |kind: io::ErrorKind| {
        OpenError {
            path: "a".into(),
            cause: Cause::from(io::Error::from(kind)),
        }
        .to_string()
    };
    assert_eq!(
        says(io::ErrorKind::PermissionDenied),
        "the store a cannot be opened: no permission to read and write the file"
    );
    assert_eq!(
        says(io::ErrorKind::ReadOnlyFilesystem),
        "the store a cannot be opened: it is on a read-only file system"
    );
    assert!(says(io::ErrorKind::StorageFull).starts_with("the store a cannot be opened: "));
}

/// A store with some states, and its bytes.
fn sample(path: &Path) -> Vec<u8> {
    let mut keeper = on_file(path);
    for n in 0..40 {
        write(&mut keeper, &[(n, "a service"), (n / 2, "another one")]).unwrap();
    }
    drop(keeper);
    fs::read(path).unwrap()
}

#[test]
fn a_file_that_was_cut_short_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let bytes = sample(&path);
    let mut rng = Rng::seeded(5);
    for _ in 0..40 {
        fs::write(&path, &bytes[..rng.below(bytes.len())]).unwrap();
        let text = refused(&path);
        let known = ["is damaged (", "is an empty file", "is no store"];
        assert!(known.iter().any(|known| text.contains(known)), "{text}");
    }
}

#[test]
fn a_file_that_was_tampered_with_is_refused_or_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let bytes = sample(&path);
    let expected = model(on_file(&path).entities());
    let mut rng = Rng::seeded(6);
    let (mut damaged, mut whole) = (0, 0);
    for round in 0..150 {
        let mut bytes = bytes.clone();
        // In turn one bit, a run of bytes, and the header, where all depends on every byte.
        let (length, end) = [(1, bytes.len()), (700, bytes.len()), (1, 512)][round % 3];
        let at = rng.below(end);
        for byte in bytes.iter_mut().skip(at).take(length) {
            *byte ^= 1 << rng.below(8);
        }
        fs::write(&path, &bytes).unwrap();
        match Keeper::open(&path, &NoPlugins) {
            Ok(keeper) => {
                whole += 1;
                assert_eq!(
                    model(keeper.entities()),
                    expected,
                    "round {round}, byte {at}"
                );
            }
            Err(error) => {
                damaged += 1;
                let text = error.to_string();
                let known = [
                    "is damaged (",
                    "is no store",
                    "another version",
                    "cannot be opened: ",
                ];
                assert!(known.iter().any(|known| text.contains(known)), "{text}");
            }
        }
    }
    assert!(
        damaged > 20 && whole > 5,
        "{damaged} damaged, {whole} whole"
    );
}
