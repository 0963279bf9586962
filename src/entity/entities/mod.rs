//! All entities of all kinds in memory: rows by id, and indexes for everything that is looked up otherwise.
//!
//! A row is sparse JSON, without nulls and defaults: 150,000 entities must fit in some tens of megabytes. Whoever
//! changes something gets the changes in a form that a disk can keep and that can be taken back.

mod delete;
mod files;
mod names;
mod read;
mod refer;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod write;

use uuid::Uuid;

pub use row::Change;
pub use row::Clash;
pub use row::Origin;
pub use row::Row;
pub use row::full;

use super::Document;
use super::Kind;
use super::PluginSchemas;
use table::Stored;
use table::Table;

/// Every entity there is.
#[derive(Debug)]
pub struct Entities {
    plugins: &'static dyn PluginSchemas,
    /// In the order of the kinds' declaration.
    tables: [Table; Kind::ALL.len()],
    /// The time of the last operation, by which the time is told that an entity has left.
    now_secs: u64,
}

impl Entities {
    /// None yet. The plugins tell what a plugin's configuration must be.
    pub fn new(plugins: &'static dyn PluginSchemas) -> Self {
        let mut kinds = Kind::ALL;
        kinds.sort();
        Self {
            plugins,
            tables: kinds.map(Table::new),
            now_secs: 0,
        }
    }

    /// Takes changes back, in whose order they were made.
    pub fn undo(&mut self, changes: &[Change]) {
        for change in changes.iter().rev() {
            self.put(change.kind, change.id, change.before.clone());
        }
    }

    /// Takes a row as the store kept it.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn restore(&mut self, kind: Kind, id: Uuid, raw: Box<[u8]>) -> Result<(), String> {
        let document = serde_json::from_slice::<Document>(&raw);
        document.map_err(|error| error.to_string())?;
        let origin = Origin::Store;
        self.table_mut(kind).set(id, Some(Stored { raw, origin }));
        Ok(())
    }

    fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize]
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Table {
        &mut self.tables[kind as usize]
    }
}
