//! Which certificate a client is shown: by the name that it asks for, and by what it can verify.
//!
//! A certificate is parsed when it is shown for the first time, because most of many thousands never are. What came of
//! it stays with the certificate, which snapshots share.

use std::fmt;
use std::fmt::Write;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::OnceLock;

use foldhash::HashMap;
use rustls::CipherSuite;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

use crate::net::tls::crypto;

/// A certificate with its chain and its key, as they were given.
pub struct Certificate {
    chain: Box<[u8]>,
    key: Box<[u8]>,
    ocsp: Option<Box<[u8]>>,
    parsed: OnceLock<Result<Arc<CertifiedKey>, String>>,
}

impl Certificate {
    /// A certificate and its chain in PEM, its private key in PEM, and an answer of its OCSP responder in DER.
    pub fn new(
        chain: impl Into<Box<[u8]>>,
        key: impl Into<Box<[u8]>>,
        ocsp: Option<Box<[u8]>>,
    ) -> Self {
        Self {
            chain: chain.into(),
            key: key.into(),
            ocsp,
            parsed: OnceLock::new(),
        }
    }

    /// What it is shown by.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn certified(&self) -> Result<&Arc<CertifiedKey>, &str> {
        let parsed = self.parsed.get_or_init(|| self.parse().map(Arc::new));
        parsed.as_ref().map_err(String::as_str)
    }

    fn parse(&self) -> Result<CertifiedKey, String> {
        let chain = certificates(&self.chain)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| format!("no private key: {error}"))?;
        let mut certified = CertifiedKey::from_der(chain, key, crypto::provider()).map_err(
            |error| match error {
                rustls::Error::InconsistentKeys(_) => "certificate does not match key".to_owned(),
                error => error.to_string(),
            },
        )?;
        certified.ocsp = self.ocsp.as_ref().map(|ocsp| ocsp.to_vec());
        Ok(certified)
    }

    /// The names that it is for, in lower case, and when it ends, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn facts(&self) -> Result<(Vec<String>, i64), String> {
        let chain = certificates(&self.chain)?;
        let first = chain.first().ok_or("no certificate")?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        if let Ok(Some(alternatives)) = parsed.subject_alternative_name() {
            for name in &alternatives.value.general_names {
                if let GeneralName::DNSName(name) = name {
                    names.push(name.to_ascii_lowercase());
                }
            }
        }
        if names.is_empty() {
            let common = parsed.subject().iter_common_name();
            names.extend(common.filter_map(|name| Some(name.as_str().ok()?.to_ascii_lowercase())));
        }
        Ok((names, parsed.validity().not_after.timestamp()))
    }
}

impl fmt::Debug for Certificate {
    /// Without its key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.key == other.key && self.ocsp == other.ocsp
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.chain, &self.key, &self.ocsp).hash(state);
    }
}

/// The certificates of a text in PEM; at least one.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| format!("no certificate: {error}"))?;
    if read.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    Ok(read)
}

/// What is passed on of a client's certificate, which has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject, as RFC 4514 writes it, in printable ASCII.
    pub subject: Box<str>,
    /// The SHA-256 of it, in hexadecimal digits.
    pub fingerprint: Box<str>,
}

impl ClientCertificate {
    /// Reads a certificate in DER.
    pub(in crate::net) fn read(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let subject = parsed.subject().to_string();
        let printable = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
        let mut suites = crypto::provider().cipher_suites.iter();
        let hash = suites
            .find(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256)?
            .tls13()?
            .common
            .hash_provider
            .hash(der);
        let mut fingerprint = String::with_capacity(64);
        for byte in hash.as_ref() {
            // To a string it cannot fail.
            let _ = write!(fingerprint, "{byte:02x}");
        }
        Some(Self {
            subject: subject.chars().map(printable).collect::<String>().into(),
            fingerprint: fingerprint.into(),
        })
    }
}

/// Certificates by name. Where several are for one name, a client is shown the first that it can verify.
#[derive(Debug, Default)]
pub struct Certificates {
    exact: HashMap<Box<str>, Vec<Arc<Certificate>>>,
    /// `*.suffix`, by the part behind the asterisk and the dot.
    suffixes: HashMap<Box<str>, Vec<Arc<Certificate>>>,
    /// `prefix.*`, by the part before the dot.
    prefixes: HashMap<Box<str>, Vec<Arc<Certificate>>>,
    /// `*`, then what the listener shows whoever asks for a name that nobody knows, or for none.
    others: Vec<Arc<Certificate>>,
}

impl Certificates {
    /// Shows `certificate` to who asks for `name`: a name, `*.suffix`, `prefix.*` or `*`.
    pub fn add(&mut self, name: &str, certificate: &Arc<Certificate>) {
        let place = if name == "*" {
            &mut self.others
        } else if let Some(suffix) = name.strip_prefix("*.") {
            self.suffixes.entry(suffix.into()).or_default()
        } else if let Some(prefix) = name.strip_suffix(".*") {
            self.prefixes.entry(prefix.into()).or_default()
        } else {
            self.exact.entry(name.into()).or_default()
        };
        place.push(Arc::clone(certificate));
    }

    /// What is shown to who asks for `name`: exact names first, then the longest suffix, the longest prefix, and what
    /// is left.
    fn of(&self, name: Option<&str>) -> &[Arc<Certificate>] {
        let named = name.and_then(|name| {
            let exact = self.exact.get(name);
            let suffix = || {
                let dots = name.match_indices('.');
                dots.filter_map(|(dot, _)| self.suffixes.get(name.get(dot + 1..)?))
                    .next()
            };
            let prefix = || {
                let dots = name.rmatch_indices('.');
                dots.filter_map(|(dot, _)| self.prefixes.get(name.get(..dot)?))
                    .next()
            };
            exact.or_else(suffix).or_else(prefix)
        });
        named.unwrap_or(&self.others)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let name = name
            .as_deref()
            .map(|name| name.strip_suffix('.').unwrap_or(name));
        let usable = self.of(name).iter().filter_map(|it| it.certified().ok());
        let mut usable = usable.peekable();
        let first = usable.peek().map(|first| Arc::clone(first));
        let verifiable =
            usable.find(|it| it.key.choose_scheme(hello.signature_schemes()).is_some());
        // With nothing that it can verify the handshake fails by the protocol's own words.
        verifiable.map(Arc::clone).or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_the_closest_of_its_certificates() {
        let mut all = Certificates::default();
        let names = [
            "a.test.x",
            "*.test.x",
            "*.b.test.x",
            "test.*",
            "test.b.*",
            "*",
        ];
        let certificates = names.map(|name| Arc::new(Certificate::new(name.as_bytes(), [], None)));
        for (name, certificate) in names.iter().zip(&certificates) {
            all.add(name, certificate);
        }
        for (asked, found) in [
            (Some("a.test.x"), "a.test.x"),
            (Some("c.test.x"), "*.test.x"),
            (Some("c.b.test.x"), "*.b.test.x"),
            (Some("test.de"), "test.*"),
            (Some("test.b.de"), "test.b.*"),
            (Some("elsewhere"), "*"),
            (None, "*"),
        ] {
            assert_eq!(&*all.of(asked)[0].chain, found.as_bytes(), "{asked:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        let one = rcgen::generate_simple_self_signed(["Test.example".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["b.example".to_owned()]).unwrap();
        let pem = one.cert.pem();
        let key = other.signing_key.serialize_pem();
        let mixed = Certificate::new(pem.as_bytes(), key.as_bytes(), None);
        assert_eq!(
            mixed.certified().unwrap_err(),
            "certificate does not match key"
        );
        let nothing = Certificate::new(*b"nothing", *b"", None);
        assert_eq!(nothing.certified().unwrap_err(), "no certificate in it");
        let right = one.signing_key.serialize_pem();
        let right = Certificate::new(pem.as_bytes(), right.as_bytes(), None);
        assert!(right.certified().is_ok());
        assert_eq!(right.facts().unwrap().0, ["test.example"]);
    }
}
