//! Access log templates: text with `$name` or `${name}` in it, `$$` for a dollar sign.

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::raw::nearest;
use crate::config::raw::text::Text;

/// The variables that a log record has; `telemetry` fills in the same names.
const VARIABLES: &[&str] = &[
    "time_iso8601",
    "time_unix",
    "remote_addr",
    "request_method",
    "scheme",
    "host",
    "request_uri",
    "path",
    "query",
    "protocol",
    "status",
    "bytes_sent",
    "bytes_received",
    "request_time",
    "upstream_time",
    "gateway_time",
    "service",
    "route",
    "upstream_addr",
    "retries",
    "cause",
    "request_id",
    "user_agent",
    "referer",
    "connection_requests",
];

/// Whether a log record has a variable of this name.
pub(super) fn known_variable(name: &str) -> bool {
    VARIABLES.contains(&name)
}

/// Checks every variable of a template.
pub(super) fn check(text: &Text<'_>, sink: &mut Sink) {
    let value = text.value;
    let mut at = 0;
    while let Some(dollar) = value[at..].find('$').map(|found| at + found) {
        let rest = &value[dollar + 1..];
        if rest.starts_with('$') {
            at = dollar + 2;
            continue;
        }
        let (name, length) = match rest.strip_prefix('{') {
            Some(braced) => match braced.find('}') {
                Some(end) => (&braced[..end], end + 2),
                None => {
                    let place = text.part(dollar, 2);
                    sink.add(Code::BadTemplate, place, "`${` without its `}`");
                    return;
                }
            },
            None => {
                let other = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
                let end = rest.find(other).unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        at = dollar + 1 + length;
        if known_variable(name) {
            continue;
        }
        let place = text.part(dollar, 1 + length);
        if name.is_empty() {
            let fault = sink.add(Code::BadTemplate, place, "`$` without a name");
            fault.hint("write `$$` for a dollar sign");
            continue;
        }
        let message = format!("unknown variable `{name}` in the template");
        let known = || format!("known variables: {}", VARIABLES.join(", "));
        let hint = nearest(name, VARIABLES.iter().copied()).unwrap_or_else(known);
        sink.add(Code::BadTemplate, place, message).hint(hint);
    }
}
