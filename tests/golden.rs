//! Replays what a real Kong 3.9.1 was recorded to do, at the level of the routing decision: which route
//! wins, what its groups capture, what path goes upstream and what the origin is told about the rest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "golden/recording.rs"]
mod recording;

use recording::Case;
use recording::Recording;
use recording::Route;
use recording::Service;
use silverback::base::ids::kong_id;
use silverback::http::Field;
use silverback::http::Fields;
use silverback::http::Name;
use silverback::http::Span;
use silverback::http::path::canonicalize;
use silverback::router::Considered;
use silverback::router::Facts;
use silverback::router::HeaderCriterion;
use silverback::router::HeaderPattern;
use silverback::router::HostPattern;
use silverback::router::Match;
use silverback::router::PathPattern;
use silverback::router::RouteCriteria;
use silverback::router::Router;
use silverback::router::Scheme;
use silverback::router::Scratch;
use silverback::router::StripPath;
use silverback::router::Verdict;
use silverback::router::forwarded_prefix;
use silverback::router::upstream_path;

/// Cases of `matching.json` that we answer with 400 where Kong went on, each with its reason.
const REFUSED: &[(&str, &str)] = &[
    (
        "068",
        "RFC 9112 section 3.2: no form of target has a fragment, and nginx drops it",
    ),
    (
        "069",
        "RFC 9112 section 3.2: no form of target has a fragment, and nginx takes it for path",
    ),
];

#[test]
fn routes_match_as_recorded() {
    replay(&recording::read("matching.json"), REFUSED);
}

#[test]
fn paths_go_upstream_as_recorded() {
    replay(&recording::read("path-handling.json"), &[]);
}

fn replay(recording: &Recording, refused: &[(&str, &str)]) {
    let routes: Vec<(&Service, &Route)> = recording
        .services
        .iter()
        .flat_map(|service| service.routes.iter().map(move |route| (service, route)))
        .collect();
    let criteria: Vec<RouteCriteria> = routes.iter().map(|(_, route)| criteria(route)).collect();
    let router = Router::compile(&criteria).unwrap();
    let mut scratch = Scratch::default();
    for case in &recording.cases {
        if let Some((_, reason)) = refused.iter().find(|(id, _)| *id == case.id) {
            assert!(case.target.contains('#'), "{}: {reason}", case.id);
            continue;
        }
        let fate = fate(&router, &criteria, &routes, case, &mut scratch);
        assert_eq!(
            fate,
            Fate::recorded(case),
            "case {}: {} {}",
            case.id,
            case.method,
            case.target
        );
    }
}

/// What becomes of a request, as far as routing decides it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fate {
    status: u16,
    route: Option<String>,
    captures: Option<String>,
    uri: Option<String>,
    forwarded_path: Option<String>,
    forwarded_prefix: Option<String>,
}

impl Fate {
    fn recorded(case: &Case) -> Self {
        Self {
            status: case.status,
            route: case.route.clone(),
            captures: case.captures.clone(),
            uri: case.uri.clone(),
            forwarded_path: case.forwarded_path.clone(),
            forwarded_prefix: case.forwarded_prefix.clone(),
        }
    }

    fn of_status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

fn fate(
    router: &Router,
    criteria: &[RouteCriteria],
    routes: &[(&Service, &Route)],
    case: &Case,
    scratch: &mut Scratch,
) -> Fate {
    let (raw, query) = match case.target.split_once('?') {
        Some((raw, query)) => (raw, Some(query)),
        None => (case.target.as_str(), None),
    };
    let mut buffer = Vec::new();
    let Ok(path) = canonicalize(raw.as_bytes(), &mut buffer) else {
        return Fate::of_status(400);
    };
    let (head, fields) = head(&case.headers);
    let authority = fields.get(Name::Host, &head).unwrap();
    let authority = std::str::from_utf8(authority).unwrap();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "18100"));
    let facts = Facts {
        scheme: if case.listener == "https" {
            Scheme::Https
        } else {
            Scheme::Http
        },
        method: case.method.as_bytes(),
        host: host.as_bytes(),
        port: port.parse().unwrap(),
        path,
        fields: &fields,
        head: &head,
        sni: case.sni.as_deref().map(str::as_bytes),
    };
    let found = router.find(&facts, scratch);
    let explained = Router::explain(criteria, &facts);
    let winner = |considered: &&Considered| considered.verdict == Verdict::Won;
    let winner = explained
        .iter()
        .find(winner)
        .map(|won| (won.route, won.pattern));
    assert_eq!(
        winner,
        found.map(|found| (found.route, found.pattern)),
        "case {}",
        case.id
    );
    let Some(found) = found else {
        return Fate::of_status(404);
    };
    let (service, route) = routes[found.route.0 as usize];
    let https_only = !route.protocols.iter().any(|protocol| protocol == "http");
    if https_only && facts.scheme == Scheme::Http {
        return Fate::of_status(426);
    }
    let captures = router.captures(&found, path, scratch);
    let shown = |value: Option<&[u8]>| text(value.unwrap_or(b"-"));
    let first = shown(captures.and_then(|captures| captures.get(1)));
    let named = shown(captures.and_then(|captures| captures.name("v")));
    Fate {
        status: 200,
        route: Some(route.name.clone()),
        captures: case.captures.as_ref().map(|_| format!("{first}|{named}")),
        forwarded_path: Some(raw.to_owned()),
        ..forwarded((service, route), &found, path, query)
    }
}

/// What reaches the origin of a request with this path.
fn forwarded(
    (service, route): (&Service, &Route),
    found: &Match,
    path: &[u8],
    query: Option<&str>,
) -> Fate {
    let strip = if route.strip_path {
        StripPath::Strip
    } else {
        StripPath::Keep
    };
    let base = service.path.as_deref().unwrap_or("/").as_bytes();
    let (mut uri, mut prefix) = (Vec::new(), Vec::new());
    upstream_path(&mut uri, base, found, path, strip);
    let prefixed = forwarded_prefix(&mut prefix, found, path, strip);
    if let Some(query) = query {
        uri.push(b'?');
        uri.extend_from_slice(query.as_bytes());
    }
    Fate {
        uri: Some(text(&uri)),
        forwarded_prefix: prefixed.then(|| text(&prefix)),
        ..Fate::default()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Field lines as the parser would leave them.
fn head(lines: &[(String, String)]) -> (Vec<u8>, Fields) {
    let (mut head, mut fields) = (Vec::new(), Fields::default());
    let mut span = |text: &str| {
        let start = head.len() as u16;
        head.extend_from_slice(text.as_bytes());
        Span {
            start,
            end: head.len() as u16,
        }
    };
    for (name, value) in lines {
        let known = Name::of(name.as_bytes());
        fields.push(Field {
            name: span(name),
            value: span(value),
            known,
        });
    }
    (head, fields)
}

fn criteria(route: &Route) -> RouteCriteria {
    let texts = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
    let headers = route.headers.iter().map(|(name, values)| HeaderCriterion {
        name: name.as_str().into(),
        values: values
            .iter()
            .map(|value| HeaderPattern::parse(value).unwrap())
            .collect(),
    });
    RouteCriteria {
        id: kong_id("routes", &route.name),
        created_at: 0,
        methods: texts(&route.methods),
        hosts: route
            .hosts
            .iter()
            .map(|host| HostPattern::parse(host).unwrap())
            .collect(),
        paths: route
            .paths
            .iter()
            .map(|path| PathPattern::parse(path).unwrap())
            .collect(),
        headers: headers.collect(),
        snis: texts(&route.snis),
        regex_priority: route.regex_priority,
    }
}
