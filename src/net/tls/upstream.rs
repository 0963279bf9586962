//! TLS to origins: what is wanted of it, and what rustls makes of that.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;

use rustls::ClientConfig;
use rustls::Error;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use rustls::version::TLS13;

use crate::net::Pool;
use crate::net::Stream;
use crate::net::tls::Certificate;
use crate::net::tls::Failure;
use crate::net::tls::client;
use crate::net::tls::crypto;
use crate::net::tls::verify;

/// What is wanted of the TLS to an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Whether the origin has to show a certificate that is for its name and that an authority has signed.
    pub verify: bool,
    /// Most certificates between the origin's and the authority's; none: no bound but rustls' own.
    pub depth: Option<u16>,
    /// The name that is asked for and verified; none: the host that the request names.
    pub sni: Option<Box<str>>,
    /// Texts in PEM of the authorities; none: those of the system.
    pub authorities: Vec<Box<[u8]>>,
    /// What the origin is shown, if it asks.
    pub client: Option<Arc<Certificate>>,
    /// Whether TLS 1.2 is too old.
    pub only_tls13: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verify: true,
            depth: None,
            sni: None,
            authorities: Vec::new(),
            client: None,
            only_tls13: false,
        }
    }
}

impl Settings {
    /// What rustls makes of them.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn config(&self) -> Result<ClientConfig, String> {
        let verifier = if !self.verify {
            verify::trusting()
        } else if self.authorities.is_empty() {
            verify::believing(Arc::clone(verify::system()), self.depth)?
        } else {
            verify::believing(verify::authorities(&self.authorities)?, self.depth)?
        };
        let versions: &[_] = if self.only_tls13 {
            &[&TLS13]
        } else {
            &[&TLS13, &TLS12]
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(crypto::provider()));
        let builder = builder.with_protocol_versions(versions);
        let builder = builder.map_err(|error| error.to_string())?;
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let shown: CertifiedKey = (**client.certified()?).clone();
                let shown: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(shown));
                builder.with_client_cert_resolver(shown)
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Settings with what is made of them when they are first used. Sessions are resumed by all connections that share it.
#[derive(Debug)]
pub struct UpstreamTls {
    settings: Settings,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl UpstreamTls {
    /// Nothing is made yet, but the files of the system's authorities are read if they are needed: call it where that
    /// may take its time.
    pub fn new(settings: Settings) -> Self {
        if settings.verify && settings.authorities.is_empty() {
            verify::system();
        }
        Self {
            settings,
            config: OnceLock::new(),
        }
    }

    /// What is wanted.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes a connected stream one that speaks TLS with the origin of this name.
    ///
    /// # Errors
    /// When the origin is not the one that is wanted, or the connection fails.
    pub async fn secure(
        &self,
        stream: &mut Stream,
        name: &str,
        pool: &Rc<Pool>,
    ) -> Result<(), Failure> {
        let made = self
            .config
            .get_or_init(|| self.settings.config().map(Arc::new));
        let config = made
            .as_ref()
            .map_err(|why| Failure::Tls(Error::General(why.clone())))?;
        let name = ServerName::try_from(name.to_owned());
        let name = name.map_err(|_| {
            let why = rustls::CertificateError::NotValidForName;
            Failure::Tls(Error::InvalidCertificate(why))
        })?;
        client::connect(stream, Arc::clone(config), name, pool).await
    }
}

/// What a failure says to those who know nothing of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The origin's certificate is not what is wanted, or ours is of no use.
    Certificate,
    /// The origin refuses by an alert.
    Alert,
    /// What it speaks is no TLS, or none that we speak.
    Protocol,
}

impl Trouble {
    /// What kind of failure it is.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(_)
            | Error::NoCertificatesPresented
            | Error::UnsupportedNameType
            | Error::InvalidCertRevocationList(_)
            | Error::General(_) => Self::Certificate,
            Error::AlertReceived(_) => Self::Alert,
            _ => Self::Protocol,
        }
    }
}
