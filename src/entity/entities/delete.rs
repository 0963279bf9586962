//! Taking entities away, with what cannot be without them.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Entities;
use super::row::Change;
use super::write::may_write;
use crate::entity::Error;
use crate::entity::Kind;

impl Entities {
    /// DELETE: takes the entity away and with it what cannot be without it. Nothing changes if there is none.
    ///
    /// # Errors
    /// Codes 4 and 19 if something needs it that stays, code 12 if it stands in a file.
    pub fn delete(&mut self, kind: Kind, id: Uuid) -> Result<Vec<Change>, Error> {
        let Some(row) = self.table(kind).rows.get(&id) else {
            return Ok(Vec::new());
        };
        // Before what needs it: taking that away would not help.
        may_write("remove", kind, &row.origin)?;
        let mut doomed = BTreeSet::new();
        self.doom(kind, id, &mut doomed)?;
        for (kind, id) in &doomed {
            if let Some(row) = self.table(*kind).rows.get(id) {
                may_write("remove", *kind, &row.origin)?;
            }
        }
        // References first, so that a reader of the changes never sees one that leads nowhere.
        let order = Kind::ALL.iter().rev();
        let in_order = order.flat_map(|kind| doomed.iter().filter(move |(of, _)| of == kind));
        let in_order: Vec<(Kind, Uuid)> = in_order.copied().collect();
        let changes = in_order.iter().map(|(kind, id)| self.put(*kind, *id, None));
        Ok(changes.collect())
    }

    /// Takes away every entity whose time has come, and sets the clock by which the time that others have left is
    /// told.
    pub fn expire(&mut self, now_secs: u64) -> Vec<Change> {
        self.now_secs = now_secs;
        let kinds = Kind::ALL
            .into_iter()
            .filter(|kind| kind.entity().may_expire());
        let ended: Vec<(Kind, Uuid)> = kinds
            .flat_map(|kind| {
                let ids = self.table(kind).expired(now_secs);
                ids.into_iter().map(move |id| (kind, id))
            })
            .collect();
        ended
            .iter()
            .map(|(kind, id)| self.put(*kind, *id, None))
            .collect()
    }

    /// Notes an entity and all that goes with it.
    fn doom(&self, kind: Kind, id: Uuid, doomed: &mut BTreeSet<(Kind, Uuid)>) -> Result<(), Error> {
        if !doomed.insert((kind, id)) {
            return Ok(());
        }
        if kind == Kind::CaCertificates {
            self.check_authority(id)?;
        }
        for child in Kind::ALL {
            for (field, parent) in child.entity().references() {
                if parent != kind {
                    continue;
                }
                let mut children = self.table(child).children(field.name, id, None).peekable();
                if children.peek().is_some() && !field.cascade {
                    return Err(Error::still_referenced(kind, child));
                }
                for id in children {
                    self.doom(child, id, doomed)?;
                }
            }
        }
        Ok(())
    }

    /// Services list the ids of authorities, which is no reference that an index knows; it is looked for in their
    /// bytes, since authorities hardly ever go.
    fn check_authority(&self, id: Uuid) -> Result<(), Error> {
        let text = id.to_string();
        let holds = |raw: &[u8]| raw.windows(text.len()).any(|part| part == text.as_bytes());
        let mut services = self.iter(Kind::Services).filter(|row| holds(row.raw));
        let listed = services.find(|row| {
            let listed = row.sparse().remove("ca_certificates");
            listed.is_some_and(|listed| {
                listed
                    .as_array()
                    .is_some_and(|ids| ids.iter().any(|id| *id == text))
            })
        });
        listed.map_or(Ok(()), |service| {
            let service = service.id;
            Err(Error::referenced_by_others(format!(
                "ca certificate {id} is still referenced by services (id = {service})"
            )))
        })
    }
}
