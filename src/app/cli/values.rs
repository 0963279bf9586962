//! Values on the command line that are more than text. Each parser says what it wants when it
//! refuses.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

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

/// A request to be routed and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRequest {
    /// The method, a token.
    pub method: String,
    /// `https` rather than `http`.
    pub secure: bool,
    /// Host and perhaps port, as they stand in the URL.
    pub authority: String,
    /// Path and perhaps query, beginning with `/`.
    pub target: String,
}

/// A header field of such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestHeader {
    /// The name, a token.
    pub name: String,
    /// The value, without surrounding white space.
    pub value: String,
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
    if url.secure {
        return Err("an https origin is not supported: name an http one".to_owned());
    }
    if text.contains(['?', '#']) {
        return Err("an origin's URL has neither query nor fragment".to_owned());
    }
    let path = url.target.trim_end_matches('/');
    Ok(OriginUrl(format!("http://{}{path}", url.authority)))
}

/// `[METHOD ]URL`.
pub(super) fn request(text: &str) -> Result<TestRequest, String> {
    let (method, url) = match text.trim().split_once(char::is_whitespace) {
        Some((method, url)) => (method, url.trim_start()),
        None if METHODS.contains(&text.trim()) => {
            return Err(format!("`{}` is a method: the URL is missing", text.trim()));
        }
        None => ("GET", text.trim()),
    };
    if !is_token(method) {
        return Err(format!("`{method}` is no method"));
    }
    let url = split_url(url)?;
    // What a client would send: the fragment stays at home, the path is at least a slash.
    let target = url.target.split('#').next().unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok(TestRequest {
        method: method.to_owned(),
        secure: url.secure,
        authority: url.authority.to_owned(),
        target: format!("{slash}{target}"),
    })
}

/// A single word that is one of these is no host.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
];

/// `name: value`.
pub(super) fn header(text: &str) -> Result<TestHeader, String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    if !is_token(name) {
        return Err(format!("`{name}` is no field name"));
    }
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err("the value has a control character".to_owned());
    }
    Ok(TestHeader {
        name: name.to_owned(),
        value: value.trim().to_owned(),
    })
}

struct Url<'t> {
    secure: bool,
    authority: &'t str,
    target: &'t str,
}

fn split_url(text: &str) -> Result<Url<'_>, String> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("a URL has no white space; escape it as %20".to_owned());
    }
    let (secure, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some((scheme, _)) => return Err(format!("scheme `{scheme}` is neither http nor https")),
        None => (false, text),
    };
    let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("a URL with user and password is not supported".to_owned());
    }
    check_authority(authority)?;
    Ok(Url {
        secure,
        authority,
        target,
    })
}

/// Host, or IPv6 address in brackets, and perhaps a port.
fn check_authority(authority: &str) -> Result<(), String> {
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, rest)) => {
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| format!("`{host}` is no IPv6 address"))?;
            (host, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("the URL names no host, as in http://127.0.0.1:9000".to_owned());
    }
    let good = |port: &str| {
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match port.strip_prefix(':') {
        Some(port) if good(port) => Ok(()),
        None if port.is_empty() => Ok(()),
        _ => Err(format!("`{authority}` has no valid port")),
    }
}

fn is_token(text: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(token)
}
