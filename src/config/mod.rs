//! From TOML to a model that cannot be wrong, reporting every fault at once with its place.
//!
//! `loader` reads files, `raw` gives tables and values with their places, `resolve` checks everything and makes
//! the [`model`], which is all that the rest of the gateway sees. `schema` lists every key once, `code` every kind
//! of fault; the documentation is printed from both. What a configuration does not cover (starting
//! listeners, compiling routes) is left to the floors above.

pub mod code;
mod cover;
pub mod diff;
pub mod docs;
mod documents;
mod effective;
pub mod fault;
mod loader;
pub mod marketplace;
pub mod model;
mod raw;
mod render;
mod resolve;
pub mod schema;
mod source;
mod stored;

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::HashMap;
use toml::de::DeTable;
use uuid::Uuid;

pub use code::Code;
pub use diff::Diff;
pub use diff::diff;
pub use documents::documents;
pub use effective::Secrets;
pub use effective::effective;
pub use fault::Fault;
pub use fault::Faults;
pub use loader::Loader;
pub use model::Model;
pub use stored::Stored;
pub use stored::no_such_plugin;

/// Before a hash of a password as Kong keeps it: the hexadecimal SHA-1 of password and consumer id.
const KONG_HASH: &str = "$kong$";

/// Where entities stand in files, as `file:line`, by their ids.
pub type Places = Arc<HashMap<Uuid, Box<str>>>;

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub model: Model,
    /// What is odd about it, in the order of files and lines.
    pub warnings: Vec<Fault>,
    /// Where each entity stands.
    pub places: Places,
    /// What to watch for changes: every file read and every directory that an include pattern looks into.
    pub files: Vec<PathBuf>,
}

/// Loads the file at `path` with all that it includes. Whoever loads again keeps a [`Loader`], which is
/// faster the second time.
///
/// # Errors
/// Everything that is wrong with it, if anything is.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    Loader::default().load(path)
}

/// The address of the admin listener that a file names, whatever else is wrong with it: for whoever has to
/// reach a gateway whose file is refused. Files that it includes are not read.
pub fn admin_address(text: &str) -> Option<SocketAddr> {
    let (document, _faults) = DeTable::parse_recoverable(text);
    let admin = document.get_ref().get("admin")?.get_ref().as_table()?;
    admin.get("address")?.get_ref().as_str()?.parse().ok()
}

/// Loads a text that is in no file; faults call it `name`.
///
/// # Errors
/// Everything that is wrong with it, if anything is.
pub fn parse_str(name: &str, text: &str) -> Result<Loaded, Faults> {
    Loader::default().parse_str(name, text)
}
