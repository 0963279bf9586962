//! The second stage: the plugins' say, in their order, before anything is sent upstream.

use crate::base::ids::ServiceIndex;
use crate::http::Cause;
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

/// Asks every plugin of the route, then for the service that takes the request.
pub(super) fn admit(exchange: &mut Exchange<'_>, routed: Routed) -> Result<Admitted, Stop> {
    let instance = &exchange.instance;
    let plan = instance.snapshot.route(routed.matched.route);
    let service = plan.service.ok_or(Cause::ServiceMissing)?;
    exchange.total = plan.timeouts.total.map(|total| exchange.moments.received.plus(total));
    Ok(Admitted { matched: routed.matched, service })
}
