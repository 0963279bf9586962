//! `tls` of a service: what it says, and what the files that it names hold.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::limits;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::CaFile;
use crate::config::model::CertificateFiles;
use crate::config::model::ClientAuth;
use crate::config::model::Service;
use crate::config::model::ServiceTls;
use crate::config::model::Tls;
use crate::config::model::TlsVersion;
use crate::config::raw::Table;
use crate::config::source::Place;
use crate::net::tls::Certificate;

use super::patterns;
use super::tls;
use super::url::without_brackets;

/// What is said, with the places of the files that it names: certificate, key, authorities.
pub(super) fn read(table: &Table<'_>, sink: &mut Sink) -> (ServiceTls, Vec<Place>) {
    let mut places = Vec::new();
    let client = match (
        table.text("client_cert", sink),
        table.text("client_key", sink),
    ) {
        (Some(cert), Some(key)) => {
            places.extend([cert.place, key.place]);
            Some(CertificateFiles {
                cert: PathBuf::from(cert.value),
                key: PathBuf::from(key.value),
                ocsp: None,
                names: Vec::new(),
                loaded: Arc::new(Certificate::new([], [], None)),
            })
        }
        (Some(_), None) if table.get("client_key").is_none() => {
            table.missing("client_key", sink);
            None
        }
        (None, Some(_)) if table.get("client_cert").is_none() => {
            table.missing("client_cert", sink);
            None
        }
        _ => None,
    };
    let ca = table.texts("ca", sink).into_iter().map(|text| {
        places.push(text.place);
        CaFile {
            path: PathBuf::from(text.value),
            pem: Box::default(),
        }
    });
    let ca = ca.collect();
    let sni = table.text("sni", sink);
    if let Some(text) = &sni
        && !(patterns::is_host_name(text.value) || patterns::is_ip(text.value))
    {
        let message = format!("invalid hostname: {}", text.value);
        text.fault(Code::BadHost, message, sink);
    }
    let depth = table.get("verify_depth").map(|_| {
        let ceiling = i64::from(limits::TLS_DEPTH_CEILING);
        let depth = table.integer("verify_depth", 0, 0..=ceiling, sink);
        u16::try_from(depth).unwrap_or(limits::TLS_DEPTH_CEILING)
    });
    let read = ServiceTls {
        verify: table.flag("verify", true, sink),
        depth,
        sni: sni.map(|text| without_brackets(text.value).to_owned()),
        ca,
        client,
        min_version: table.word("min_version", &tls::VERSIONS, TlsVersion::Tls12, sink),
    };
    (read, places)
}

/// Every file that is named; what comes from the store has none.
pub(in crate::config) fn files(tls: &ServiceTls) -> impl Iterator<Item = &PathBuf> {
    let client = tls.client.iter().flat_map(|it| [&it.cert, &it.key]);
    let named = client.chain(tls.ca.iter().map(|ca| &ca.path));
    named.filter(|path| !path.as_os_str().is_empty())
}

/// Reads the files, whose paths are seen from `directory`; `places` are those of [`read`]. The service stays what it
/// is if they hold what they held.
pub(super) fn load(
    service: &mut Arc<Service>,
    places: &[Place],
    directory: &Path,
    sink: &mut Sink,
) {
    let Some(before) = &service.tls else { return };
    let mut named = Tls {
        certificates: before.client.iter().cloned().collect(),
        client_ca: before.ca.clone(),
        min_version: before.min_version,
        client_auth: ClientAuth::None,
        handshake_timeout: limits::TLS_HANDSHAKE,
    };
    tls::load(&mut named, places, directory, sink);
    let loaded = ServiceTls {
        ca: named.client_ca,
        client: named.certificates.pop(),
        ..(**before).clone()
    };
    if loaded != **before {
        Arc::make_mut(service).tls = Some(Arc::new(loaded));
    }
}
