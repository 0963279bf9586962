//! The embedded, crash-safe home of the entities that are written over REST.
//!
//! One thread, the [`Keeper`]'s, owns the collection and the file. Whoever wants something sends it a function over
//! the collection through a [`Handle`]; the writes that wait are done one after the other, committed together with
//! one flush of the disk, and answered after it: what was answered survives. Who checks entities is [`crate::entity`],
//! who makes HTTP of it the Admin API, and who serves by it control, which follows the [`Changes`].

mod changes;
mod disk;
mod draft;
mod error;
mod handle;
mod hash;
mod keeper;
mod key;
mod ledger;
mod past;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod thread;
mod write;

pub use changes::Changed;
pub use changes::Changes;
pub use draft::Draft;
pub use draft::Made;
pub use draft::draft;
pub use error::Cause;
pub use error::OpenError;
pub use handle::Gone;
pub use handle::Handle;
pub use hash::Hash;
pub use hash::NoHash;
pub use keeper::Act;
pub use keeper::Counter;
pub use keeper::FileRow;
pub use keeper::Keeper;
pub use keeper::Status;
pub use keeper::unwritable;
pub use past::Difference;
pub use past::PastError;
pub use state::Author;
pub use state::Revision;
pub use state::State;
pub use state::Tally;
pub use thread::Thread;
pub use write::Written;
