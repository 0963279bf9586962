//! What one core remembers for its plugins, so that a plugin itself can be immutable and shared.

use std::cell::RefCell;

use crate::base::ids::CoreId;
use crate::base::rng::Rng;

use super::auth::memory::Memory;

/// One core's memory for all plugins.
#[derive(Debug)]
pub struct Core {
    /// Which core.
    pub id: CoreId,
    /// For ids and choices; not secret.
    pub rng: RefCell<Rng>,
    /// Passwords and tokens that it has verified.
    pub(super) auth: RefCell<Memory>,
}

impl Core {
    /// A core that remembers nothing yet.
    pub fn new(id: CoreId, seed: u64) -> Self {
        Self {
            id,
            rng: RefCell::new(Rng::seeded(seed)),
            auth: RefCell::default(),
        }
    }
}
