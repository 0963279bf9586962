//! One upstream: how a target is chosen, and the targets.

use std::sync::Arc;

use uuid::Uuid;

use crate::base::ids::kong_id;
use crate::base::limits;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Algorithm;
use crate::config::model::HashInput;
use crate::config::model::Target;
use crate::config::model::Upstream;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::schema;
use crate::config::source::Place;

use super::names;
use super::part::Entry;
use super::part::Part;
use super::patterns;
use super::resilience;
use super::url::without_brackets;

/// Reads a table of `upstreams`.
pub(super) fn read(table: &Table<'_>, part: &mut Part, sink: &mut Sink) {
    let id = names::id(table, sink);
    let name = table.text("name", sink);
    match &name {
        None if table.get("name").is_none() => table.missing("name", sink),
        None => {}
        Some(text) => check_name(text, sink),
    }
    let algorithm = table.word("algorithm", &Algorithm::ALL, Algorithm::RoundRobin, sink);
    let (hash_on, hash_fallback) = hashing(table, algorithm, sink);
    let slots = i64::from(limits::SLOTS);
    let slots = table.integer("slots", slots, 10..=i64::from(limits::SLOTS_CEILING), sink);
    let host_header = table.text("host_header", sink);
    if let Some(text) = &host_header {
        let (host, port) = patterns::split_port(text.value);
        let fits = patterns::is_host_name(host) || patterns::is_ip(host);
        if !fits || port.is_some_and(|port| port.parse::<u16>().is_err()) {
            text.fault(
                Code::BadHost,
                format!("invalid hostname: {}", text.value),
                sink,
            );
        }
    }
    let name_value = name.map_or("", |text| text.value);
    let id_value = id.map_or_else(|| kong_id("upstreams", name_value), |(id, _)| id);
    let upstream = Upstream {
        id: id_value,
        name: name_value.to_owned(),
        algorithm,
        hash_on,
        hash_fallback,
        slots: u32::try_from(slots).unwrap_or(limits::SLOTS),
        host_header: host_header.map(|text| text.value.to_owned()),
        use_srv_name: table.flag("use_srv_name", false, sink),
        tags: names::tags(table, sink),
        targets: targets(table, id_value, sink),
        client: None,
        resilience: resilience::read(table, sink),
    };
    let at = name.map_or(table.place, |text| text.place);
    let takes_requests = upstream.targets.iter().any(|target| target.weight > 0);
    if !takes_requests {
        let message = "an upstream without a target that takes requests answers 503";
        sink.add(Code::UpstreamEmpty, at, message);
    }
    part.upstreams.push(Entry {
        at,
        id_at: id.map(|(_, place)| place),
        value: Arc::new(upstream),
    });
}

fn check_name(text: &Text<'_>, sink: &mut Sink) {
    let name = text.value;
    let problem = if patterns::is_ip(name) {
        "no ip addresses allowed"
    } else if patterns::split_port(name).1.is_some() {
        "no port allowed"
    } else if !patterns::is_host_name(name) {
        "must be a valid hostname"
    } else {
        return;
    };
    text.fault(
        Code::BadName,
        format!("Invalid name ('{name}'); {problem}"),
        sink,
    );
}

/// The keys that go with `hash_on`, or with `hash_fallback`.
struct HashKeys {
    on: &'static str,
    header: &'static str,
    query_arg: &'static str,
    uri_capture: &'static str,
}

const FIRST: HashKeys = HashKeys {
    on: "hash_on",
    header: "hash_on_header",
    query_arg: "hash_on_query_arg",
    uri_capture: "hash_on_uri_capture",
};

const FALLBACK: HashKeys = HashKeys {
    on: "hash_fallback",
    header: "hash_fallback_header",
    query_arg: "hash_fallback_query_arg",
    uri_capture: "hash_fallback_uri_capture",
};

fn hashing(table: &Table<'_>, algorithm: Algorithm, sink: &mut Sink) -> (HashInput, HashInput) {
    let before = sink.drafts.len();
    let hash_on = hash_input(table, &FIRST, sink);
    let hash_fallback = hash_input(table, &FALLBACK, sink);
    if sink.drafts.len() > before {
        return (hash_on, hash_fallback);
    }
    let place = |key| table.get(key).map_or(table.place, |item| item.place);
    match (&hash_on, &hash_fallback) {
        (HashInput::None, HashInput::None) => {
            if algorithm == Algorithm::ConsistentHashing {
                let message = "`hash_on` must not be \"none\" with consistent-hashing";
                let fault = sink.add(Code::BadHashing, place("algorithm"), message);
                fault.hint("set `hash_on`, for example to \"ip\"");
            }
        }
        (HashInput::None, _) => {
            let message = "`hash_fallback` must be \"none\" while `hash_on` is";
            sink.add(Code::BadHashing, place("hash_fallback"), message);
        }
        (HashInput::Cookie { .. }, HashInput::None) => {}
        (HashInput::Cookie { .. }, _) => {
            let message = "`hash_on = \"cookie\"` has no fallback: a missing cookie is made";
            sink.add(Code::BadHashing, place("hash_fallback"), message);
        }
        (first, second) if first == second => {
            let message = "`hash_fallback` must differ from `hash_on`";
            sink.add(Code::BadHashing, place("hash_fallback"), message);
        }
        (_, _) => {}
    }
    (hash_on, hash_fallback)
}

fn hash_input(table: &Table<'_>, keys: &HashKeys, sink: &mut Sink) -> HashInput {
    let path = table.text("hash_on_cookie_path", sink);
    if let Some(text) = path.filter(|text| !text.value.starts_with('/')) {
        // Both calls read it; one fault is enough.
        if keys.on == FIRST.on {
            text.fault(Code::BadPath, "should start with: /", sink);
        }
    }
    let path = path.map_or("/", |text| text.value).to_owned();
    let Some(item) = table.get(keys.on) else {
        return HashInput::None;
    };
    let Some(text) = item.text(sink) else {
        return HashInput::None;
    };
    let needed = |key: &'static str, fits: fn(&str) -> bool, sink: &mut Sink| {
        detail(table, key, item.place, fits, sink)
    };
    let words: [(&'static str, u8); 8] = [
        ("none", 0),
        ("consumer", 1),
        ("ip", 2),
        ("header", 3),
        ("cookie", 4),
        ("path", 5),
        ("query_arg", 6),
        ("uri_capture", 7),
    ];
    match text.one_of(&words, sink) {
        Some(1) => HashInput::Consumer,
        Some(2) => HashInput::Ip,
        Some(3) => {
            let name = needed(keys.header, patterns::is_token, sink);
            HashInput::Header(name.to_ascii_lowercase())
        }
        Some(4) => {
            let name = needed("hash_on_cookie", patterns::is_token, sink);
            HashInput::Cookie { name, path }
        }
        Some(5) => HashInput::Path,
        Some(6) => HashInput::QueryArg(needed(keys.query_arg, is_argument, sink)),
        Some(7) => HashInput::UriCapture(needed(keys.uri_capture, is_argument, sink)),
        Some(_) | None => HashInput::None,
    }
}

/// The name of the header, cookie, argument or capture that `hash_on` asks for.
fn detail(
    table: &Table<'_>,
    key: &'static str,
    asked_at: Place,
    fits: fn(&str) -> bool,
    sink: &mut Sink,
) -> String {
    let Some(item) = table.get(key) else {
        let message = format!("`{key}`: required field missing");
        sink.add(Code::Missing, asked_at, message);
        return String::new();
    };
    let Some(text) = item.text(sink) else {
        return String::new();
    };
    if !fits(text.value) {
        text.fault(
            Code::BadHashing,
            format!("invalid value '{}'", text.value),
            sink,
        );
    }
    text.value.to_owned()
}

fn is_argument(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b".-_~".contains(&b);
    !name.is_empty() && name.bytes().all(fits)
}

fn targets(table: &Table<'_>, upstream: Uuid, sink: &mut Sink) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for table in table.tables("targets", &schema::TARGETS, sink) {
        let Some((target, place)) = target(&table, upstream, sink) else {
            continue;
        };
        let same = |other: &Target| other.host == target.host && other.port == target.port;
        if let Some(first) = targets.iter().position(same) {
            let message = format!("duplicate target `{target}` in this upstream");
            let fault = sink.add(Code::DuplicateEntity, place, message);
            fault.first_at(places[first]);
        }
        targets.push(target);
        places.push(place);
    }
    targets
}

fn target(table: &Table<'_>, upstream: Uuid, sink: &mut Sink) -> Option<(Target, Place)> {
    let id = names::id(table, sink);
    let weight = table.integer("weight", 100, 0..=65_535, sink);
    let tags = names::tags(table, sink);
    let Some(item) = table.get("target") else {
        table.missing("target", sink);
        return None;
    };
    let text = item.text(sink)?;
    let (host, port) = patterns::split_port(text.value);
    let fits = patterns::is_host_name(host) || patterns::is_ip(host);
    let port = port.map_or(Some(8_000), |port| port.parse().ok());
    let Some(port) = port.filter(|_| fits) else {
        let message = format!(
            "Invalid target ('{}'); not a valid hostname or ip address",
            text.value
        );
        let fault = text.fault(Code::BadTarget, message, sink);
        fault.hint("write \"host:port\"; without a port it is 8000");
        return None;
    };
    let name = format!("{}:{upstream}", text.value);
    let target = Target {
        id: id.map_or_else(|| kong_id("targets", &name), |(id, _)| id),
        host: without_brackets(host).to_owned(),
        port,
        weight: u16::try_from(weight).unwrap_or_default(),
        tags,
    };
    Some((target, text.place))
}
