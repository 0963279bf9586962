//! One service: its address, its timeouts, and the routes within it.

use std::sync::Arc;
use std::time::Duration;

use crate::base::ids::kong_id;
use crate::base::limits;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::ExchangeTimeouts;
use crate::config::model::Service;
use crate::config::model::ServiceProtocol;
use crate::config::raw::Table;
use crate::config::schema;
use crate::plugin::Compiler;

use super::names;
use super::origin_tls;
use super::part::Entry;
use super::part::OwnTimeouts;
use super::part::Part;
use super::part::Target;
use super::patterns;
use super::plugins;
use super::routes;
use super::sections::TIMEOUT;
use super::url;
use super::url::Url;

/// Reads a table of `services`.
pub(super) fn read(table: &Table<'_>, part: &mut Part, compiler: &mut Compiler, sink: &mut Sink) {
    let id = names::id(table, sink);
    let name = names::name(table, sink);
    let Url {
        protocol,
        host,
        port,
        path,
    } = address(table, sink);
    let key = match name {
        Some(name) => name.value.to_owned(),
        // Nothing but its address tells a service without a name from another.
        None => format!(
            "{}://{host}:{port}{}",
            protocol.as_str(),
            path.as_deref().unwrap_or("")
        ),
    };
    let ceiling = i64::from(limits::RETRIES_CEILING);
    let retries = table.integer("retries", 5, 0..=ceiling, sink);
    let timeouts = timeouts(table, sink).over(DEFAULT_TIMEOUTS);
    // What a service does not say, its `read_timeout` says, as in Kong.
    let idle = table
        .get("idle_timeout")
        .map_or(timeouts.read, |_| timeouts.idle);
    let tls = table.table("tls", &schema::SERVICE_TLS, sink);
    let tls = tls.map(|table| origin_tls::read(&table, sink));
    let (tls, files) = tls.unzip();
    if let Some(item) = table.get("tls")
        && protocol != ServiceProtocol::Https
    {
        let message = "`tls` is for services over `https`";
        sink.add(Code::KeysConflict, item.place, message);
    }
    let service = Service {
        id: id.map_or_else(|| kong_id("services", &key), |(id, _)| id),
        name: name.map(|name| name.value.to_owned()),
        protocol,
        host,
        port,
        path,
        retries: u16::try_from(retries).unwrap_or(limits::RETRIES_CEILING),
        timeouts: ExchangeTimeouts { idle, ..timeouts },
        enabled: table.flag("enabled", true, sink),
        tls: tls.map(Arc::new),
        tags: names::tags(table, sink),
    };
    part.services.push(Entry {
        at: name.map_or(table.place, |name| name.place),
        id_at: id.map(|(_, place)| place),
        value: Arc::new(service),
    });
    let index = part.services.len() - 1;
    if let Some(files) = files.filter(|files| !files.is_empty()) {
        let named = part.service_files.get_or_insert_default();
        named.0.push((index, files));
    }
    for route in table.tables("routes", &schema::ROUTES, sink) {
        routes::read(&route, Some(index), part, compiler, sink);
    }
    for plugin in table.tables("plugins", &schema::PLUGINS, sink) {
        plugins::read(&plugin, Some(Target::Service(index)), part, compiler, sink);
    }
}

/// Kong's: a minute for everything.
pub(in crate::config) const DEFAULT_TIMEOUTS: ExchangeTimeouts = ExchangeTimeouts {
    connect: Duration::from_secs(60),
    write: Duration::from_secs(60),
    read: Duration::from_secs(60),
    idle: Duration::from_secs(60),
    total: None,
};

/// The timeouts that a service or a route sets itself.
pub(super) fn timeouts(table: &Table<'_>, sink: &mut Sink) -> OwnTimeouts {
    let mut read = |key| table.duration(key, TIMEOUT, sink);
    let own = OwnTimeouts {
        connect: read("connect_timeout"),
        write: read("write_timeout"),
        read: read("read_timeout"),
        idle: read("idle_timeout"),
        total: read("total_timeout"),
    };
    let stage = own.connect.max(own.read).max(own.idle).max(own.write);
    if let Some((total, stage)) = own.total.zip(stage)
        && total < stage
        && let Some(item) = table.get("total_timeout")
    {
        let message = "`total_timeout` ends before the longest timeout of a stage can";
        sink.add(Code::TotalTooShort, item.place, message);
    }
    own
}

/// Where the origin is, by `url` or by its parts.
fn address(table: &Table<'_>, sink: &mut Sink) -> Url {
    let stand_in = Url {
        protocol: ServiceProtocol::Http,
        host: String::new(),
        port: 80,
        path: None,
    };
    if let Some(item) = table.get("url") {
        for key in ["protocol", "host", "port", "path"] {
            if let Some(other) = table.get(key) {
                let message = format!("`{key}` and `url` exclude each other");
                let fault = sink.add(Code::KeysConflict, other.place, message);
                fault.related = Some((item.place, "this says it already"));
            }
        }
        let text = item.text(sink);
        return text
            .and_then(|text| url::read(&text, sink))
            .unwrap_or(stand_in);
    }
    let protocol = table.text("protocol", sink).and_then(|text| {
        if url::UNSUPPORTED.contains(&text.value) {
            url::unsupported(&text, text.value.len(), sink);
            return None;
        }
        text.one_of(url::PROTOCOLS, sink)
    });
    let host = table.text("host", sink);
    if table.get("host").is_none() {
        let message = "`host`: required field missing";
        let fault = sink.add(Code::Missing, table.place, message);
        fault.hint("write `url = \"http://host:port/path\"`, or `host` and `port`");
    }
    let host = host.map_or("", |text| {
        let fits = patterns::is_host_name(text.value) || patterns::is_ip(text.value);
        if !fits {
            let message = match patterns::split_port(text.value) {
                (_, Some(_)) => "must not have a port".to_owned(),
                (_, None) => format!("invalid hostname: {}", text.value),
            };
            text.fault(Code::BadHost, message, sink);
        }
        url::without_brackets(text.value)
    });
    let protocol = protocol.unwrap_or(stand_in.protocol);
    let port = table.integer("port", i64::from(protocol.default_port()), 0..=65_535, sink);
    let path = table.text("path", sink);
    if let Some(text) = &path {
        patterns::service_path(text, 0, sink);
    }
    Url {
        protocol,
        host: host.to_owned(),
        port: u16::try_from(port).unwrap_or_default(),
        path: path.map(|text| text.value.to_owned()),
    }
}
