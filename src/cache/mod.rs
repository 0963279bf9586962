//! Answers that were given once and can be given again: what is stored, how long it is fresh, what falls out.
//!
//! Every core has an index of its own over entries that the whole process shares, so a look-up touches nobody else's
//! memory and a stored body exists once. A core that stores something announces it; control passes that on and
//! keeps nothing. The bound is of the process: cores that hold the same entries hold them once together, and an entry that
//! several hold counts once. A core's own index never exceeds it; together they may until their next ticks, when each gives up
//! its part of what is too much.
//!
//! What is asked for and what may be stored is the plugin's to decide; this module knows no plugin.

mod accounts;
mod directives;
mod entry;
mod freshness;
mod index;
mod message;
mod purge;
mod queues;
mod store;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
mod variants;

pub use accounts::Accounts;
pub use accounts::Charge;
pub use directives::Secs;
pub use directives::Terms;
pub use directives::Wishes;
pub use entry::Content;
pub use entry::Dictionary;
pub use entry::Digest;
pub use entry::Entry;
pub use entry::Filed;
pub use entry::Slot;
pub use freshness::Micros;
pub use freshness::Times;
pub use freshness::Use;
pub use message::Message;
pub use message::Order;
pub use message::Question;
pub use message::Told;
pub use purge::Purge;
pub use purge::Target;
pub use store::Store;
pub use tally::Status;
pub use variants::Variants;
