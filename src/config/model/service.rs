//! Services: where requests go, and what is wanted of the connections there.

use std::sync::Arc;

use uuid::Uuid;

use super::CaFile;
use super::CertificateFiles;
use super::ExchangeTimeouts;
use super::TlsVersion;

/// An origin: where requests go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// Given, or Kong's deterministic id of the name.
    pub id: Uuid,
    /// Unique among services.
    pub name: Option<String>,
    /// How the origin is spoken to.
    pub protocol: ServiceProtocol,
    /// A host name or IP address (IPv6 without brackets), or the name of an upstream.
    pub host: String,
    /// The origin's port.
    pub port: u16,
    /// Starts with `/`; what the upstream path begins with.
    pub path: Option<String>,
    /// Attempts after the first one.
    pub retries: u16,
    /// How long each stage may take; what a route does not set itself.
    pub timeouts: ExchangeTimeouts,
    /// A disabled service's routes match nothing.
    pub enabled: bool,
    /// What is wanted of TLS, where that is not the default.
    pub tls: Option<Arc<ServiceTls>>,
    /// Labels for the Admin API.
    pub tags: Vec<String>,
}

/// How an origin is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceProtocol {
    /// HTTP/1.1 over TCP.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
}

impl ServiceProtocol {
    /// The spelling in a configuration, which is the URL scheme.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme leaves out.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What is wanted of the TLS to a service's targets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceTls {
    /// Whether they have to show a certificate for their name that an authority has signed.
    pub verify: bool,
    /// Most certificates between theirs and the authority's; none: no bound.
    pub depth: Option<u16>,
    /// The name that is asked for and verified; none: the host that goes upstream.
    pub sni: Option<String>,
    /// The authorities; none: those of the system. What comes from the store has no path.
    pub ca: Vec<CaFile>,
    /// What they are shown, if they ask. What comes from the store has no paths.
    pub client: Option<CertificateFiles>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

impl ServiceTls {
    /// Itself, if it is not the default.
    pub fn unless_usual(self) -> Option<Arc<Self>> {
        (self != Self::default()).then(|| Arc::new(self))
    }
}

impl Default for ServiceTls {
    fn default() -> Self {
        Self {
            verify: true,
            depth: None,
            sni: None,
            ca: Vec::new(),
            client: None,
            min_version: TlsVersion::Tls12,
        }
    }
}
