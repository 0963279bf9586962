//! Which plugins a route's requests meet, and where each comes from.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::config::model::Plugin;
use crate::plugin::Scope;
use crate::router::Scratch;
use crate::snapshot::decide;

use super::Asked;
use super::Case;
use super::Part;

impl Case<'_> {
    /// Every enabled plugin that covers the winner.
    pub(super) fn plugins(&self) -> Vec<Asked> {
        let decision = decide(self.snapshot, self.facts, &mut Scratch::default());
        let matched = decision.matched();
        let Some(route) = matched.and_then(|matched| self.routes.get(matched.route.0 as usize))
        else {
            return Vec::new();
        };
        let service = self.model.service_of(route).map(|service| service.id);
        let covers = |plugin: &&Arc<Plugin>| {
            plugin.enabled && plugin.configured.scope.covers(route.id, service)
        };
        let mut covering: Vec<&Arc<Plugin>> = self.model.plugins.iter().filter(covers).collect();
        covering.sort_by_key(|plugin| {
            let definition = plugin.configured.compiled.definition;
            let rank = plugin.configured.scope.rank();
            (Reverse(definition.priority), definition.name, Reverse(rank))
        });
        let asked = covering.iter().map(|plugin| self.asked(plugin, &covering));
        asked.collect()
    }

    fn asked(&self, plugin: &Plugin, covering: &[&Arc<Plugin>]) -> Asked {
        let configured = &plugin.configured;
        let scope = &configured.scope;
        let beats = |other: &&&Arc<Plugin>| {
            let theirs = &other.configured.scope;
            other.name() == plugin.name()
                && theirs.rank() > scope.rank()
                && (theirs.consumer.is_none() || theirs.consumer == scope.consumer)
        };
        let part = match (covering.iter().any(|other| beats(&other)), scope.consumer) {
            (true, _) => Part::Shadowed,
            (false, Some(_)) => Part::ItsConsumer,
            (false, None) => Part::Anyone,
        };
        Asked {
            name: plugin.name(),
            id: plugin.id,
            priority: configured.compiled.definition.priority,
            on: self.describe(scope),
            part,
        }
    }

    fn describe(&self, scope: &Scope) -> String {
        let model = self.model;
        let route = scope.route.map(|id| {
            let found = model.routes.iter().find(|route| route.id == id);
            ("route", id, found.and_then(|route| route.name.clone()))
        });
        let service = scope.service.map(|id| {
            let found = model.services.iter().find(|service| service.id == id);
            (
                "service",
                id,
                found.and_then(|service| service.name.clone()),
            )
        });
        let consumer = scope.consumer.map(|id| {
            let found = model.consumers.iter().find(|consumer| consumer.id == id);
            let name = found.and_then(|consumer| consumer.username.as_deref().map(str::to_owned));
            ("consumer", id, name)
        });
        let parts: Vec<String> = [route, service, consumer]
            .into_iter()
            .flatten()
            .map(|(kind, id, name)| format!("{kind} {}", name.unwrap_or_else(|| id.to_string())))
            .collect();
        if parts.is_empty() {
            return "everything".to_owned();
        }
        parts.join(", ")
    }
}
