//! What one core remembers for its plugins, so that a plugin itself can be immutable and shared.

use std::cell::RefCell;

use crate::base::ids::CoreId;
use crate::base::rng::Rng;

use super::bot_detection::Seen;
use super::correlation_id::Serial;

/// One core's memory for all plugins.
#[derive(Debug)]
pub struct Core {
    /// Which core.
    pub id: CoreId,
    /// For ids and choices; not secret.
    pub rng: RefCell<Rng>,
    /// The ids that correlation-id gives.
    pub serial: Serial,
    /// The user agents that bot-detection has seen.
    pub agents: RefCell<Seen>,
}

impl Core {
    /// A core that remembers nothing yet.
    pub fn new(id: CoreId, seed: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        Self {
            id,
            serial: Serial::new(&mut rng),
            agents: RefCell::default(),
            rng: RefCell::new(rng),
        }
    }
}
