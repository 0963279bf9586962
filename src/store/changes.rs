//! Changes: each entity once, and which rows somebody who follows the store has not seen yet.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use uuid::Uuid;

use super::Revision;
use crate::entity::Change;
use crate::entity::Entities;
use crate::entity::Kind;
use crate::entity::Origin;

/// What these changes come to: each entity once, and none that is what it was.
pub(super) fn net(changes: &[Change]) -> Vec<Change> {
    let mut net: BTreeMap<(Kind, Uuid), Change> = BTreeMap::new();
    for change in changes {
        net.entry((change.kind, change.id))
            .and_modify(|known| known.after.clone_from(&change.after))
            .or_insert_with(|| change.clone());
    }
    let changed = net.into_values();
    changed
        .filter(|change| change.before != change.after)
        .collect()
}

/// What has become of the stored entities since they were taken last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The newest state that they bring.
    pub revision: Revision,
    /// They are all entities that there are; what was taken before is void.
    pub whole: bool,
    /// Each entity that changed, in no order that matters.
    pub rows: Vec<Changed>,
}

/// An entity that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// Its sparse JSON; `None` if it is gone.
    pub row: Option<Box<[u8]>>,
}

/// What the one who follows has not taken yet. It is a set, so however slow the one is, it stays as small as the
/// entities are many.
#[derive(Debug)]
pub(super) enum Feed {
    /// Everything.
    All,
    /// These.
    Some(BTreeSet<(Kind, Uuid)>),
}

impl Feed {
    /// Adds what has changed.
    pub(super) fn add(&mut self, changes: &[Change]) {
        if let Self::Some(ids) = self {
            ids.extend(changes.iter().map(|change| (change.kind, change.id)));
        }
    }

    /// Everything that is new, as it is now.
    pub(super) fn take(&mut self, entities: &Entities, revision: Revision) -> Changes {
        match std::mem::replace(self, Self::Some(BTreeSet::new())) {
            Self::All => Changes {
                revision,
                whole: true,
                rows: Kind::ALL
                    .into_iter()
                    .flat_map(|kind| entities.iter(kind))
                    .filter(|row| *row.origin == Origin::Store)
                    .map(|row| Changed {
                        kind: row.kind,
                        id: row.id,
                        row: Some(row.raw.into()),
                    })
                    .collect(),
            },
            Self::Some(ids) => {
                let changed = |(kind, id)| {
                    let row = entities.row(kind, id);
                    let row = row.filter(|row| *row.origin == Origin::Store);
                    let row = row.map(|row| row.raw.into());
                    Changed { kind, id, row }
                };
                Changes {
                    revision,
                    whole: false,
                    rows: ids.into_iter().map(changed).collect(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::net;
    use crate::entity::Change;
    use crate::entity::Kind;

    fn change(id: u128, before: &str, after: &str) -> Change {
        let row = |text: &str| (!text.is_empty()).then(|| text.as_bytes().into());
        Change {
            kind: Kind::Services,
            id: Uuid::from_u128(id),
            before: row(before),
            after: row(after),
        }
    }

    #[test]
    fn each_entity_once_and_none_that_stays() {
        let changes = [
            change(1, "", "a"),
            change(2, "x", "y"),
            change(3, "q", ""),
            change(1, "a", "b"),
            change(2, "y", "x"),
            change(4, "", "z"),
            change(4, "z", ""),
            change(3, "", "p"),
        ];
        assert_eq!(net(&changes), [change(1, "", "b"), change(3, "q", "p")]);
    }
}
