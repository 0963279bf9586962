//! The sections that stand once, and the listeners.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::base::limits;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::AccessLog;
use crate::config::model::Dns;
use crate::config::model::DnsFamily;
use crate::config::model::Gateway;
use crate::config::model::Limits;
use crate::config::model::Listener;
use crate::config::model::LogFormat;
use crate::config::model::LogPath;
use crate::config::model::Overload;
use crate::config::model::Timeouts;
use crate::config::model::Workers;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::schema;

use super::admin;
use super::part::ListenerEntry;
use super::part::Sections;
use super::patterns;
use super::template;
use super::tls;

/// What a timeout may be: Kong's bounds.
pub(super) const TIMEOUT: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(limits::TIMEOUT_MS_CEILING);

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Every section of `root`, if there is any.
pub(super) fn read(root: &Table<'_>, sink: &mut Sink) -> Option<Box<Sections>> {
    if SECTIONS.iter().all(|key| root.get(key).is_none()) {
        return None;
    }
    let mut read = Sections::default();
    if let Some(table) = root.table("gateway", &schema::GATEWAY, sink) {
        read.gateway = Some((table.place, gateway(&table, sink)));
    }
    if let Some(table) = root.table("limits", &schema::LIMITS, sink) {
        read.limits = Some((table.place, read_limits(&table, sink)));
    }
    if let Some(table) = root.table("overload", &schema::OVERLOAD, sink) {
        read.overload = Some((table.place, overload(&table, sink)));
    }
    if let Some(table) = root.table("timeouts", &schema::TIMEOUTS, sink) {
        read.timeouts = Some((table.place, timeouts(&table, sink)));
    }
    if let Some(table) = root.table("admin", &schema::ADMIN, sink) {
        read.admin = Some((table.place, admin::admin(&table, sink)));
    }
    if let Some(table) = root.table("access_log", &schema::ACCESS_LOG, sink) {
        read.access_log = Some((table.place, access_log(&table, sink)));
    }
    if let Some(table) = root.table("store", &schema::STORE, sink) {
        read.store = store(&table, sink).map(|path| (table.place, path));
    }
    if let Some(table) = root.table("dns", &schema::DNS, sink) {
        read.dns = Some((table.place, dns(&table, sink)));
    }
    for table in root.tables("listeners", &schema::LISTENERS, sink) {
        let listener = listener(&table, sink);
        read.listeners.extend(listener);
    }
    Some(Box::new(read))
}

/// The keys of the root that are read here.
const SECTIONS: [&str; 9] = [
    "gateway",
    "limits",
    "overload",
    "timeouts",
    "admin",
    "access_log",
    "dns",
    "store",
    "listeners",
];

impl Default for Gateway {
    fn default() -> Self {
        Self {
            workers: Workers::Auto,
            drain_timeout: Duration::from_secs(30),
            user: None,
            group: None,
            trusted_ips: Vec::new(),
            real_ip_header: "X-Real-IP".to_owned(),
            real_ip_recursive: false,
        }
    }
}

fn gateway(table: &Table<'_>, sink: &mut Sink) -> Gateway {
    let default = Gateway::default();
    let drain_timeout = table.duration("drain_timeout", Duration::ZERO..=DAY, sink);
    let mut trusted_ips = Vec::new();
    for text in table.texts("trusted_ips", sink) {
        trusted_ips.extend(network(&text, sink));
    }
    let header = table.text("real_ip_header", sink);
    if let Some(text) = header.filter(|text| !patterns::is_token(text.value)) {
        let message = format!("bad header name '{}'", text.value);
        text.fault(Code::BadHeader, message, sink);
    }
    Gateway {
        workers: workers(table, sink).unwrap_or(default.workers),
        drain_timeout: drain_timeout.unwrap_or(default.drain_timeout),
        user: account("user", table, sink),
        group: account("group", table, sink),
        trusted_ips,
        real_ip_header: header.map_or(default.real_ip_header, |text| text.value.to_owned()),
        real_ip_recursive: table.flag("real_ip_recursive", default.real_ip_recursive, sink),
    }
}

/// A user or a group; whether there is one is for the machine to say that runs the gateway.
fn account(key: &'static str, table: &Table<'_>, sink: &mut Sink) -> Option<String> {
    let text = table.text(key, sink)?;
    if text.value.is_empty() || text.value.contains([':', '\n']) {
        let message = format!("bad name of a {key} '{}'", text.value);
        text.fault(Code::BadName, message, sink);
        return None;
    }
    Some(text.value.to_owned())
}

fn workers(table: &Table<'_>, sink: &mut Sink) -> Option<Workers> {
    let item = table.get("workers")?;
    if item.is_text() {
        return item.text(sink)?.one_of(&[("auto", Workers::Auto)], sink);
    }
    let count = item.integer(1..=i64::from(limits::WORKERS_CEILING), sink)?;
    u16::try_from(count).ok().map(Workers::Count)
}

fn network(text: &Text<'_>, sink: &mut Sink) -> Option<IpNet> {
    let address = text.value.parse::<IpAddr>().map(IpNet::from);
    let network = address.ok().or_else(|| text.value.parse().ok());
    let Some(network) = network else {
        let message = format!("invalid ip or cidr range: '{}'", text.value);
        let fault = text.fault(Code::BadNetwork, message, sink);
        fault.hint("write \"10.0.0.0/8\", \"192.0.2.7\" or \"2001:db8::/32\"");
        return None;
    };
    Some(network)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_head_bytes: limits::REQUEST_HEAD_BYTES,
            request_headers: limits::REQUEST_HEADERS,
            request_line_bytes: limits::REQUEST_LINE_BYTES,
            request_body_bytes: None,
            response_head_bytes: limits::RESPONSE_HEAD_BYTES,
            response_headers: limits::RESPONSE_HEADERS,
            connections: limits::CONNECTIONS,
            connection_requests: None,
            upstream_keepalive_pool: limits::UPSTREAM_KEEPALIVE_POOL,
            upstream_keepalive_requests: Some(limits::UPSTREAM_KEEPALIVE_REQUESTS),
        }
    }
}

fn read_limits(table: &Table<'_>, sink: &mut Sink) -> Limits {
    let default = Limits::default();
    let head = 1_024..=limits::HEAD_BYTES_CEILING;
    let headers = 1..=limits::HEADERS_CEILING;
    let mut size = |key, default, range: RangeInclusive<usize>| {
        let range = signed(*range.start())..=signed(*range.end());
        let value = table.integer(key, signed(default), range, sink);
        usize::try_from(value).unwrap_or(default)
    };
    let request_head_bytes = size(
        "request_head_bytes",
        default.request_head_bytes,
        head.clone(),
    );
    let line_default = default.request_line_bytes.min(request_head_bytes);
    Limits {
        request_head_bytes,
        request_headers: size("request_headers", default.request_headers, headers.clone()),
        request_line_bytes: size("request_line_bytes", line_default, 64..=request_head_bytes),
        response_head_bytes: size("response_head_bytes", default.response_head_bytes, head),
        response_headers: size("response_headers", default.response_headers, headers),
        connections: size(
            "connections",
            default.connections,
            1..=limits::CONNECTIONS_CEILING,
        ),
        upstream_keepalive_pool: size(
            "upstream_keepalive_pool",
            default.upstream_keepalive_pool,
            0..=65_535,
        ),
        request_body_bytes: u64::try_from(table.integer(
            "request_body_bytes",
            0,
            0..=i64::MAX,
            sink,
        ))
        .ok()
        .filter(|bytes| *bytes > 0),
        connection_requests: count(
            table,
            "connection_requests",
            default.connection_requests,
            sink,
        ),
        upstream_keepalive_requests: count(
            table,
            "upstream_keepalive_requests",
            default.upstream_keepalive_requests,
            sink,
        ),
    }
}

/// A number of requests or connections, zero for no bound.
fn count(
    table: &Table<'_>,
    key: &'static str,
    default: Option<u32>,
    sink: &mut Sink,
) -> Option<u32> {
    let range = 0..=i64::from(u32::MAX);
    let value = table.integer(key, i64::from(default.unwrap_or(0)), range, sink);
    u32::try_from(value).ok().filter(|requests| *requests > 0)
}

/// TOML's integers are signed; no bound of ours is near their end.
fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            requests: None,
            queue_delay: Some(limits::OVERLOAD_DELAY),
            upstream_requests: None,
            upstream_adaptive: false,
            upstream_wait: limits::GATE_WAIT,
            connections_per_address: None,
        }
    }
}

fn overload(table: &Table<'_>, sink: &mut Sink) -> Overload {
    let default = Overload::default();
    let wait = table.duration("upstream_wait", TIMEOUT, sink);
    let delay = table.duration(
        "queue_delay",
        Duration::ZERO..=Duration::from_secs(10),
        sink,
    );
    Overload {
        requests: count(table, "requests", default.requests, sink),
        queue_delay: delay.map_or(default.queue_delay, |delay| {
            (!delay.is_zero()).then_some(delay)
        }),
        upstream_requests: count(table, "upstream_requests", default.upstream_requests, sink),
        upstream_adaptive: table.flag("upstream_adaptive", default.upstream_adaptive, sink),
        upstream_wait: wait.unwrap_or(default.upstream_wait),
        connections_per_address: count(
            table,
            "connections_per_address",
            default.connections_per_address,
            sink,
        ),
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            client_header: Duration::from_secs(10),
            client_body_idle: Duration::from_secs(30),
            client_write_idle: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            upstream_keepalive_idle: Duration::from_secs(60),
        }
    }
}

fn timeouts(table: &Table<'_>, sink: &mut Sink) -> Timeouts {
    let default = Timeouts::default();
    let mut read = |key, default| table.duration(key, TIMEOUT, sink).unwrap_or(default);
    Timeouts {
        client_header: read("client_header", default.client_header),
        client_body_idle: read("client_body_idle", default.client_body_idle),
        client_write_idle: read("client_write_idle", default.client_write_idle),
        keep_alive: read("keep_alive", default.keep_alive),
        upstream_keepalive_idle: read("upstream_keepalive_idle", default.upstream_keepalive_idle),
    }
}

/// Where clients are accepted if the configuration does not say: Kong's proxy port.
pub(super) fn default_listener() -> Listener {
    Listener {
        address: SocketAddr::from(([0, 0, 0, 0], 8_000)),
        proxy_protocol: false,
        backlog: limits::LISTENER_BACKLOG,
        tls: None,
    }
}

fn listener(table: &Table<'_>, sink: &mut Sink) -> Option<ListenerEntry> {
    let backlog = i64::from(limits::LISTENER_BACKLOG);
    let backlog = table.integer("backlog", backlog, 1..=65_535, sink);
    let proxy_protocol = table.flag("proxy_protocol", false, sink);
    let tls = table.table("tls", &schema::LISTENER_TLS, sink);
    let tls = tls.map(|table| tls::read(&table, sink));
    let Some(item) = table.get("address") else {
        table.missing("address", sink);
        return None;
    };
    let text = item.text(sink)?;
    let (tls, files) = tls.unzip();
    let value = Listener {
        address: socket(&text, None, sink)?,
        proxy_protocol,
        backlog: u32::try_from(backlog).unwrap_or(limits::LISTENER_BACKLOG),
        tls: tls.map(Arc::new),
    };
    Some(ListenerEntry {
        at: text.place,
        files: files.unwrap_or_default(),
        value,
    })
}

/// `ip:port`, or `ip` where there is a default port.
pub(super) fn socket(
    text: &Text<'_>,
    default_port: Option<u16>,
    sink: &mut Sink,
) -> Option<SocketAddr> {
    if let Ok(address) = text.value.parse() {
        return Some(address);
    }
    if let Some((port, ip)) = default_port.zip(text.value.parse::<IpAddr>().ok()) {
        return Some(SocketAddr::new(ip, port));
    }
    let wanted = match default_port {
        Some(_) => "ip or ip:port",
        None => "ip:port",
    };
    let message = format!("invalid address '{}': expected {wanted}", text.value);
    let (host, port) = patterns::split_port(text.value);
    let fault = text.fault(Code::BadAddress, message, sink);
    let every = "for every IPv4 address of this machine";
    match port {
        Some(port) if host == "localhost" => fault.hint(format!("write \"127.0.0.1:{port}\"")),
        Some(port) if host.is_empty() || host == "*" => {
            fault.hint(format!("write \"0.0.0.0:{port}\" {every}"))
        }
        _ => fault.hint("an IPv6 address with a port stands in brackets: \"[::1]:8000\""),
    };
    None
}

fn access_log(table: &Table<'_>, sink: &mut Sink) -> AccessLog {
    let path = match table.text("path", sink) {
        None => LogPath::Stdout,
        Some(text) if text.value == "stdout" => LogPath::Stdout,
        Some(text) => {
            if text.value.is_empty() {
                text.fault(Code::OutOfRange, "length must be at least 1", sink);
            }
            LogPath::File(PathBuf::from(text.value))
        }
    };
    let words = [
        ("json", LogFormat::Json),
        ("logfmt", LogFormat::Logfmt),
        ("combined", LogFormat::Combined),
    ];
    let format = match table.text("format", sink) {
        None => LogFormat::Json,
        Some(text) if text.value.contains('$') => {
            template::check(&text, sink);
            LogFormat::Template(text.value.to_owned())
        }
        Some(text) => text.one_of(&words, sink).unwrap_or(LogFormat::Json),
    };
    AccessLog { path, format }
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            family: DnsFamily::Any,
            timeout: Duration::from_secs(2),
            valid_ttl: None,
            stale_ttl: HOUR,
            not_found_ttl: Duration::from_secs(30),
            error_ttl: Duration::from_secs(1),
        }
    }
}

/// Every family with its spelling in a configuration.
pub(in crate::config) const FAMILIES: [(&str, DnsFamily); 3] = [
    ("any", DnsFamily::Any),
    ("ipv4", DnsFamily::Ipv4),
    ("ipv6", DnsFamily::Ipv6),
];

/// The file of `[store]`.
fn store(table: &Table<'_>, sink: &mut Sink) -> Option<PathBuf> {
    if table.get("path").is_none() {
        table.missing("path", sink);
    }
    let path = table.text("path", sink)?;
    if path.value.is_empty() {
        path.fault(Code::Missing, "length must be at least 1", sink);
        return None;
    }
    Some(PathBuf::from(path.value))
}

fn dns(table: &Table<'_>, sink: &mut Sink) -> Dns {
    let default = Dns::default();
    let mut servers = Vec::new();
    for text in table.texts("servers", sink) {
        servers.extend(socket(&text, Some(53), sink));
    }
    let family = table.word("family", &FAMILIES, default.family, sink);
    let mut read = |key, longest| table.duration(key, Duration::ZERO..=longest, sink);
    let valid_ttl = read("valid_ttl", DAY).filter(|ttl| !ttl.is_zero());
    let stale_ttl = read("stale_ttl", DAY * 30).unwrap_or(default.stale_ttl);
    let not_found_ttl = read("not_found_ttl", DAY).unwrap_or(default.not_found_ttl);
    let error_ttl = read("error_ttl", HOUR).unwrap_or(default.error_ttl);
    let attempt = *TIMEOUT.start()..=Duration::from_secs(60);
    let timeout = table.duration("timeout", attempt, sink);
    Dns {
        servers,
        family,
        timeout: timeout.unwrap_or(default.timeout),
        valid_ttl,
        stale_ttl,
        not_found_ttl,
        error_ttl,
    }
}
