//! The seam for plugins: what one is, what each phase may touch, and the chain that asks them in order.
//!
//! A plugin is compiled once from its configuration ([`Spec`], shared by all cores) and has one running copy on
//! each core ([`Filter`], so plain cells do for its state). Phases are synchronous; a refusal is
//! `ControlFlow::Break` with the answer. Which filters a request meets is the snapshot's business.

mod chain;

use std::ops::ControlFlow;

pub use chain::Chain;

use crate::base::ids::CoreId;
use crate::http::Reply;
use crate::http::RequestHead;

/// A plugin's configuration, compiled once and shared.
pub trait Spec: Send + Sync + std::fmt::Debug {
    /// Higher runs first, as in Kong.
    fn priority(&self) -> i32;

    /// One core's running copy.
    fn instantiate(&self, core: CoreId) -> Box<dyn Filter>;
}

/// What the request phase may see.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The request's head.
    pub head: &'a RequestHead,
    /// The bytes that the head refers to.
    pub bytes: &'a [u8],
    /// The canonical path.
    pub path: &'a [u8],
}

/// One core's running copy of a plugin.
pub trait Filter: std::fmt::Debug {
    /// Before the request is forwarded; `Break` answers it instead.
    fn on_request(&self, _request: &RequestContext<'_>) -> ControlFlow<Reply> {
        ControlFlow::Continue(())
    }
}
