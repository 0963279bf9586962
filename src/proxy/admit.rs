//! The second stage: the plugins' say, in their order, before anything is sent upstream.

use std::ops::ControlFlow;

use crate::base::ids::ServiceIndex;
use crate::plugin::RequestContext;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::route::Routed;
use crate::router::Match;

/// A request that may be forwarded. There is no other way to make one, so nothing that was not admitted can be.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) matched: Match,
    pub(super) service: ServiceIndex,
}

/// Asks every plugin of the route.
pub(super) fn admit(exchange: &mut Exchange<'_>, routed: Routed) -> Result<Admitted, Stop> {
    let Routed { matched, service } = routed;
    let request = RequestContext {
        head: &exchange.scratch.request,
        bytes: exchange.input,
        path: exchange.canonical_path(),
    };
    if let ControlFlow::Break(reply) = exchange.instance.chain.on_request(&request) {
        return Err(Stop::Reply(Box::new(reply)));
    }
    let plan = exchange.instance.snapshot.route(matched.route);
    exchange.total = plan
        .timeouts
        .total
        .map(|total| exchange.moments.received.plus(total));
    Ok(Admitted { matched, service })
}
