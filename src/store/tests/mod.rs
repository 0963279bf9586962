//! The store as its users see it, on memory, on files, and on disks that fail.

mod entities;
mod failing;
mod history;
mod opening;
pub(super) mod platter;
mod serving;

use std::collections::BTreeMap;
use std::path::Path;

use uuid::Uuid;

use super::Author;
use super::Keeper;
use super::Made;
use super::Written;
use super::disk::Place;
use crate::entity::Change;
use crate::entity::Entities;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::NoPlugins;
use platter::Platter;

/// What stands where: numbers of services, and texts.
type Model = BTreeMap<u128, String>;

fn author() -> Author {
    Author::new("tests")
}

fn on_file(path: &Path) -> Keeper {
    Keeper::open(path, &NoPlugins).unwrap()
}

fn on_platter(platter: &Platter) -> Keeper {
    Keeper::at(Place::Test(platter.clone()), &NoPlugins).unwrap()
}

fn in_memory() -> Keeper {
    Keeper::in_memory(&NoPlugins).unwrap()
}

/// A service of this number whose host is this text, as it is kept; none if the text is empty.
fn row(text: &str) -> Option<Box<[u8]>> {
    let row = format!(r#"{{"host":"{text}"}}"#);
    (!text.is_empty()).then(|| row.into_bytes().into())
}

/// Makes a service what a text says.
fn set(entities: &mut Entities, number: u128, text: &str) -> Change {
    let (kind, id) = (Kind::Services, Uuid::from_u128(number));
    let before: Option<Box<[u8]>> = entities.row(kind, id).map(|row| row.raw.into());
    let after = row(text);
    entities.undo(&[Change {
        kind,
        id,
        before: None,
        after: before.clone(),
    }]);
    if let Some(row) = &after {
        entities.restore(kind, id, row.clone()).unwrap();
    }
    Change {
        kind,
        id,
        before,
        after,
    }
}

/// A write that makes services what texts say.
fn setting(
    sets: &[(u128, &str)],
) -> impl FnOnce(&mut Entities, &mut crate::entity::Env<'_>) -> Made<()> + Send + 'static {
    let sets: Vec<(u128, String)> = sets.iter().map(|(n, text)| (*n, (*text).into())).collect();
    move |entities, _| {
        let changes = sets
            .iter()
            .map(|(number, text)| set(entities, *number, text));
        Ok(((), changes.collect()))
    }
}

fn write(keeper: &mut Keeper, sets: &[(u128, &str)]) -> Result<Written<()>, Error> {
    keeper.write(author(), setting(sets))
}

fn model(entities: &Entities) -> Model {
    let hosts = entities.iter(Kind::Services).map(|row| {
        let host = row
            .doc()
            .get("host")
            .and_then(|host| Some(host.as_str()?.to_owned()));
        (row.id.as_u128(), host.unwrap())
    });
    hosts.collect()
}

fn of(sets: &[(u128, &str)]) -> Model {
    sets.iter().map(|(n, text)| (*n, (*text).into())).collect()
}
