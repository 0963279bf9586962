//! The third stage: to a target and back to the head of its answer, with retries.
//!
//! A request may be tried again while all of it is still here and no byte of an answer has come (RFC 9110 section
//! 9.2.2): at the next target when no connection could be made (any method, as nothing was sent), or when the
//! target did not answer and the method is idempotent; and first, once, on a fresh connection to the same
//! target when a reused one ended, because then the request most likely crossed the target's idle close. What of this
//! is done, and how often, is the upstream's to say (`upstream::Repeats`).

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::http::Cause;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::net::pool::Size;
use crate::net::tls::UpstreamTls;
use crate::proxy::admit::Admitted;
use crate::proxy::body::append_chunk;
use crate::proxy::connection::Fate;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::failure::connect_cause;
use crate::proxy::hashing::hash_key;
use crate::proxy::place::Place;
use crate::proxy::place::place;
use crate::proxy::relay;
use crate::proxy::request_head::Onward;
use crate::snapshot::Destination;
use crate::telemetry::Counter;
use crate::upstream::Choice;
use crate::upstream::Group;
use crate::upstream::Lease;
use crate::upstream::Member;
use crate::upstream::Peer;
use crate::upstream::Pinned;
use crate::upstream::Secured;

/// How an attempt ended without an answer.
pub(super) enum Missed {
    /// Nothing of the request was sent; the cause is the answer if there is no other target.
    Unsent(Cause),
    /// A reused connection ended before the first byte of an answer.
    Stale,
    /// The request was sent and not answered; the cause is the answer if it is not tried again.
    Unanswered(Cause),
    /// The answer has a status by which another target is tried, and there is another.
    Unwanted(u16),
    /// There is nothing to try again.
    Final(Stop),
}

impl From<Stop> for Missed {
    fn from(stop: Stop) -> Self {
        Self::Final(stop)
    }
}

impl Missed {
    /// The same, if an answer has `begun`: then there is nothing to try again.
    pub(super) fn after(self, begun: bool) -> Self {
        match self {
            Self::Unanswered(cause) if begun => Self::Final(cause.into()),
            missed => missed,
        }
    }
}

/// Sends the request to a target and relays the answer.
pub(super) async fn forward(exchange: &mut Exchange<'_>, admitted: Admitted) -> Result<Fate, Stop> {
    let instance = Rc::clone(&exchange.instance);
    let plan = instance.snapshot.route(admitted.matched.route);
    let destination = plan.destination.as_ref().ok_or(Cause::ServiceMissing)?;
    let shard = &exchange.cx.shard;
    let group = instance.group(destination.upstream, &shard.peers, &shard.wards);
    exchange.pass_gate(&admitted.matched, group).await?;
    let key = if group.hashes() {
        hash_key(exchange, &admitted, &group.hash_on)
    } else {
        None
    };
    group.repeats.request(exchange.moments.received);
    let mut choice = Choice::new(key);
    let mut last = None;
    let mut retries = destination.retries;
    let mut fresh = false;
    // Where the next attempt goes without a choice: first to the client's own connection.
    let pinned = exchange.pinned_member(group);
    let mut given = pinned.map(|member| Place::at(exchange, group, member));
    loop {
        let place = match given.take() {
            Some(place) => place,
            None => place(exchange, group, &choice, last).await?,
        };
        let index = place.member;
        let member = &group.members[index];
        exchange.unwanted = exchange.unwanted_from(group, &choice, index, retries);
        let result = attempt(exchange, &admitted, destination, member, fresh).await;
        if let Err(Missed::Stale) = result {
            let now = exchange.cx.shard.lately();
            member.peer.met_close(exchange.idle_nanos, now);
        }
        if let Err(Missed::Stale) = result
            && exchange.may_repeat()
        {
            // A fresh connection does not go stale, so this happens once. It is no part of the budget: the request
            // has most likely crossed the target's idle close, which says nothing of its health.
            fresh = true;
            given = Some(place);
            exchange.tally.retries += 1;
            continue;
        }
        place.settle(exchange, &result);
        let missed = match result {
            Ok(fate) => {
                exchange.observe(group, index);
                exchange.observe_gate(group);
                return Ok(fate);
            }
            Err(missed) => missed,
        };
        let cause = exchange.repeatable(group, missed, retries)?;
        choice.exclude(index);
        last = Some(cause);
        retries -= 1;
        exchange.tally.retries += 1;
    }
}

/// One attempt at one target.
async fn attempt(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    destination: &Destination,
    member: &Member,
    fresh: bool,
) -> Result<Fate, Missed> {
    let (host, secured) = match &destination.tls {
        None => (&member.host, None),
        Some(tls) => {
            let host = member.host_over_tls.as_ref().unwrap_or(&member.host);
            let secured = secured(exchange, admitted, tls, &member.peer, host);
            (host, Some(secured?))
        }
    };
    let lease = lease(exchange, admitted, &member.peer, secured, fresh).await?;
    exchange.tally.upstream = Some(lease.peer().address);
    exchange.tally.reused = lease.is_reused();
    exchange.idle_nanos = lease.idle_nanos();
    let mut out = exchange.cx.shard.pool.take(Size::Medium);
    write_request(exchange, admitted, destination, host, &mut out);
    let lease = send(exchange, admitted, lease, out).await?;
    relay::converse(exchange, admitted, lease).await
}

/// Appends the request's head, and the part of its body that is here, to `out`.
fn write_request(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    destination: &Destination,
    host: &[u8],
    out: &mut Vec<u8>,
) {
    let snapshot = &exchange.instance.snapshot;
    let head = &exchange.scratch.request;
    let measured = exchange.body.measured(&exchange.scratch.request_decoder);
    let onward = Onward {
        head,
        bytes: exchange.input,
        path: exchange.canonical_path(),
        raw_path: exchange.raw_path(),
        matched: &admitted.matched,
        route: snapshot.route(admitted.matched.route),
        destination,
        host,
        peer: exchange.client.address.ip(),
        peer_text: exchange.client.text,
        port: exchange.client.listening.address.port(),
        secure: exchange.client.listening.tls.is_some(),
        guarded: snapshot.client_certificates,
        certificate: exchange
            .client
            .secured
            .and_then(|it| it.certificate.as_ref()),
        trust: &snapshot.trust,
        request_id: &exchange.request_id,
        body_complete: exchange.body.complete,
        measured,
        edits: &exchange.scratch.verdicts.upstream,
        rewrite: &exchange.scratch.verdicts.rewrite,
    };
    let mut scratch = exchange.cx.shard.pool.take(Size::Small);
    onward.write(&mut scratch, out);
    exchange.cx.shard.pool.give(scratch);
    if let Some(body) = &exchange.scratch.verdicts.rewrite.body {
        out.extend_from_slice(body);
        return;
    }
    let first = exchange
        .input
        .get(head.length..head.length + exchange.body.first);
    let first = first.unwrap_or_default();
    if head.framing == Framing::Chunked && measured.is_none() {
        let last = exchange.body.last(&exchange.scratch.request_decoder);
        append_chunk(out, first, last);
    } else {
        out.extend_from_slice(first);
    }
}

/// The way to a peer over TLS: as the origin of the name that is configured, else of that which the request goes
/// upstream with.
fn secured(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    tls: &Arc<UpstreamTls>,
    peer: &Peer,
    host: &[u8],
) -> Result<Rc<Secured>, Missed> {
    if let Some(name) = &tls.settings().sni {
        return Ok(peer.over(tls, name));
    }
    let route = exchange.instance.snapshot.route(admitted.matched.route);
    let rewritten = exchange.scratch.verdicts.rewrite.host.as_deref();
    let shown = rewritten.unwrap_or(if route.preserve_host {
        exchange.scratch.request.authority.of(exchange.input)
    } else {
        host
    });
    // No certificate is for what is no text.
    let name = std::str::from_utf8(without_port(shown));
    let name = name.map_err(|_| Missed::Unsent(Cause::TlsCertificate))?;
    Ok(peer.over(tls, name))
}

/// The host of an authority, without brackets.
fn without_port(authority: &[u8]) -> &[u8] {
    if let Some(rest) = authority.strip_prefix(b"[") {
        return rest.split(|&byte| byte == b']').next().unwrap_or(rest);
    }
    authority
        .split(|&byte| byte == b':')
        .next()
        .unwrap_or(authority)
}

/// A connection to the peer: an idle one, else a fresh one within the connect timeout.
async fn lease(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    peer: &Rc<Peer>,
    secured: Option<Rc<Secured>>,
    fresh: bool,
) -> Result<Lease, Missed> {
    if !fresh && let Some(lease) = exchange.idle_lease(peer, secured.as_ref()) {
        return Ok(lease);
    }
    let patience = exchange
        .instance
        .snapshot
        .route(admitted.matched.route)
        .timeouts
        .connect;
    exchange.moments.sent = Some(exchange.arm(patience));
    let connecting = peer.connect(secured, &exchange.cx.shard.pool);
    match exchange.guard.limit(pin!(connecting)).await {
        Ok(Ok(lease)) => {
            exchange.cx.shard.metrics.count(Counter::UpstreamOpened, 1);
            Ok(lease)
        }
        Ok(Err(error)) => Err(Missed::Unsent(connect_cause(&error))),
        Err(_expired) => Err(Missed::Unsent(Cause::ConnectTimeout)),
    }
}

/// Sends the head and what is here of the body.
async fn send(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    mut lease: Lease,
    out: Vec<u8>,
) -> Result<Lease, Missed> {
    let patience = exchange
        .instance
        .snapshot
        .route(admitted.matched.route)
        .timeouts
        .write;
    exchange.moments.sent = Some(exchange.arm(patience));
    let length = out.len();
    let sending = exchange
        .guard
        .limit(pin!(lease.stream.writer.write_all(out)))
        .await;
    let Ok((sent, out)) = sending else {
        return Err(Missed::Unanswered(Cause::RequestWriteTimeout));
    };
    exchange.cx.shard.pool.give(out);
    match sent {
        Ok(()) => exchange.tally.upstream_bytes_out += length as u64,
        // A reused connection may have been closed as we wrote; a fresh one has refused the request, perhaps
        // after an answer that can still be read.
        Err(_) if lease.is_reused() => return Err(Missed::Stale),
        Err(_) => {}
    }
    Ok(lease)
}

/// What of `patience` a deadline leaves at `now`.
pub(super) fn within(deadline: Option<Instant>, now: Instant, patience: Duration) -> Duration {
    deadline.map_or(patience, |deadline| {
        patience.min(Duration::from_nanos(deadline.nanos_since(now)))
    })
}

impl Exchange<'_> {
    /// Sets the deadline of the upstream's side, no later than the exchange's own; returns the moment it was
    /// set.
    pub(super) fn arm(&self, patience: Duration) -> Instant {
        self.arm_at(self.cx.shard.now(), patience)
    }

    /// As [`arm`](Self::arm), from the last reading of the clock: for a wait that begins just after one.
    pub(super) fn arm_lately(&self, patience: Duration) -> Instant {
        self.arm_at(self.cx.shard.lately(), patience)
    }

    fn arm_at(&self, now: Instant, patience: Duration) -> Instant {
        self.guard.arm(now, self.within_total(now, patience));
        now
    }

    /// Leaves the upstream's side no deadline but the exchange's own, which it returns.
    pub(super) fn arm_total(&self) -> Instant {
        let due = self.total.unwrap_or(Instant(u64::MAX));
        match self.total {
            Some(_) => drop(self.arm(Duration::MAX)),
            None => self.guard.disarm(),
        }
        due
    }

    /// What of `patience` the exchange's own deadline leaves at `now`.
    pub(super) fn within_total(&self, now: Instant, patience: Duration) -> Duration {
        within(self.total, now, patience)
    }

    /// An idle connection to the peer: the client's own, if it has one there, else one of the pool. A request
    /// that must not be sent twice takes only one that was used just now, because the longer a connection has
    /// been idle the likelier the request crosses its close.
    fn idle_lease(&mut self, peer: &Rc<Peer>, secured: Option<&Rc<Secured>>) -> Option<Lease> {
        let fits = |pinned: &mut Box<Pinned>| pinned.leads_to(peer) && pinned.is_by(secured);
        if let Some(pinned) = self.client.pinned.take_if(fits)
            && let Some(lease) = pinned.resume()
        {
            return Some(lease);
        }
        let keep = &self.instance.snapshot.keep_alive;
        let idle = if self.upstream_method().is_idempotent() {
            keep.idle
        } else {
            keep.idle.min(peer.unsafe_idle(self.moments.received))
        };
        peer.reuse(secured, idle, self.moments.received)
    }

    /// The member that the client's own connection leads to.
    fn pinned_member(&self, group: &Group) -> Option<usize> {
        let pinned = self.client.pinned.as_ref()?;
        let mut members = group.members.iter();
        members.position(|member| pinned.leads_to(&member.peer))
    }

    /// Whether the request has authenticated the connection itself, which NTLM and Negotiate do (RFC 4559
    /// section 6): nobody else may use it from now on.
    pub(super) fn binds_connection(&self, lease: &Lease) -> bool {
        let fields = &self.scratch.request.fields;
        let mut credentials = fields.all(Name::Authorization, self.input);
        lease.is_pinned()
            || credentials.any(|credentials| {
                let scheme = credentials.split(|&byte| byte == b' ').next();
                scheme.is_some_and(|scheme| {
                    scheme.eq_ignore_ascii_case(b"ntlm")
                        || scheme.eq_ignore_ascii_case(b"negotiate")
                })
            })
    }

    /// Tells the balancer how long the origin took.
    fn observe(&self, group: &Group, member: usize) {
        if let (Some(sent), Some(answered)) = (self.moments.sent, self.moments.answered) {
            group.answered(member, answered, answered.nanos_since(sent));
        }
    }

    pub(super) fn is_out_of_time(&self) -> bool {
        self.total.is_some_and(|total| total <= self.cx.shard.now())
    }

    /// The method that the origin sees.
    pub(super) fn upstream_method(&self) -> Method {
        let rewritten = self.scratch.verdicts.rewrite.method.as_deref();
        rewritten.map_or(self.scratch.request.method, Method::of)
    }
}
