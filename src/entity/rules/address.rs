//! Hosts, addresses and ports, told apart as Kong does.

use std::net::IpAddr;

use serde_json::Value;

/// A host with perhaps a port, in Kong's normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::entity) struct Address {
    /// The name, the IPv4 address, or the IPv6 address with all its digits in brackets.
    pub(in crate::entity) host: String,
    /// The port, if one was given.
    pub(in crate::entity) port: Option<u16>,
    is_name: bool,
}

/// Why a text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::entity) enum NoAddress {
    V4,
    V6,
    Port,
    Name,
}

/// Reads a host with perhaps a port. More than one colon make an IPv6 address, nothing but digits and dots an
/// IPv4 address.
pub(in crate::entity) fn normalize(text: &str) -> Result<Address, NoAddress> {
    if text.matches(':').count() > 1 {
        return v6(text);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if is_number(port) => (host, Some(port)),
        _ => (text, None),
    };
    let is_v4 = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'.' || b == b':')
        && !text.is_empty();
    if is_v4 && text.contains(':') != port.is_some() {
        return Err(NoAddress::V4);
    }
    let host = if is_v4 { v4(host)? } else { host.to_owned() };
    let port = port.map(read_port).transpose()?;
    if !is_v4 && !is_host_name(&host) {
        return Err(NoAddress::Name);
    }
    let is_name = !is_v4;
    Ok(Address {
        host,
        port,
        is_name,
    })
}

fn v4(host: &str) -> Result<String, NoAddress> {
    let octets: Vec<u8> = host
        .split('.')
        .map(|part| match part.len() {
            1..=3 => part.parse().map_err(|_| NoAddress::V4),
            _ => Err(NoAddress::V4),
        })
        .collect::<Result<_, _>>()?;
    match octets[..] {
        [a, b, c, d] => Ok(format!("{a}.{b}.{c}.{d}")),
        _ => Err(NoAddress::V4),
    }
}

fn v6(text: &str) -> Result<Address, NoAddress> {
    let (inner, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inner, tail) = rest.split_once(']').ok_or(NoAddress::V6)?;
            match tail.strip_prefix(':') {
                Some(port) if is_number(port) => (inner, Some(read_port(port)?)),
                None if tail.is_empty() => (inner, None),
                _ => return Err(NoAddress::V6),
            }
        }
        None => (text, None),
    };
    let address: std::net::Ipv6Addr = inner.parse().map_err(|_| NoAddress::V6)?;
    let groups = address.segments().map(|group| format!("{group:04x}"));
    Ok(Address {
        host: format!("[{}]", groups.join(":")),
        port,
        is_name: false,
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn read_port(text: &str) -> Result<u16, NoAddress> {
    text.parse().map_err(|_| NoAddress::Port)
}

/// Letters, digits, dashes, underscores; segments are not empty, but for a last one, and do not end in a dash.
fn is_host_name(host: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let stem = host.strip_suffix('.').unwrap_or(host);
    let segments = || stem.split('.');
    !stem.is_empty()
        && host.bytes().all(fits)
        && segments().all(|segment| !segment.is_empty() && !segment.ends_with('-'))
}

/// What Kong calls a text that is no host.
fn blame(text: &str, fault: NoAddress) -> String {
    match fault {
        NoAddress::V4 => format!("invalid ipv4 address: {text}"),
        NoAddress::V6 => format!("invalid ipv6 address: {text}"),
        NoAddress::Port => "invalid port number".to_owned(),
        NoAddress::Name => format!("invalid hostname: {text}"),
    }
}

/// A host without a port.
///
/// # Errors
/// Kong's text.
pub fn host(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    portless(text, text).map(|_| ())
}

/// A host and perhaps a port.
///
/// # Errors
/// Kong's text.
pub fn host_with_optional_port(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    normalize(text)
        .map(|_| ())
        .map_err(|fault| blame(text, fault))
}

/// The host of a route: asterisks stand for letters.
///
/// # Errors
/// Kong's text.
pub fn host_with_wildcards(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let bare = text.replace('*', "abc");
    normalize(&bare)
        .map(|_| ())
        .map_err(|fault| blame(&bare, fault))
}

/// A server name.
///
/// # Errors
/// Kong's text.
pub fn sni(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    named(text, text)
}

/// A server name that may have one asterisk at one of its ends.
///
/// # Errors
/// Kong's text.
pub fn wildcard_host(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    if let Some(at) = text.find('*')
        && at != 0
        && at + 1 != text.len()
    {
        return Err("wildcard must be leftmost or rightmost character".to_owned());
    }
    if text.matches('*').count() > 1 {
        return Err("only one wildcard must be specified".to_owned());
    }
    let bare = text.replace('*', "wildcard");
    named(&bare, &bare)
}

/// An IP address.
///
/// # Errors
/// Kong's text.
pub fn ip(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("not an ip address: {text}")),
    }
}

/// An IP address or a network.
///
/// # Errors
/// Kong's text.
pub fn ip_or_cidr(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    if text.parse::<IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok() {
        return Ok(());
    }
    Err(format!("invalid ip or cidr range: '{text}'"))
}

/// The name of an upstream, which must not look like an address.
///
/// # Errors
/// Kong's text.
pub fn upstream_name(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let problem = match normalize(text) {
        Err(_) => "must be a valid hostname",
        Ok(address) if !address.is_name => "no ip addresses allowed",
        Ok(address) if address.port.is_some() => "no port allowed",
        Ok(_) => return Ok(()),
    };
    Err(format!("Invalid name ('{text}'); {problem}"))
}

/// The address of a target.
///
/// # Errors
/// Kong's text.
pub fn target(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    match normalize(text) {
        Ok(_) => Ok(()),
        Err(_) => Err("Invalid target; not a valid hostname or ip address".to_owned()),
    }
}

fn named(text: &str, shown: &str) -> Result<(), String> {
    if portless(text, shown)?.is_name {
        return Ok(());
    }
    Err("must not be an IP".to_owned())
}

fn portless(text: &str, shown: &str) -> Result<Address, String> {
    match normalize(text) {
        Err(NoAddress::Port) => Err("must not have a port".to_owned()),
        Err(_) => Err(format!("invalid value: {shown}")),
        Ok(address) if address.port.is_some() && address.is_name => {
            Err("must not have a port".to_owned())
        }
        Ok(address) if address.port.is_some() => Err("must not have a port".to_owned()),
        Ok(address) => Ok(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn shown(text: &str) -> Result<(String, Option<u16>), NoAddress> {
        normalize(text).map(|address| (address.host, address.port))
    }

    #[test]
    fn addresses_take_one_form() {
        assert_eq!(shown("127.0.0.1:80"), Ok(("127.0.0.1".into(), Some(80))));
        assert_eq!(shown("a.test:8000"), Ok(("a.test".into(), Some(8000))));
        let long = "[0000:0000:0000:0000:0000:0000:0000:0001]";
        assert_eq!(shown("[::1]:80"), Ok((long.into(), Some(80))));
        assert_eq!(shown("::1"), Ok((long.into(), None)));
        assert_eq!(shown("a.test."), Ok(("a.test.".into(), None)));
    }

    #[test]
    fn what_is_no_address_is_told_apart() {
        assert_eq!(shown("300.1.1.1"), Err(NoAddress::V4));
        assert_eq!(shown("1234"), Err(NoAddress::V4));
        assert_eq!(shown("a b"), Err(NoAddress::Name));
        assert_eq!(shown("a..b"), Err(NoAddress::Name));
        assert_eq!(shown("a-.b"), Err(NoAddress::Name));
        assert_eq!(shown("x.test:99999"), Err(NoAddress::Port));
        assert_eq!(shown("[::1"), Err(NoAddress::V6));
        assert_eq!(shown(""), Err(NoAddress::Name));
    }

    #[test]
    fn texts_are_those_of_kong() {
        let text = |check: fn(&Value) -> Result<(), String>, value: &str| {
            check(&json!(value)).expect_err("it is refused")
        };
        assert_eq!(text(host, "a b"), "invalid value: a b");
        assert_eq!(text(host, "a:80"), "must not have a port");
        assert_eq!(text(host_with_wildcards, "a b"), "invalid hostname: a b");
        assert_eq!(text(sni, "1.2.3.4"), "must not be an IP");
        assert_eq!(
            text(upstream_name, "1.2.3.4"),
            "Invalid name ('1.2.3.4'); no ip addresses allowed"
        );
        assert_eq!(
            text(ip_or_cidr, "300.1.1.1"),
            "invalid ip or cidr range: '300.1.1.1'"
        );
        assert_eq!(
            text(wildcard_host, "a.*.b"),
            "wildcard must be leftmost or rightmost character"
        );
        assert_eq!(wildcard_host(&json!("*.a.test")), Ok(()));
    }
}
