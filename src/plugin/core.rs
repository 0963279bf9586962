//! What one core remembers for its plugins, so that a plugin itself can be immutable and shared.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::base::ids::CoreId;
use crate::base::rng::Rng;
use crate::cache;
use crate::ratelimit::Limiter;
use crate::ratelimit::Pools;

use super::auth::memory::Memory;
use super::bot_detection::Seen;
use super::correlation_id::Serial;
use super::mock;
use super::proxy_cache::Flights;

/// What the cores of a process share.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// What they take leases of rate limits from.
    pub pools: Arc<Pools>,
    /// What their stored answers take.
    pub stored: Arc<cache::Accounts>,
    /// How many cores there are.
    pub cores: u16,
}

/// One core's memory for all plugins.
#[derive(Debug)]
pub struct Core {
    /// Which core.
    pub id: CoreId,
    /// For ids and choices; not secret.
    pub rng: RefCell<Rng>,
    /// Rate limits and quotas.
    pub limiter: Limiter,
    /// The ids that correlation-id gives.
    pub serial: Serial,
    /// The user agents that bot-detection has seen.
    pub agents: RefCell<Seen>,
    /// The last requests of mock plugins.
    pub mock: mock::Recorder,
    /// Passwords and tokens that it has verified.
    pub(super) auth: RefCell<Memory>,
    /// The answers that proxy-cache has stored.
    pub cache: cache::Store,
    /// The answers that it is fetching.
    pub flights: Rc<Flights>,
}

impl Core {
    /// A core that remembers nothing yet.
    pub fn new(id: CoreId, seed: u64, shared: Shared) -> Self {
        let mut rng = Rng::seeded(seed);
        Self {
            id,
            limiter: Limiter::new(shared.pools, shared.cores),
            serial: Serial::new(&mut rng),
            agents: RefCell::default(),
            mock: mock::Recorder::default(),
            cache: cache::Store::new(shared.stored, shared.cores),
            flights: Rc::default(),
            rng: RefCell::new(rng),
            auth: RefCell::default(),
        }
    }
}
