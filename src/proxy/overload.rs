//! What is done about too much at a time: a look at the core before anything is spent on a request, and a place at its
//! upstream before anything is sent there.

use std::future::Future;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::base::tier::Tier;
use crate::http::Cause;
use crate::proxy::connection::Rest;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::resilience::fair::Flow;
use crate::router::Match;
use crate::telemetry::Reason;
use crate::upstream::Gate;
use crate::upstream::Group;

impl Exchange<'_> {
    /// Whether only plugins can tell how much the request matters: consumers have tiers and the route has plugins,
    /// which may find one.
    pub(super) fn tier_comes_late(&self, matched: &Match) -> bool {
        let snapshot = &self.instance.snapshot;
        snapshot.directory.highest_tier().is_some()
            && !snapshot.route(matched.route).chain.is_empty()
    }

    /// How much the request matters: as its consumer does, if that is said, else as its route does.
    fn tier(&self, matched: &Match) -> Tier {
        let snapshot = &self.instance.snapshot;
        let consumer = self.scratch.verdicts.identity.consumer_index();
        let tier = consumer.and_then(|consumer| snapshot.directory.tier(consumer));
        tier.unwrap_or_else(|| snapshot.route(matched.route).tier)
    }

    /// Goes on if the core has time for a request that matters so much.
    #[inline]
    pub(super) fn pass_core(&mut self, matched: &Match) -> Result<(), Stop> {
        let shard = &self.cx.shard;
        let tier = self.tier(matched);
        let plan = &self.instance.snapshot.overload;
        let late = *self.client.rest == Rest::Late && shard.overload.is_shedding();
        let passed = match shard.overload.admit(tier, plan, shard.core) {
            // It has waited while nobody listened: its answer would be late whatever is done for it.
            Ok(()) if late => Err(Reason::Delay),
            passed => passed,
        };
        let Err(reason) = passed else {
            *self.client.rest = Rest::No;
            return Ok(());
        };
        shard.metrics.shed(reason, tier);
        *self.client.rest = Rest::Due;
        Err(Cause::Overloaded.into())
    }

    /// Takes a place at the upstream, and waits for it if need be.
    #[inline]
    pub(super) async fn pass_gate(&mut self, matched: &Match, group: &Group) -> Result<(), Stop> {
        let Some(gate) = &group.gate else {
            return Ok(());
        };
        self.place = gate.try_enter();
        if self.place.is_none() {
            // Few wait, and the future is large.
            Box::pin(self.wait(matched, gate)).await?;
        }
        Ok(())
    }

    async fn wait(&mut self, matched: &Match, gate: &Rc<Gate>) -> Result<(), Stop> {
        let tier = self.tier(matched);
        self.arm(self.instance.snapshot.overload.upstream_wait);
        let mut turn = pin!(gate.enter(tier, self.flow()));
        let entered = poll_fn(|cx| {
            if let Poll::Ready(entered) = turn.as_mut().poll(cx) {
                return Poll::Ready(entered.map_err(|_crowded| Ok(Reason::Upstream)));
            }
            if self.poll_client_gone(cx) {
                return Poll::Ready(Err(Err(Cause::ClientClosed)));
            }
            match self.guard.poll_expired(cx) {
                true => Poll::Ready(Err(Ok(Reason::UpstreamWait))),
                false => Poll::Pending,
            }
        })
        .await;
        match entered {
            Ok(place) => {
                self.place = Some(place);
                Ok(())
            }
            Err(Ok(reason)) => {
                self.cx.shard.metrics.shed(reason, tier);
                Err(Cause::UpstreamOverloaded.into())
            }
            Err(Err(cause)) => Err(cause.into()),
        }
    }

    /// Whom the request shares with others as one of them: its consumer, else its client's address.
    fn flow(&self) -> Flow {
        let identity = &self.scratch.verdicts.identity;
        match identity.consumer {
            Some(consumer) if !identity.anonymous => {
                let (high, low) = consumer.id.as_u64_pair();
                high ^ low
            }
            Some(_) | None => self.address_flow(),
        }
    }

    fn address_flow(&self) -> Flow {
        let snapshot = &self.instance.snapshot;
        let peer = self.client.address.ip();
        let trusted = snapshot.trust.trusted.contains(peer);
        let fields = &self.scratch.request.fields;
        match snapshot.trust.client(peer, trusted, fields, self.input) {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            // One customer has a /64.
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        }
    }

    /// Tells the gate how long the origin took, unless it failed: failures come sooner than answers do.
    #[inline]
    pub(super) fn observe_gate(&self, group: &Group) {
        if let Some(gate) = &group.gate
            && let (Some(sent), Some(answered)) = (self.moments.sent, self.moments.answered)
            && self.tally.status < 500
        {
            let shard = &self.cx.shard;
            let own_ns = shard.overload.delay_ns().max(OWN_NS);
            gate.answered(answered.nanos_since(sent), own_ns, shard.lately());
        }
    }
}

/// What a core's own turns may add to an answer's time without being measured, in nanoseconds. A queue at the origin that
/// is no longer does no harm.
const OWN_NS: u64 = 3_000_000;
