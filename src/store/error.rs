//! Why a store cannot be opened, in sentences for the one who starts the gateway, and why a write failed.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use redb::DatabaseError;
use redb::StorageError;

/// A store that cannot be opened.
#[derive(Debug)]
pub struct OpenError {
    /// Its file.
    pub path: PathBuf,
    /// What is in the way.
    pub cause: Cause,
}

/// What keeps a store from being opened.
#[derive(Debug)]
pub enum Cause {
    /// Another process has it.
    Locked,
    /// It was given to the process that takes this one's place.
    Lent,
    /// There is something else at its place: a directory, a socket.
    NoFile,
    /// Its file has no bytes.
    Empty,
    /// Its file was made by another program.
    Foreign,
    /// Its file was made by another version of this program.
    Version {
        /// That of the file.
        found: u64,
        /// The one that is read here.
        ours: u64,
    },
    /// We may not read and write it, or not make it.
    Forbidden,
    /// It is on a disk that nobody may write to.
    ReadOnly,
    /// The directory in which it should be made is not there.
    NoDirectory,
    /// Its bytes are not what was written.
    Damaged(String),
    /// Anything else that the system says.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "the store {path} ")?;
        match &self.cause {
            Cause::Locked => f.write_str("is in use by another process"),
            Cause::Lent => f.write_str("was given to the process that takes over"),
            Cause::NoFile => f.write_str("cannot be opened: there is something else than a file"),
            Cause::Empty => {
                f.write_str("is an empty file: remove it, and a new store is made in its place")
            }
            Cause::Foreign => f.write_str("cannot be opened: the file is no store of Silverback's"),
            Cause::Version { found, ours } => write!(
                f,
                "was written by another version of Silverback: it has format {found}, and this version reads format {ours}"
            ),
            Cause::Forbidden => {
                f.write_str("cannot be opened: no permission to read and write the file")
            }
            Cause::ReadOnly => f.write_str("cannot be opened: it is on a read-only file system"),
            Cause::NoDirectory => {
                let parent = self.path.parent().unwrap_or(Path::new("")).display();
                write!(f, "cannot be made: there is no directory {parent}")
            }
            Cause::Damaged(what) => write!(
                f,
                "is damaged ({what}): bring it back from a backup, or move it away to begin with a new one"
            ),
            Cause::Io(error) => write!(f, "cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::UnexpectedEof => Self::Damaged("its end is missing".to_owned()),
            _ => Self::Io(error),
        }
    }
}

impl From<StorageError> for Cause {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) => error.into(),
            StorageError::Corrupted(what) => Self::Damaged(what),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<DatabaseError> for Cause {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                Self::Locked
            }
            // The number of redb's own format, and the one that it writes.
            DatabaseError::UpgradeRequired(found) => Self::Version {
                found: found.into(),
                ours: 3,
            },
            DatabaseError::Storage(error) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<redb::Error> for Cause {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::Corrupted(what) => Self::Damaged(what),
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::Locked,
            redb::Error::TableDoesNotExist(_) => Self::Foreign,
            other => Self::Damaged(other.to_string()),
        }
    }
}
