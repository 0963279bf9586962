//! The part of the configuration that came over REST, joined to the part that stands in files.
//!
//! [`Stored`] follows the store row by row, so that a change of one of 15,000 services costs what changed; joining
//! clones one pointer for each entity. Rows have passed their schemas and the checks of references and unique
//! names, so nothing here can be a fault of the user's. What the data plane does not speak is left out and said.

pub(super) mod health;
mod kept;
mod rows;
mod tls;

use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::base::ids::ServiceIndex;
use crate::config::Model;
use crate::config::model::Plugin;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::model::Target;
use crate::config::model::Unserved;
use crate::config::model::Upstream;
use crate::config::resolve::services::DEFAULT_TIMEOUTS;
use crate::entity::Kind;
use crate::net::tls::Certificate;
use crate::plugin::Compiler;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use kept::Kept;

pub use rows::no_such_plugin;

/// Entities of the store.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    services: Kept<Service>,
    routes: Kept<OwnedRoute>,
    upstreams: Kept<Upstream>,
    targets: Kept<OwnedTarget>,
    consumers: Kept<Consumer>,
    credentials: Kept<Credential>,
    plugins: Kept<Plugin>,
    certificates: Kept<OwnedCertificate>,
    server_names: Kept<OwnedName>,
    unserved: Kept<Unserved>,
    shown: tls::Shown,
    compiler: Compiler,
}

/// A route and the id of its service.
#[derive(Clone, Debug)]
struct OwnedRoute {
    service: Option<Uuid>,
    route: Arc<Route>,
}

/// A target and the id of its upstream.
#[derive(Clone, Debug)]
struct OwnedTarget {
    upstream: Uuid,
    target: Target,
}

/// A certificate and its id; two if it has an alternative with a key of another type.
#[derive(Clone, Debug)]
struct OwnedCertificate {
    id: Uuid,
    shown: Vec<Arc<Certificate>>,
}

/// A server name and the id of its certificate.
#[derive(Clone, Debug)]
struct OwnedName {
    name: String,
    certificate: Uuid,
}

impl Stored {
    /// Takes a row of the store; `None` takes the entity away.
    ///
    /// # Errors
    /// A sentence that says why the data plane has no use for it; it is left out then.
    pub fn put(&mut self, kind: Kind, id: Uuid, row: Option<&[u8]>) -> Result<(), String> {
        self.remove(kind, id);
        let Some(row) = row else { return Ok(()) };
        self.take(kind, id, row).inspect_err(|why| {
            self.unserved.put(
                id,
                Unserved {
                    kind,
                    id,
                    name: rows::name(row),
                    why: why.clone(),
                },
            );
        })
    }

    fn take(&mut self, kind: Kind, id: Uuid, row: &[u8]) -> Result<(), String> {
        match kind {
            Kind::Services => {
                let mut row: rows::ServiceRow = rows::read(row)?;
                let wants = tls::Wants {
                    ca: row.ca_certificates.take().unwrap_or_default(),
                    client: row.client_certificate.map(|client| client.id),
                };
                let service = row.service(id);
                let service = service.ok_or("only services over http and https are served yet")?;
                self.services.put(id, service);
                self.shown.service(id, wants);
            }
            Kind::Routes => {
                let row: rows::RouteRow = rows::read(row)?;
                let service = row.service.map(|service| service.id);
                let route = row.route(id).ok_or("only http routes are served yet")?;
                let route = Arc::new(route);
                self.routes.put(id, OwnedRoute { service, route });
            }
            Kind::Upstreams => {
                let row: rows::UpstreamRow = rows::read(row)?;
                self.shown.upstream(id, row.client_certificate);
                self.upstreams.put(id, row.upstream(id));
            }
            Kind::Targets => {
                let row: rows::TargetRow = rows::read(row)?;
                let upstream = row.upstream.id;
                let target = row.target(id);
                self.targets.put(id, OwnedTarget { upstream, target });
            }
            Kind::Consumers => {
                let row: rows::ConsumerRow = rows::read(row)?;
                self.consumers.put(id, row.consumer(id));
            }
            Kind::Plugins => {
                let plugin = rows::plugin(id, row, &mut self.compiler)?;
                self.plugins.put(id, plugin);
            }
            Kind::KeyauthCredentials => self.hold(id, rows::credential::<rows::Key>(id, row)?),
            Kind::BasicauthCredentials => self.hold(id, rows::credential::<rows::Basic>(id, row)?),
            Kind::HmacauthCredentials => self.hold(id, rows::credential::<rows::Hmac>(id, row)?),
            Kind::JwtSecrets => self.hold(id, rows::credential::<rows::Jwt>(id, row)?),
            Kind::Acls => self.hold(id, rows::credential::<rows::Group>(id, row)?),
            Kind::Certificates => {
                let row: rows::CertificateRow = rows::read(row)?;
                let shown = row.shown();
                self.shown.certificate(id, &shown);
                self.certificates.put(id, OwnedCertificate { id, shown });
            }
            Kind::Snis => {
                let row: rows::SniRow = rows::read(row)?;
                let (name, certificate) = (row.name.to_ascii_lowercase(), row.certificate.id);
                self.server_names.put(id, OwnedName { name, certificate });
            }
            Kind::CaCertificates => self.shown.authority(id, row)?,
            // References to secrets are not followed yet.
            Kind::Vaults => {}
        }
        Ok(())
    }

    fn hold(&mut self, id: Uuid, credential: Credential) {
        self.credentials.put(id, credential);
    }

    fn remove(&mut self, kind: Kind, id: Uuid) {
        self.unserved.remove(id);
        self.shown.remove(id);
        match kind {
            Kind::Services => self.services.remove(id),
            Kind::Routes => self.routes.remove(id),
            Kind::Upstreams => self.upstreams.remove(id),
            Kind::Targets => self.targets.remove(id),
            Kind::Consumers => self.consumers.remove(id),
            Kind::Plugins => self.plugins.remove(id),
            Kind::KeyauthCredentials
            | Kind::BasicauthCredentials
            | Kind::HmacauthCredentials
            | Kind::JwtSecrets
            | Kind::Acls => self.credentials.remove(id),
            Kind::Certificates => self.certificates.remove(id),
            Kind::Snis => self.server_names.remove(id),
            Kind::CaCertificates | Kind::Vaults => {}
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
            && self.routes.is_empty()
            && self.upstreams.is_empty()
            && self.targets.is_empty()
            && self.consumers.is_empty()
            && self.credentials.is_empty()
            && self.plugins.is_empty()
            && self.certificates.is_empty()
            && self.server_names.is_empty()
    }

    /// Adds everything to the model of the files.
    pub fn join(&mut self, model: &mut Model) {
        self.shown.join_services(&mut self.services);
        self.shown.join_upstreams(&mut self.upstreams);
        model.services.extend(self.services.iter().cloned());
        self.join_routes(model);
        model.upstreams.extend(self.upstreams.iter().cloned());
        self.join_targets(model);
        model.consumers.extend(self.consumers.iter().cloned());
        model.credentials.extend(self.credentials.iter().cloned());
        model.plugins.extend(self.plugins.iter().cloned());
        self.join_names(model);
        model.unserved.extend(self.unserved.iter().cloned());
    }

    /// Gives routes the index of their service and its timeouts. Nothing is copied where both are the same as the
    /// last time.
    fn join_routes(&mut self, model: &mut Model) {
        let services = (0..).zip(&model.services);
        let indices: HashMap<Uuid, u32> = services
            .map(|(index, service)| (service.id, index))
            .collect();
        for owned in self.routes.iter_mut() {
            let index = owned.service.and_then(|id| indices.get(&id).copied());
            let service = index.map(ServiceIndex);
            let timeouts = service.map_or(DEFAULT_TIMEOUTS, |index| model.service(index).timeouts);
            if owned.route.service != service || owned.route.timeouts != timeouts {
                let changed = Arc::make_mut(&mut Arc::make_mut(owned).route);
                changed.service = service;
                changed.timeouts = timeouts;
            }
            model.routes.push(Arc::clone(&owned.route));
        }
        // Routes stand by their service's place, those without one last.
        let place = |route: &Arc<Route>| route.service.map_or(u32::MAX, |index| index.0);
        model.routes.sort_by_key(place);
    }

    fn join_names(&self, model: &mut Model) {
        let certificates = self.certificates.iter();
        let certificates: HashMap<Uuid, &Vec<Arc<Certificate>>> =
            certificates.map(|it| (it.id, &it.shown)).collect();
        for owned in self.server_names.iter() {
            for certificate in certificates
                .get(&owned.certificate)
                .into_iter()
                .copied()
                .flatten()
            {
                let entry = (owned.name.clone(), Arc::clone(certificate));
                model.server_names.push(entry);
            }
        }
    }

    fn join_targets(&self, model: &mut Model) {
        let mut targets: HashMap<Uuid, Vec<Target>> = HashMap::default();
        for owned in self.targets.iter() {
            let of_upstream = targets.entry(owned.upstream).or_default();
            of_upstream.push(owned.target.clone());
        }
        for upstream in &mut model.upstreams {
            if let Some(added) = targets.remove(&upstream.id) {
                Arc::make_mut(upstream).targets.extend(added);
            }
        }
    }
}
