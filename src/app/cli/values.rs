//! Values on the command line that are more than text. Each parser says what it wants when it
//! refuses.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use crate::explain::question::split_url;

/// The URL of an origin, scheme included; its host and path are not examined beyond their form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginUrl(String);

impl OriginUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OriginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `:8080`, `8080`, `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) {
        let port = port
            .parse()
            .map_err(|_| format!("port {port} is above 65535"))?;
        return Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
    }
    let numeric = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| match text.parse::<IpAddr>() {
        Ok(ip) => format!("the port is missing, as in {}", SocketAddr::new(ip, 8080)),
        Err(_) => "expected ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080".to_owned(),
    })
}

/// A URL with a host; without a scheme it is http, and a port alone is one of this machine.
pub(super) fn origin(text: &str) -> Result<OriginUrl, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(OriginUrl(format!("http://127.0.0.1:{port}")));
    }
    let url = split_url(text)?;
    if text.contains(['?', '#']) {
        return Err("an origin's URL has neither query nor fragment".to_owned());
    }
    let path = url.target.trim_end_matches('/');
    let scheme = if url.secure { "https" } else { "http" };
    Ok(OriginUrl(format!("{scheme}://{}{path}", url.authority)))
}
