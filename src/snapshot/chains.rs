//! From a model's plugins to the chain of each route.

use foldhash::HashMap;
use uuid::Uuid;

use crate::config::Model;
use crate::config::model::Route;
use crate::plugin::Chain;
use crate::plugin::Directory;
use crate::plugin::Draft;
use crate::plugin::Scoped;

/// The plugins of a model by what they are put on.
pub(super) struct Chains<'m> {
    directory: &'m Directory,
    /// What every route meets, perhaps for single consumers only.
    general: Draft,
    by_service: HashMap<Uuid, Vec<&'m Scoped>>,
    by_route: HashMap<Uuid, Vec<&'m Scoped>>,
}

impl<'m> Chains<'m> {
    pub(super) fn new(model: &'m Model, directory: &'m Directory) -> Self {
        let mut chains = Self {
            directory,
            general: Draft::default(),
            by_service: HashMap::default(),
            by_route: HashMap::default(),
        };
        for plugin in model.plugins.iter().filter(|plugin| plugin.enabled) {
            let scoped = &plugin.scoped;
            match (scoped.scope.route, scoped.scope.service) {
                (Some(route), _) => chains.by_route.entry(route).or_default().push(scoped),
                (None, Some(service)) => {
                    chains.by_service.entry(service).or_default().push(scoped);
                }
                (None, None) => chains
                    .general
                    .offer(scoped, |id| directory.consumer_with_id(id)),
            }
        }
        chains
    }

    /// The chain of a route.
    pub(super) fn of(&self, route: &Route, model: &Model) -> Chain {
        let service = model.service_of(route).map(|service| service.id);
        let of_service = service.and_then(|service| self.by_service.get(&service));
        let of_route = self.by_route.get(&route.id);
        let mut draft = self.general.clone();
        for scoped in of_service.into_iter().chain(of_route).flatten() {
            if scoped.scope.covers(route.id, service) {
                draft.offer(scoped, |id| self.directory.consumer_with_id(id));
            }
        }
        draft.finish()
    }
}
