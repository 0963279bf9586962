//! Where a worker's connections begin, whether it has accepted them itself or another one has.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use monoio::io::AsyncReadRent;
use monoio::net::UnixStream;

use crate::base::ids::CoreId;
use crate::base::limits;
use crate::bus::Handover;
use crate::bus::Side;
use crate::net::Addresses;
use crate::net::Incoming;
use crate::net::Permit;
use crate::proxy;
use crate::proxy::Context;
use crate::shard::Listening;
use crate::telemetry::Counter;
use crate::telemetry::Gauge;

/// What the beginnings of connections share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) cx: Rc<Context>,
    /// In the order of the configuration.
    pub(super) listeners: Vec<Rc<Listening>>,
    pub(super) side: Side,
    pub(super) addresses: Arc<Addresses>,
    /// The runtime polls sockets instead of completing operations.
    pub(super) polled: bool,
}

impl Desk {
    /// Takes a connection that this worker has accepted: closes it if its address has too many, and hands it over if
    /// another worker has clearly less to do.
    pub(super) fn receive(self: &Rc<Self>, incoming: Incoming, listener: usize) {
        let shard = &self.cx.shard;
        shard.metrics.count(Counter::ConnectionsAccepted, 1);
        let Ok(permit) = self.permit(&incoming, listener) else {
            shard.metrics.count(Counter::AddressRefusals, 1);
            return;
        };
        match self.better() {
            Some(core) => self.hand(core, incoming, listener, permit),
            None => self.serve(incoming, listener, permit),
        }
    }

    /// A place among the connections of its address; none is needed where there is no bound, and a balancer that speaks for
    /// others has none.
    fn permit(&self, incoming: &Incoming, listener: usize) -> Result<Option<Permit>, ()> {
        let instance = self.cx.shard.instance();
        let Some(most) = instance.snapshot.overload.connections_per_address else {
            return Ok(None);
        };
        let listening = self.listeners.get(listener);
        if listening.is_none_or(|listening| listening.proxy_protocol) {
            return Ok(None);
        }
        let permit = self.addresses.admit(incoming.peer.ip(), most);
        permit.map(Some).ok_or(())
    }

    /// The worker that should have a new connection instead of this one. What another one may be accepting itself counts as
    /// if it had it, so that its share is kept.
    fn better(&self) -> Option<CoreId> {
        let shard = &self.cx.shard;
        if shard.draining.get() {
            return None;
        }
        let connections = shard.instance().snapshot.connections;
        let chance = usize::try_from(shard.lately().micros()).unwrap_or(0);
        let own = shard.connections.get() + 1;
        let coming = limits::ACCEPTS * self.listeners.len();
        let room = |core| connections.of(core).saturating_sub(coming);
        self.side.better(own, chance, room)
    }

    fn hand(
        self: &Rc<Self>,
        core: CoreId,
        incoming: Incoming,
        listener: usize,
        permit: Option<Permit>,
    ) {
        let peer = incoming.peer;
        let handover = Handover {
            socket: incoming.into_socket(),
            peer,
            listener,
            permit,
        };
        match self.side.hand(core, handover) {
            Ok(()) => self.cx.shard.metrics.count(Counter::HandedOver, 1),
            Err(handover) => self.adopt(handover),
        }
    }

    /// Serves a connection that another worker has accepted.
    fn adopt(self: &Rc<Self>, handover: Handover) {
        let Handover {
            socket,
            peer,
            listener,
            permit,
        } = handover;
        if let Ok(incoming) = Incoming::adopt(socket, peer) {
            self.serve(incoming, listener, permit);
        }
    }

    /// Starts the connection's task. A panic in it ends that connection and is counted; the runtime would not catch
    /// it.
    fn serve(self: &Rc<Self>, incoming: Incoming, listener: usize, permit: Option<Permit>) {
        let Some(listening) = self.listeners.get(listener) else {
            return;
        };
        self.count(1);
        if let Some(housekeeping) = self.cx.shard.sleeper.take() {
            housekeeping.wake();
        }
        let served = proxy::serve(
            Rc::clone(&self.cx),
            incoming.into_stream(),
            Rc::clone(listening),
        );
        let desk = Rc::clone(self);
        // Combined by functions: an `async` block would hold the future twice, before and while it is awaited.
        monoio::spawn(AssertUnwindSafe(served).catch_unwind().map(move |end| {
            if end.is_err() {
                desk.cx.shard.metrics.count(Counter::Panics, 1);
            }
            desk.count(-1);
            drop(permit);
        }));
    }

    /// Counts open connections, for this worker and for the others to see.
    fn count(&self, by: isize) {
        let shard = &self.cx.shard;
        let connections = shard.connections.get().saturating_add_signed(by);
        shard.connections.set(connections);
        shard.metrics.adjust(Gauge::ConnectionsActive, by as i64);
        if !shard.draining.get() {
            self.side.say(connections);
        }
    }
}

/// Serves what other workers hand over, until there is no worker any more.
pub(super) async fn arrivals(desk: Rc<Desk>, woken: std::os::unix::net::UnixStream) {
    let Ok(mut woken) = UnixStream::from_std(woken) else {
        return;
    };
    let mut bytes = Vec::with_capacity(64);
    loop {
        while let Some(handover) = desk.side.next() {
            desk.adopt(handover);
        }
        let (result, back) = woken.read(bytes).await;
        bytes = back;
        if !result.is_ok_and(|read| read > 0) {
            return;
        }
    }
}
