//! Tasks that only look.

use super::Outcome;
use super::Paging;
use super::Task;
use super::reference;
use crate::admin::table::Place;
use crate::entity::Entities;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::entity::Page;

/// Looks.
pub(in crate::admin) fn look(entities: &Entities, task: &Task) -> Outcome {
    let mut keys = task.keys.iter();
    let mut key = || keys.next().map_or("", String::as_str);
    let found = match task.place {
        Place::All(kind) => return list(entities, kind, None, &task.paging),
        Place::AllOf(relation) => {
            return match entities.find(relation.parent, key()) {
                Some((id, _)) => {
                    let foreign = Some((relation.field, id));
                    list(entities, relation.child, foreign, &task.paging)
                }
                None => Outcome::NotFound,
            };
        }
        Place::One(kind) => entities.find(kind, key()),
        Place::OneOf(relation) => {
            let parent = entities.find(relation.parent, key());
            parent.and_then(|(id, _)| entities.find_in(relation.child, (relation.field, id), key()))
        }
        Place::Parent(relation) => {
            let child = entities.find(relation.child, key());
            let parent = child.and_then(|(_, child)| reference(&child, relation.field));
            parent.and_then(|id| Some((id, entities.get(relation.parent, id)?)))
        }
    };
    match found {
        Some((_, document)) => match task.condition.known(&document) {
            Some(tag) => Outcome::NotModified(tag),
            None => Outcome::Shown(document),
        },
        None => Outcome::NotFound,
    }
}

fn list(
    entities: &Entities,
    kind: Kind,
    foreign: Option<(&'static str, uuid::Uuid)>,
    paging: &Paging,
) -> Outcome {
    if let Some((field, value)) = &paging.unique {
        let one = entities.find_by(kind, field, value);
        return Outcome::Page(Page {
            data: one.into_iter().map(|(_, document)| document).collect(),
            offset: None,
        });
    }
    let filter = Filter {
        foreign,
        tags: paging.tags.clone(),
    };
    match entities.list(kind, &filter, paging.size, paging.offset.as_deref()) {
        Ok(page) => Outcome::Page(page),
        Err(error) => Outcome::Failed(error),
    }
}
