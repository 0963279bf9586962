//! The health checks of upstreams.

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Type;
use crate::entity::rules;

pub(super) const FIELDS: &[Field] = &[
    Field::record("passive", PASSIVE, "checks by the requests that are served").required(),
    Field::record("active", ACTIVE, "checks by requests of our own").required(),
    Field::number(
        "threshold",
        "percents of the weight that must work for the upstream to work",
    )
    .preset(Preset::Int(0))
    .rules(&[Rule::Between(0, 100)]),
];

const PASSIVE: &[Field] = &[
    TYPE,
    Field::record(
        "unhealthy",
        &[
            counter("http_failures", "bad answers that take a target out"),
            statuses("http_statuses", &[429, 500, 503], "statuses of bad answers"),
            counter("tcp_failures", "failed connections that take a target out"),
            counter("timeouts", "timeouts that take a target out"),
        ],
        "when a target is taken out",
    )
    .required(),
    Field::record(
        "healthy",
        &[
            counter("successes", "good answers that bring a target back"),
            statuses(
                "http_statuses",
                &[
                    200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305,
                    306, 307, 308,
                ],
                "statuses of good answers",
            ),
        ],
        "when a target is brought back",
    )
    .required(),
];

const ACTIVE: &[Field] = &[
    Field::flag(
        "https_verify_certificate",
        true,
        "whether the certificates of targets are verified",
    ),
    Field::record(
        "healthy",
        &[
            statuses("http_statuses", &[200, 302], "statuses of good answers"),
            counter("successes", "good answers that bring a target back"),
            seconds("interval", 0, "seconds between checks of working targets"),
        ],
        "when a target is brought back",
    )
    .required(),
    Field::record(
        "unhealthy",
        &[
            counter("http_failures", "bad answers that take a target out"),
            seconds(
                "interval",
                0,
                "seconds between checks of targets that are out",
            ),
            statuses(
                "http_statuses",
                &[429, 404, 500, 501, 502, 503, 504, 505],
                "statuses of bad answers",
            ),
            counter("tcp_failures", "failed connections that take a target out"),
            counter("timeouts", "timeouts that take a target out"),
        ],
        "when a target is taken out",
    )
    .required(),
    seconds("timeout", 1, "seconds that a check may take"),
    Field::new(
        "headers",
        Type::Map(
            &Element::texts(rules::HEADER_NAME),
            &Element::new(Type::Array(&Element::TEXT)),
        ),
        "headers of the checks",
    ),
    TYPE,
    Field::integer("concurrency", "checks at a time")
        .preset(Preset::Int(10))
        .rules(&[Rule::Between(1, 2_147_483_648)]),
    Field::text("http_path", "the path of the checks")
        .preset(Preset::Text("/"))
        .rules(rules::PATH),
    Field::text("https_sni", "the server name of TLS handshakes")
        .rules(&[Rule::Custom(rules::sni)]),
];

const TYPE: Field = Field::text("type", "what a check is made of")
    .preset(Preset::Text("http"))
    .rules(&[Rule::OneOf(&["tcp", "http", "https", "grpc", "grpcs"])]);

const fn counter(name: &'static str, about: &'static str) -> Field {
    Field::integer(name, about)
        .preset(Preset::Int(0))
        .rules(&[Rule::Between(0, 255)])
}

const fn seconds(name: &'static str, default: i64, about: &'static str) -> Field {
    Field::number(name, about)
        .preset(Preset::Int(default))
        .rules(&[Rule::Between(0, 65_535)])
}

const fn statuses(name: &'static str, default: &'static [i64], about: &'static str) -> Field {
    const STATUS: Element = Element::new(Type::Integer).rules(&[Rule::Between(100, 999)]);
    Field::new(name, Type::Array(&STATUS), about).preset(Preset::Ints(default))
}
