//! A request that is asked about and not sent.

/// A request without its field lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The method, a token.
    pub method: String,
    /// `https` rather than `http`.
    pub secure: bool,
    /// Host and perhaps port, as they stand in the URL.
    pub authority: String,
    /// Path and perhaps query, beginning with `/`.
    pub target: String,
}

/// A field line of such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLine {
    /// The name, a token.
    pub name: String,
    /// The value, without surrounding white space.
    pub value: String,
}

impl Question {
    /// Reads `[METHOD ]URL`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
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
        Ok(Self {
            method: method.to_owned(),
            secure: url.secure,
            authority: url.authority.to_owned(),
            target: format!("{slash}{target}"),
        })
    }
}

/// A single word that is one of these is no host.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
];

impl FieldLine {
    /// Reads `name: value`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
        if !is_token(name) {
            return Err(format!("`{name}` is no field name"));
        }
        if value.contains(|c: char| c.is_control() && c != '\t') {
            return Err("the value has a control character".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.trim().to_owned(),
        })
    }
}

/// An http or https URL in parts.
#[derive(Clone, Copy, Debug)]
pub struct Url<'t> {
    /// It is https.
    pub secure: bool,
    /// Host and perhaps port.
    pub authority: &'t str,
    /// Path, query and fragment; may be empty.
    pub target: &'t str,
}

/// Takes a URL apart; without a scheme it is http.
///
/// # Errors
/// What is wrong with it.
pub fn split_url(text: &str) -> Result<Url<'_>, String> {
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
