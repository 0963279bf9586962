//! Plugins that no request can meet.
//!
//! Of each kind a request meets one: that of the most specific scope ([`Scope::rank`](crate::plugin::Scope::rank)). So a
//! plugin is met by nobody if others of its kind are more specific on each of its routes. Routes are not walked for it, but
//! counted: how many there are, and on how many others stand. Where a plugin stands on something that is dead itself,
//! that has been said already.

use foldhash::HashMap;
use foldhash::HashSet;
use uuid::Uuid;

use crate::config::Model;
use crate::config::model::Plugin;
use crate::plugin::Scope;

use super::Lint;
use super::Report;
use super::called;

/// Which plugins may be met by the same requests: their kind, and for whom they are.
type Group = (&'static str, Option<Uuid>);

/// Reports them. Routes that are `dead` count for nothing.
pub(super) fn lint(model: &Model, dead: &HashSet<Uuid>, report: &mut Report<'_>) {
    let ground = Ground::of(model, dead);
    let enabled = || model.plugins.iter().filter(|plugin| plugin.enabled);
    let mut groups: HashMap<Group, Standing> = HashMap::default();
    for plugin in enabled() {
        let scope = plugin.configured.scope;
        let group = groups.entry((plugin.name(), scope.consumer)).or_default();
        group.add(&scope, &ground);
    }
    for plugin in enabled() {
        let scope = plugin.configured.scope;
        if let (Some(route), Some(service)) = (scope.route, scope.service)
            && ground
                .owners
                .get(&route)
                .is_some_and(|owner| *owner != Some(service))
        {
            let message = format!(
                "{} is met by no request: its route is none of its service's",
                told(plugin)
            );
            report.add(Lint::PluginMisplaced, &**plugin, message, None);
        } else if is_shadowed(plugin, &groups, &ground) {
            let message = format!(
                "{} is met by no request: more specific ones of its kind stand on all of its routes",
                told(plugin)
            );
            report.add(Lint::PluginShadowed, &**plugin, message, None);
        }
    }
}

fn told(plugin: &Plugin) -> String {
    let scope = plugin.configured.scope;
    let on = [
        (scope.route, "a route"),
        (scope.service, "a service"),
        (scope.consumer, "a consumer"),
    ];
    let on: Vec<&str> = on
        .iter()
        .filter_map(|(id, what)| id.map(|_| *what))
        .collect();
    let on = if on.is_empty() {
        "everything".to_owned()
    } else {
        on.join(" and ")
    };
    format!("{} on {on}", called(plugin))
}

/// The routes that requests can reach.
struct Ground {
    /// Each with its service.
    routes: HashMap<Uuid, Option<Uuid>>,
    /// How many each service has.
    of_service: HashMap<Uuid, usize>,
    /// Of every route, dead or not, its service.
    owners: HashMap<Uuid, Option<Uuid>>,
}

impl Ground {
    fn of(model: &Model, dead: &HashSet<Uuid>) -> Self {
        let owner = |route| model.service_of(route).map(|service| service.id);
        let owners: HashMap<Uuid, Option<Uuid>> = model
            .routes
            .iter()
            .map(|route| (route.id, owner(route)))
            .collect();
        let mut routes = owners.clone();
        routes.retain(|id, _| !dead.contains(id));
        let mut of_service = HashMap::default();
        for service in routes.values().flatten() {
            *of_service.entry(*service).or_default() += 1;
        }
        Self {
            routes,
            of_service,
            owners,
        }
    }

    fn routes_of(&self, service: Uuid) -> usize {
        self.of_service.get(&service).copied().unwrap_or(0)
    }

    /// Whether a plugin on this route and service is met by any request.
    fn has(&self, route: Uuid, service: Option<Uuid>) -> bool {
        let found = self.routes.get(&route);
        found.is_some_and(|owner| service.is_none() || *owner == service)
    }
}

/// Where the plugins of a group stand.
#[derive(Default)]
struct Standing {
    /// On these services.
    services: HashSet<Uuid>,
    /// On these routes.
    routes: HashSet<Uuid>,
    /// On these routes together with their service.
    pairs: HashSet<Uuid>,
    /// How many of the routes each service has.
    own: HashMap<Uuid, usize>,
}

impl Standing {
    fn add(&mut self, scope: &Scope, ground: &Ground) {
        let Some(route) = scope.route else {
            self.services.extend(scope.service);
            return;
        };
        if !ground.has(route, scope.service) {
            return;
        }
        let known = self.routes.contains(&route) || self.pairs.contains(&route);
        let list = match scope.service {
            Some(_) => &mut self.pairs,
            None => &mut self.routes,
        };
        list.insert(route);
        if let (false, Some(Some(service))) = (known, ground.routes.get(&route)) {
            *self.own.entry(*service).or_default() += 1;
        }
    }

    /// All routes that it stands on by themselves.
    fn each(&self) -> impl Iterator<Item = &Uuid> {
        let alone = self
            .routes
            .iter()
            .filter(|route| !self.pairs.contains(*route));
        alone.chain(&self.pairs)
    }
}

fn is_shadowed(plugin: &Plugin, groups: &HashMap<Group, Standing>, ground: &Ground) -> bool {
    let scope = plugin.configured.scope;
    let Some(group) = groups.get(&(plugin.name(), scope.consumer)) else {
        return false;
    };
    match (scope.route, scope.service) {
        (Some(_), Some(_)) => false,
        (Some(route), None) => ground.has(route, None) && group.pairs.contains(&route),
        (None, Some(service)) => {
            let routes = ground.routes_of(service);
            routes > 0 && group.own.get(&service).copied().unwrap_or(0) == routes
        }
        (None, None) => {
            // What stands on a route and its service goes before what a consumer has everywhere.
            let anyone = scope
                .consumer
                .and_then(|_| groups.get(&(plugin.name(), None)));
            !ground.routes.is_empty() && covered(group, anyone, ground) == ground.routes.len()
        }
    }
}

/// On how many routes something stands that is more specific than what stands on everything.
fn covered(group: &Standing, anyone: Option<&Standing>, ground: &Ground) -> usize {
    let services = group
        .services
        .iter()
        .map(|service| ground.routes_of(*service));
    let services: usize = services.sum();
    let pairs = anyone.map_or(0, |anyone| anyone.pairs.len());
    let most = services + group.routes.len() + group.pairs.len() + pairs;
    if most < ground.routes.len() {
        // It cannot be all of them, and there may be a group for each of many consumers.
        return most;
    }
    let others = anyone.into_iter().flat_map(|anyone| &anyone.pairs);
    let others =
        others.filter(|route| !group.routes.contains(*route) && !group.pairs.contains(*route));
    let outside = |route: &&Uuid| {
        let service = ground.routes.get(*route).copied().flatten();
        service.is_none_or(|service| !group.services.contains(&service))
    };
    services + group.each().chain(others).filter(outside).count()
}
