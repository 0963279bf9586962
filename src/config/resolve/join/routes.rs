//! Routes find their services, and their places in the model.

use std::sync::Arc;

use crate::base::ids::ServiceIndex;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::raw::nearest;
use crate::config::resolve::part::Owner;
use crate::config::resolve::part::RouteEntry;
use crate::config::resolve::services::DEFAULT_TIMEOUTS;
use crate::config::source::Place;

use super::Placed;
use super::unique::Unique;

/// Every route with its service, by the service's place.
pub(super) fn join(
    placed: &mut [Placed],
    services: &Unique<Service>,
    complete: bool,
    sink: &mut Sink,
) -> Unique<Route> {
    let mut routes = Unique::new("route", placed.len());
    let mut services_before = 0;
    for Placed { base, part } in placed.iter_mut() {
        for route in &mut part.routes {
            let owner = match &route.owner {
                Owner::None => None,
                Owner::Within(index) => Some(services_before + index),
                Owner::Named(reference, place) => {
                    let found = services.find(reference);
                    if found.is_none() && complete {
                        dangling(reference, place.moved(*base), services, sink);
                    }
                    found
                }
            };
            settle(route, owner, services);
            routes.add(&mut route.entry, *base, sink);
        }
        services_before += part.services.len();
    }
    routes
}

/// The routes by their services' places, those without one last.
pub(super) fn in_order(routes: Unique<Route>) -> Vec<Arc<Route>> {
    let mut routes = routes.values;
    routes.sort_by_key(|route| route.service.map_or(u32::MAX, |index| index.0));
    routes
}

fn dangling(reference: &str, place: Place, services: &Unique<Service>, sink: &mut Sink) {
    let message = format!("invalid reference 'service: {reference}' (no such entry in 'services')");
    let fault = sink.add(Code::DanglingReference, place, message);
    if let Some(hint) = nearest(reference, services.names()) {
        fault.hint(hint);
    }
}

/// Gives the route its service and the timeouts that follow. Nothing is copied where both are the same as in
/// the load before.
fn settle(route: &mut RouteEntry, owner: Option<usize>, services: &Unique<Service>) {
    let service = owner
        .and_then(|index| u32::try_from(index).ok())
        .map(ServiceIndex);
    let inherited = owner.map_or(DEFAULT_TIMEOUTS, |index| services.values[index].timeouts);
    let timeouts = route.own.over(inherited);
    let value = &mut route.entry.value;
    if value.service != service || value.timeouts != timeouts {
        let changed = Arc::make_mut(value);
        changed.service = service;
        changed.timeouts = timeouts;
    }
}
