//! Instructions of a routing decision: the canonical path, the route, the upstream path, with one route
//! and with 15,000. Counts come from callgrind and are the same on every run; `cargo bench --bench route`
//! needs valgrind and `gungraun-runner`.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has no result"
)]
#![expect(
    missing_docs,
    reason = "the harness generates items without documentation"
)]

use std::hint::black_box;

use gungraun::prelude::*;
use silverback::base::ids::kong_id;
use silverback::http::Fields;
use silverback::http::path::canonicalize;
use silverback::router::Facts;
use silverback::router::HostPattern;
use silverback::router::Match;
use silverback::router::PathPattern;
use silverback::router::RouteCriteria;
use silverback::router::Router;
use silverback::router::Scheme;
use silverback::router::Scratch;
use silverback::router::StripPath;
use silverback::router::upstream_path;

/// What routes of a marketplace differ in.
#[derive(Clone, Copy)]
enum By {
    Host,
    Path,
    Regex,
}

struct Setup {
    router: Router,
    scratch: Scratch,
    fields: Fields,
    host: String,
    path: String,
}

/// A router of `count` routes, a request for the one in the middle, and scratch that has seen it.
fn setup(by: By, count: usize) -> Setup {
    let host = |index: usize| match by {
        By::Host => format!("api-{index:05}.example.com"),
        By::Path | By::Regex => "gateway.example.com".to_owned(),
    };
    let path = |index: usize| match by {
        By::Host => "/v1/orders".to_owned(),
        By::Path => format!("/api-{index:05}/v1/orders"),
        By::Regex => format!("~/api-{index:05}/v1/orders/(?<id>\\d+)"),
    };
    let route = |index: usize| RouteCriteria {
        id: kong_id("routes", &index.to_string()),
        hosts: vec![HostPattern::parse(&host(index)).unwrap()],
        paths: vec![PathPattern::parse(&path(index)).unwrap()],
        ..RouteCriteria::default()
    };
    let routes: Vec<RouteCriteria> = (0..count).map(route).collect();
    let middle = count / 2;
    let path = match by {
        By::Host => "/v1/orders/12345".to_owned(),
        By::Path | By::Regex => format!("/api-{middle:05}/v1/orders/12345"),
    };
    let mut setup = Setup {
        router: Router::compile(&routes).unwrap(),
        scratch: Scratch::default(),
        fields: Fields::default(),
        host: host(middle),
        path,
    };
    assert!(setup.find().is_some());
    setup
}

impl Setup {
    fn find(&mut self) -> Option<Match> {
        let facts = Facts {
            scheme: Scheme::Http,
            method: b"GET",
            host: self.host.as_bytes(),
            port: 80,
            path: self.path.as_bytes(),
            fields: &self.fields,
            head: b"",
            sni: None,
        };
        self.router.find(black_box(&facts), &mut self.scratch)
    }
}

#[library_benchmark(setup = setup)]
#[bench::host_1(By::Host, 1)]
#[bench::host_15000(By::Host, 15_000)]
#[bench::path_1(By::Path, 1)]
#[bench::path_15000(By::Path, 15_000)]
#[bench::regex_1(By::Regex, 1)]
#[bench::regex_15000(By::Regex, 15_000)]
fn find(mut setup: Setup) -> (Option<Match>, Setup) {
    (setup.find(), setup)
}

#[library_benchmark]
#[bench::canonical("/api-07500/v1/orders/12345")]
#[bench::escaped("/api-07500/./v1//orders/%31%32345")]
fn canonical_path(raw: &str) -> usize {
    let mut scratch = Vec::with_capacity(64);
    canonicalize(black_box(raw.as_bytes()), &mut scratch).map_or(0, <[u8]>::len)
}

fn found(by: By, count: usize) -> (Setup, Match) {
    let mut setup = setup(by, count);
    let found = setup.find().unwrap();
    (setup, found)
}

#[library_benchmark(setup = found)]
#[bench::strip(By::Path, 1)]
fn path_upstream((setup, found): (Setup, Match)) -> (Vec<u8>, Setup) {
    let mut out = Vec::with_capacity(64);
    upstream_path(
        &mut out,
        b"/base",
        &found,
        setup.path.as_bytes(),
        StripPath::Strip,
    );
    (out, setup)
}

library_benchmark_group!(
    name = routing,
    benchmarks = [find, canonical_path, path_upstream]
);

main!(library_benchmark_groups = routing);
