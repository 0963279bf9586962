//! Routes: which requests go to a service.
//!
//! What a route may and must say depends on its protocols, of which the first decides, as in Kong.

use serde_json::Value;

use super::Entity;
use super::common;
use super::services::PROTOCOLS;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Misfit;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::entity::rules;
use crate::entity::schema::Form;
use crate::entity::schema::How;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("name"),
    prepare: Some(prepare),
    gate: Some(gate),
    ..Entity::new(Schema {
        fields: FIELDS,
        checks: &[Check::Each(check_snis), Check::Each(check_family)],
    })
};

const FIELDS: &[Field] = &[
    common::ID,
    common::CREATED_AT,
    common::UPDATED_AT,
    common::NAME,
    Field::new(
        "protocols",
        Type::Set(&Element::texts(&[Rule::OneOf(PROTOCOLS)])),
        "the protocols that it is for; `https` is TLS on the listener, or what a trusted peer says in X-Forwarded-Proto",
    )
    .required()
    .preset(Preset::Texts(&["http", "https"]))
    .rules(&[
        Rule::LengthMin(1),
        Rule::Exclusive(&[
            &["http", "https"],
            &["tcp", "tls", "udp"],
            &["tls_passthrough"],
            &["grpc", "grpcs"],
        ]),
    ]),
    Field::integer(
        "https_redirect_status_code",
        "what a request is answered that matches but for its protocol",
    )
    .required()
    .preset(Preset::Int(426))
    .rules(&[Rule::OneOfInts(&[426, 301, 302, 307, 308])]),
    Field::flag(
        "strip_path",
        true,
        "whether the path that matched is cut off the request's",
    ),
    Field::flag(
        "preserve_host",
        false,
        "whether the request's host is kept instead of the service's",
    ),
    Field::flag(
        "request_buffering",
        true,
        "whether a request's body is read ahead of its target",
    ),
    Field::flag(
        "response_buffering",
        true,
        "whether a response's body is read ahead of its client",
    ),
    common::TAGS,
    Field::foreign("service", Kind::Services, "where matching requests go"),
    Field::new(
        "snis",
        Type::Set(&Element::texts(&[Rule::Custom(rules::wildcard_host)])),
        "server names of TLS handshakes",
    ),
    Field::new("sources", PEERS, "addresses and ports of clients"),
    Field::new(
        "destinations",
        PEERS,
        "addresses and ports that clients connected to",
    ),
    Field::new(
        "methods",
        Type::Set(&Element::texts(&[Rule::Form(&UPPER_CASE)])),
        "methods of requests",
    ),
    Field::new(
        "hosts",
        Type::Array(&Element::texts(&[
            Rule::Form(&ONE_WILDCARD),
            Rule::Form(&OUTER_WILDCARD),
            Rule::Custom(rules::host_with_wildcards),
        ])),
        "hosts of requests; an asterisk may stand for the first or the last label",
    ),
    Field::new(
        "paths",
        Type::Array(&Element::texts(&[
            Rule::Form(&rules::NO_EMPTY_SEGMENTS),
            Rule::Form(&ROUTER_PATH),
            Rule::Custom(rules::router_path),
        ])),
        "beginnings of paths, or regular expressions behind a tilde",
    ),
    Field::new(
        "headers",
        Type::Map(
            &Element::texts(&[Rule::Form(&NOT_HOST), Rule::Custom(rules::header_name)]),
            &Element::new(Type::Array(&Element::TEXT)),
        ),
        "names of headers and the values that they may have",
    ),
    Field::integer(
        "regex_priority",
        "which of several matching regular expressions wins: the highest",
    )
    .preset(Preset::Int(0)),
    Field::text(
        "path_handling",
        "how the paths of service, route and request are joined",
    )
    .preset(Preset::Text("v0"))
    .rules(&[Rule::OneOf(&["v0", "v1"])]),
];

const PEERS: Type = Type::Set(&Element::new(Type::Checked(&Schema {
    fields: &[
        Field::text("ip", "an address or a network").rules(&[Rule::Custom(rules::ip_or_cidr)]),
        Field::integer("port", "a port").rules(rules::PORT),
    ],
    checks: &[Check::AtLeastOneOf(&["ip", "port"])],
})));

const UPPER_CASE: Form = Form {
    how: How::Match,
    patterns: &["^%u+$"],
    holds: |text| text.bytes().all(|b| b.is_ascii_uppercase()),
    error: "",
};

const ONE_WILDCARD: Form = Form {
    how: How::All,
    patterns: &["^[^*]*%*?[^*]*$"],
    holds: |text| text.matches('*').count() <= 1,
    error: "invalid wildcard: must have at most one wildcard",
};

const OUTER_WILDCARD: Form = Form {
    how: How::Any,
    patterns: &["^%*%.", "%.%*$", "^[^*]*$"],
    holds: |text| text.starts_with("*.") || text.ends_with(".*") || !text.contains('*'),
    error: "invalid wildcard: must be placed at leftmost or rightmost label",
};

const ROUTER_PATH: Form = Form {
    how: How::Any,
    patterns: &["^/", "^~/"],
    holds: |text| text.starts_with('/') || text.starts_with("~/"),
    error: "should start with: / (fixed path) or ~/ (regex path)",
};

const NOT_HOST: Form = Form {
    how: How::None,
    patterns: &["^[Hh][Oo][Ss][Tt]$"],
    holds: |text| !text.eq_ignore_ascii_case("host"),
    error: "cannot contain 'host' header, which must be specified in the 'hosts' attribute",
};

/// What the first known protocol makes of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Http,
    Stream,
    Grpc,
}

fn family(route: &Document) -> Option<Family> {
    let of = |protocol: &str| match protocol {
        "http" | "https" => Some(Family::Http),
        "tcp" | "tls" | "udp" | "tls_passthrough" => Some(Family::Stream),
        "grpc" | "grpcs" => Some(Family::Grpc),
        _ => None,
    };
    match route.get("protocols") {
        None => Some(Family::Http),
        Some(Value::String(protocol)) => of(protocol),
        Some(Value::Array(protocols)) => protocols.iter().find_map(|p| of(p.as_str()?)),
        Some(_) => None,
    }
}

/// The default of `strip_path` is another one for gRPC.
fn prepare(route: &mut Document) {
    if family(route) == Some(Family::Grpc) {
        let strip_path = route.entry("strip_path");
        strip_path.or_insert(Value::Bool(false));
    }
}

fn gate(route: &Document) -> Option<Misfit> {
    let protocols = route.get("protocols")?;
    if family(route).is_some() {
        return None;
    }
    let first = match protocols {
        Value::Null => return Some(Misfit::at("protocols", "required field missing")),
        Value::String(protocol) => protocol,
        Value::Array(protocols) => protocols.first()?.as_str()?,
        _ => return None,
    };
    Some(Misfit::at("protocols", format!("unknown type: {first}")))
}

/// Whether a field says something.
fn has(route: &Document, field: &str) -> bool {
    match route.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::Array(values)) => !values.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(_) => true,
    }
}

fn serves(route: &Document, protocol: &str) -> bool {
    let protocols = route.get("protocols").and_then(Value::as_array);
    protocols.is_some_and(|protocols| protocols.iter().any(|has| has == protocol))
}

fn check_snis(route: &Document) -> Vec<Misfit> {
    let tls = ["grpcs", "https", "tls", "tls_passthrough"];
    if !has(route, "snis") || tls.iter().any(|protocol| serves(route, protocol)) {
        return Vec::new();
    }
    vec![
        Misfit::at("snis", "length must be 0"),
        Misfit::whole(
            "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
        ),
    ]
}

/// What may not be set with the route's protocols, and what must be.
fn check_family(route: &Document) -> Vec<Misfit> {
    let Some(family) = family(route) else {
        return Vec::new();
    };
    let (forbidden, when): (&[&str], &str) = match family {
        Family::Http => (&["sources", "destinations"], "'http' or 'https'"),
        Family::Stream => (
            &["methods", "hosts", "paths", "headers"],
            "'tcp', 'tls', 'tls_passthrough' or 'udp'",
        ),
        Family::Grpc => (&["methods", "sources", "destinations"], "'grpc' or 'grpcs'"),
    };
    let is_set = |field: &str| route.get(field).is_some_and(|value| !value.is_null());
    let mut misfits: Vec<Misfit> = forbidden
        .iter()
        .filter(|field| is_set(field))
        .map(|field| Misfit::at(field, cannot(field, when)))
        .collect();
    if family == Family::Grpc && route.get("strip_path") == Some(&Value::Bool(true)) {
        misfits.push(Misfit::at("strip_path", cannot("strip_path", when)));
    }
    misfits.extend(missing(route, family));
    misfits
}

fn cannot(field: &str, when: &str) -> String {
    format!("cannot set '{field}' when 'protocols' is {when}")
}

/// A route must match something.
fn missing(route: &Document, family: Family) -> Option<Misfit> {
    let (fields, when): (&[&str], &str) = match family {
        Family::Http if serves(route, "https") => {
            (&["methods", "hosts", "headers", "paths", "snis"], "'https'")
        }
        Family::Http => (&["methods", "hosts", "headers", "paths"], "'http'"),
        Family::Stream if serves(route, "tls_passthrough") => (&["snis"], "'tls_passthrough'"),
        Family::Stream => (
            &["sources", "destinations", "snis"],
            "'tcp', 'tls' or 'udp'",
        ),
        Family::Grpc if serves(route, "grpcs") => {
            (&["hosts", "headers", "paths", "snis"], "'grpcs'")
        }
        Family::Grpc => (&["hosts", "headers", "paths"], "'grpc'"),
    };
    if fields.iter().any(|field| has(route, field)) {
        return None;
    }
    let what = match fields {
        ["snis"] => "snis".to_owned(),
        fields => {
            let quoted: Vec<String> = fields.iter().map(|field| format!("'{field}'")).collect();
            format!("one of {}", quoted.join(", "))
        }
    };
    Some(Misfit::whole(format!(
        "must set {what} when 'protocols' is {when}"
    )))
}
