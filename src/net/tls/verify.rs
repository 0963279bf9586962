//! How the certificates of origins are verified.

use std::sync::Arc;
use std::sync::OnceLock;

use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;

use crate::net::tls::certificates;
use crate::net::tls::crypto;

/// The authorities of the system. Their files are read once in a process, by who asks first.
pub(super) fn system() -> &'static Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // What cannot be read is no authority; an origin that needs it is refused with its reason.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    })
}

/// Those of texts in PEM.
pub(super) fn authorities(texts: &[Box<[u8]>]) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for text in texts {
        for certificate in certificates::certificates(text)? {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
    }
    Ok(Arc::new(roots))
}

/// Believes what `roots` have signed, with at most `depth` certificates between theirs and the origin's.
pub(super) fn believing(
    roots: Arc<RootCertStore>,
    depth: Option<u16>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let provider = Arc::clone(crypto::provider());
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
    let inner = inner.map_err(|error| error.to_string())?;
    Ok(match depth {
        None => inner,
        Some(depth) => Arc::new(Shallow {
            inner,
            depth: usize::from(depth),
        }),
    })
}

/// Believes whatever is shown.
pub(super) fn trusting() -> Arc<dyn ServerCertVerifier> {
    Arc::new(Trusting(
        crypto::provider().signature_verification_algorithms,
    ))
}

/// Looks at no more than the first intermediate certificates. They are shown in order (RFC 5246 section 7.4.2), so
/// that those beyond can only belong to a longer chain.
#[derive(Debug)]
struct Shallow {
    inner: Arc<WebPkiServerVerifier>,
    depth: usize,
}

impl ServerCertVerifier for Shallow {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let near = intermediates.get(..self.depth).unwrap_or(intermediates);
        self.inner
            .verify_server_cert(end_entity, near, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Verifies that the other side has the key of the certificate that it shows, and nothing more.
#[derive(Debug)]
struct Trusting(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
