//! The file: opening it, making it, and opening it again after it failed.
//!
//! A new file is made under another name and gets its own when it is complete, so that a process killed at any moment
//! leaves either no store or one that can be opened. A file that is opened is read as a whole and held against its
//! checksums, which takes a tenth of a second for 100,000 entities; after that, nothing that redb reads can be
//! anything but what it wrote.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;

use redb::Builder;
use redb::Database;
use redb::backends::FileBackend;
use redb::backends::InMemoryBackend;
use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use super::error::Cause;
use super::tables;
use crate::base::limits::STORE_CACHE_BYTES;

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Place {
    /// In this file.
    File(PathBuf),
    /// In memory: they last as long as the process.
    Memory,
    /// Where a test wants them.
    #[cfg(test)]
    Test(super::tests::platter::Platter),
}

/// The database, which is away after a failure until it is opened again.
#[derive(Debug)]
pub(super) struct Disk {
    place: Place,
    database: Option<Database>,
    /// Another process has the file, and this one waits for it to come back.
    lent: bool,
}

impl Disk {
    /// Opens what is there, or makes it.
    pub(super) fn open(place: Place, now_ms: u64) -> Result<Self, Cause> {
        let database = match &place {
            Place::File(path) => file(path, now_ms)?,
            Place::Memory => {
                let database = builder().create_with_backend(InMemoryBackend::new())?;
                tables::begin(&database, now_ms)?;
                database
            }
            #[cfg(test)]
            Place::Test(platter) => platter.database(now_ms)?,
        };
        Ok(Self {
            place,
            database: Some(database),
            lent: false,
        })
    }

    /// The database, opened again if it failed.
    pub(super) fn ready(&mut self) -> Result<&Database, Cause> {
        if self.lent {
            return Err(Cause::Lent);
        }
        let database = match self.database.take() {
            Some(database) => database,
            None => match &self.place {
                Place::File(path) => existing(path)?,
                Place::Memory => return Err(Cause::Foreign),
                #[cfg(test)]
                Place::Test(platter) => platter.database(0)?,
            },
        };
        Ok(self.database.insert(database))
    }

    /// The database, unless it failed.
    pub(super) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Lets go of the file in good order.
    pub(super) fn close(self) -> Result<(), redb::Error> {
        match self.database {
            Some(database) => Ok(database.close()?),
            None => Ok(()),
        }
    }

    /// Lets go of the file, which nobody here touches until it is [taken back](Self::take_back).
    pub(super) fn lend(&mut self) -> Result<(), redb::Error> {
        if matches!(self.place, Place::Memory) {
            return Ok(());
        }
        self.lent = true;
        match self.database.take() {
            Some(database) => Ok(database.close()?),
            None => Ok(()),
        }
    }

    /// The file is ours again; it is opened when it is needed.
    pub(super) fn take_back(&mut self) {
        self.lent = false;
    }

    /// Whether the last operation failed, so that the file has to be opened again.
    pub(super) fn is_broken(&self) -> bool {
        self.database.is_none()
    }

    /// Gives the file up after a failure. What is in memory alone cannot be brought back, and cannot fail.
    pub(super) fn give_up(&mut self) {
        if !matches!(self.place, Place::Memory) {
            self.database = None;
        }
    }

    /// The file, if there is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Memory => None,
            #[cfg(test)]
            Place::Test(_) => None,
        }
    }
}

/// How databases are opened.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(STORE_CACHE_BYTES)
        .set_check_integrity_on_open(true);
    builder
}

/// The database in this file, which is made if it is not there.
fn file(path: &Path, now_ms: u64) -> Result<Database, Cause> {
    match fs::metadata(path) {
        Ok(_) => existing(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => new(path, now_ms),
        Err(error) => Err(error.into()),
    }
}

fn existing(path: &Path) -> Result<Database, Cause> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(Cause::NoFile);
    }
    if metadata.len() == 0 {
        return Err(Cause::Empty);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut magic = [0; MAGIC.len()];
    let begins = metadata.len() >= MAGIC.len() as u64;
    if !begins || file.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(Cause::Foreign);
    }
    guarded(|| {
        let database = builder().create_with_backend(FileBackend::new(file)?)?;
        tables::check(&database)?;
        Ok(database)
    })
}

fn new(path: &Path, now_ms: u64) -> Result<Database, Cause> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(Cause::NoFile),
    };
    if !parent.is_dir() {
        return Err(Cause::NoDirectory);
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let made = draft_of(&draft, now_ms).and_then(|database| {
        publish(&draft, path)?;
        File::open(parent)?.sync_all()?;
        Ok(database)
    });
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made
}

/// A complete store under a name of its own. It holds keys and passwords, so it is nobody else's to read.
fn draft_of(draft: &Path, now_ms: u64) -> Result<Database, Cause> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    let database = builder().create_with_backend(FileBackend::new(file)?)?;
    tables::begin(&database, now_ms)?;
    Ok(database)
}

/// Gives the draft its name. A store that another process has made in the meantime stays.
fn publish(draft: &Path, path: &Path) -> Result<(), Cause> {
    match rustix::fs::renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(Cause::Locked),
        // A file system that cannot do this at one go.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(fs::rename(draft, path)?),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// A damaged file must not take the process with it, wherever in redb the damage is noticed.
pub(super) fn guarded<T>(open: impl FnOnce() -> Result<T, Cause>) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Cause::Damaged(
            text.unwrap_or("it makes no sense").to_owned(),
        ))
    })
}

/// What a file of redb begins with.
const MAGIC: &[u8; 9] = b"redb\x1A\x0A\xA9\x0D\x0A";
