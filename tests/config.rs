//! Every file in `config/` loads; every bad file in `tests/config/` has exactly its golden faults; the
//! documentation lists what the code knows.
//!
//! `UPDATE_GOLDEN=1 cargo test --test config` writes the golden files and the printed part of the documentation anew.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "config/files.rs"]
mod files;
#[path = "config/golden.rs"]
mod golden;
#[path = "config/mutation.rs"]
mod mutation;
#[path = "config/reload.rs"]
mod reload;
