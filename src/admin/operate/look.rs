//! Tasks that only look.

use std::cmp::Reverse;

use serde_json::Value;
use uuid::Uuid;

use super::Outcome;
use super::Paging;
use super::Task;
use super::locate;
use super::reference;
use crate::admin::table::Place;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Error;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::entity::PAGE_SIZE_MAX;
use crate::entity::Page;

/// Looks.
pub(in crate::admin) fn look(entities: &Entities, task: &Task) -> Outcome {
    try_look(entities, task).unwrap_or_else(Outcome::Failed)
}

fn try_look(entities: &Entities, task: &Task) -> Result<Outcome, Error> {
    let mut keys = task.keys.iter();
    let mut key = || keys.next().map_or("", String::as_str);
    let found = match task.place {
        Place::All(kind) => return list(entities, kind, None, &task.paging),
        Place::AllOf(relation) => {
            return match locate(entities, relation.parent, key())? {
                Some((id, _)) => {
                    let foreign = Some((relation.field, id));
                    list(entities, relation.child, foreign, &task.paging)
                }
                None => Ok(Outcome::NotFound),
            };
        }
        Place::One(kind) => locate(entities, kind, key())?,
        Place::OneOf(relation) => match locate(entities, relation.parent, key())? {
            Some((id, _)) => {
                let key = key();
                entities.check_key(relation.child, key)?;
                entities.find_in(relation.child, (relation.field, id), key)
            }
            None => None,
        },
        Place::Parent(relation) => {
            let child = locate(entities, relation.child, key())?;
            let parent = child.and_then(|(_, child)| reference(&child, relation.field));
            parent.and_then(|id| Some((id, entities.get(relation.parent, id)?)))
        }
    };
    Ok(match found {
        Some((_, document)) => match task.condition.known(&document) {
            Some(tag) => Outcome::NotModified(tag),
            None => Outcome::Shown(document),
        },
        None => Outcome::NotFound,
    })
}

fn list(
    entities: &Entities,
    kind: Kind,
    foreign: Option<(&'static str, Uuid)>,
    paging: &Paging,
) -> Result<Outcome, Error> {
    if let Some((field, value)) = &paging.unique {
        let one = entities.find_by(kind, field, value);
        return Ok(Outcome::Page(Page {
            data: one.into_iter().map(|(_, document)| document).collect(),
            offset: None,
        }));
    }
    let filter = Filter {
        foreign,
        tags: paging.tags.clone(),
    };
    let mut page = entities.list(kind, &filter, paging.size, paging.offset.as_deref())?;
    if kind == Kind::Targets {
        in_force(&mut page.data);
    }
    Ok(Outcome::Page(page))
}

/// Every target of an upstream that takes requests, the newest first.
pub(in crate::admin) fn targets(entities: &Entities, upstream: Uuid) -> Vec<Document> {
    let filter = Filter {
        foreign: Some(("upstream", upstream)),
        ..Filter::default()
    };
    let (mut targets, mut offset) = (Vec::new(), None);
    loop {
        let page = entities.list(Kind::Targets, &filter, PAGE_SIZE_MAX, offset.as_deref());
        let Ok(page) = page else { break };
        targets.extend(page.data);
        match page.offset {
            Some(next) => offset = Some(next),
            None => break,
        }
    }
    in_force(&mut targets);
    targets
}

/// As Kong lists targets: those that take requests, the newest first.
fn in_force(targets: &mut Vec<Document>) {
    targets.retain(|target| target.get("weight").and_then(Value::as_u64) != Some(0));
    let created = |target: &Document| {
        let seconds = target.get("created_at").and_then(Value::as_f64);
        (seconds.unwrap_or_default() * 1_000.0) as u64
    };
    targets.sort_by_key(|target| Reverse(created(target)));
}
