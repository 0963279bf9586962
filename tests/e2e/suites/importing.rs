//! A declarative file with every kind of entity and every field of every plugin goes through the command line into a store, out of
//! it, into another store, and is the same. That it has everything is held against the schemas.

use std::collections::BTreeSet;

use serde_json::Value;
use silverback::declarative;
use silverback::entity::Field;
use silverback::entity::Kind;
use silverback::entity::Type;
use silverback::plugin::registry;

use crate::support::cases;
use crate::support::tools::silverback;

use super::cli::File;

cases! {
    everything_has_every_kind_and_every_field: [];
    everything_is_imported_and_exported_the_same: [];
    everything_that_is_served_stands_in_toml: [];
    a_file_that_is_there_is_not_written_over: [];
}

/// What the file cannot have, each with its reason.
const NOT_THERE: [(&str, &str); 3] = [
    // Of routes for TCP, which is not served.
    ("routes", "sources"),
    ("routes", "destinations"),
    // What is left of it is less each time that one looks.
    ("keyauth_credentials", "ttl"),
];

/// Why an entity is not yet what it was in Kong.
const NOT_YET: [&str; 3] = [
    "kept in a store and left out of TOML; no reference to a secret is followed yet",
    ": kept in a store and left out of TOML, which names files",
    ": its certificates are kept in a store and left out of TOML",
];

fn everything() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything.yaml");
    std::fs::read_to_string(path).unwrap()
}

fn everything_has_every_kind_and_every_field() {
    let declared = declarative::read(&everything()).unwrap().entities;
    let mut missing = Vec::new();
    for kind in Kind::ALL {
        let rows: Vec<Value> = declared
            .iter()
            .filter(|one| one.kind == kind)
            .map(|one| Value::Object(one.fields.clone()))
            .collect();
        let rows: Vec<&Value> = rows.iter().collect();
        unset(
            kind.entity().schema.fields,
            &rows,
            kind.as_str(),
            &mut missing,
        );
    }
    for definition in registry::ALL {
        let configs: Vec<&Value> = declared
            .iter()
            .filter(|one| one.kind == Kind::Plugins && one.fields["name"] == definition.name)
            .filter_map(|one| one.fields.get("config"))
            .collect();
        unset(
            definition.config.fields,
            &configs,
            definition.name,
            &mut missing,
        );
        if definition.denies && !configs.iter().any(|config| config["mode"] == "observe") {
            missing.push(format!("{}.mode", definition.name));
        }
    }
    let known: BTreeSet<String> = NOT_THERE
        .iter()
        .map(|(kind, field)| format!("{kind}.{field}"))
        .collect();
    missing.retain(|path| !known.contains(path));
    assert!(missing.is_empty(), "nowhere set: {missing:?}");
}

/// The fields that none of the records sets.
fn unset(fields: &[Field], records: &[&Value], path: &str, missing: &mut Vec<String>) {
    for field in fields {
        let automatic = ["id", "created_at", "updated_at"].contains(&field.name);
        // An alias is another field's name.
        if automatic || !field.alias.is_empty() {
            continue;
        }
        let path = format!("{path}.{}", field.name);
        let values: Vec<&Value> = records
            .iter()
            .filter_map(|record| record.get(field.name))
            .filter(|value| !value.is_null())
            .collect();
        if values.is_empty() {
            missing.push(path);
            continue;
        }
        match field.kind {
            Type::Record(fields) => unset(fields, &values, &path, missing),
            Type::Checked(schema) => unset(schema.fields, &values, &path, missing),
            Type::Map(_, element) => {
                let each = values.iter().filter_map(|value| value.as_object());
                let inner: Vec<&Value> = each.flat_map(|map| map.values()).collect();
                match element.kind {
                    Type::Record(fields) => unset(fields, &inner, &path, missing),
                    Type::Checked(schema) => unset(schema.fields, &inner, &path, missing),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn everything_is_imported_and_exported_the_same() {
    // Before 3.0 what looks like an expression is one.
    let older = everything().replace("~/", "/");
    for (version, text) in [("1.1", &older), ("2.1", &older), ("3.0", &everything())] {
        let text = text.replace(
            "_format_version: \"3.0\"",
            &format!("_format_version: \"{version}\""),
        );
        let once = through_a_store(&text);
        assert!(once.contains("~/orders/(?<user>"), "{version}");
        let twice = through_a_store(&once);
        assert!(
            once == twice,
            "{version}: {}",
            first_difference(&once, &twice)
        );
    }
}

fn everything_that_is_served_stands_in_toml() {
    let directory = tempfile::tempdir().unwrap();
    let (kong, toml) = (
        directory.path().join("kong.yaml"),
        directory.path().join("silverback.toml"),
    );
    std::fs::write(&kong, everything()).unwrap();
    let (kong, toml) = (kong.to_str().unwrap(), toml.to_str().unwrap());
    let run = silverback(&["import", kong, "--to-toml", toml]).expect(1);
    let left_out: Vec<&str> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("left out     "))
        .collect();
    assert_eq!(
        left_out,
        [
            "vaults env: TOML has none of this kind",
            "ca_certificates 0b2b9f0c-6a54-4a5c-9a3e-2f8d3a1c0002: TOML has none of this kind",
            "certificates 0b2b9f0c-6a54-4a5c-9a3e-2f8d3a1c0001: TOML has none of this kind",
            "snis api.example.com: TOML has none of this kind",
        ]
    );
    silverback(&["check", "--config", toml]).expect(0);
    // What the file says goes the same way again.
    let run = silverback(&["export", "--form", "toml", "--config", toml]).expect(0);
    let once = std::fs::read_to_string(toml).unwrap();
    assert!(
        run.stdout == once,
        "{}",
        first_difference(&run.stdout, &once)
    );
}

/// A file that is there may be all that somebody has.
fn a_file_that_is_there_is_not_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let (kong, toml) = (
        directory.path().join("kong.yaml"),
        directory.path().join("silverback.toml"),
    );
    std::fs::write(&kong, "_format_version: '3.0'\n").unwrap();
    std::fs::write(&toml, "# mine\n").unwrap();
    let (kong, path) = (kong.to_str().unwrap(), toml.to_str().unwrap());
    let run = silverback(&["import", kong, "--to-toml", path]).expect(1);
    assert!(run.stderr.contains("exists already"), "{run:?}");
    assert!(run.stderr.contains("--force"), "{run:?}");
    assert_eq!(std::fs::read_to_string(&toml).unwrap(), "# mine\n");
    silverback(&["import", kong, "--to-toml", path, "--force"]).expect(0);
    let written = std::fs::read_to_string(&toml).unwrap();
    assert!(!written.contains("# mine"), "{written}");
    silverback(&["import", kong, "--force"]).expect(2);
}

/// What a new store gives back of a document.
fn through_a_store(document: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kong.yaml");
    std::fs::write(&path, document).unwrap();
    let config = File::with(&format!(
        "[store]\npath = {:?}\n",
        directory.path().join("store.redb")
    ));
    let path = path.to_str().unwrap();
    let run = silverback(&["import", path, "--config", config.name()]).expect(0);
    let (counts, told) = {
        let mut lines: Vec<&str> = run.stderr.lines().chain(run.stdout.lines()).collect();
        let at = lines.iter().position(|line| line.ends_with(" unsupported"));
        (lines.remove(at.unwrap()), lines)
    };
    assert!(counts.ends_with(", 0 unsupported"), "{run:?}");
    for line in told {
        assert!(
            NOT_YET.iter().any(|reason| line.ends_with(reason)),
            "{line}"
        );
    }
    silverback(&["export", "--config", config.name()])
        .expect(0)
        .stdout
}

fn first_difference(one: &str, other: &str) -> String {
    let mut lines = one.lines().zip(other.lines());
    lines.find(|(one, other)| one != other).map_or_else(
        || "one is longer".to_owned(),
        |(one, other)| format!("{one:?} and {other:?}"),
    )
}
