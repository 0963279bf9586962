//! Services: where requests go.

use serde_json::Value;
use serde_json::json;

use super::Entity;
use super::Shorthand;
use super::common;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Then;
use crate::entity::Type;
use crate::entity::rules;
use crate::entity::rules::UrlParts;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("name"),
    shorthand: Some(Shorthand {
        name: "url",
        expand: expand_url,
        about: "protocol, host, port and path at once",
    }),
    ..Entity::new(Schema {
        fields: FIELDS,
        checks: CHECKS,
    })
};

/// Every protocol that Kong knows.
pub(super) const PROTOCOLS: &[&str] = &[
    "grpc",
    "grpcs",
    "http",
    "https",
    "tcp",
    "tls",
    "tls_passthrough",
    "udp",
];

const MILLISECONDS: &[Rule] = &[Rule::Between(1, 2_147_483_646)];

const FIELDS: &[Field] = &[
    common::ID,
    common::CREATED_AT,
    common::UPDATED_AT,
    common::NAME,
    Field::integer("retries", "how often a failed request is tried again")
        .preset(Preset::Int(5))
        .rules(&[Rule::Between(0, 32_767)]),
    Field::text(
        "protocol",
        "how it is spoken to; only `http` is served yet, services of the others are kept",
    )
    .required()
    .preset(Preset::Text("http"))
    .rules(&[Rule::OneOf(PROTOCOLS)]),
    Field::text("host", "its host, or the name of an upstream")
        .required()
        .rules(&[Rule::Custom(rules::host)]),
    Field::integer("port", "its port")
        .required()
        .preset(Preset::Int(80))
        .rules(rules::PORT),
    Field::text("path", "what is put before the paths of requests").rules(rules::PATH),
    Field::integer("connect_timeout", "milliseconds to connect")
        .preset(Preset::Int(60_000))
        .rules(MILLISECONDS),
    Field::integer("write_timeout", "milliseconds between two writes")
        .preset(Preset::Int(60_000))
        .rules(MILLISECONDS),
    Field::integer("read_timeout", "milliseconds between two reads")
        .preset(Preset::Int(60_000))
        .rules(MILLISECONDS),
    common::TAGS,
    Field::foreign(
        "client_certificate",
        Kind::Certificates,
        "what it is shown in a TLS handshake",
    ),
    Field::new(
        "tls_verify",
        Type::Boolean,
        "whether its certificate is verified",
    ),
    Field::integer(
        "tls_verify_depth",
        "how long a chain of certificates may be",
    )
    .rules(&[Rule::Between(0, 64)]),
    Field::new(
        "ca_certificates",
        Type::Array(&Element::texts(&[Rule::Uuid])),
        "ids of the CA certificates that its certificate is verified with",
    ),
    Field::flag("enabled", true, "whether its routes are served"),
];

const CHECKS: &[Check] = &[
    Check::If(
        "protocol",
        Rule::OneOf(&["tcp", "tls", "udp", "grpc", "grpcs"]),
        "path",
        Then::Null,
    ),
    tls_alone("client_certificate"),
    tls_alone("tls_verify"),
    tls_alone("tls_verify_depth"),
    tls_alone("ca_certificates"),
];

const fn tls_alone(field: &'static str) -> Check {
    Check::If(
        "protocol",
        Rule::NotOneOf(&["https", "tls"]),
        field,
        Then::Null,
    )
}

/// A URL says all four: what is not in it is what its scheme implies, or nothing.
fn expand_url(url: &str) -> Document {
    let parts = UrlParts::of(url);
    let number = parts.port.and_then(|port| port.parse::<i64>().ok());
    let protocol = parts.scheme.unwrap_or(match number {
        Some(443) => "https",
        _ => "http",
    });
    let port = match (number, parts.port) {
        (Some(number), _) => json!(number),
        (None, Some(text)) => json!(text),
        (None, None) if protocol == "https" => json!(443),
        (None, None) => json!(80),
    };
    let or_null = |part: Option<&str>| part.map_or(Value::Null, Value::from);
    // Kong's parser takes the brackets off an IPv6 address.
    let host = parts.host.map(|host| {
        let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        inner.unwrap_or(host)
    });
    Document::from_iter([
        ("protocol".to_owned(), json!(protocol)),
        ("host".to_owned(), or_null(host)),
        ("port".to_owned(), port),
        ("path".to_owned(), or_null(parts.path)),
    ])
}
