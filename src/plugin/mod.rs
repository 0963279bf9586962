//! What a plugin is, what each of its phases may see and touch, and the chain that asks them in order.
//!
//! A plugin is compiled once from its configuration and shared by all cores and by all entities that are configured
//! alike; what a core remembers for it (counters, cached answers, random numbers) is reached through [`Core`]. Phases
//! are synchronous and in the order of priorities. A request is answered early by `ControlFlow::Break`. One plugin is
//! one file with a [`Definition`], and one line in [`registry`].

mod acl;
mod arguments;
mod auth;
mod basic_auth;
pub mod bot_detection;
mod chain;
mod compiler;
mod core;
pub mod correlation_id;
pub mod cors;
mod definition;
mod directory;
mod edits;
#[cfg(test)]
#[path = "../../docs/plugins/example.rs"]
mod example;
mod hmac_auth;
mod identity;
pub mod ip_restriction;
mod jwt;
mod key_auth;
mod log;
pub mod mock;
mod notes;
mod patterns;
pub mod proxy_cache;
mod rate_limiting;
mod rates;
pub mod redirect;
pub mod registry;
mod request;
pub mod request_size_limiting;
pub mod request_termination;
pub mod request_transformer;
mod response;
mod response_ratelimiting;
pub mod response_transformer;
mod rules;
mod signal;
#[cfg(test)]
#[allow(dead_code, reason = "each plugin's tests use a part of it")]
mod testing;
mod transform;

use std::fmt;
use std::ops::ControlFlow;

pub use basic_auth::kong_password;
pub use basic_auth::stored_password;
pub use chain::Chain;
pub use chain::Draft;
pub use chain::Link;
pub use chain::Scope;
pub use compiler::Compiler;
pub use core::Core;
pub use core::Shared;
pub use definition::Blueprint;
pub use definition::Compiled;
pub use definition::Configured;
pub use definition::Definition;
pub use definition::Own;
pub use directory::Consumer;
pub use directory::Credential;
pub use directory::Directory;
pub use directory::Found;
pub use directory::JwtSecret;
pub use directory::Known;
pub use directory::Secret;
pub use edits::Edits;
pub use edits::Rewrite;
pub use identity::Identity;
pub use log::Log;
pub use notes::Notes;
pub use request::Interrupt;
pub use request::Named;
pub use request::Repeat;
pub use request::Request;
pub use response::BodyWish;
pub use response::Response;
pub use response::ResponseBody;
pub use signal::Signal;

/// A plugin as its configuration says it should be. Every phase that it has must be among its [`Needs`].
pub trait Plugin: Send + Sync + fmt::Debug {
    /// Which phases it takes part in, and which bodies it must see.
    fn needs(&self) -> Needs;

    /// Before the request is forwarded; `Break` answers it instead. A plugin that interrupted with
    /// [`Interrupt::Wait`] or [`Interrupt::Delay`] is asked again from the start.
    fn on_request(&self, _request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        ControlFlow::Continue(())
    }

    /// Before an answer's head goes to the client, whoever gave the answer; `Break` replaces it.
    fn on_response(&self, _response: &mut Response<'_>) -> ControlFlow<Interrupt> {
        ControlFlow::Continue(())
    }

    /// When an answer's whole body is here, if [`Response::body`] asked for it.
    fn on_response_body(&self, _body: &mut ResponseBody<'_>) {}

    /// After the exchange, whatever became of it.
    fn on_log(&self, _log: &Log<'_>) {}
}

/// What a plugin takes part in; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    /// Nothing at all.
    pub const NOTHING: Self = Self(0);
    /// [`Plugin::on_request`]
    pub const REQUEST: Self = Self(1);
    /// [`Plugin::on_response`]
    pub const RESPONSE: Self = Self(2);
    /// [`Plugin::on_response_body`], if the response phase asks for it.
    pub const RESPONSE_BODY: Self = Self(4);
    /// [`Plugin::on_log`]
    pub const LOG: Self = Self(8);
    /// The request's whole body before the request phase, within `limits::PLUGIN_BODY_BYTES`.
    pub const REQUEST_BODY: Self = Self(16);
    /// What the route's regex path captured, in the request phase.
    pub const CAPTURES: Self = Self(32);

    /// All that either needs.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
