//! The Admin API: entities over REST as in Kong, and what the gateway says of itself.
//!
//! One table (`table`) holds every path; `dispatch` turns a request into an operation of it. Entities live with
//! whoever implements [`Backend`]; what an operation does to them is in `operate`, pure. Everything else is asked of
//! control. Nothing here is ever waited for by a request of the data plane.

mod audit;
mod backend;
mod body;
mod configuration;
mod dispatch;
pub mod docs;
mod forms;
mod guard;
mod hashing;
mod headers;
mod lint;
mod memory;
mod node;
mod openapi;
mod operate;
mod query;
mod reload;
mod reply;
mod special;
mod status;
mod stored;
mod table;
mod token;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;

pub use backend::Backend;
pub use memory::Memory;
pub use token::Fresh;
pub use token::fresh;

use crate::config::model::AdminToken;
use crate::control::Handle;
use crate::entity::PluginSchemas;
use guard::Guard;
use hashing::Hashing;
use special::Level;

/// What the Admin API is made of.
#[derive(Debug)]
pub struct Setup<B> {
    /// The owner of the entities.
    pub backend: B,
    /// Control, for everything else.
    pub control: Handle,
    /// The plugins that there are.
    pub plugins: &'static dyn PluginSchemas,
    /// Who may ask; empty only where nobody but this machine can.
    pub tokens: Vec<AdminToken>,
    /// The log, whose level may be changed.
    pub log: &'static dyn LogLevel,
}

/// A log that can be told to say more or less.
pub trait LogLevel: Sync + fmt::Debug {
    /// What it says at most.
    fn level(&self) -> LevelFilter;

    /// Says so much from now on.
    fn set(&self, level: LevelFilter);
}

/// The Admin API of a running gateway.
struct Api<B> {
    backend: B,
    control: Handle,
    plugins: &'static dyn PluginSchemas,
    guard: Guard,
    hashing: Hashing,
    level: Level,
    /// Probes are told that the node is to leave.
    leaves: AtomicBool,
}

/// Serves the admin listener until the process ends.
pub async fn serve<B: Backend>(socket: TcpListener, setup: Setup<B>) {
    let api = Api {
        backend: setup.backend,
        control: setup.control,
        plugins: setup.plugins,
        guard: Guard::new(setup.tokens),
        hashing: Hashing::new(),
        level: Level::new(setup.log),
        leaves: AtomicBool::new(false),
    };
    let routes = Router::new()
        .fallback(dispatch::answer::<B>)
        .with_state(Arc::new(api));
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(socket, service).await {
        tracing::error!("the admin listener ended: {error}");
    }
}
