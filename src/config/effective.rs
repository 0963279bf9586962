//! The configuration as it is in force: every key with its value, as TOML that loads to an equal model.

mod people;
mod resilience;

use std::fmt::Display;
use std::fmt::Write;
use std::path::PathBuf;

use super::model::Algorithm;
use super::model::ExchangeTimeouts;
use super::model::HashInput;
use super::model::LogFormat;
use super::model::LogPath;
use super::model::Model;
use super::model::Overload;
use super::model::Route;
use super::model::Service;
use super::model::ServiceTls;
use super::model::Tls;
use super::model::Upstream;
use super::model::Workers;
use super::raw::duration;
use super::resolve;

/// What becomes of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// They are written as they are, so that the text loads to an equal model.
    Shown,
    /// Asterisks stand in their place.
    Masked,
}

/// The whole model as one TOML text.
pub fn effective(model: &Model, secrets: Secrets) -> String {
    let mut out = Writer::default();
    sections(model, &mut out);
    let mut routes = model.routes.iter().peekable();
    for (index, service) in model.services.iter().enumerate() {
        out.header("[[services]]");
        write_service(service, &mut out);
        let own = |route: &&std::sync::Arc<Route>| {
            route
                .service
                .is_some_and(|service| service.0 as usize == index)
        };
        while let Some(route) = routes.next_if(own) {
            write_route(route, "services.routes", &mut out);
        }
    }
    for route in routes {
        write_route(route, "routes", &mut out);
    }
    for upstream in &model.upstreams {
        out.header("[[upstreams]]");
        write_upstream(upstream, secrets, &mut out);
    }
    people::write(model, secrets, &mut out);
    out.text
}

/// TOML being written.
#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn header(&mut self, header: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(format_args!("{header}"));
    }

    fn value(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key} = {value}"));
    }

    fn string(&mut self, key: &str, value: &str) {
        self.value(key, quoted(value));
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        self.value(key, list(values));
    }

    fn duration(&mut self, key: &str, value: std::time::Duration) {
        self.string(key, &duration::show(value));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn list(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", values.join(", "))
}

fn listed<T: Display>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    list(&values)
}

/// The word that stands for `value` in a table of words.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    let found = words.iter().find(|(_, meaning)| meaning == value);
    found.map_or("", |(word, _)| word)
}

fn sections(model: &Model, out: &mut Writer) {
    let gateway = &model.gateway;
    out.header("[gateway]");
    match gateway.workers {
        Workers::Auto => out.string("workers", "auto"),
        Workers::Count(count) => out.value("workers", count),
    }
    out.duration("drain_timeout", gateway.drain_timeout);
    for (key, name) in [("user", &gateway.user), ("group", &gateway.group)] {
        if let Some(name) = name {
            out.string(key, name);
        }
    }
    out.value("trusted_ips", listed(&gateway.trusted_ips));
    out.string("real_ip_header", &gateway.real_ip_header);
    out.value("real_ip_recursive", gateway.real_ip_recursive);
    let limits = &model.limits;
    out.header("[limits]");
    out.value("request_head_bytes", limits.request_head_bytes);
    out.value("request_headers", limits.request_headers);
    out.value("request_line_bytes", limits.request_line_bytes);
    out.value("request_body_bytes", limits.request_body_bytes.unwrap_or(0));
    out.value("response_head_bytes", limits.response_head_bytes);
    out.value("response_headers", limits.response_headers);
    out.value("connections", limits.connections);
    out.value(
        "connection_requests",
        limits.connection_requests.unwrap_or(0),
    );
    out.value("upstream_keepalive_pool", limits.upstream_keepalive_pool);
    let requests = limits.upstream_keepalive_requests.unwrap_or(0);
    out.value("upstream_keepalive_requests", requests);
    write_overload(&model.overload, out);
    let timeouts = &model.timeouts;
    out.header("[timeouts]");
    out.duration("client_header", timeouts.client_header);
    out.duration("client_body_idle", timeouts.client_body_idle);
    out.duration("client_write_idle", timeouts.client_write_idle);
    out.duration("keep_alive", timeouts.keep_alive);
    out.duration("upstream_keepalive_idle", timeouts.upstream_keepalive_idle);
    edges(model, out);
}

fn write_overload(overload: &Overload, out: &mut Writer) {
    out.header("[overload]");
    out.value("requests", overload.requests.unwrap_or(0));
    out.duration("queue_delay", overload.queue_delay.unwrap_or_default());
    let upstream = overload.upstream_requests.unwrap_or(0);
    out.value("upstream_requests", upstream);
    out.value("upstream_adaptive", overload.upstream_adaptive);
    out.duration("upstream_wait", overload.upstream_wait);
    let connections = overload.connections_per_address.unwrap_or(0);
    out.value("connections_per_address", connections);
}

fn tls_of(tls: &Tls, out: &mut Writer) {
    out.header("[listeners.tls]");
    out.string(
        "min_version",
        word(&resolve::TLS_VERSIONS, &tls.min_version),
    );
    out.string("client_auth", word(&resolve::CLIENT_AUTH, &tls.client_auth));
    let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
    let client_ca: Vec<String> = tls.client_ca.iter().map(|ca| shown(&ca.path)).collect();
    out.strings("client_ca", &client_ca);
    out.duration("handshake_timeout", tls.handshake_timeout);
    for certificate in &tls.certificates {
        out.header("[[listeners.tls.certificates]]");
        out.string("cert", &shown(&certificate.cert));
        out.string("key", &shown(&certificate.key));
        if let Some(ocsp) = &certificate.ocsp {
            out.string("ocsp", &shown(ocsp));
        }
    }
}

fn edges(model: &Model, out: &mut Writer) {
    for listener in &model.listeners {
        out.header("[[listeners]]");
        out.string("address", &listener.address.to_string());
        out.value("proxy_protocol", listener.proxy_protocol);
        out.value("backlog", listener.backlog);
        if let Some(tls) = &listener.tls {
            tls_of(tls, out);
        }
    }
    if let Some(admin) = &model.admin {
        out.header("[admin]");
        out.string("address", &admin.address.to_string());
        for token in &admin.tokens {
            out.header("[[admin.tokens]]");
            out.string("name", &token.name);
            out.string("role", word(&resolve::ADMIN_ROLES, &token.role));
            out.string("hash", &resolve::write_hash(&token.hash));
        }
    }
    if let Some(log) = &model.access_log {
        out.header("[access_log]");
        match &log.path {
            LogPath::Stdout => out.string("path", "stdout"),
            LogPath::File(path) => out.string("path", &path.to_string_lossy()),
        }
        match &log.format {
            LogFormat::Json => out.string("format", "json"),
            LogFormat::Logfmt => out.string("format", "logfmt"),
            LogFormat::Combined => out.string("format", "combined"),
            LogFormat::Template(template) => out.string("format", template),
        }
    }
    if let Some(path) = &model.store {
        out.header("[store]");
        out.string("path", &path.to_string_lossy());
    }
    let dns = &model.dns;
    out.header("[dns]");
    out.value("servers", listed(&dns.servers));
    out.string("family", word(&resolve::FAMILIES, &dns.family));
    out.duration("timeout", dns.timeout);
    out.duration("valid_ttl", dns.valid_ttl.unwrap_or_default());
    out.duration("stale_ttl", dns.stale_ttl);
    out.duration("not_found_ttl", dns.not_found_ttl);
    out.duration("error_ttl", dns.error_ttl);
}

fn write_service(service: &Service, out: &mut Writer) {
    out.string("id", &service.id.to_string());
    if let Some(name) = &service.name {
        out.string("name", name);
    }
    out.string("protocol", service.protocol.as_str());
    out.string("host", &service.host);
    out.value("port", service.port);
    if let Some(path) = &service.path {
        out.string("path", path);
    }
    out.value("retries", service.retries);
    write_timeouts(&service.timeouts, out);
    out.value("enabled", service.enabled);
    out.strings("tags", &service.tags);
    if let Some(tls) = &service.tls {
        origin_tls(tls, out);
    }
}

/// What comes from the store has no path to write.
fn origin_tls(tls: &ServiceTls, out: &mut Writer) {
    out.header("[services.tls]");
    out.value("verify", tls.verify);
    if let Some(depth) = tls.depth {
        out.value("verify_depth", depth);
    }
    if let Some(sni) = &tls.sni {
        out.string("sni", sni);
    }
    let named = |path: &PathBuf| !path.as_os_str().is_empty();
    let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
    let ca = tls.ca.iter().map(|ca| &ca.path).filter(|path| named(path));
    out.strings("ca", &ca.map(shown).collect::<Vec<_>>());
    if let Some(client) = tls.client.as_ref().filter(|client| named(&client.cert)) {
        out.string("client_cert", &shown(&client.cert));
        out.string("client_key", &shown(&client.key));
    }
    out.string(
        "min_version",
        word(&resolve::TLS_VERSIONS, &tls.min_version),
    );
}

fn write_timeouts(timeouts: &ExchangeTimeouts, out: &mut Writer) {
    out.duration("connect_timeout", timeouts.connect);
    out.duration("write_timeout", timeouts.write);
    out.duration("read_timeout", timeouts.read);
    out.duration("idle_timeout", timeouts.idle);
    if let Some(total) = timeouts.total {
        out.duration("total_timeout", total);
    }
}

fn write_route(route: &Route, table: &str, out: &mut Writer) {
    out.header(&format!("[[{table}]]"));
    out.string("id", &route.id.to_string());
    if let Some(name) = &route.name {
        out.string("name", name);
    }
    let protocols: Vec<&str> = route.protocols.names().collect();
    out.value("protocols", listed(&protocols));
    out.strings("methods", &route.methods);
    out.strings("hosts", &route.hosts);
    out.strings("paths", &route.paths);
    out.strings("snis", &route.snis);
    out.value(
        "https_redirect_status_code",
        route.https_redirect_status_code,
    );
    out.value("regex_priority", route.regex_priority);
    out.value("strip_path", route.strip_path);
    out.string(
        "path_handling",
        word(&resolve::PATH_HANDLING, &route.path_handling),
    );
    out.value("preserve_host", route.preserve_host);
    out.value("request_buffering", route.request_buffering);
    out.value("response_buffering", route.response_buffering);
    write_timeouts(&route.timeouts, out);
    out.strings("tags", &route.tags);
    out.value("created_at", route.created_at);
    if !route.headers.is_empty() {
        out.line(format_args!("[{table}.headers]"));
    }
    for header in &route.headers {
        out.value(&quoted(&header.name), list(&header.values));
    }
}

fn write_upstream(upstream: &Upstream, secrets: Secrets, out: &mut Writer) {
    out.string("id", &upstream.id.to_string());
    out.string("name", &upstream.name);
    out.string("algorithm", word(&Algorithm::ALL, &upstream.algorithm));
    write_hash("hash_on", &upstream.hash_on, out);
    write_hash("hash_fallback", &upstream.hash_fallback, out);
    out.value("slots", upstream.slots);
    if let Some(host) = &upstream.host_header {
        out.string("host_header", host);
    }
    out.value("use_srv_name", upstream.use_srv_name);
    out.strings("tags", &upstream.tags);
    if let Some(rules) = &upstream.resilience {
        resilience::write_keys(rules, out);
        resilience::write_tables(rules, secrets, out);
    }
    for target in &upstream.targets {
        out.header("[[upstreams.targets]]");
        out.string("id", &target.id.to_string());
        out.string("target", &target.to_string());
        out.value("weight", target.weight);
        out.strings("tags", &target.tags);
    }
}

fn write_hash(key: &str, input: &HashInput, out: &mut Writer) {
    out.string(key, input.kind());
    match input {
        HashInput::None | HashInput::Consumer | HashInput::Ip | HashInput::Path => {}
        HashInput::Header(name) => out.string(&format!("{key}_header"), name),
        HashInput::Cookie { name, path } => {
            out.string("hash_on_cookie", name);
            out.string("hash_on_cookie_path", path);
        }
        HashInput::QueryArg(name) => out.string(&format!("{key}_query_arg"), name),
        HashInput::UriCapture(name) => out.string(&format!("{key}_uri_capture"), name),
    }
}
