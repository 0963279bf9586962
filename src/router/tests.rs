//! The router against an oracle that knows only the documented order and tests every route in turn.

use std::cmp::Reverse;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::sample::subsequence;
use uuid::Uuid;

use super::*;
use crate::http::Field;
use crate::http::Fields;
use crate::http::Name;
use crate::http::Span;

const HOSTS: &[&str] = &[
    "a.test",
    "b.test",
    "a.test:81",
    "*.test",
    "*.b.test",
    "a.*",
    "x.a.*",
    "*.test:81",
    "*.a.test",
];
const ASKED_HOSTS: &[&str] = &[
    "a.test", "A.Test", "b.test", "x.b.test", "x.a.test", "a.b", "", "c",
];
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/ab",
    "/abc",
    "/a/",
    "/a/b",
    "/b",
    "/b/c/d",
    "/é",
    "~/a",
    "~/a/(\\w+)",
    "~/ab?c",
    "~/(a|b)/[^/]+$",
    "~/a|/b",
    "~/b/\\d{2}",
    "~/.*c$",
    "~/\\w+\\b",
    "~/(?i)A/B",
];
const ASKED_PATHS: &[&str] = &[
    "/",
    "/a",
    "/ab",
    "/abc",
    "/abcd",
    "/a/",
    "/a/b",
    "/a/bcd",
    "/b",
    "/b/12",
    "/b/123",
    "/b/c/d/e",
    "/é",
    "/éc",
    "/a/é",
    "/c",
    "/\u{e9}\u{e9}!",
];
const METHODS: &[&str] = &["GET", "POST"];
const SNIS: &[&str] = &["s.test", "t.test."];
const VALUES: &[&str] = &["1", "x", "~*^[a-z]$", "~*2"];

fn routes() -> impl Strategy<Value = Vec<RouteCriteria>> {
    prop::collection::vec(route(), 1..14)
}

fn route() -> impl Strategy<Value = RouteCriteria> {
    let some = |from: &'static [&'static str], most| subsequence(from.to_vec(), 0..=most);
    let headers = prop::collection::btree_map(
        select(&["x-a", "X-B"][..]),
        subsequence(VALUES.to_vec(), 1..3),
        0..3,
    );
    let order = (0..3_u128, 0..2_i64, -1..2_i64);
    let lists = (
        some(HOSTS, 2),
        some(PATHS, 3),
        some(METHODS, 1),
        some(SNIS, 1),
        headers,
    );
    (lists, order).prop_map(
        |((hosts, paths, methods, snis, headers), (id, born, priority))| {
            let texts = |texts: Vec<&str>| texts.into_iter().map(Into::into).collect();
            let header = |(name, values): (&str, Vec<&str>)| HeaderCriterion {
                name: name.into(),
                values: values
                    .into_iter()
                    .map(|value| HeaderPattern::parse(value).unwrap())
                    .collect(),
            };
            RouteCriteria {
                id: Uuid::from_u128(id),
                created_at: born,
                methods: texts(methods),
                hosts: hosts
                    .into_iter()
                    .map(|host| HostPattern::parse(host).unwrap())
                    .collect(),
                paths: paths
                    .into_iter()
                    .map(|path| PathPattern::parse(path).unwrap())
                    .collect(),
                headers: headers.into_iter().map(header).collect(),
                snis: texts(snis),
                regex_priority: priority,
            }
        },
    )
}

#[derive(Clone, Debug)]
struct Request {
    scheme: Scheme,
    method: &'static str,
    host: &'static str,
    port: u16,
    path: &'static str,
    lines: Vec<(&'static str, &'static str)>,
    sni: Option<&'static str>,
}

fn request() -> impl Strategy<Value = Request> {
    let lines = prop::collection::vec(
        (
            select(&["x-a", "X-A", "x-b"][..]),
            select(&["1", "X", "y2", "zz"][..]),
        ),
        0..3,
    );
    (
        select(&[Scheme::Http, Scheme::Https][..]),
        select(METHODS),
        select(ASKED_HOSTS),
        select(&[80, 81][..]),
        select(ASKED_PATHS),
        lines,
        select(&[None, Some("s.test"), Some("T.test")][..]),
    )
        .prop_map(|(scheme, method, host, port, path, lines, sni)| Request {
            scheme,
            method,
            host,
            port,
            path,
            lines,
            sni,
        })
}

impl Request {
    fn with_facts<T>(&self, use_facts: impl FnOnce(&Facts<'_>) -> T) -> T {
        let (mut head, mut fields) = (Vec::new(), Fields::default());
        for (name, value) in &self.lines {
            let mut span = |text: &str| {
                let start = head.len() as u16;
                head.extend_from_slice(text.as_bytes());
                Span {
                    start,
                    end: head.len() as u16,
                }
            };
            fields.push(Field {
                name: span(name),
                value: span(value),
                known: Name::Other,
            });
        }
        use_facts(&Facts {
            scheme: self.scheme,
            method: self.method.as_bytes(),
            host: self.host.as_bytes(),
            port: self.port,
            path: self.path.as_bytes(),
            fields: &fields,
            head: &head,
            sni: self.sni.map(str::as_bytes),
        })
    }

    fn meets(&self, route: &RouteCriteria, path: Option<&PathPattern>) -> Option<usize> {
        let host = self.host.to_ascii_lowercase();
        let host_met = |pattern: &HostPattern| {
            let name = &*pattern.name;
            let named = match pattern.kind {
                super::host::HostKind::Exact => host == name,
                super::host::HostKind::Suffix => host.ends_with(name),
                super::host::HostKind::Prefix => host.starts_with(name),
            };
            named && pattern.port.is_none_or(|port| port == self.port)
        };
        let value_met = |value: &str, pattern: &HeaderPattern| match pattern {
            HeaderPattern::Exact(text) => value.eq_ignore_ascii_case(text),
            HeaderPattern::Regex(regex) => {
                let regex = format!("(?i:{regex})");
                regex_automata::meta::Regex::new(&regex)
                    .unwrap()
                    .is_match(value)
            }
        };
        let header_met = |header: &HeaderCriterion| {
            let named = |line: &&(&str, &str)| line.0.eq_ignore_ascii_case(&header.name);
            let mut lines = self.lines.iter().filter(named);
            lines.any(|(_, value)| header.values.iter().any(|wanted| value_met(value, wanted)))
        };
        let sni_met = |wanted: &str| {
            self.sni
                .is_some_and(|sni| sni.eq_ignore_ascii_case(wanted.trim_end_matches('.')))
        };
        let met = (route.hosts.is_empty() || route.hosts.iter().any(host_met))
            && (route.methods.is_empty() || route.methods.iter().any(|m| &**m == self.method))
            && route.headers.iter().all(header_met)
            && (route.snis.is_empty()
                || self.scheme == Scheme::Http
                || route.snis.iter().any(|wanted| sni_met(wanted)));
        match path {
            _ if !met => None,
            None => Some(1),
            Some(PathPattern::Prefix(prefix)) => {
                self.path.starts_with(&**prefix).then_some(prefix.len())
            }
            Some(PathPattern::Regex(regex)) => {
                let regex = regex_automata::meta::Regex::new(&format!("^(?:{regex})")).unwrap();
                regex.find(self.path).map(|found| found.end())
            }
        }
    }
}

/// Sorts every path of every route by the documented order and takes the first that the request meets.
fn oracle(routes: &[RouteCriteria], request: &Request) -> Option<(u32, Option<u16>, usize)> {
    let mut candidates = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let criteria = [
            !route.hosts.is_empty(),
            !route.methods.is_empty(),
            !route.headers.is_empty(),
            !route.snis.is_empty(),
            !route.paths.is_empty(),
        ];
        let kinds = criteria.iter().filter(|used| **used).count();
        let plain = !route.hosts.is_empty() && route.hosts.iter().all(|host| host.is_plain());
        let mut groups: Vec<Option<usize>> = Vec::new();
        let group_of = |path: &PathPattern| match path {
            PathPattern::Prefix(prefix) => Some(prefix.len()),
            PathPattern::Regex(_) => None,
        };
        for path in &route.paths {
            if !groups.contains(&group_of(path)) {
                groups.push(group_of(path));
            }
        }
        let paths: Vec<Option<&PathPattern>> = match route.paths.is_empty() {
            true => vec![None],
            false => route.paths.iter().map(Some).collect(),
        };
        for (number, path) in paths.into_iter().enumerate() {
            let regex = path.is_some_and(PathPattern::is_regex);
            let length = path.and_then(group_of).unwrap_or(0);
            let mut id = route.id;
            if let Some(path) = path.filter(|_| groups.len() > 1) {
                let group = groups
                    .iter()
                    .position(|group| *group == group_of(path))
                    .unwrap()
                    + 1;
                let space = Uuid::parse_str("7f145bf9-0dce-4f91-98eb-debbce4b9f6b").unwrap();
                id = Uuid::new_v5(&space, format!("{}#{group}", route.id).as_bytes());
            }
            let priority = if regex { route.regex_priority } else { 0 };
            let key = (
                Reverse((kinds, plain, route.headers.len(), regex, priority, length)),
                route.created_at,
                Reverse(id),
                index,
                number,
            );
            candidates.push((key, path));
        }
    }
    candidates.sort_by_key(|(key, _)| *key);
    candidates.iter().find_map(|(key, path)| {
        let end = request.meets(&routes[key.3], *path)?;
        Some((key.3 as u32, path.map(|_| key.4 as u16), end))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_router_finds_what_trying_every_route_finds(
        routes in routes(),
        requests in prop::collection::vec(request(), 1..24),
    ) {
        let router = Router::compile(&routes).unwrap();
        let mut scratch = Scratch::default();
        for request in &requests {
            let expected = oracle(&routes, request);
            let (found, explained) = request.with_facts(|facts| {
                (router.find(facts, &mut scratch), Router::explain(&routes, facts))
            });
            let shown = found.map(|found| (found.route.0, found.pattern, found.prefix as usize));
            prop_assert_eq!(shown, expected, "{:?}", request);
            prop_assert_eq!(explained.len(), routes.len());
            let won = explained.iter().find(|route| route.verdict == Verdict::Won);
            prop_assert_eq!(
                won.map(|won| (won.route, won.pattern)),
                found.map(|found| (found.route, found.pattern))
            );
        }
    }
}

fn paths(list: &[&str]) -> RouteCriteria {
    RouteCriteria {
        paths: list
            .iter()
            .map(|path| PathPattern::parse(path).unwrap())
            .collect(),
        ..RouteCriteria::default()
    }
}

fn get(path: &'static str) -> Request {
    let (scheme, method, host) = (Scheme::Http, "GET", "a.test");
    Request {
        scheme,
        method,
        host,
        port: 80,
        path,
        lines: Vec::new(),
        sni: None,
    }
}

#[test]
fn groups_are_captured_by_number_and_name() {
    let router = Router::compile(&[paths(&["~/users/(?<id>\\d+)/([^/]+)(/x)?"])]).unwrap();
    let mut scratch = Scratch::default();
    let path = b"/users/42/pictures/9";
    let found = get("/users/42/pictures/9").with_facts(|facts| router.find(facts, &mut scratch));
    let found = found.unwrap();
    assert_eq!(found.prefix, 18);
    let captures = router.captures(&found, path, &mut scratch).unwrap();
    assert_eq!(captures.get(0), Some(&b"/users/42/pictures"[..]));
    assert_eq!(captures.name("id"), Some(&b"42"[..]));
    let all: Vec<_> = captures.iter().collect();
    let expected = [
        (1, Some("id"), Some(&b"42"[..])),
        (2, None, Some(&b"pictures"[..])),
        (3, None, None),
    ];
    assert_eq!(all, expected);
    assert_eq!((captures.get(4), captures.name("no")), (None, None));
}

#[test]
fn scratch_follows_the_router_it_is_used_with() {
    let routers = [paths(&["~/a/\\d+$"]), paths(&["~/a/[x-z]+$"])];
    let routers = routers.map(|route| Router::compile(&[route]).unwrap());
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        for (router, path) in routers.iter().zip(["/a/12", "/a/xyz"]) {
            let found = get(path).with_facts(|facts| router.find(facts, &mut scratch));
            assert_eq!(found.map(|found| found.prefix as usize), Some(path.len()));
        }
    }
}

#[test]
fn a_path_that_is_not_utf8_has_no_route() {
    let router = Router::compile(&[paths(&["/"])]).unwrap();
    let found = get("/").with_facts(|facts| {
        let facts = Facts {
            path: b"/\xff",
            ..*facts
        };
        router.find(&facts, &mut Scratch::default())
    });
    assert_eq!(found, None);
}

#[test]
fn deeply_nested_prefixes_do_not_exhaust_the_stack() {
    let nested = |depth| paths(&[&"/a".repeat(depth)]);
    let routes: Vec<RouteCriteria> = (1..2_000).map(nested).collect();
    let router = Router::compile(&routes).unwrap();
    let found = get("/a/a/a/b").with_facts(|facts| router.find(facts, &mut Scratch::default()));
    assert_eq!(found.map(|found| found.prefix), Some(6));
}

#[test]
fn an_expression_too_large_names_its_route_and_path() {
    let routes = [paths(&["/a"]), paths(&["/a", "~/x(\\w{100}){100}"])];
    let fault = Router::compile(&routes).unwrap_err();
    assert_eq!((fault.route, fault.place), (1, FaultPlace::Path(1)));
    assert!(
        fault.to_string().starts_with("paths.2: invalid regex"),
        "{fault}"
    );
}

#[test]
fn losers_learn_the_rule_or_the_criterion() {
    let mut posting = paths(&["/a"]);
    posting.methods = vec!["POST".into()];
    let routes = [paths(&["/"]), posting, paths(&["/a"]), paths(&["/b"])];
    let explained = get("/a").with_facts(|facts| Router::explain(&routes, facts));
    let verdicts: Vec<_> = explained
        .iter()
        .map(|route| (route.route.0, &route.verdict))
        .collect();
    let expected = [
        (2, &Verdict::Won),
        (0, &Verdict::Outranked(Rule::PathLength)),
        (1, &Verdict::Unmet(vec![Criterion::Methods])),
        (3, &Verdict::Unmet(vec![Criterion::Paths])),
    ];
    assert_eq!(verdicts, expected);
}
