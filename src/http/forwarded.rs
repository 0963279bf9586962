//! Who the client is, and what the origin is told about it: trust, `X-Real-IP` and the
//! `X-Forwarded-*` fields.
//!
//! Kong's rules: a peer among `trusted_ips` is believed about the client's address and about what
//! it was asked for; of anybody else those fields are replaced by our own. `X-Forwarded-For` is
//! appended to for everybody. `Forwarded` (RFC 7239) and `Via` are not this file's.

use std::net::IpAddr;

use crate::base::limits::FORWARDED_HOPS;
use crate::http::Fields;
use crate::http::IpSet;
use crate::http::Name;
use crate::http::reply::PSEUDONYM;

#[cfg(test)]
mod tests;
mod text;

pub use text::ClientText;

/// Where a trusted peer says who the client is (`real_ip_header`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RealIpHeader {
    /// `X-Real-IP`, Kong's default.
    #[default]
    XRealIp,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

impl RealIpHeader {
    fn name(self) -> Name {
        match self {
            Self::XRealIp => Name::XRealIp,
            Self::XForwardedFor => Name::XForwardedFor,
        }
    }
}

/// Whom to believe, and what about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Whose word is taken.
    pub trusted: IpSet,
    /// Which field names the client.
    pub header: RealIpHeader,
    /// Whether to go on, from right to left, past addresses that are trusted themselves.
    pub recursive: bool,
}

impl TrustPolicy {
    /// The client's address for a request received from `peer`.
    ///
    /// An untrusted peer is the client. Of a trusted one the field is read from its right end: the
    /// first address, or with `recursive` the first that is not trusted, or the leftmost. What is
    /// no address ends the reading; the last good one counts.
    pub fn client(
        &self,
        peer: IpAddr,
        peer_trusted: bool,
        fields: &Fields,
        bytes: &[u8],
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        if !peer_trusted || !fields.has(self.header.name()) {
            return client;
        }
        let mut budget = if self.recursive { FORWARDED_HOPS } else { 1 };
        // Several lines are one list (RFC 9110 section 5.3), so the last line is read first.
        for line in fields.lines().iter().rev() {
            if line.known != self.header.name() {
                continue;
            }
            for entry in line.value.of(bytes).rsplit(|&b| b == b',') {
                let Some(ip) = entry_address(entry) else {
                    return client;
                };
                client = ip;
                budget -= 1;
                if budget == 0 || !self.trusted.contains(ip) {
                    return client;
                }
            }
        }
        client
    }
}

/// One entry of the list: an address, perhaps with a port, IPv6 then in brackets.
fn entry_address(entry: &[u8]) -> Option<IpAddr> {
    let entry = entry.trim_ascii();
    let bare = match entry {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|&b| b == b']')?;
            let port = &rest[end + 1..];
            if !port.is_empty() && !is_port(port) {
                return None;
            }
            &rest[..end]
        }
        _ => match entry.iter().position(|&b| b == b':') {
            Some(colon) if is_port(&entry[colon..]) && entry.contains(&b'.') => &entry[..colon],
            _ => entry,
        },
    };
    let ip: IpAddr = str::from_utf8(bare).ok()?.parse().ok()?;
    Some(ip.to_canonical())
}

/// A colon and one to five digits.
fn is_port(text: &[u8]) -> bool {
    matches!(text, [b':', digits @ ..]
        if (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
}

/// What the origin is told about a request.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    /// The address that the connection came from, as text.
    pub peer: &'a ClientText,
    /// The client's address, as text: the peer's, unless a trusted peer said otherwise.
    pub client: &'a ClientText,
    /// Whether the peer is believed.
    pub peer_trusted: bool,
    /// `http` or `https`, as the client spoke to us.
    pub scheme: &'static str,
    /// The listener's port.
    pub port: u16,
    /// The request's host without port; empty if it named none.
    pub host: &'a [u8],
    /// The request's path as received, without query.
    pub path: &'a [u8],
    /// The part of the path that the route strips, if any.
    pub prefix: Option<&'a [u8]>,
}

impl Forwarding<'_> {
    /// Whether [`Forwarding::append`] writes this field, so that the received lines are not
    /// forwarded.
    #[inline]
    pub fn replaces(name: Name) -> bool {
        matches!(
            name,
            Name::XForwardedFor
                | Name::XForwardedProto
                | Name::XForwardedHost
                | Name::XForwardedPort
                | Name::XForwardedPath
                | Name::XForwardedPrefix
                | Name::XRealIp
        )
    }

    /// Appends the field lines for a request whose received fields are `fields` over `bytes`.
    pub fn append(&self, fields: &Fields, bytes: &[u8], out: &mut Vec<u8>) {
        self.append_for(fields, bytes, out);
        let received = |name| {
            let value = if self.peer_trusted {
                fields.get(name, bytes)
            } else {
                None
            };
            value.filter(|value| !value.is_empty())
        };
        let proto = received(Name::XForwardedProto).unwrap_or(self.scheme.as_bytes());
        put_line(out, b"X-Forwarded-Proto: ", proto);
        match received(Name::XForwardedHost) {
            Some(host) => put_line(out, b"X-Forwarded-Host: ", host),
            None => self.append_host(out),
        }
        match received(Name::XForwardedPort) {
            Some(port) => put_line(out, b"X-Forwarded-Port: ", port),
            None => {
                let mut digits = itoa::Buffer::new();
                put_line(
                    out,
                    b"X-Forwarded-Port: ",
                    digits.format(self.port).as_bytes(),
                );
            }
        }
        let path = received(Name::XForwardedPath).unwrap_or(self.path);
        put_line(out, b"X-Forwarded-Path: ", path);
        let stripped = self.prefix.filter(|prefix| !matches!(*prefix, b"" | b"/"));
        if let Some(prefix) = received(Name::XForwardedPrefix).or(stripped) {
            put_line(out, b"X-Forwarded-Prefix: ", prefix);
        }
        put_line(out, b"X-Real-IP: ", self.client.as_bytes());
    }

    /// What was received and then the peer; without anything received, the client.
    fn append_for(&self, fields: &Fields, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"X-Forwarded-For: ");
        if !fields.has(Name::XForwardedFor) {
            out.extend_from_slice(self.client.as_bytes());
            out.extend_from_slice(b"\r\n");
            return;
        }
        for value in fields.all(Name::XForwardedFor, bytes) {
            if !value.is_empty() {
                out.extend_from_slice(value);
                out.extend_from_slice(b", ");
            }
        }
        out.extend_from_slice(self.peer.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// The host in lower case; our own name for an HTTP/1.0 request without one, as Kong does.
    fn append_host(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"X-Forwarded-Host: ");
        let start = out.len();
        out.extend_from_slice(self.host);
        out[start..].make_ascii_lowercase();
        if self.host.is_empty() {
            out.extend_from_slice(PSEUDONYM.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Every value is part of a parsed head or made here, so none can end its line early.
fn put_line(out: &mut Vec<u8>, name: &'static [u8], value: &[u8]) {
    debug_assert!(
        memchr::memchr3(b'\r', b'\n', 0, value).is_none(),
        "a value fits its line"
    );
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
