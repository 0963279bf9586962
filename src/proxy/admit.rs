//! The second stage: the plugins' say, in their order, before anything is sent upstream.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::base::limits;
use crate::http::Cause;
use crate::http::Method;
use crate::plugin;
use crate::plugin::Chain;
use crate::plugin::Interrupt;
use crate::plugin::Needs;
use crate::plugin::Signal;
use crate::proxy::denials;
use crate::proxy::denials::Denials;
use crate::proxy::exchange::Exchange;
use crate::proxy::exchange::Scratch;
use crate::proxy::exchange::canonical_path;
use crate::proxy::exchange::raw_path;
use crate::proxy::failure::Stop;
use crate::proxy::route::Routed;
use crate::router::Match;
use crate::snapshot::RoutePlan;
use crate::snapshot::Snapshot;
use crate::telemetry::CoreMetrics;

/// A request that may be forwarded. There is no other way to make one, so nothing that was not admitted can be.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) matched: Match,
}

/// What plugins have found out about an exchange and want changed of it; memory that a fiber keeps.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) identity: plugin::Identity,
    pub(super) upstream: plugin::Edits,
    pub(super) rewrite: plugin::Rewrite,
    pub(super) downstream: plugin::Edits,
    pub(super) notes: plugin::Notes,
    /// A plugin wants the request made once more.
    pub(super) repeat: Option<plugin::Repeat>,
    /// Plugins that only observe and would have refused the request.
    pub(super) would_deny: Denials,
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
            self.repeat = None;
            self.would_deny.clear();
            self.watched = None;
        }
    }

    /// What plugins have made of a request so far, for the same request that is made once more with these notes.
    pub(super) fn again(&self, notes: plugin::Notes) -> Self {
        Self {
            identity: self.identity.clone(),
            upstream: self.upstream.clone(),
            rewrite: self.rewrite.clone(),
            notes,
            used: true,
            ..Self::default()
        }
    }
}

/// Asks every plugin of the route from this place of its chain on.
pub(super) async fn admit(
    exchange: &mut Exchange<'_>,
    routed: Routed,
    place: usize,
) -> Result<Admitted, Stop> {
    let Routed { matched } = routed;
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
        let mut next = place;
        while let Some(pause) = ask(exchange, &matched, plan, &mut next)? {
            match pause {
                Pause::Until(signal) => Box::pin(wait(exchange, &signal)).await?,
                Pause::For(delay) => Box::pin(rest(exchange, delay)).await?,
            }
        }
        exchange.scratch.keep_head_apart();
        exchange.measure_body()?;
    }
    Ok(Admitted { matched })
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
    let asked = ask_each(exchange, &instance.snapshot, matched, plan, next);
    if let Some(wanted) = exchange.scratch.verdicts.repeat.take() {
        exchange.repeat(*next, wanted);
    }
    match asked {
        ControlFlow::Continue(()) => Ok(None),
        ControlFlow::Break(Interrupt::Wait(signal)) => Ok(Some(Pause::Until(signal))),
        ControlFlow::Break(Interrupt::Delay(delay)) => Ok(Some(Pause::For(delay))),
        ControlFlow::Break(Interrupt::Reply(reply)) => Err(Stop::Reply(reply)),
    }
}

fn ask_each(
    exchange: &mut Exchange<'_>,
    snapshot: &Snapshot,
    matched: &Match,
    plan: &RoutePlan,
    next: &mut usize,
) -> ControlFlow<Interrupt> {
    let Exchange {
        cx,
        client,
        input,
        body,
        moments,
        request_id,
        scratch,
        ..
    } = exchange;
    let shard = &cx.shard;
    let bytes = input.as_slice();
    let Scratch {
        request: head,
        canonical,
        verdicts,
        ..
    } = &mut **scratch;
    let raw_path = raw_path(head, bytes);
    let path = canonical_path(canonical, raw_path);
    let chain: &Chain = &plan.chain;
    let mut routing = shard.routing.borrow_mut();
    let captures = if chain.needs().has(Needs::CAPTURES) {
        snapshot.router.captures(matched, path, &mut routing)
    } else {
        None
    };
    let peer = client.address.ip();
    let trusted = snapshot.trust.trusted.contains(peer);
    let first = head.length..head.length + body.first;
    let mut request = plugin::Request {
        head,
        bytes,
        path,
        raw_path,
        body: bytes.get(first).filter(|_| body.complete),
        received: moments.received,
        unix_micros: shard.unix_micros_at(moments.received),
        client: snapshot.trust.client(peer, trusted, &head.fields, bytes),
        peer: client.address,
        listener: client.listening.address,
        secure: client.listening.tls.is_some(),
        connection_requests: client.requests,
        id: request_id,
        route: &plan.named,
        service: plan.service().map(|index| snapshot.service(index)),
        captures,
        own: plugin::Own::default(),
        identity: &mut verdicts.identity,
        directory: &snapshot.directory,
        upstream: &mut verdicts.upstream,
        rewrite: &mut verdicts.rewrite,
        downstream: &mut verdicts.downstream,
        notes: &mut verdicts.notes,
        repeat: &mut verdicts.repeat,
        core: &shard.plugins,
    };
    let seen = Seen {
        would_deny: &mut verdicts.would_deny,
        watched: &mut verdicts.watched,
    };
    ask_in_order(&mut request, chain, next, seen, &shard.metrics)
}

/// What is kept of plugins that only observe.
struct Seen<'a> {
    would_deny: &'a mut Denials,
    watched: &'a mut Option<Watched>,
}

#[inline]
fn ask_in_order(
    request: &mut plugin::Request<'_>,
    chain: &Chain,
    next: &mut usize,
    seen: Seen<'_>,
    metrics: &CoreMetrics,
) -> ControlFlow<Interrupt> {
    while *next < chain.len() {
        if let Some(link) = chain.at(*next, request.identity.consumer_index()) {
            let compiled = &*link.compiled;
            let bound = request.rewrite.body_limit;
            request.own = link.own;
            match compiled.plugin.on_request(request) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Interrupt::Reply(_)) if compiled.observes => {
                    seen.would_deny.note(compiled.definition.name, metrics);
                }
                ControlFlow::Break(Interrupt::Reply(mut reply)) => {
                    denials::count(compiled, metrics);
                    if reply.cause == Some(Cause::Denied) && reply.detail.is_empty() {
                        reply.detail = compiled.definition.name.into();
                    }
                    return ControlFlow::Break(Interrupt::Reply(reply));
                }
                interrupt => return interrupt,
            }
            if compiled.observes && request.rewrite.body_limit != bound {
                let plugin = compiled.definition.name;
                let set = std::mem::replace(&mut request.rewrite.body_limit, bound);
                *seen.watched = set.map(|bytes| Watched { bytes, plugin });
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
