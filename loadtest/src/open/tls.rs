//! TLS for the generator and for the proxies of a comparison: one certificate that the kit makes for itself.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The name that the certificate is for.
pub(crate) const NAME: &str = "localhost";

/// A certificate with its key, ECDSA P-256, in memory and in files.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    /// Both in one file, which is what HAProxy reads.
    pub(crate) both: PathBuf,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Makes one and writes its files.
    pub(crate) fn new(directory: &Path) -> io::Result<Self> {
        let CertifiedKey { cert, signing_key } = made()?;
        let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).map(|()| path)
        };
        Ok(Self {
            cert: file("kit.crt", &certificate)?,
            key: file("kit.key", &key)?,
            both: file("kit.pem", &format!("{certificate}{key}"))?,
            der: cert.der().clone(),
        })
    }

    /// What a client needs that trusts it alone; `resume` keeps sessions.
    pub(crate) fn client(&self, resume: bool) -> io::Result<Arc<ClientConfig>> {
        client([self.der.clone()], resume)
    }
}

/// What a client needs that trusts the certificates of a PEM file.
pub(crate) fn client_of(file: &Path, resume: bool) -> io::Result<Arc<ClientConfig>> {
    let read = CertificateDer::pem_file_iter(file).map_err(io::Error::other)?;
    let all: Result<Vec<_>, _> = read.collect();
    client(all.map_err(io::Error::other)?, resume)
}

fn client(
    trusted: impl IntoIterator<Item = CertificateDer<'static>>,
    resume: bool,
) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if !resume {
        config.resumption = Resumption::disabled();
    }
    Ok(Arc::new(config))
}

fn made() -> io::Result<CertifiedKey<rcgen::KeyPair>> {
    rcgen::generate_simple_self_signed(vec![NAME.to_owned(), "127.0.0.1".to_owned()])
        .map_err(io::Error::other)
}

/// A server's side, for the tests of the generator.
#[cfg(test)]
pub(crate) fn pair() -> (Arc<ClientConfig>, Arc<rustls::ServerConfig>) {
    let CertifiedKey { cert, signing_key } = made().expect("a certificate");
    let trusted = client([cert.der().clone()], true).expect("a client");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a pair");
    server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("tickets");
    (trusted, Arc::new(server))
}
