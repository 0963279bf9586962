//! One OS thread: pin, runtime, accept, housekeeping, drain.
//!
//! A worker owns its core's [`Shard`](crate::shard::Shard) and its own listening sockets. It hears from control by
//! directives and answers by reports; it shares nothing else.

mod accept;
mod desk;
mod housekeeping;
mod pulse;
mod repeating;
mod reports;
mod runtime;
mod spawn;

pub use spawn::Settings;
pub use spawn::spawn;
