//! The TLS of services: equal settings once, whoever has them, and the same as before where they stay.

use std::sync::Arc;

use foldhash::HashMap;

use crate::config::Model;
use crate::config::model::Service;
use crate::config::model::ServiceProtocol;
use crate::config::model::TlsVersion;
use crate::config::model::Upstream;
use crate::net::tls::Certificate;
use crate::net::tls::UpstreamTls;
use crate::net::tls::upstream::Settings;

/// The TLS that is known, by what is wanted of it.
pub type KnownOrigins = HashMap<Settings, Arc<UpstreamTls>>;

/// The TLS of a model's services.
pub(super) struct Origins<'m> {
    pub(super) known: KnownOrigins,
    before: Option<&'m KnownOrigins>,
    /// What upstreams show of themselves, by their names.
    clients: HashMap<&'m str, &'m Arc<Certificate>>,
}

impl<'m> Origins<'m> {
    /// None yet; what of it was known `before` is taken from there, with its sessions.
    pub(super) fn new(model: &'m Model, before: Option<&'m KnownOrigins>) -> Self {
        let client = |upstream: &'m Arc<Upstream>| {
            let client = upstream.client.as_ref()?;
            Some((upstream.name.as_str(), client))
        };
        Self {
            known: HashMap::default(),
            before,
            clients: model.upstreams.iter().filter_map(client).collect(),
        }
    }

    /// That of a service, if it has any.
    pub(super) fn of(&mut self, service: &Service) -> Option<Arc<UpstreamTls>> {
        if service.protocol != ServiceProtocol::Https {
            return None;
        }
        let settings = self.settings(service);
        if let Some(known) = self.known.get(&settings) {
            return Some(Arc::clone(known));
        }
        let before = self.before.and_then(|before| before.get(&settings));
        let tls = before.map_or_else(|| Arc::new(UpstreamTls::new(settings.clone())), Arc::clone);
        self.known.insert(settings, Arc::clone(&tls));
        Some(tls)
    }

    fn settings(&self, service: &Service) -> Settings {
        let tls = service.tls.as_deref();
        let own = tls.and_then(|tls| tls.client.as_ref());
        let client = own.map(|client| &client.loaded);
        let client = client.or_else(|| self.clients.get(service.host.as_str()).copied());
        let usual = Settings {
            client: client.map(Arc::clone),
            ..Settings::default()
        };
        let Some(tls) = tls else { return usual };
        Settings {
            verify: tls.verify,
            depth: tls.depth,
            sni: tls.sni.as_deref().map(Into::into),
            authorities: tls.ca.iter().map(|ca| ca.pem.clone()).collect(),
            only_tls13: tls.min_version == TlsVersion::Tls13,
            ..usual
        }
    }
}
