//! One active check: a connection of its own, a request if it is to be one, and what came of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;

use reqwest::Client;
use reqwest::ClientBuilder;
use reqwest::Method;
use reqwest::header::CONNECTION;
use reqwest::header::HOST;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::tls::upstream::Settings;
use crate::resilience::ActiveChecks;
use crate::resilience::CheckKind;
use crate::resilience::Outcome;
use crate::resilience::Rules;

/// What is checked.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) rules: Arc<Rules>,
    pub(super) address: SocketAddr,
    /// The Host of a request.
    pub(super) host: Box<[u8]>,
    /// The name of the target, without a port.
    pub(super) name: Box<str>,
}

/// Makes checks.
#[derive(Clone, Debug)]
pub(super) struct Prober {
    plain: Client,
    trusting: Arc<ClientConfig>,
    /// Made with the first check that verifies a certificate: reading the system's authorities takes milliseconds.
    verifying: Arc<OnceLock<Option<ClientConfig>>>,
}

impl Prober {
    /// Sets up what checks share.
    ///
    /// # Errors
    /// A sentence, when the cryptography cannot be set up.
    pub(super) fn new() -> Result<Self, String> {
        let trusting = Settings {
            verify: false,
            ..Settings::default()
        };
        let trusting = trusting.config()?;
        let plain = usual(&trusting)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            plain,
            trusting: Arc::new(trusting),
            verifying: Arc::default(),
        })
    }

    fn verifying(&self) -> Option<&ClientConfig> {
        let made = self
            .verifying
            .get_or_init(|| match Settings::default().config() {
                Ok(config) => Some(config),
                Err(error) => {
                    tracing::error!("certificates of targets cannot be verified: {error}");
                    None
                }
            });
        made.as_ref()
    }

    /// Checks a target once.
    pub(super) async fn check(&self, aim: &Aim) -> Outcome {
        let checks = &aim.rules.active;
        let checking = async {
            match checks.kind {
                CheckKind::Http => {
                    let url = format!("http://{}{}", aim.address, checks.path);
                    request(&self.plain, &url, aim).await
                }
                CheckKind::Https => self.check_tls(aim).await,
                CheckKind::Tcp | CheckKind::Grpc | CheckKind::Grpcs => {
                    match TcpStream::connect(aim.address).await {
                        Ok(_stream) => Outcome::Connected,
                        Err(_) => Outcome::TcpFailure,
                    }
                }
            }
        };
        let checked = timeout(checks.timeout, checking).await;
        checked.unwrap_or(Outcome::Timeout)
    }

    async fn check_tls(&self, aim: &Aim) -> Outcome {
        let ActiveChecks {
            sni, verify, path, ..
        } = &aim.rules.active;
        let name = sni.as_deref().unwrap_or(&aim.name);
        let config = if *verify {
            self.verifying()
        } else {
            Some(&*self.trusting)
        };
        let Some(config) = config else {
            return Outcome::TcpFailure;
        };
        // The address is this target's alone, so the client is as well.
        let client = usual(config).resolve(name, aim.address).build();
        let shown = if name.contains(':') {
            format!("[{name}]")
        } else {
            name.to_owned()
        };
        match client {
            Ok(client) => {
                let url = format!("https://{shown}:{}{path}", aim.address.port());
                request(&client, &url, aim).await
            }
            Err(_) => Outcome::TcpFailure,
        }
    }
}

/// A client that connects anew for each check and follows nothing.
fn usual(config: &ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(config.clone())
        .user_agent(concat!(
            "silverback/",
            env!("CARGO_PKG_VERSION"),
            " health-check"
        ))
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .http1_only()
        .no_proxy()
}

async fn request(client: &Client, url: &str, aim: &Aim) -> Outcome {
    let mut request = client.request(Method::GET, url).header(CONNECTION, "close");
    if let Ok(host) = HeaderValue::from_bytes(&aim.host) {
        request = request.header(HOST, host);
    }
    for (name, values) in &aim.rules.active.headers {
        for value in values {
            let field = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = HeaderValue::from_str(value).ok();
            if let Some((field, value)) = field.zip(value) {
                request = request.header(field, value);
            }
        }
    }
    match request.send().await {
        Ok(answer) => Outcome::Status(answer.status().as_u16()),
        Err(_) => Outcome::TcpFailure,
    }
}
