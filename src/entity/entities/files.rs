//! Entities that stand in files: all of them are replaced at once, or none.

use uuid::Uuid;

use super::Entities;
use super::row::Clash;
use super::row::Origin;
use super::table::Stored;
use super::table::key;
use super::table::keys;
use crate::entity::Document;
use crate::entity::Error;
use crate::entity::Kind;

impl Entities {
    /// Puts these complete entities in place of all that came from files. Nothing changes if one of them clashes. They
    /// are taken one by one: complete, all together would need several times the memory that is kept of them.
    ///
    /// # Errors
    /// Every clash of ids or unique values, and every reference that leads nowhere, also those of the store.
    pub fn replace_file_rows(
        &mut self,
        rows: impl IntoIterator<Item = (Kind, Uuid, Document, Box<str>)>,
    ) -> Result<(), Vec<Clash>> {
        let before = self.take_file_rows();
        let mut clashes = Vec::new();
        let mut entered = Vec::new();
        for (kind, id, document, place) in rows {
            if let Some(clash) = self.clash(kind, id, &document, &place) {
                clashes.push(clash);
                continue;
            }
            let origin = Origin::File(place);
            let raw = self.sparse(kind, document);
            self.table_mut(kind).set(id, Some(Stored { raw, origin }));
            entered.push((kind, id));
        }
        clashes.extend(self.dangling(&entered));
        clashes.extend(self.orphans(&before));
        if clashes.is_empty() {
            return Ok(());
        }
        for (kind, id) in entered {
            self.table_mut(kind).set(id, None);
        }
        for (kind, id, row) in before {
            self.table_mut(kind).set(id, Some(row));
        }
        Err(clashes)
    }

    fn take_file_rows(&mut self) -> Vec<(Kind, Uuid, Stored)> {
        let mut taken = Vec::new();
        for kind in Kind::ALL {
            let rows = self.table(kind).rows.iter();
            let ids = rows.filter(|(_, row)| row.origin != Origin::Store);
            let ids: Vec<Uuid> = ids.map(|(id, _)| *id).collect();
            for id in ids {
                let row = self.table_mut(kind).set(id, None);
                taken.extend(row.map(|row| (kind, id, row)));
            }
        }
        taken
    }

    /// An entity that has the id or a unique value of this one.
    fn clash(&self, kind: Kind, id: Uuid, document: &Document, place: &str) -> Option<Clash> {
        let table = self.table(kind);
        let clash = |other: Uuid, message: String| Clash {
            kind,
            id,
            place: place.into(),
            other: table.rows.get(&other).map(|row| row.origin.clone()),
            message,
        };
        if table.rows.contains_key(&id) {
            let error = Error::primary_key_violation(&id.to_string());
            return Some(clash(id, error.message));
        }
        keys(kind).find_map(|fields| {
            let values = key(document, fields)?;
            let other = table.holder(&values)?;
            Some(clash(
                other,
                Error::unique_violation(values).discreet(kind).message,
            ))
        })
    }

    /// Those of the new entities whose references lead nowhere. They may stand in any order, so this is found when
    /// all are there.
    fn dangling(&self, entered: &[(Kind, Uuid)]) -> Vec<Clash> {
        let lost = entered.iter().filter_map(|(kind, id)| {
            let row = self.table(*kind).rows.get(id)?;
            let error = self.check_references(*kind, &row.document()).err()?;
            let place = match &row.origin {
                Origin::File(place) => place.clone(),
                Origin::Store => Box::default(),
            };
            Some(Clash {
                kind: *kind,
                id: *id,
                place,
                other: None,
                message: error.message,
            })
        });
        lost.collect()
    }

    /// Entities of the store that refer to one that is in no file any more.
    fn orphans(&self, before: &[(Kind, Uuid, Stored)]) -> Vec<Clash> {
        let is_gone = |kind: Kind, id: &Uuid| !self.table(kind).rows.contains_key(id);
        let gone = before.iter().filter(|(kind, id, _)| is_gone(*kind, id));
        let orphans = gone.flat_map(|(parent, id, row)| {
            let children = Kind::ALL.into_iter().filter(|child| {
                let mut references = child.entity().references();
                references.any(|(field, of)| {
                    of == *parent
                        && self
                            .table(*child)
                            .children(field.name, *id, None)
                            .next()
                            .is_some()
                })
            });
            children.map(|child| Clash {
                kind: *parent,
                id: *id,
                place: match &row.origin {
                    Origin::File(place) => place.clone(),
                    Origin::Store => Box::default(),
                },
                other: Some(Origin::Store),
                message: Error::still_referenced(*parent, child).message,
            })
        });
        orphans.collect()
    }
}
