//! One address: its idle connections and what is known of it on this core.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::balance::Ewma;
use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::limits;
use crate::net;
use crate::net::Pool;
use crate::net::Stream;
use crate::net::tls::Failure;
use crate::net::tls::UpstreamTls;
use crate::snapshot::Admission;
use crate::snapshot::KeepAlive;
use crate::upstream::Gate;
use crate::upstream::secured::Secured;

/// An idle connection. It is watched, so that whatever the origin does is seen before it is reused.
#[derive(Debug)]
pub(super) struct Idle {
    stream: Stream,
    served: u32,
    since: Instant,
}

impl Idle {
    fn is_older(&self, age: Duration, now: Instant) -> bool {
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        now.nanos_since(self.since) >= age
    }

    pub(super) fn is_usable(&mut self, keep: &KeepAlive, now: Instant) -> bool {
        !self.is_older(keep.idle, now) && self.stream.reader.is_quiet()
    }
}

/// One address that this core connects to.
#[derive(Debug)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    idle: RefCell<Vec<Idle>>,
    /// The same connections over TLS, apart by settings and name; most peers have none.
    secured: RefCell<Vec<Rc<Secured>>>,
    in_flight: Cell<u32>,
    latency: Cell<Option<Ewma>>,
    /// The last time that a connection met its close, and how long it had been idle then.
    closed: Cell<Option<(Instant, u64)>>,
}

impl Peer {
    fn new(address: SocketAddr) -> Self {
        Self {
            address,
            idle: RefCell::default(),
            secured: RefCell::default(),
            in_flight: Cell::new(0),
            latency: Cell::new(None),
            closed: Cell::new(None),
        }
    }

    /// Leases that are out, that is, requests in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    /// The way to it over TLS by these settings, as the origin of this name.
    pub fn over(&self, tls: &Arc<UpstreamTls>, name: &str) -> Rc<Secured> {
        let mut secured = self.secured.borrow_mut();
        if let Some(known) = secured.iter().find(|known| known.is_by(tls, name)) {
            return Rc::clone(known);
        }
        // Names may be whatever clients say.
        if secured.len() >= limits::TLS_NAMES
            && let Some(unused) = secured.iter().position(|it| Rc::strong_count(it) == 1)
        {
            secured.swap_remove(unused);
        }
        let new = Rc::new(Secured::new(tls, name));
        secured.push(Rc::clone(&new));
        new
    }

    /// The idle connections of a way.
    #[inline]
    fn idle_of<'a>(&'a self, secured: Option<&'a Rc<Secured>>) -> &'a RefCell<Vec<Idle>> {
        secured.map_or(&self.idle, |secured| &secured.idle)
    }

    /// The idle connection used last, if there is one that is open, silent and idle for less than `age`.
    pub fn reuse(
        self: &Rc<Self>,
        secured: Option<&Rc<Secured>>,
        age: Duration,
        now: Instant,
    ) -> Option<Lease> {
        loop {
            let mut idles = self.idle_of(secured).borrow_mut();
            // The one used last is on top, so that if it is too old all are.
            let mut idle = idles.pop_if(|idle| !idle.is_older(age, now))?;
            drop(idles);
            if idle.stream.reader.is_quiet() {
                let Idle {
                    stream,
                    served,
                    since,
                } = idle;
                return Some(Lease {
                    hold: Hold::on(self),
                    secured: secured.cloned(),
                    stream,
                    served,
                    idle_nanos: now.nanos_since(since),
                    pinned: false,
                });
            }
        }
    }

    /// Notes that the peer closed a connection that was taken into use after so long.
    pub fn met_close(&self, idle_nanos: u64, now: Instant) {
        let shorter = self
            .closed
            .get()
            .is_none_or(|(at, known)| Self::trusted(at, known, now) > idle_nanos / 2);
        if shorter {
            self.closed.set(Some((now, idle_nanos)));
        }
    }

    /// How long a connection may have been idle for a request that must not be sent twice: clearly less than what the
    /// peer was seen to close connections after, which counts half as much with each [`limits::CLOSE_FORGOTTEN`].
    pub fn unsafe_idle(&self, now: Instant) -> Duration {
        let most = limits::UNSAFE_REUSE_IDLE;
        self.closed.get().map_or(most, |(at, known)| {
            most.min(Duration::from_nanos(Self::trusted(at, known, now)))
        })
    }

    fn trusted(at: Instant, known: u64, now: Instant) -> u64 {
        let half = limits::CLOSE_FORGOTTEN.as_nanos() as u64;
        let doublings = (now.nanos_since(at) / half).min(40);
        (known / 2).saturating_mul(1 << doublings)
    }

    /// How long this core has waited for answers of the peer; none if it has had no answer yet.
    pub fn latency(&self) -> Option<Ewma> {
        self.latency.get()
    }

    /// Notes how long the peer took to answer.
    pub fn answered(&self, nanos: u64, now: Instant) {
        let mut latency = self.latency.get().unwrap_or_default();
        latency.observe(nanos, now);
        self.latency.set(Some(latency));
    }

    /// Begins with what is known of others, if nothing is known of this peer.
    pub fn seed_latency(&self, seed: Ewma) {
        self.latency.set(self.latency.get().or(Some(seed)));
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// Whatever the kernel says of the attempt, or TLS of the origin.
    pub async fn connect(
        self: &Rc<Self>,
        secured: Option<Rc<Secured>>,
        pool: &Rc<Pool>,
    ) -> Result<Lease, Failure> {
        let hold = Hold::on(self);
        let mut stream = net::connect(self.address).await?;
        if let Some(secured) = &secured {
            // A handshake is large and rare.
            Box::pin(secured.shake(&mut stream, pool)).await?;
        }
        Ok(Lease {
            hold,
            secured,
            stream,
            served: 0,
            idle_nanos: 0,
            pinned: false,
        })
    }
}

/// Counts one request in flight for as long as it lives.
#[derive(Debug)]
struct Hold {
    peer: Rc<Peer>,
}

impl Hold {
    fn on(peer: &Rc<Peer>) -> Self {
        peer.in_flight.set(peer.in_flight.get() + 1);
        Self {
            peer: Rc::clone(peer),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.peer.in_flight.set(self.peer.in_flight.get() - 1);
    }
}

/// One exchange's hold on a connection.
#[derive(Debug)]
pub struct Lease {
    hold: Hold,
    /// What it speaks TLS by, if it does.
    secured: Option<Rc<Secured>>,
    /// The connection.
    pub stream: Stream,
    served: u32,
    /// How long the connection had been idle.
    idle_nanos: u64,
    pinned: bool,
}

impl Lease {
    /// How long the connection had been idle when it was taken.
    pub fn idle_nanos(&self) -> u64 {
        self.idle_nanos
    }

    /// Whether the connection has served a request before.
    pub fn is_reused(&self) -> bool {
        self.served > 0
    }

    /// Whether it belongs to one client.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Keeps the connection for one client. As with [`release`](Self::release) the response must have ended.
    pub fn pin(self) -> Pinned {
        let Self {
            hold,
            secured,
            mut stream,
            served,
            ..
        } = self;
        stream.reader.watch();
        Pinned {
            peer: Rc::clone(&hold.peer),
            secured,
            stream,
            served: served + 1,
        }
    }

    /// Whom it leads to.
    pub fn peer(&self) -> &Rc<Peer> {
        &self.hold.peer
    }

    /// Puts the connection back. Call it only after a response that ended where its framing said, on a connection
    /// that both sides want to keep.
    pub fn release(self, keep: &KeepAlive, now: Instant) {
        let Self {
            hold,
            secured,
            mut stream,
            served,
            ..
        } = self;
        let served = served + 1;
        let mut idle = hold.peer.idle_of(secured.as_ref()).borrow_mut();
        if served < keep.requests && idle.len() < keep.pool_size {
            stream.reader.watch();
            idle.push(Idle {
                stream,
                served,
                since: now,
            });
        }
    }
}

/// An idle connection that belongs to one client, because the origin knows it by that client's credentials.
/// It lives as long as the client's own connection.
#[derive(Debug)]
pub struct Pinned {
    peer: Rc<Peer>,
    secured: Option<Rc<Secured>>,
    stream: Stream,
    served: u32,
}

impl Pinned {
    /// Whether it leads to this peer.
    pub fn leads_to(&self, peer: &Rc<Peer>) -> bool {
        Rc::ptr_eq(&self.peer, peer)
    }

    /// Whether it goes this way.
    pub fn is_by(&self, secured: Option<&Rc<Secured>>) -> bool {
        self.secured.as_ref().map(Rc::as_ptr) == secured.map(Rc::as_ptr)
    }

    /// Takes it into use again, if it is still open and silent.
    pub fn resume(mut self) -> Option<Lease> {
        self.stream.reader.is_quiet().then(|| Lease {
            hold: Hold::on(&self.peer),
            secured: self.secured,
            stream: self.stream,
            served: self.served,
            idle_nanos: 0,
            pinned: true,
        })
    }
}

/// All peers of one core, by address.
#[derive(Debug, Default)]
pub struct Peers {
    known: RefCell<HashMap<SocketAddr, Rc<Peer>>>,
    gates: RefCell<HashMap<Box<str>, Rc<Gate>>>,
    core: CoreId,
}

impl Peers {
    /// No peers yet, for one core.
    pub fn of(core: CoreId) -> Self {
        Self {
            core,
            ..Self::default()
        }
    }

    /// The gate of an upstream, which goes by these settings from now on.
    pub fn gate(&self, admission: &Admission) -> Rc<Gate> {
        let mut gates = self.gates.borrow_mut();
        if let Some(gate) = gates.get(&admission.key) {
            gate.set(admission, self.core);
            return Rc::clone(gate);
        }
        let gate = Rc::new(Gate::new(admission, self.core));
        gates.insert(admission.key.clone(), Rc::clone(&gate));
        gate
    }

    /// The sums over all gates: limits, requests in flight, requests that wait.
    pub fn gates(&self) -> (u64, u64, u64) {
        let gates = self.gates.borrow();
        let figures = gates.values().map(|gate| gate.figures());
        figures.fold(
            (0, 0, 0),
            |(limits, flying, waiting), (limit, flies, waits)| {
                (
                    limits + u64::from(limit),
                    flying + u64::from(flies),
                    waiting + waits as u64,
                )
            },
        )
    }

    /// The peer at `address`.
    pub fn at(&self, address: SocketAddr) -> Rc<Peer> {
        let mut known = self.known.borrow_mut();
        let peer = known
            .entry(address)
            .or_insert_with(|| Rc::new(Peer::new(address)));
        Rc::clone(peer)
    }

    /// Closes idle connections that are of no more use, and forgets peers that have none and nobody refers to, and gates
    /// that nobody refers to.
    pub fn prune(&self, keep: &KeepAlive, now: Instant) {
        let mut gates = self.gates.borrow_mut();
        gates.retain(|_, gate| Rc::strong_count(gate) > 1);
        drop(gates);
        self.known.borrow_mut().retain(|_, peer| {
            peer.idle
                .borrow_mut()
                .retain_mut(|idle| idle.is_usable(keep, now));
            let mut secured = peer.secured.borrow_mut();
            secured.retain(|secured| secured.prune(keep, now) || Rc::strong_count(secured) > 1);
            // An install drops every group that refers to it; its connections outlive that.
            Rc::strong_count(peer) > 1 || !peer.idle.borrow().is_empty() || !secured.is_empty()
        });
    }

    /// How many idle connections there are, over all peers.
    pub fn idle(&self) -> usize {
        self.known
            .borrow()
            .values()
            .map(|peer| {
                let secured = peer.secured.borrow();
                let over_tls = secured.iter().map(|secured| secured.idle.borrow().len());
                peer.idle.borrow().len() + over_tls.sum::<usize>()
            })
            .sum()
    }

    /// Closes every idle connection.
    pub fn close_idle(&self) {
        self.known.borrow().values().for_each(|peer| {
            peer.idle.borrow_mut().clear();
            let secured = peer.secured.borrow();
            secured.iter().for_each(|it| it.idle.borrow_mut().clear());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_met_a_close_teach_for_how_long_to_trust_them() {
        let peer = Peer::new(([127, 0, 0, 1], 1).into());
        let (most, now) = (limits::UNSAFE_REUSE_IDLE, Instant(1));
        assert_eq!(peer.unsafe_idle(now), most);
        let ms = |millis: u64| millis * 1_000_000;
        peer.met_close(ms(50), now);
        assert_eq!(peer.unsafe_idle(now), Duration::from_millis(25));
        peer.met_close(ms(90), now);
        assert_eq!(peer.unsafe_idle(now), Duration::from_millis(25));
        let later = now.plus(2 * limits::CLOSE_FORGOTTEN);
        assert_eq!(peer.unsafe_idle(later), Duration::from_millis(100));
        assert_eq!(peer.unsafe_idle(Instant(u64::MAX)), most);
    }
}
