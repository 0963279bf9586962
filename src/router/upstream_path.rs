//! The path that a request has upstream: the service's path, and what the route leaves of the request's.
//!
//! Kong's `path_handling` chooses nothing here: with its `traditional_compatible` router, `v1` is
//! recorded to give what `v0` gives, so there is one rule and no parameter for it.

use crate::http::path::escape_controls_into;
use crate::http::path::escape_into;
use crate::router::Match;

/// What happens to the bytes that the route's path matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripPath {
    /// They are taken off.
    Strip,
    /// They stay.
    Keep,
}

/// Appends the upstream path, spelled for the wire. `service` is the service's path, `/` if it has none;
/// `path` is the canonical path that `found` was found for.
pub fn upstream_path(
    out: &mut Vec<u8>,
    service: &[u8],
    found: &Match,
    path: &[u8],
    strip: StripPath,
) {
    let base = service.strip_suffix(b"/").unwrap_or(service);
    out.extend_from_slice(base);
    match strip {
        StripPath::Keep => {
            // The root adds nothing to a service's path, not even its slash.
            if path != b"/" || base.len() < service.len() {
                escape_into(out, path);
            }
        }
        StripPath::Strip => {
            let rest = without_dots(path.get(found.prefix as usize..).unwrap_or_default());
            match rest.first() {
                Some(b'/') => escape_into(out, rest),
                Some(_) => {
                    out.push(b'/');
                    escape_into(out, rest);
                }
                None => {
                    let at_slash = path.ends_with(b"/");
                    let root = path == b"/" && base.len() == service.len();
                    if base.is_empty() || (at_slash && !root) {
                        out.push(b'/');
                    }
                }
            }
        }
    }
}

/// Appends the value of `X-Forwarded-Prefix`, the stripped bytes; nothing and false if none but the root
/// was stripped.
pub fn forwarded_prefix(out: &mut Vec<u8>, found: &Match, path: &[u8], strip: StripPath) -> bool {
    let prefix = path.get(..found.prefix as usize).unwrap_or_default();
    let sent = strip == StripPath::Strip && prefix.len() > 1;
    if sent {
        escape_controls_into(out, prefix);
    }
    sent
}

/// What remains of a path may begin with a dot segment that was the end of a name: `/route` taken off
/// `/route../x`. It must not climb out of the service's path.
fn without_dots(rest: &[u8]) -> &[u8] {
    match rest {
        b"." | b".." => b"",
        _ => {
            let tail = rest.strip_prefix(b"../").or(rest.strip_prefix(b"./"));
            tail.unwrap_or(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RouteIndex;

    fn upstream(service: &str, prefix: &str, path: &str, strip: StripPath) -> String {
        let mut out = Vec::new();
        let found = Match {
            route: RouteIndex(0),
            pattern: Some(0),
            prefix: prefix.len() as u32,
            program: u32::MAX,
            literal: 0,
        };
        upstream_path(&mut out, service.as_bytes(), &found, path.as_bytes(), strip);
        String::from_utf8(out).unwrap()
    }

    /// Service path, route path, request, upstream with the route's path stripped and kept.
    const JOINED: &str = "
        /         /       /          /              /
        /         /       /route     /route         /route
        /         /       /route/    /route/        /route/
        /         /route  /route     /              /route
        /         /route  /route/    /              /route/
        /         /route  /routereq  /req           /routereq
        /         /route/ /route/    /              /route/
        /         /route/ /route/req /req           /route/req
        /srv      /rou    /roureq    /srv/req       /srv/roureq
        /srv/     /rou    /rou       /srv           /srv/rou
        /service  /       /          /service       /service
        /service  /       /route     /service/route /service/route
        /service  /       /route/    /service/route/ /service/route/
        /service  /route  /route     /service       /service/route
        /service  /route  /route/    /service/      /service/route/
        /service  /route  /routereq  /service/req   /service/routereq
        /service  /route/ /route/    /service/      /service/route/
        /service  /route/ /route/req /service/req   /service/route/req
        /service/ /       /          /service/      /service/
        /service/ /       /route     /service/route /service/route
        /service/ /route  /route     /service       /service/route
        /service/ /route  /route/    /service/      /service/route/
        /service/ /route  /routereq  /service/req   /service/routereq
        /service/ /route/ /route/    /service/      /service/route/";

    #[test]
    fn service_and_request_paths_are_joined_as_kong_joins_them() {
        for line in JOINED.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [service, route, request, stripped, kept] = words[..] else {
                panic!("five columns: {line}");
            };
            assert_eq!(
                upstream(service, route, request, StripPath::Strip),
                stripped,
                "{line}"
            );
            assert_eq!(
                upstream(service, route, request, StripPath::Keep),
                kept,
                "{line}"
            );
        }
    }

    #[test]
    fn dot_segments_that_stripping_uncovers_are_dropped() {
        let cases = [
            ("/route../req", "/service/req"),
            ("/route./req", "/service/req"),
            ("/route..", "/service"),
            ("/route.", "/service"),
            ("/route..a", "/service/..a"),
        ];
        for (request, expected) in cases {
            assert_eq!(
                upstream("/service", "/route", request, StripPath::Strip),
                expected
            );
        }
    }
}
