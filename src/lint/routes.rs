//! Routes that no request can reach.

use foldhash::HashSet;
use uuid::Uuid;

use crate::config::Model;
use crate::config::model::Route;
use crate::http::Method;
use crate::router::RouteCriteria;
use crate::router::Shadow;
use crate::router::shadows;
use crate::snapshot::criteria_of;
use crate::snapshot::served;

use super::Lint;
use super::Report;
use super::called;

/// Reports them; returns the ids of all.
pub(super) fn lint(model: &Model, report: &mut Report<'_>) -> HashSet<Uuid> {
    let mut dead = HashSet::default();
    for route in &model.routes {
        let service = model.service_of(route).filter(|service| !service.enabled);
        if let Some(service) = service {
            let (route, service) = (&**route, called(service));
            let message = format!("{} matches nothing: {service} is disabled", called(route));
            report.add(
                Lint::RouteDisabled,
                route,
                message,
                model.service_of(route).map(|service| service as _),
            );
            dead.insert(route.id);
        }
    }
    let served = served(model);
    // A model's patterns are well formed.
    let criteria: Vec<RouteCriteria> = served
        .iter()
        .map(|route| criteria_of(route).unwrap_or_default())
        .collect();
    for route in served.iter().filter(|route| is_refused(route)) {
        let message = format!(
            "{} is reached by no request: methods {} are answered by the gateway itself",
            called(*route),
            route.methods.join(", ")
        );
        report.add(Lint::RouteRefused, *route, message, None);
        dead.insert(route.id);
    }
    for route in &served {
        let unmatched = route.headers.iter().find(|field| field.values.is_empty());
        if let Some(field) = unmatched {
            let message = format!(
                "{} is reached by no request: it asks for one of no values of `{}`",
                called(*route),
                field.name
            );
            report.add(Lint::RouteUnmatched, *route, message, None);
            dead.insert(route.id);
        }
    }
    for shadow in shadows(&criteria) {
        let at = |index: u32| served.get(index as usize).copied();
        if let (Some(route), Some(by)) = (at(shadow.route.0), at(shadow.by.0)) {
            let (lint, message) = told(&shadow, route, by);
            report.add(lint, route, message, Some(by));
            dead.insert(route.id);
        }
    }
    dead
}

/// Whether the gateway refuses everything that the route asks for.
fn is_refused(route: &Route) -> bool {
    let refused = |method: &String| {
        let token = method.as_bytes();
        Method::of(token).refusal(token).is_some()
    };
    !route.methods.is_empty() && route.methods.iter().all(refused)
}

fn told(shadow: &Shadow, route: &Route, by: &Route) -> (Lint, String) {
    let (name, other) = (called(route), called(by));
    if shadow.twins {
        let how = if route.created_at == by.created_at {
            "of the same age, and has the greater id"
        } else {
            "older"
        };
        let message = format!(
            "{name} asks for exactly the same as {other}, which is {how}, and takes all its requests"
        );
        return (Lint::RouteTwin, message);
    }
    let others = if shadow.alone {
        format!("{other} goes before it and takes")
    } else {
        format!("{other} and others go before it and take")
    };
    let message = format!("{name} is reached by no request: {others} them all");
    (Lint::RouteUnreachable, message)
}
