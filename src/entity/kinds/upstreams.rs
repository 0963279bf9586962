//! Upstreams: names behind which several targets stand.

use super::Entity;
use super::common;
use super::upstreams_health;
use crate::entity::Check;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Then;
use crate::entity::Type;
use crate::entity::rules;
use crate::entity::schema::Form;
use crate::entity::schema::How;

pub(super) const ENTITY: Entity = Entity {
    endpoint_key: Some("name"),
    ..Entity::new(Schema {
        fields: FIELDS,
        checks: CHECKS,
    })
};

const HASH_INPUTS: &[Rule] = &[Rule::OneOf(&[
    "none",
    "consumer",
    "ip",
    "header",
    "cookie",
    "path",
    "query_arg",
    "uri_capture",
])];

const FIELDS: &[Field] = &[
    common::ID,
    common::CREATED_AT,
    Field::text("name", "its name, which is the host of services")
        .required()
        .unique()
        .rules(&[Rule::Custom(rules::upstream_name)]),
    common::UPDATED_AT,
    Field::text("algorithm", "how a target is chosen")
        .preset(Preset::Text("round-robin"))
        .rules(&[Rule::OneOf(&[
            "consistent-hashing",
            "least-connections",
            "round-robin",
            "latency",
        ])]),
    Field::text("hash_on", "what is hashed to choose a target")
        .preset(Preset::Text("none"))
        .rules(HASH_INPUTS),
    Field::text("hash_fallback", "what is hashed if there is none of that")
        .preset(Preset::Text("none"))
        .rules(HASH_INPUTS),
    Field::text("hash_on_header", "the header that is hashed").rules(rules::HEADER_NAME),
    Field::text("hash_fallback_header", "the header that is hashed instead")
        .rules(rules::HEADER_NAME),
    Field::text(
        "hash_on_cookie",
        "the cookie that is hashed, set where it is missing",
    )
    .rules(&[Rule::Custom(rules::cookie_name)]),
    Field::text("hash_on_cookie_path", "the path of that cookie")
        .preset(Preset::Text("/"))
        .rules(rules::PATH),
    Field::text("hash_on_query_arg", "the query argument that is hashed")
        .rules(&[Rule::LengthMin(1)]),
    Field::text(
        "hash_fallback_query_arg",
        "the query argument that is hashed instead",
    )
    .rules(&[Rule::LengthMin(1)]),
    Field::text(
        "hash_on_uri_capture",
        "the capture of the route's path that is hashed",
    )
    .rules(&[Rule::LengthMin(1)]),
    Field::text(
        "hash_fallback_uri_capture",
        "the capture of the route's path that is hashed instead",
    )
    .rules(&[Rule::LengthMin(1)]),
    Field::integer("slots", "how finely hashes are spread over targets")
        .preset(Preset::Int(10_000))
        .rules(&[Rule::Between(10, 65_536)]),
    Field::record(
        "healthchecks",
        upstreams_health::FIELDS,
        "how it is found out which targets work",
    )
    .required(),
    common::TAGS,
    Field::text("host_header", "the host that requests to targets carry")
        .rules(&[Rule::Custom(rules::host_with_optional_port)]),
    Field::foreign(
        "client_certificate",
        Kind::Certificates,
        "what targets are shown in a TLS handshake",
    ),
    Field::new(
        "use_srv_name",
        Type::Boolean,
        "whether requests carry the name of the SRV record",
    )
    .preset(Preset::Bool(false)),
];

const CHECKS: &[Check] = &[
    Check::If("hash_on", HEADER, "hash_on_header", Then::Required),
    Check::If(
        "hash_fallback",
        HEADER,
        "hash_fallback_header",
        Then::Required,
    ),
    Check::If("hash_on", COOKIE, "hash_on_cookie", Then::Required),
    Check::If("hash_fallback", COOKIE, "hash_on_cookie", Then::Required),
    Check::If(
        "hash_on",
        NONE,
        "hash_fallback",
        Then::Is(Rule::OneOf(&["none"])),
    ),
    Check::If(
        "hash_on",
        COOKIE,
        "hash_fallback",
        Then::Is(Rule::OneOf(&["none"])),
    ),
    Check::If(
        "hash_on",
        CONSUMER,
        "hash_fallback",
        Then::Is(Rule::OneOf(&[
            "none",
            "ip",
            "header",
            "cookie",
            "path",
            "query_arg",
            "uri_capture",
        ])),
    ),
    Check::If(
        "hash_on",
        IP,
        "hash_fallback",
        Then::Is(Rule::OneOf(&[
            "none",
            "consumer",
            "header",
            "cookie",
            "path",
            "query_arg",
            "uri_capture",
        ])),
    ),
    Check::If(
        "hash_on",
        PATH,
        "hash_fallback",
        Then::Is(Rule::OneOf(&[
            "none",
            "consumer",
            "header",
            "cookie",
            "query_arg",
            "ip",
            "uri_capture",
        ])),
    ),
    Check::Distinct(&["hash_on_header", "hash_fallback_header"]),
    Check::If("hash_on", QUERY_ARG, "hash_on_query_arg", Then::Required),
    Check::If(
        "hash_fallback",
        QUERY_ARG,
        "hash_fallback_query_arg",
        Then::Required,
    ),
    Check::Distinct(&["hash_on_query_arg", "hash_fallback_query_arg"]),
    Check::If(
        "hash_on",
        URI_CAPTURE,
        "hash_on_uri_capture",
        Then::Required,
    ),
    Check::If(
        "hash_fallback",
        URI_CAPTURE,
        "hash_fallback_uri_capture",
        Then::Required,
    ),
    Check::Distinct(&["hash_on_uri_capture", "hash_fallback_uri_capture"]),
];

/// One text, which Kong's schemas say as a pattern.
macro_rules! exactly {
    ($word:literal) => {
        Rule::Form(&Form {
            how: How::Match,
            patterns: &[concat!("^", $word, "$")],
            holds: |text| text == $word,
            error: "",
        })
    };
}

const HEADER: Rule = exactly!("header");
const COOKIE: Rule = exactly!("cookie");
const NONE: Rule = exactly!("none");
const CONSUMER: Rule = exactly!("consumer");
const IP: Rule = exactly!("ip");
const PATH: Rule = exactly!("path");
const QUERY_ARG: Rule = exactly!("query_arg");
const URI_CAPTURE: Rule = exactly!("uri_capture");
