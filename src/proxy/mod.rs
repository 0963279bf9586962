//! One downstream connection and its exchanges, from bytes read to outcome recorded.
//!
//! ```text
//! serve ── idle: one armed receive, one deadline, no other state
//!   └ burst, on a fiber ── read_head ─▶ Received
//!        exchange: route ─▶ Routed ─▶ admit ─▶ Admitted ─▶ forward ─▶ Answered ─▶ relay ─▶ Fate
//!                     └──────────┴── Stop ──┴─────────────────┴──▶ answer (one map from failure to reply)
//!        record: one place, every path
//! repeat: the same exchange without a client, from the plugin on that wants it
//! ```
//!
//! Each stage takes the value of the stage before it. Plugins join in `admit` and before the response's head
//! is written; nothing else in here knows them.

mod admit;
mod answer;
mod body;
mod body_limit;
mod connection;
mod denials;
mod exchange;
#[cfg(debug_assertions)]
mod failpoint;
mod failure;
mod fiber;
mod forward;
mod gather;
mod hashing;
mod head;
mod overload;
mod place;
mod record;
mod relay;
mod repeat;
pub mod request_head;
mod respond;
mod response_body;
pub mod response_head;
mod response_phase;
mod retry;
mod route;
mod secure;
mod serve;
mod tunnel;

pub use repeat::Repeat;
pub use repeat::repeat;
pub use serve::Context;
pub use serve::serve;
