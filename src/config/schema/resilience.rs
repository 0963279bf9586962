//! The keys of what an upstream does about targets that fail. Kong's thresholds keep Kong's names.

use super::Key;
use super::Reload::Yes;
use super::Section;
use super::key;

const TYPE: Key = key(
    "type",
    "string",
    "\"http\"",
    "`http`, `https`, `tcp`, `grpc`, `grpcs`",
    "\"tcp\"",
    Yes,
    "What a check is made of; `grpc` and `grpcs` are checked as `tcp`.",
);

const fn counter(name: &'static str, default: &'static str, about: &'static str) -> Key {
    key(
        name,
        "integer",
        default,
        "0 to 255; 0 counts none",
        "3",
        Yes,
        about,
    )
}

const fn statuses(name: &'static str, default: &'static str, about: &'static str) -> Key {
    key(
        name,
        "list of integers",
        default,
        "100 to 999",
        "[200, 204]",
        Yes,
        about,
    )
}

const fn time(name: &'static str, default: &'static str, about: &'static str) -> Key {
    key(
        name,
        "duration",
        default,
        "1 ms to 65,535 s",
        "\"2s\"",
        Yes,
        about,
    )
}

/// `[upstreams.active_checks]`
#[rustfmt::skip]
pub const ACTIVE_CHECKS: Section = Section {
    title: "[upstreams.active_checks]",
    about: "Checks by requests of the gateway's own, made by one prober of the process. Without the table there are none.",
    keys: &[
        TYPE,
        key("path", "string", "\"/\"", "starts with `/`", "\"/health\"", Yes, "The path of a check."),
        key("headers", "table", "(none)", "names to lists of values", "{ \"x-check\" = [\"1\"] }", Yes, "Fields of a check."),
        key("sni", "string", "(the target's name)", "a host name", "\"orders.example.com\"", Yes, "The server name of the handshake, with `https`."),
        key("verify", "boolean", "true", "", "false", Yes, "Whether certificates are verified, with `https`."),
        time("timeout", "\"1s\"", "How long a check may take."),
        key("concurrency", "integer", "10", "1 to 2147483648", "4", Yes, "Checks of this upstream at a time; at most 64 of the process."),
        key("interval", "duration", "\"5s\"", "0 to 65,535 s; 0 for none", "\"2s\"", Yes, "Time between two checks of a healthy target."),
        key("unhealthy_interval", "duration", "\"5s\"", "0 to 65,535 s; 0 for none", "\"1s\"", Yes, "The same of an unhealthy one."),
        statuses("healthy_statuses", "[200, 302]", "Statuses of good answers."),
        statuses("unhealthy_statuses", "[429, 404, 500, 501, 502, 503, 504, 505]", "Statuses of bad answers; the others count for nothing."),
        counter("successes", "2", "Good answers in a row that bring a target back."),
        counter("http_failures", "3", "Bad answers that take a target out."),
        counter("tcp_failures", "3", "Failed connections that take a target out."),
        counter("timeouts", "3", "Timeouts that take a target out."),
    ],
};

/// `[upstreams.active_checks.headers]`
pub const CHECK_HEADERS: Section = Section {
    title: "[upstreams.active_checks.headers]",
    about: "Fields of the checks: each key is a field name, its value a list of values.",
    keys: &[],
};

/// `[upstreams.passive_checks]`
#[rustfmt::skip]
pub const PASSIVE_CHECKS: Section = Section {
    title: "[upstreams.passive_checks]",
    about: "Checks by the requests that are served. Without the table there are none.",
    keys: &[
        key("type", "string", "\"http\"", "`http`, `https`, `tcp`, `grpc`, `grpcs`", "\"tcp\"", Yes, "With `tcp` any answer is a good one."),
        statuses("healthy_statuses", "[200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308]", "Statuses of good answers."),
        statuses("unhealthy_statuses", "[429, 500, 503]", "Statuses of bad answers; the others count for nothing."),
        counter("successes", "2", "Good answers in a row that bring a target back; with 0, failures are never forgotten."),
        counter("http_failures", "5", "Bad answers that take a target out."),
        counter("tcp_failures", "3", "Failed connections that take a target out."),
        counter("timeouts", "3", "Timeouts that take a target out."),
    ],
};

/// `[upstreams.circuit_breaker]`
#[rustfmt::skip]
pub const CIRCUIT_BREAKER: Section = Section {
    title: "[upstreams.circuit_breaker]",
    about: "Leaves a target that fails alone for a while, then tries it with few requests. Without the table there is none.",
    keys: &[
        key("consecutive_failures", "integer", "5", "0 or more; 0 for never", "3", Yes, "Failures in a row that open it."),
        key("error_percent", "integer", "50", "0 to 100; 0 for never", "30", Yes, "The share of failures in a window that opens it."),
        key("min_requests", "integer", "20", "1 or more", "100", Yes, "Requests of a window below which no share is looked at."),
        time("window", "\"10s\"", "The window."),
        time("open_time", "\"1s\"", "How long it is open the first time; twice as long each further time."),
        time("max_open_time", "\"60s\"", "How long it is open at most."),
        key("trials", "integer", "1", "1 or more", "3", Yes, "Requests of a core that may try an open target at a time, and that must go well."),
    ],
};

/// `[upstreams.retry_budget]`
#[rustfmt::skip]
pub const RETRY_BUDGET: Section = Section {
    title: "[upstreams.retry_budget]",
    about: "How many requests that may have reached a target are sent again, of each core.",
    keys: &[
        key("percent", "integer", "20", "0 to 1000", "10", Yes, "Repeats for each hundred requests of the last five to ten seconds."),
        key("min_retries", "integer", "30", "0 to 1000000", "10", Yes, "Repeats in that time whatever the number of requests."),
    ],
};
