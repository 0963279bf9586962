//! One core's targets: idle pools, in-flight counts, connecting.
//!
//! A [`Peer`] is one address that this core talks to; it is kept by address, so its pool and its figures
//! outlive a reload. A [`Lease`] is a connection held by one exchange: dropping it closes the connection,
//! releasing it after a cleanly framed response puts it back, so a forgotten path wastes a connection and
//! never poisons the pool.

mod care;
mod choice;
mod gate;
mod peer;
mod queue;
mod repeats;
mod secured;
mod vitals;

pub use care::Care;
pub use care::Turn;
pub use choice::Absence;
pub use choice::Choice;
pub use choice::Group;
pub use choice::Member;
pub use gate::Crowded;
pub use gate::Gate;
pub use gate::Place;
pub use peer::Lease;
pub use peer::Peer;
pub use peer::Peers;
pub use peer::Pinned;
pub use queue::Waiting;
pub use repeats::Repeats;
pub use repeats::StatusSet;
pub use secured::Secured;
pub use vitals::Wards;
