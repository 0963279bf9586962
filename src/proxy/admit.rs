//! The second stage: the plugins' say, in their order, before anything is sent upstream.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::base::ids::ServiceIndex;
use crate::base::limits;
use crate::http::Cause;
use crate::http::Method;
use crate::plugin;
use crate::plugin::Chain;
use crate::plugin::Interrupt;
use crate::plugin::Needs;
use crate::plugin::Signal;
use crate::proxy::exchange::Exchange;
use crate::proxy::exchange::Scratch;
use crate::proxy::failure::Stop;
use crate::proxy::route::Routed;
use crate::router::Match;
use crate::snapshot::RoutePlan;
use crate::snapshot::Snapshot;

/// A request that may be forwarded. There is no other way to make one, so nothing that was not admitted can be.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) matched: Match,
    pub(super) service: ServiceIndex,
}

/// What plugins have found out about an exchange and want changed of it; memory that a fiber keeps.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) identity: plugin::Identity,
    pub(super) upstream: plugin::Edits,
    pub(super) rewrite: plugin::Rewrite,
    pub(super) downstream: plugin::Edits,
    pub(super) notes: plugin::Notes,
    /// A plugin that only observes would have refused the request: its name.
    pub(super) would_deny: Option<&'static str>,
    /// The bound on the body of a plugin that only observes.
    pub(super) watched: Option<Watched>,
    used: bool,
}

/// A bound on a body that is not enforced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    pub(super) bytes: u64,
    pub(super) plugin: &'static str,
}

impl Verdicts {
    /// Forgets the last exchange's, keeps the memory.
    #[inline]
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.used) {
            self.identity.clear();
            self.upstream.clear();
            self.rewrite = plugin::Rewrite::default();
            self.downstream.clear();
            self.notes.clear();
            self.would_deny = None;
            self.watched = None;
        }
    }
}

/// Asks every plugin of the route.
pub(super) async fn admit(exchange: &mut Exchange<'_>, routed: Routed) -> Result<Admitted, Stop> {
    let Routed { matched, service } = routed;
    let instance = Rc::clone(&exchange.instance);
    let plan = instance.snapshot.route(matched.route);
    exchange.total = plan
        .timeouts
        .total
        .map(|total| exchange.moments.received.plus(total));
    if !plan.chain.is_empty() {
        exchange.scratch.verdicts.used = true;
        if plan.chain.needs().has(Needs::REQUEST_BODY) && !exchange.body.complete {
            // Few chains need it, and its future is large.
            Box::pin(exchange.gather_body()).await?;
        }
        let mut next = 0;
        while let Some(pause) = ask(exchange, &matched, plan, &mut next)? {
            match pause {
                Pause::Until(signal) => Box::pin(wait(exchange, &signal)).await?,
                Pause::For(delay) => Box::pin(rest(exchange, delay)).await?,
            }
        }
        exchange.scratch.keep_head_apart();
        exchange.measure_body()?;
    }
    let service = service.ok_or(Cause::ServiceMissing)?;
    Ok(Admitted { matched, service })
}

impl Scratch {
    /// Whether an answer has a body depends on its request's method: HEAD stays HEAD, and nothing else becomes it,
    /// whatever a plugin wants.
    fn keep_head_apart(&mut self) {
        let method = &mut self.verdicts.rewrite.method;
        let to = method.as_deref().map(Method::of);
        if to.is_some_and(|to| to != self.request.method)
            && (matches!(to, Some(Method::Head | Method::Connect))
                || self.request.method == Method::Head)
        {
            *method = None;
        }
    }
}

/// What a request waits for between two plugins.
enum Pause {
    /// Another request of this core.
    Until(Rc<Signal>),
    /// Time to pass.
    For(Duration),
}

/// Asks the plugins from the one at `next` on, until one has to wait for something.
fn ask(
    exchange: &mut Exchange<'_>,
    matched: &Match,
    plan: &RoutePlan,
    next: &mut usize,
) -> Result<Option<Pause>, Stop> {
    let instance = Rc::clone(&exchange.instance);
    let snapshot = &instance.snapshot;
    let mut verdicts = std::mem::take(&mut exchange.scratch.verdicts);
    let asked = ask_each(exchange, snapshot, matched, plan, next, &mut verdicts);
    exchange.scratch.verdicts = verdicts;
    match asked {
        ControlFlow::Continue(()) => Ok(None),
        ControlFlow::Break(Interrupt::Wait(signal)) => Ok(Some(Pause::Until(signal))),
        ControlFlow::Break(Interrupt::Delay(delay)) => Ok(Some(Pause::For(delay))),
        ControlFlow::Break(Interrupt::Reply(reply)) => Err(Stop::Reply(reply)),
    }
}

fn ask_each(
    exchange: &Exchange<'_>,
    snapshot: &Snapshot,
    matched: &Match,
    plan: &RoutePlan,
    next: &mut usize,
    verdicts: &mut Verdicts,
) -> ControlFlow<Interrupt> {
    let shard = &exchange.cx.shard;
    let head = &exchange.scratch.request;
    let chain: &Chain = &plan.chain;
    let mut routing = shard.routing.borrow_mut();
    let captures = if chain.needs().has(Needs::CAPTURES) {
        let path = exchange.canonical_path();
        snapshot.router.captures(matched, path, &mut routing)
    } else {
        None
    };
    let peer = exchange.client.address.ip();
    let peer_trusted = snapshot.trust.trusted.contains(peer);
    let first = head.length..head.length + exchange.body.first;
    let mut request = plugin::Request {
        head,
        bytes: exchange.input,
        path: exchange.canonical_path(),
        raw_path: exchange.raw_path(),
        body: exchange.input.get(first).filter(|_| exchange.body.complete),
        received: exchange.moments.received,
        unix_micros: shard.unix_micros_at(exchange.moments.received),
        client: snapshot
            .trust
            .client(peer, peer_trusted, &head.fields, exchange.input),
        peer: exchange.client.address,
        listener: exchange.client.listening.address,
        secure: false,
        connection_requests: exchange.client.requests,
        id: &exchange.request_id,
        route: &plan.named,
        service: plan.service.map(|index| &snapshot.service(index).named),
        captures,
        identity: &mut verdicts.identity,
        directory: &snapshot.directory,
        upstream: &mut verdicts.upstream,
        rewrite: &mut verdicts.rewrite,
        downstream: &mut verdicts.downstream,
        notes: &mut verdicts.notes,
        core: &shard.plugins,
    };
    while *next < chain.len() {
        if let Some(configured) = chain.at(*next, request.identity.consumer) {
            let bound = request.rewrite.body_limit;
            match configured.plugin.on_request(&mut request) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Interrupt::Reply(_)) if configured.observes => {
                    verdicts.would_deny = Some(configured.definition.name);
                }
                ControlFlow::Break(Interrupt::Reply(mut reply)) => {
                    if reply.cause == Some(Cause::Denied) && reply.detail.is_empty() {
                        reply.detail = configured.definition.name.into();
                    }
                    return ControlFlow::Break(Interrupt::Reply(reply));
                }
                interrupt => return interrupt,
            }
            if configured.observes && request.rewrite.body_limit != bound {
                let plugin = configured.definition.name;
                let set = std::mem::replace(&mut request.rewrite.body_limit, bound);
                verdicts.watched = set.map(|bytes| Watched { bytes, plugin });
            }
        }
        *next += 1;
    }
    ControlFlow::Continue(())
}

/// Waits for another request of this core, within bounds.
async fn wait(exchange: &mut Exchange<'_>, signal: &Signal) -> Result<(), Stop> {
    exchange.arm(limits::PLUGIN_WAIT);
    let raised = pin!(poll_fn(|cx| signal.poll_raised(cx.waker())));
    match exchange.guard.limit(raised).await {
        Ok(()) => Ok(()),
        Err(_expired) if exchange.is_out_of_time() => Err(Cause::ResponseTimeout.into()),
        Err(_expired) => {
            // Whoever was waited for has not come back: go on without.
            signal.raise();
            Ok(())
        }
    }
}

/// Lets time pass, unless the client leaves.
async fn rest(exchange: &mut Exchange<'_>, delay: Duration) -> Result<(), Stop> {
    exchange.arm(delay);
    let passed = poll_fn(|cx| {
        if exchange.poll_client_gone(cx) {
            return Poll::Ready(Err(Cause::ClientClosed));
        }
        match exchange.guard.poll_expired(cx) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    });
    passed.await?;
    if exchange.is_out_of_time() {
        return Err(Cause::ResponseTimeout.into());
    }
    Ok(())
}
