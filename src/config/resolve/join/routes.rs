//! Routes find their services, and their places in the model.

use std::hash::BuildHasher;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::HashMapExt;
use foldhash::fast::RandomState;

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
    warn_of_twins(&routes, sink);
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

/// A route that matches exactly what an earlier one matches gets no request.
fn warn_of_twins(routes: &Unique<Route>, sink: &mut Sink) {
    let state = RandomState::default();
    let mut seen: HashMap<u64, usize> = HashMap::with_capacity(routes.values.len());
    for (index, route) in routes.values.iter().enumerate() {
        let Some(first) = seen.insert(state.hash_one(criteria(route)), index) else {
            continue;
        };
        if criteria(&routes.values[first]) == criteria(route) {
            let message = "this route matches exactly the same requests as an earlier one";
            let fault = sink.add(Code::RouteNeverWins, routes.places[index], message);
            fault.related = Some((routes.places[first], "this one wins"));
        }
    }
}

/// What decides whether a route matches and which of several wins.
fn criteria(route: &Route) -> impl Hash + PartialEq + '_ {
    let Route {
        protocols,
        methods,
        hosts,
        paths,
        headers,
        snis,
        regex_priority,
        created_at,
        ..
    } = route;
    let order = (*regex_priority, *created_at);
    (protocols, methods, hosts, paths, headers, snis, order)
}
