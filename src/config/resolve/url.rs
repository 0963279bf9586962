//! A service's `url`: short for protocol, host, port and path.

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::ServiceProtocol;
use crate::config::raw::text::Text;

use super::patterns;

/// What a URL says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) protocol: ServiceProtocol,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: Option<String>,
}

/// What services are reached by.
pub(super) const PROTOCOLS: &[(&str, ServiceProtocol)] = &[
    ("http", ServiceProtocol::Http),
    ("https", ServiceProtocol::Https),
];

/// What Kong's services and routes may speak beyond what this version does.
pub(super) const UNSUPPORTED: &[&str] = &[
    "grpc",
    "grpcs",
    "tcp",
    "tls",
    "udp",
    "tls_passthrough",
    "ws",
    "wss",
];

/// Refuses a protocol that Kong has and we do not.
pub(super) fn unsupported(text: &Text<'_>, length: usize, sink: &mut Sink) {
    let message = format!(
        "protocol `{}` is not supported yet in this version",
        &text.value[..length]
    );
    let fault = sink.add(Code::NotSupported, text.part(0, length), message);
    fault.hint("services are reached by `http` or `https`: HTTP/1.1 over TCP or TLS");
}

/// Reads `http://host[:port][/path]`, or the same with `https`.
#[expect(clippy::too_many_lines, reason = "one arm for each part of a URL")]
pub(super) fn read(text: &Text<'_>, sink: &mut Sink) -> Option<Url> {
    let value = text.value;
    let Some((scheme, rest)) = value.split_once("://") else {
        let fault = text.fault(Code::BadUrl, "missing scheme in url", sink);
        fault.hint(format!("write \"http://{value}\""));
        return None;
    };
    if UNSUPPORTED.contains(&scheme) {
        unsupported(text, scheme.len(), sink);
        return None;
    }
    let known = PROTOCOLS.iter().find(|(word, _)| *word == scheme);
    let Some((_, protocol)) = known else {
        let message = format!("unknown scheme `{scheme}` in url");
        let fault = sink.add(Code::BadUrl, text.part(0, scheme.len()), message);
        fault.hint("services are reached by `http` or `https`: HTTP/1.1 over TCP or TLS");
        return None;
    };
    let authority_at = scheme.len() + 3;
    let authority_length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_length);
    let tail_at = authority_at + authority_length;
    if let Some(at) = tail.find(['?', '#']) {
        let place = text.part(tail_at + at, tail.len() - at);
        sink.add(
            Code::BadUrl,
            place,
            "a service's url has no query and no fragment",
        );
        return None;
    }
    if let Some(at) = authority.find('@') {
        let place = text.part(authority_at, at + 1);
        sink.add(
            Code::BadUrl,
            place,
            "a service's url has no user and no password",
        );
        return None;
    }
    let (host, port) = patterns::split_port(authority);
    let host_fits = patterns::is_host_name(host) || patterns::is_ip(host);
    if host.is_empty() {
        text.fault(Code::BadUrl, "missing host in url", sink);
        return None;
    }
    if !host_fits {
        let place = text.part(authority_at, host.len());
        sink.add(Code::BadHost, place, format!("invalid hostname: {host}"));
        return None;
    }
    let port = match port.map(str::parse::<u16>) {
        None => protocol.default_port(),
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            let place = text.part(
                authority_at + host.len() + 1,
                authority.len() - host.len() - 1,
            );
            sink.add(
                Code::BadUrl,
                place,
                "invalid port in url: expected 0 to 65535",
            );
            return None;
        }
    };
    if !tail.is_empty() {
        patterns::service_path(text, tail_at, sink);
    }
    Some(Url {
        protocol: *protocol,
        host: without_brackets(host).to_owned(),
        port,
        path: (!tail.is_empty()).then(|| tail.to_owned()),
    })
}

/// An IPv6 address as the model keeps it.
pub(in crate::config) fn without_brackets(host: &str) -> &str {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host)
}
