//! What one core remembers for its plugins, so that a plugin itself can be immutable and shared.

use std::cell::RefCell;
use std::sync::Arc;

use crate::base::ids::CoreId;
use crate::base::rng::Rng;
use crate::ratelimit::Limiter;
use crate::ratelimit::Pools;

/// One core's memory for all plugins.
#[derive(Debug)]
pub struct Core {
    /// Which core.
    pub id: CoreId,
    /// For ids and choices; not secret.
    pub rng: RefCell<Rng>,
    /// Rate limits and quotas.
    pub limiter: Limiter,
}

impl Core {
    /// A core that remembers nothing yet, one of so many `cores` that share the pools of limits.
    pub fn new(id: CoreId, seed: u64, pools: Arc<Pools>, cores: u16) -> Self {
        Self {
            id,
            rng: RefCell::new(Rng::seeded(seed)),
            limiter: Limiter::new(pools, cores),
        }
    }
}
