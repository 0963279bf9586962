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

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use uuid::Uuid;

pub use backend::Backend;
pub use memory::Memory;
pub use token::Fresh;
pub use token::fresh;

use crate::config::model::AdminToken;
use crate::control::Handle;
use crate::entity::PluginSchemas;
use guard::Guard;

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
}

/// The Admin API of a running gateway.
struct Api<B> {
    backend: B,
    control: Handle,
    plugins: &'static dyn PluginSchemas,
    guard: Guard,
    /// Which process this is.
    node: Uuid,
}

/// Serves the admin listener until the process ends.
pub async fn serve<B: Backend>(socket: TcpListener, setup: Setup<B>) {
    let api = Api {
        backend: setup.backend,
        control: setup.control,
        plugins: setup.plugins,
        guard: Guard::new(setup.tokens),
        node: Uuid::new_v4(),
    };
    let routes = Router::new()
        .fallback(dispatch::answer::<B>)
        .with_state(Arc::new(api));
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(socket, service).await {
        tracing::error!("the admin listener ended: {error}");
    }
}
