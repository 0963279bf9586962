//! One active check: a connection of its own, a request if it is to be one, and what came of it.

use std::net::SocketAddr;
use std::sync::Arc;

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

use super::tls;
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
    verifying: Arc<ClientConfig>,
    trusting: Arc<ClientConfig>,
}

impl Prober {
    /// Loads the system's certificates, which takes milliseconds, so it is made when it is needed first.
    ///
    /// # Errors
    /// A sentence, when the cryptography cannot be set up.
    pub(super) fn new() -> Result<Self, String> {
        let verifying = tls::verifying().map_err(|error| error.to_string())?;
        let trusting = tls::trusting().map_err(|error| error.to_string())?;
        let plain = usual(&verifying)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            plain,
            verifying: Arc::new(verifying),
            trusting: Arc::new(trusting),
        })
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
            &self.verifying
        } else {
            &self.trusting
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
