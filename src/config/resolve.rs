//! The only road from TOML to the model: every value is checked, every fault is gathered.
//!
//! It runs in two steps. A *part* is what one block of text says by itself (`part`, `sections`, `services`,
//! `routes`, `upstreams`): checking it looks at nothing else, so an unchanged block need not be read again. `join` then
//! puts the parts together: names and ids must be unique, references must point at something. Whatever is wrong
//! gets a stand-in and leaves a fault, so that the rest is checked too; with a fault there is no model.

mod admin;
mod consumers;
pub(super) mod join;
mod names;
pub(super) mod origin_tls;
pub(super) mod part;
pub(super) mod patterns;
pub(super) mod plugins;
pub(super) mod resilience;
mod routes;
mod sections;
pub(super) mod services;
mod template;
pub(super) mod tls;
mod upstreams;
pub(super) mod url;

pub(super) use admin::ROLES as ADMIN_ROLES;
pub(super) use admin::write_hash;
pub(super) use routes::PATH_HANDLING;
pub(super) use sections::FAMILIES;
pub(super) use tls::CLIENT_AUTH;
pub(super) use tls::VERSIONS as TLS_VERSIONS;
