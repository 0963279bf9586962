//! What services and upstreams of the store want of TLS by reference: certificates that are rows of their own.

use std::path::PathBuf;
use std::sync::Arc;

use foldhash::HashMap;
use serde::Deserialize;
use uuid::Uuid;

use crate::config::model::CaFile;
use crate::config::model::CertificateFiles;
use crate::config::model::Service;
use crate::config::model::Upstream;
use crate::net::tls::Certificate;

use super::kept::Kept;
use super::rows;
use super::rows::Reference;

/// Certificates by their ids, and who names them.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    certificates: HashMap<Uuid, Arc<Certificate>>,
    authorities: HashMap<Uuid, Box<[u8]>>,
    services: HashMap<Uuid, Wants>,
    upstreams: HashMap<Uuid, Uuid>,
}

/// What a service names.
#[derive(Clone, Debug)]
pub(super) struct Wants {
    pub(super) ca: Vec<Uuid>,
    pub(super) client: Option<Uuid>,
}

#[derive(Deserialize)]
struct CaRow {
    cert: String,
}

impl Shown {
    /// Of several the first is shown to origins, as in Kong.
    pub(super) fn certificate(&mut self, id: Uuid, shown: &[Arc<Certificate>]) {
        self.certificates
            .extend(shown.first().map(|first| (id, Arc::clone(first))));
    }

    pub(super) fn authority(&mut self, id: Uuid, row: &[u8]) -> Result<(), String> {
        let row: CaRow = rows::read(row)?;
        self.authorities.insert(id, row.cert.into_bytes().into());
        Ok(())
    }

    pub(super) fn service(&mut self, id: Uuid, wants: Wants) {
        if wants.client.is_some() || !wants.ca.is_empty() {
            self.services.insert(id, wants);
        }
    }

    pub(super) fn upstream(&mut self, id: Uuid, client: Option<Reference>) {
        self.upstreams.extend(client.map(|client| (id, client.id)));
    }

    /// Forgets what has this id.
    pub(super) fn remove(&mut self, id: Uuid) {
        self.certificates.remove(&id);
        self.authorities.remove(&id);
        self.services.remove(&id);
        self.upstreams.remove(&id);
    }

    /// Gives services what they name. Nothing is copied where that is the same as the last time.
    pub(super) fn join_services(&self, services: &mut Kept<Service>) {
        if self.services.is_empty() {
            return;
        }
        for service in services.iter_mut() {
            let Some(wants) = self.services.get(&service.id) else {
                continue;
            };
            let mut tls = service.tls.as_deref().cloned().unwrap_or_default();
            let ca = wants.ca.iter().filter_map(|id| self.authorities.get(id));
            tls.ca = ca
                .map(|pem| CaFile {
                    path: PathBuf::new(),
                    pem: pem.clone(),
                })
                .collect();
            let client = wants.client.and_then(|id| self.certificates.get(&id));
            tls.client = client.map(|loaded| CertificateFiles {
                cert: PathBuf::new(),
                key: PathBuf::new(),
                ocsp: None,
                names: Vec::new(),
                loaded: Arc::clone(loaded),
            });
            let tls = tls.unless_usual();
            if service.tls != tls {
                Arc::make_mut(service).tls = tls;
            }
        }
    }

    /// The same for upstreams.
    pub(super) fn join_upstreams(&self, upstreams: &mut Kept<Upstream>) {
        if self.upstreams.is_empty() {
            return;
        }
        for upstream in upstreams.iter_mut() {
            let client = self.upstreams.get(&upstream.id);
            let client = client.and_then(|id| self.certificates.get(id));
            if upstream.client.as_ref() != client {
                Arc::make_mut(upstream).client = client.cloned();
            }
        }
    }
}
