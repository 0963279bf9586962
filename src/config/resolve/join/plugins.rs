//! Plugins find what they are put on.

use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::base::ids::kong_id;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Plugin;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::raw::nearest;
use crate::config::resolve::part::Part;
use crate::config::resolve::part::Reference;
use crate::config::resolve::part::Target;
use crate::config::resolve::plugins::PluginEntry;
use crate::config::source::Place;
use crate::plugin::Configured;
use crate::plugin::Consumer;
use crate::plugin::Scope;

use super::Placed;
use super::unique::Named;
use super::unique::Unique;

/// What plugins may be put on.
pub(super) struct Scopes<'a> {
    pub(super) services: &'a Unique<Service>,
    pub(super) routes: &'a Unique<Route>,
    pub(super) consumers: &'a Unique<Consumer>,
}

/// All plugins of all parts. With `complete` unset a reference to something unknown may be right.
pub(super) fn join(
    placed: &mut [Placed],
    scopes: &Scopes<'_>,
    complete: bool,
    sink: &mut Sink,
) -> Vec<(Arc<Plugin>, Place)> {
    let mut plugins = Vec::new();
    let mut found = Found::default();
    for Placed { base, part } in placed.iter_mut() {
        let mut entries = std::mem::take(&mut part.plugins);
        for entry in &mut entries {
            let mut finder = Finder {
                scopes,
                part,
                base: *base,
                complete,
                sink,
            };
            let Some(scope) = finder.scope(entry) else {
                continue;
            };
            let place = entry.at.moved(*base);
            let id = found.id_of(entry, &scope, place, *base, sink);
            plugins.push((put_on(entry, id, scope), place));
        }
        part.plugins = entries;
    }
    plugins
}

/// The plugin on its scope, or what that was the last time if nothing of it has changed.
fn put_on(entry: &mut PluginEntry, id: Uuid, scope: Scope) -> Arc<Plugin> {
    if let Some(joined) = &entry.joined
        && joined.id == id
        && joined.configured.scope == scope
    {
        return Arc::clone(joined);
    }
    let plugin = Arc::new(Plugin {
        id,
        instance_name: entry.instance_name.as_ref().map(|named| named.0.clone()),
        protocols: entry.protocols,
        enabled: entry.enabled,
        tags: entry.tags.clone(),
        created_at: entry.created_at,
        configured: Configured::new(id, scope, Arc::clone(&entry.compiled)),
    });
    entry.joined = Some(Arc::clone(&plugin));
    plugin
}

/// What the plugins so far must not share with another.
#[derive(Default)]
struct Found {
    ids: HashMap<Uuid, Place>,
    names: HashMap<String, Place>,
    scopes: HashMap<(&'static str, Scope), Place>,
}

impl Found {
    /// The id of a plugin; faults where it shares what it must not.
    fn id_of(
        &mut self,
        entry: &PluginEntry,
        scope: &Scope,
        place: Place,
        base: Place,
        sink: &mut Sink,
    ) -> Uuid {
        if let Some(first) = self.scopes.insert((entry.name(), *scope), place) {
            let message = format!("there is a `{}` on the same already", entry.name());
            sink.add(Code::DuplicateEntity, place, message)
                .first_at(first);
        }
        if let Some((name, at)) = entry.instance_name.as_deref() {
            let place = at.moved(base);
            if let Some(first) = self.names.insert(name.clone(), place) {
                let message = format!("duplicate plugin instance_name `{name}`");
                sink.add(Code::DuplicateEntity, place, message)
                    .first_at(first);
            }
        }
        let Some(&(id, at)) = entry.id.as_deref() else {
            let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
            let Scope {
                route,
                service,
                consumer,
            } = *scope;
            let (route, service, consumer) = (text(route), text(service), text(consumer));
            return kong_id(
                "plugins",
                &format!("{}:{route}:{service}:{consumer}", entry.name()),
            );
        };
        let place = at.moved(base);
        if let Some(first) = self.ids.insert(id, place) {
            let message = format!("duplicate plugin id `{id}`");
            sink.add(Code::DuplicateEntity, place, message)
                .first_at(first);
        }
        id
    }
}

/// Looks for what plugins of one part are put on.
struct Finder<'a> {
    scopes: &'a Scopes<'a>,
    part: &'a Part,
    base: Place,
    complete: bool,
    sink: &'a mut Sink,
}

impl Finder<'_> {
    /// What the plugin is put on; `None` if something of it is missing.
    fn scope(&mut self, entry: &PluginEntry) -> Option<Scope> {
        let (services, routes) = (self.scopes.services, self.scopes.routes);
        let service = self.find(entry.service.as_ref(), "service", services);
        let route = self.find(entry.route.as_ref(), "route", routes);
        let consumer = self.find(entry.consumer.as_ref(), "consumer", self.scopes.consumers);
        Some(Scope {
            service: service?,
            route: route?,
            consumer: consumer?,
        })
    }

    fn find<T: Named>(
        &mut self,
        reference: Option<&Reference>,
        kind: &str,
        entities: &Unique<T>,
    ) -> Option<Option<Uuid>> {
        match reference {
            None => Some(None),
            Some(Reference::Within(target)) => self.within(*target).map(Some),
            Some(Reference::Named(named)) => match entities.find(&named.0) {
                Some(index) => entities.values.get(index).map(|entity| Some(entity.id())),
                None => {
                    if self.complete {
                        let (name, place) = &**named;
                        let message = format!(
                            "invalid reference '{kind}: {name}' (no such entry in '{kind}s')"
                        );
                        let place = place.moved(self.base);
                        let fault = self.sink.add(Code::DanglingReference, place, message);
                        fault.hint = nearest(name, entities.names());
                    }
                    None
                }
            },
        }
    }

    fn within(&self, target: Target) -> Option<Uuid> {
        match target {
            Target::Service(index) => self.part.services.get(index).map(|entry| entry.value.id),
            Target::Route(index) => {
                let route = self.part.routes.get(index);
                route.map(|route| route.entry.value.id)
            }
            Target::Consumer(index) => self.part.consumers.get(index).map(|entry| entry.value.id),
        }
    }
}
