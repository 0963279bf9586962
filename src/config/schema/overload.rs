//! The keys of `[overload]`.

use super::Reload::Yes;
use super::Section;
use super::key;

/// `[overload]`
pub const OVERLOAD: Section = Section {
    title: "[overload]",
    about: "What is done about too much at a time; `docs/overload.md` explains it.",
    keys: &[
        key(
            "requests",
            "integer",
            "0",
            "0 (no bound) to 4294967295",
            "5000",
            Yes,
            "Most requests in flight in the process, divided among the workers; beyond it they are answered 503, those of the lower tiers first.",
        ),
        key(
            "queue_delay",
            "duration",
            "\"50ms\"",
            "0 (never shed) to 10s",
            "\"20ms\"",
            Yes,
            "How long requests may wait for a worker that is busy with others; while they wait longer a part of them is answered 503, those of the lower tiers first.",
        ),
        key(
            "upstream_requests",
            "integer",
            "0",
            "0 (no bound) to 4294967295",
            "200",
            Yes,
            "Most requests in flight at one upstream, or at one service that names none, divided among the workers; a tag `limit:200` says it for one of them.",
        ),
        key(
            "upstream_adaptive",
            "boolean",
            "false",
            "",
            "true",
            Yes,
            "Whether the bound follows what each upstream can take; a tag `limit:adaptive` or `limit:none` says it for one of them.",
        ),
        key(
            "upstream_wait",
            "duration",
            "\"1s\"",
            "1 ms to 2147483646 ms",
            "\"300ms\"",
            Yes,
            "How long a request may wait for its turn at an upstream that has as many in flight as it may.",
        ),
        key(
            "connections_per_address",
            "integer",
            "0",
            "0 (no bound) to 4294967295",
            "100",
            Yes,
            "Most connections of one client address, of IPv6 of one /64; more are closed when they are accepted. Listeners that take the PROXY protocol do not count.",
        ),
    ],
};
