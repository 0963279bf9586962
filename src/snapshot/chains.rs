//! From a model's plugins to the chain of each route.

use foldhash::HashMap;
use uuid::Uuid;

use crate::config::Model;
use crate::config::model::Route;
use crate::plugin::Chain;
use crate::plugin::Configured;
use crate::plugin::Directory;
use crate::plugin::Draft;

/// The plugins of a model by what they are put on.
pub(super) struct Chains<'m> {
    directory: &'m Directory,
    /// What every route meets, perhaps for single consumers only.
    general: Draft,
    by_service: HashMap<Uuid, Vec<&'m Configured>>,
    by_route: HashMap<Uuid, Vec<&'m Configured>>,
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
            let configured = &plugin.configured;
            match (configured.scope.route, configured.scope.service) {
                (Some(route), _) => chains.by_route.entry(route).or_default().push(configured),
                (None, Some(service)) => {
                    chains
                        .by_service
                        .entry(service)
                        .or_default()
                        .push(configured);
                }
                (None, None) => chains
                    .general
                    .offer(configured, |id| directory.consumer_with_id(id)),
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
        for configured in of_service.into_iter().chain(of_route).flatten() {
            if configured.scope.covers(route.id, service) {
                draft.offer(configured, |id| self.directory.consumer_with_id(id));
            }
        }
        draft.finish()
    }
}
