//! The Admin API over real sockets, with entities in memory and a stand-in for control.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod behaviour;
mod client;
#[path = "../golden/differences.rs"]
mod differences;
mod docs;
mod endpoints;
mod gateway;
#[path = "../golden/admin.rs"]
mod golden;
mod openapi;
mod pages;
mod recorded;
mod shape;
