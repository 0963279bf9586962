//! One route: what it matches by and how its requests are sent on.

use std::sync::Arc;

use crate::base::ids::kong_id;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::HeaderMatch;
use crate::config::model::PathHandling;
use crate::config::model::Protocols;
use crate::config::model::Route;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::schema;
use crate::plugin::Compiler;

use super::names;
use super::part::Entry;
use super::part::Owner;
use super::part::Part;
use super::part::RouteEntry;
use super::part::Target;
use super::patterns;
use super::plugins;
use super::services;
use super::url;

/// Reads a table of `routes`; `service` is the index of the service it stands in.
pub(super) fn read(
    table: &Table<'_>,
    service: Option<usize>,
    part: &mut Part,
    compiler: &mut Compiler,
    sink: &mut Sink,
) {
    let id = names::id(table, sink);
    let name = names::name(table, sink);
    let owner = owner(table, service, sink);
    let own = services::timeouts(table, sink);
    let timeouts = match service {
        Some(index) => own.over(part.services[index].value.timeouts),
        None => own.over(services::DEFAULT_TIMEOUTS),
    };
    let mut route = Route {
        id: id.map(|(id, _)| id).unwrap_or_default(),
        name: name.map(|name| name.value.to_owned()),
        service: None,
        protocols: protocols(table, sink),
        methods: list(table, "methods", patterns::method, sink),
        hosts: list(table, "hosts", patterns::host, sink),
        paths: list(table, "paths", patterns::path, sink),
        headers: headers(table, sink),
        snis: list(table, "snis", patterns::sni, sink),
        https_redirect_status_code: redirect(table, sink),
        regex_priority: i32::try_from(table.integer(
            "regex_priority",
            0,
            i64::from(i32::MIN)..=i64::from(i32::MAX),
            sink,
        ))
        .unwrap_or_default(),
        strip_path: table.flag("strip_path", true, sink),
        path_handling: table.word("path_handling", &PATH_HANDLING, PathHandling::V0, sink),
        preserve_host: table.flag("preserve_host", false, sink),
        request_buffering: table.flag("request_buffering", true, sink),
        response_buffering: table.flag("response_buffering", true, sink),
        timeouts,
        tags: names::tags(table, sink),
        created_at: u64::try_from(table.integer("created_at", 0, 0..=i64::MAX, sink))
            .unwrap_or_default(),
    };
    require_criterion(table, &route, sink);
    if id.is_none() {
        route.id = match &route.name {
            Some(name) => kong_id("routes", name),
            // Nothing but what it matches tells a route without a name from another.
            None => kong_id("routes", &criteria(&route, &owner, part)),
        };
    }
    part.routes.push(RouteEntry {
        entry: Entry {
            at: name.map_or(table.place, |name| name.place),
            id_at: id.map(|(_, place)| place),
            value: Arc::new(route),
        },
        owner,
        own,
    });
    let index = part.routes.len() - 1;
    for plugin in table.tables("plugins", &schema::PLUGINS, sink) {
        plugins::read(&plugin, Some(Target::Route(index)), part, compiler, sink);
    }
}

/// Every way to join paths with its spelling in a configuration.
pub(in crate::config) const PATH_HANDLING: [(&str, PathHandling); 2] =
    [("v0", PathHandling::V0), ("v1", PathHandling::V1)];

fn owner(table: &Table<'_>, service: Option<usize>, sink: &mut Sink) -> Owner {
    let named = table.text("service", sink);
    match (service, named) {
        (Some(index), None) => Owner::Within(index),
        (Some(index), Some(text)) => {
            let message = "a route within a service belongs to that service";
            let fault = text.fault(Code::KeysConflict, message, sink);
            fault.hint("drop `service`, or move the route to `[[routes]]`");
            Owner::Within(index)
        }
        (None, Some(text)) => Owner::Named(text.value.to_owned(), text.place),
        (None, None) => Owner::None,
    }
}

fn list(
    table: &Table<'_>,
    key: &'static str,
    check: fn(&Text<'_>, &mut Sink),
    sink: &mut Sink,
) -> Vec<String> {
    let texts = table.texts(key, sink);
    for text in &texts {
        check(text, sink);
    }
    texts.iter().map(|text| text.value.to_owned()).collect()
}

fn headers(table: &Table<'_>, sink: &mut Sink) -> Vec<HeaderMatch> {
    let Some(headers) = table.table("headers", &schema::HEADERS, sink) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, item) in headers.entries() {
        let items = item.list(sink);
        let values: Vec<Text<'_>> = items.iter().filter_map(|item| item.text(sink)).collect();
        if values.len() == items.len() {
            patterns::header(&name, &values, item.place, sink);
        }
        found.push(HeaderMatch {
            name: name.value.to_ascii_lowercase(),
            values: values.iter().map(|text| text.value.to_owned()).collect(),
        });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some([first, _]) = found.array_windows().find(|[a, b]| a.name == b.name) {
        let message = format!(
            "header `{}` stands twice, in different spelling",
            first.name
        );
        sink.add(Code::BadHeader, headers.place, message);
    }
    found
}

pub(super) fn protocols(table: &Table<'_>, sink: &mut Sink) -> Protocols {
    let both = Protocols {
        http: true,
        https: true,
    };
    let Some(item) = table.get("protocols") else {
        return both;
    };
    let before = sink.drafts.len();
    let mut found = Protocols {
        http: false,
        https: false,
    };
    for text in table.texts("protocols", sink) {
        // To a route `https` is the client's side, which is fine.
        if text.value != "https" && url::UNSUPPORTED.contains(&text.value) {
            let message = format!(
                "protocol `{}` is not supported yet in this version",
                text.value
            );
            let fault = text.fault(Code::NotSupported, message, sink);
            fault.hint("clients may speak `http` and `https`; WebSocket is part of both");
            continue;
        }
        let https = text.one_of(&[("http", false), ("https", true)], sink);
        found.https |= https == Some(true);
        found.http |= https == Some(false);
    }
    if found.http || found.https {
        return found;
    }
    if sink.drafts.len() == before {
        sink.add(Code::OutOfRange, item.place, "length must be at least 1");
    }
    both
}

fn redirect(table: &Table<'_>, sink: &mut Sink) -> u16 {
    const CODES: [i64; 5] = [426, 301, 302, 307, 308];
    let Some(item) = table.get("https_redirect_status_code") else {
        return 426;
    };
    let code = item.integer(0..=i64::MAX, sink).unwrap_or(426);
    if !CODES.contains(&code) {
        sink.add(
            Code::NotOneOf,
            item.place,
            "expected one of: 426, 301, 302, 307, 308",
        );
    }
    u16::try_from(code).unwrap_or(426)
}

fn require_criterion(table: &Table<'_>, route: &Route, sink: &mut Sink) {
    let keys = ["methods", "hosts", "paths", "headers", "snis"];
    let lists = [
        route.methods.is_empty(),
        route.hosts.is_empty(),
        route.paths.is_empty(),
        route.headers.is_empty(),
    ];
    let https_by_sni = !route.protocols.http && !route.snis.is_empty();
    if https_by_sni || lists.contains(&false) {
        return;
    }
    // A list that was there but wrong has its own fault already.
    let faulty = keys.iter().take(4).any(|key| {
        table.get(key).is_some_and(|item| {
            sink.drafts.iter().any(|draft| {
                draft.place.start >= item.place.start && draft.place.end <= item.place.end
            })
        })
    });
    if faulty {
        return;
    }
    let message = if route.protocols.http {
        "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"
    } else {
        "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
    };
    let fault = sink.add(Code::NoCriterion, table.place, message);
    fault.hint("`paths = [\"/\"]` matches every request");
}

/// What tells a route without a name from the others.
fn criteria(route: &Route, owner: &Owner, part: &Part) -> String {
    let owner = match owner {
        Owner::None => String::new(),
        Owner::Within(index) => part.services[*index].value.id.to_string(),
        Owner::Named(name, _) => name.clone(),
    };
    let Route {
        methods,
        hosts,
        paths,
        headers,
        snis,
        ..
    } = route;
    format!("{owner} {methods:?} {hosts:?} {paths:?} {headers:?} {snis:?}")
}
