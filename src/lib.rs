//! Silverback, an API gateway: Kong's model and answers on a shared-nothing, thread-per-core io_uring proxy.
//!
//! The modules stand on floors, and each imports lower floors only; `docs/ARCHITECTURE.md` holds the
//! plan and `tests/architecture.rs` checks it. Start reading at [`proxy`] for the life of a request,
//! at [`config`] for what an operator writes, at [`app`] for how the parts are put together.

pub mod admin;
pub mod app;
pub mod balance;
pub mod base;
pub mod bus;
pub mod cache;
pub mod config;
pub mod control;
pub mod declarative;
pub mod entity;
pub mod explain;
pub mod http;
pub mod http1;
pub mod lint;
pub mod net;
pub mod plugin;
pub mod proxy;
pub mod ratelimit;
pub mod resilience;
pub mod router;
pub mod shard;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod worker;
