//! What each listener shows to clients that speak TLS.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::server::ProducesTickets;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS12;
use rustls::version::TLS13;

use crate::config::Model;
use crate::config::model::ClientAuth;
use crate::config::model::Tls;
use crate::config::model::TlsVersion;
use crate::net::tls::Certificates;
use crate::net::tls::certificates;
use crate::net::tls::crypto;

/// The TLS of one listener.
#[derive(Debug)]
pub struct ListenerTls {
    /// What is spoken.
    pub config: Arc<ServerConfig>,
    /// How long a handshake may take.
    pub handshake: Duration,
}

/// The TLS of every listener by its place, where it has any.
///
/// # Errors
/// A sentence that says what cannot be used.
pub(super) fn listeners(model: &Model) -> Result<Vec<Option<ListenerTls>>, String> {
    let of_one = |listener: &crate::config::model::Listener| {
        let Some(tls) = &listener.tls else {
            return Ok(None);
        };
        let config = config(tls, model);
        let config = config.map_err(|why| format!("listener {}: {why}", listener.address))?;
        Ok(Some(ListenerTls {
            config: Arc::new(config),
            handshake: tls.handshake_timeout,
        }))
    };
    model.listeners.iter().map(of_one).collect()
}

fn config(tls: &Tls, model: &Model) -> Result<ServerConfig, String> {
    let versions: &[_] = match tls.min_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(crypto::provider()));
    let builder = builder
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?;
    let builder = match verifier(tls)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(shown(tls, model)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Sessions are resumed by tickets, on any core; nothing is kept of them here.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // Who resumes a session is not asked for a certificate again: it must have been by the same rules.
    config.ticketer = match tls.client_auth {
        ClientAuth::None => shared_ticketer().map_err(|error| error.to_string())?,
        ClientAuth::Optional | ClientAuth::Required => {
            crypto::ticketer().map_err(|error| error.to_string())?
        }
    };
    Ok(config)
}

/// What makes the tickets of this process: sessions of one core resume on another, and outlive a reload.
fn shared_ticketer() -> io::Result<Arc<dyn ProducesTickets>> {
    static TICKETER: OnceLock<Option<Arc<dyn ProducesTickets>>> = OnceLock::new();
    let ticketer = TICKETER.get_or_init(|| crypto::ticketer().ok());
    let without = || io::Error::other("there is no randomness for the keys of session tickets");
    ticketer.clone().ok_or_else(without)
}

/// The listener's own certificates by the names in them, then those of the store by theirs.
fn shown(tls: &Tls, model: &Model) -> Certificates {
    let mut shown = Certificates::default();
    for entry in &tls.certificates {
        for name in &entry.names {
            shown.add(name, &entry.loaded);
        }
    }
    for (name, certificate) in &model.server_names {
        shown.add(name, certificate);
    }
    // Those that are for the same names as the first differ in their keys alone.
    let first = tls.certificates.first();
    let default = tls.certificates.iter();
    for entry in default.filter(|it| first.is_some_and(|first| first.names == it.names)) {
        shown.add("*", &entry.loaded);
    }
    shown
}

fn verifier(tls: &Tls) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    if tls.client_auth == ClientAuth::None {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for ca in &tls.client_ca {
        for certificate in certificates::certificates(&ca.pem)? {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
    }
    let provider = Arc::clone(crypto::provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match tls.client_auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional | ClientAuth::None => builder.allow_unauthenticated(),
    };
    builder.build().map(Some).map_err(|error| error.to_string())
}
