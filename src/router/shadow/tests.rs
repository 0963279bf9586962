//! What is reported against asking the router for every request of a small world.

use proptest::prelude::*;
use proptest::sample::subsequence;
use uuid::Uuid;

use super::*;
use crate::http::Field;
use crate::http::Fields;
use crate::http::Name;
use crate::http::Span;
use crate::router::Facts;
use crate::router::HeaderCriterion;
use crate::router::HeaderPattern;
use crate::router::HostPattern;
use crate::router::PathPattern;
use crate::router::Router;
use crate::router::Scheme;
use crate::router::Scratch;

/// What routes ask for, and requests that meet each of it alone, in each combination, and none of it.
const HOSTS: &[&str] = &["a.x", "b.x", "*.x", "a.*", "a.x:81"];
const ASKED_HOSTS: &[&str] = &["a.x", "b.x", "c.x", "a.y", "z"];
const METHODS: &[&str] = &["GET", "PUT", "TRACE"];
const ASKED_METHODS: &[&str] = &["GET", "PUT", "POST"];
const PATHS: &[&str] = &["/", "/a", "/a/b", "~/", "~/a", "~/a/.*", r"~/a/\d"];
const ASKED_PATHS: &[&str] = &["/", "/a", "/a/", "/a/b", "/a/7", "/c"];
const VALUES: &[&str] = &["1", "2"];
const ASKED_VALUES: &[&[&str]] = &[&[], &["1"], &["2"], &["3"]];
const SNIS: &[&str] = &["s"];
const ASKED_SNIS: &[Option<&str>] = &[None, Some("s"), Some("t")];

fn route() -> impl Strategy<Value = RouteCriteria> {
    let some = |from: &'static [&'static str], most| subsequence(from.to_vec(), 0..=most);
    (
        (some(HOSTS, 2), some(METHODS, 2), some(PATHS, 2)),
        (some(VALUES, 2), some(SNIS, 1)),
        (0..8_u128, 0..2_i64, 0..2_i64),
    )
        .prop_map(
            |((hosts, methods, paths), (values, snis), (id, created_at, regex_priority))| {
                let texts = |texts: Vec<&str>| texts.into_iter().map(Into::into).collect();
                let values = values
                    .into_iter()
                    .map(|value| HeaderPattern::Exact(value.into()));
                let header = HeaderCriterion {
                    name: "x".into(),
                    values: values.collect(),
                };
                RouteCriteria {
                    id: Uuid::from_u128(id),
                    created_at,
                    methods: texts(methods),
                    hosts: hosts
                        .into_iter()
                        .map(|host| HostPattern::parse(host).unwrap())
                        .collect(),
                    paths: paths
                        .into_iter()
                        .map(|path| PathPattern::parse(path).unwrap())
                        .collect(),
                    headers: Some(header)
                        .filter(|header| !header.values.is_empty())
                        .into_iter()
                        .collect(),
                    snis: texts(snis),
                    regex_priority,
                }
            },
        )
}

/// For each route, whether any request reaches it.
fn reached(routes: &[RouteCriteria]) -> Vec<bool> {
    let router = Router::compile(routes).unwrap();
    let mut scratch = Scratch::default();
    let mut reached = vec![false; routes.len()];
    for &values in ASKED_VALUES {
        let mut head = b"x".to_vec();
        let mut fields = Fields::default();
        for value in values {
            let start = head.len() as u16;
            head.extend_from_slice(value.as_bytes());
            let end = head.len() as u16;
            fields.push(Field {
                name: Span { start: 0, end: 1 },
                value: Span { start, end },
                known: Name::Other,
            });
        }
        for (host, port) in ASKED_HOSTS.iter().flat_map(|host| [(host, 80), (host, 81)]) {
            for method in ASKED_METHODS {
                for path in ASKED_PATHS {
                    for sni in ASKED_SNIS {
                        let facts = Facts {
                            scheme: Scheme::Https,
                            method: method.as_bytes(),
                            host: host.as_bytes(),
                            port,
                            path: path.as_bytes(),
                            fields: &fields,
                            head: &head,
                            sni: sni.map(str::as_bytes),
                        };
                        if let Some(found) = router.find(&facts, &mut scratch) {
                            reached[found.route.0 as usize] = true;
                        }
                    }
                }
            }
        }
    }
    reached
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// In this world the asks tell all; a route for refused methods alone is none of ours.
    #[test]
    fn exactly_the_routes_that_no_request_reaches_are_shadowed(
        routes in prop::collection::vec(route(), 1..7),
    ) {
        let shadows = shadows(&routes);
        let shadowed = |index: usize| shadows.iter().find(|shadow| shadow.route.0 as usize == index);
        for (index, reached) in reached(&routes).into_iter().enumerate() {
            let refused = !routes[index].methods.is_empty()
                && routes[index].methods.iter().all(|method| &**method == "TRACE");
            if refused {
                prop_assert_eq!(shadowed(index), None);
            } else {
                prop_assert_eq!(shadowed(index).is_none(), reached, "{} of {:?}", index, routes);
            }
        }
    }
}

fn of(hosts: &[&str], methods: &[&str], paths: &[&str]) -> RouteCriteria {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.into()).collect();
    RouteCriteria {
        hosts: hosts
            .iter()
            .map(|host| HostPattern::parse(host).unwrap())
            .collect(),
        methods: texts(methods),
        paths: paths
            .iter()
            .map(|path| PathPattern::parse(path).unwrap())
            .collect(),
        ..RouteCriteria::default()
    }
}

/// Route, taker, alone, twins.
fn found(routes: &[RouteCriteria]) -> Vec<(u32, u32, bool, bool)> {
    let shadows = shadows(routes);
    let shown = shadows
        .iter()
        .map(|shadow| (shadow.route.0, shadow.by.0, shadow.alone, shadow.twins));
    shown.collect()
}

#[test]
fn twins_differ_by_age_alone() {
    let older = of(&["a.x"], &["GET", "PUT"], &["/a", "/b"]);
    let mut younger = of(&["a.x"], &["PUT", "GET"], &["/b", "/a"]);
    younger.created_at = 7;
    assert_eq!(
        found(&[younger.clone(), older.clone()]),
        [(0, 1, true, true)]
    );
    // The other asks for more.
    younger.methods.pop();
    assert_eq!(found(&[younger, older]), [(0, 1, true, false)]);
}

#[test]
fn several_routes_together_may_take_all() {
    let whole = RouteCriteria {
        created_at: 9,
        ..of(&["a.x", "b.x"], &[], &["/a"])
    };
    let (a, b) = (of(&["a.x"], &[], &["/a"]), of(&["b.x"], &[], &["/a"]));
    assert_eq!(
        found(&[whole.clone(), a.clone(), b]),
        [(0, 1, false, false)]
    );
    assert_eq!(found(&[whole, a]), []);
}

#[test]
fn an_expression_goes_before_the_prefixes_it_takes() {
    let (regex, prefix) = (of(&[], &[], &["~/api"]), of(&[], &[], &["/api/v1"]));
    assert_eq!(
        found(&[prefix.clone(), regex.clone()]),
        [(0, 1, true, false)]
    );
    // More kinds of criteria go first.
    assert_eq!(found(&[of(&["a.x"], &[], &["/api/v1"]), regex]), []);
    assert_eq!(found(&[prefix, of(&[], &[], &["~/api$"])]), []);
}

#[test]
fn a_route_for_all_paths_may_stand_for_a_kind() {
    let all = of(&[], &["GET"], &["/"]);
    assert_eq!(
        found(&[of(&["*.x"], &["GET"], &[]), all.clone()]),
        [(0, 1, true, false)]
    );
    // Hosts without a wildcard go before.
    assert_eq!(found(&[of(&["a.x"], &["GET"], &[]), all.clone()]), []);
    assert_eq!(found(&[of(&[], &["GET"], &[]), all]), [(0, 1, true, false)]);
}

#[test]
fn too_many_combinations_are_left_alone() {
    let hosts: Vec<String> = (0..300).map(|number| format!("h{number}.x")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let large = of(&hosts, &[], &["/"]);
    assert_eq!(found(&[large.clone(), large]), []);
}
