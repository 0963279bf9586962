//! A way to a peer over TLS: by which settings, as the origin of which name.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::base::clock::Instant;
use crate::net::Pool;
use crate::net::Stream;
use crate::net::tls::Failure;
use crate::net::tls::UpstreamTls;
use crate::snapshot::KeepAlive;
use crate::upstream::peer::Idle;

/// A way to a peer, with the idle connections that were made by it. None is used for another name or by other
/// settings: it was verified for these.
#[derive(Debug)]
pub struct Secured {
    tls: Arc<UpstreamTls>,
    name: Box<str>,
    pub(super) idle: RefCell<Vec<Idle>>,
}

impl Secured {
    pub(super) fn new(tls: &Arc<UpstreamTls>, name: &str) -> Self {
        Self {
            tls: Arc::clone(tls),
            name: name.into(),
            idle: RefCell::default(),
        }
    }

    /// Whether it is the way by these settings to this name.
    pub(super) fn is_by(&self, tls: &Arc<UpstreamTls>, name: &str) -> bool {
        Arc::ptr_eq(&self.tls, tls) && *self.name == *name
    }

    /// Makes a connection speak TLS.
    pub(super) async fn shake(&self, stream: &mut Stream, pool: &Rc<Pool>) -> Result<(), Failure> {
        self.tls.secure(stream, &self.name, pool).await
    }

    /// Closes idle connections that are of no more use; whether one is left.
    pub(super) fn prune(&self, keep: &KeepAlive, now: Instant) -> bool {
        let mut idle = self.idle.borrow_mut();
        idle.retain_mut(|idle| idle.is_usable(keep, now));
        !idle.is_empty()
    }
}
