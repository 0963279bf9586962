//! Instructions of all that the gateway does to a request and its response between the system calls: parse, find
//! the route, write the head that goes upstream; parse the answer's head, write the one that goes to the
//! client. Whole, and the two writings by themselves. `cargo bench --bench pipeline` needs valgrind and
//! `gungraun-runner`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has no result"
)]
#![expect(
    missing_docs,
    reason = "the harness generates items without documentation"
)]

mod heads;

use std::hint::black_box;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use gungraun::prelude::*;
use silverback::base::ids::Generation;
use silverback::config::parse_str;
use silverback::http::Method;
use silverback::http::RequestHead;
use silverback::http::ResponseHead;
use silverback::http::Version;
use silverback::http::date::DateText;
use silverback::http::date::imf_fixdate;
use silverback::http::forwarded::ClientText;
use silverback::http::path::canonicalize;
use silverback::http1::request;
use silverback::http1::response;
use silverback::plugin::Edits;
use silverback::plugin::Rewrite;
use silverback::proxy::request_head::Onward;
use silverback::proxy::response_head::Delivery;
use silverback::proxy::response_head::Homeward;
use silverback::router;
use silverback::router::Facts;
use silverback::router::Match;
use silverback::router::Scheme;
use silverback::snapshot::Decision;
use silverback::snapshot::Snapshot;
use silverback::snapshot::compile;
use silverback::snapshot::decide;

const CONFIG: &str = r#"
[[services]]
name = "orders"
url = "http://127.0.0.1:9000/base"
[[services.routes]]
name = "orders"
paths = ["/catalogue", "/"]
"#;

const REQUEST_ID: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// Everything that an exchange uses, as it is in steady state.
struct Exchange {
    snapshot: Snapshot,
    peer: IpAddr,
    peer_text: ClientText,
    date: DateText,
    routing: router::Scratch,
    request: RequestHead,
    response: ResponseHead,
    canonical: Vec<u8>,
    scratch: Vec<u8>,
    edits: Edits,
    rewrite: Rewrite,
    out: Vec<u8>,
    /// The request's bytes, and the answer's.
    bytes: (&'static [u8], &'static [u8]),
    found: Option<Match>,
}

/// An exchange that has taken place once already.
fn used(request: &'static [u8], response: &'static [u8]) -> Box<Exchange> {
    let model = parse_str("bench.toml", CONFIG).unwrap().model;
    let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let mut exchange = Box::new(Exchange {
        snapshot: compile(&model, Generation::default(), 1).unwrap(),
        peer,
        peer_text: ClientText::of(peer),
        date: imf_fixdate(1_720_000_000),
        routing: router::Scratch::default(),
        request: RequestHead::default(),
        response: ResponseHead::default(),
        canonical: Vec::with_capacity(1_024),
        scratch: Vec::with_capacity(512),
        edits: Edits::default(),
        rewrite: Rewrite::default(),
        out: Vec::with_capacity(8_192),
        bytes: (request, response),
        found: None,
    });
    exchange.run();
    exchange
}

impl Exchange {
    fn run(&mut self) {
        self.read_request();
        self.route();
        self.write_request();
        self.read_response();
        self.write_response();
    }

    fn read_request(&mut self) {
        let mut progress = request::Progress::default();
        let bytes = black_box(self.bytes.0);
        let parsed = request::parse(bytes, &heads::LIMITS, &mut progress, &mut self.request);
        assert_eq!(parsed, Ok(request::Parsed::Complete));
    }

    fn route(&mut self) {
        let (head, bytes) = (&self.request, self.bytes.0);
        self.canonical.clear();
        let facts = Facts {
            scheme: Scheme::Http,
            method: head.method_span.of(bytes),
            host: head.host.of(bytes),
            port: head.port.unwrap_or(80),
            path: canonicalize(head.target.path.of(bytes), &mut self.canonical).unwrap(),
            fields: &head.fields,
            head: bytes,
            sni: None,
        };
        match decide(&self.snapshot, &facts, &mut self.routing) {
            Decision::Serve(matched, _) => self.found = Some(matched),
            other => panic!("{other:?}"),
        }
    }

    fn write_request(&mut self) {
        let (head, bytes) = (&self.request, self.bytes.0);
        let matched = self.found.as_ref().unwrap();
        let route = self.snapshot.route(matched.route);
        let path = head.target.path.of(bytes);
        let onward = Onward {
            head,
            bytes,
            path,
            raw_path: path,
            matched,
            route,
            destination: route.destination.as_ref().unwrap(),
            host: b"127.0.0.1:9000",
            peer: self.peer,
            peer_text: &self.peer_text,
            secure: false,
            guarded: false,
            certificate: None,
            port: 8_000,
            trust: &self.snapshot.trust,
            request_id: REQUEST_ID,
            body_complete: true,
            measured: None,
            edits: &self.edits,
            rewrite: &self.rewrite,
        };
        self.out.clear();
        black_box(&onward).write(&mut self.scratch, &mut self.out);
    }

    fn read_response(&mut self) {
        let mut progress = response::Progress::default();
        let (bytes, head) = (black_box(self.bytes.1), &mut self.response);
        let parsed = response::parse(bytes, &heads::LIMITS, &mut progress, Method::Get, head);
        assert_eq!(parsed, Ok(response::Parsed::Complete));
    }

    fn write_response(&mut self) {
        let homeward = Homeward {
            head: &self.response,
            status: self.response.status,
            bytes: self.bytes.1,
            client: Version::Http11,
            trailers: false,
            delivery: Delivery::of(self.response.framing, Version::Http11),
            keep: true,
            date: &self.date,
            upstream_ms: 3,
            gateway_ms: 0,
            request_id: REQUEST_ID,
            edits: &self.edits,
            cookie: None,
        };
        self.out.clear();
        black_box(&homeward).write(&mut self.out);
    }
}

#[library_benchmark(setup = used)]
#[bench::browser(heads::BROWSER, heads::RESPONSE)]
#[bench::api(heads::API, heads::RESPONSE)]
#[bench::wrk(heads::WRK, heads::RESPONSE_SMALL)]
fn whole(mut exchange: Box<Exchange>) -> Box<Exchange> {
    exchange.run();
    exchange
}

#[library_benchmark(setup = used)]
#[bench::browser(heads::BROWSER, heads::RESPONSE)]
#[bench::wrk(heads::WRK, heads::RESPONSE_SMALL)]
fn route(mut exchange: Box<Exchange>) -> Box<Exchange> {
    exchange.route();
    exchange
}

#[library_benchmark(setup = used)]
#[bench::browser(heads::BROWSER, heads::RESPONSE)]
#[bench::wrk(heads::WRK, heads::RESPONSE_SMALL)]
fn request_head(mut exchange: Box<Exchange>) -> Box<Exchange> {
    exchange.write_request();
    exchange
}

#[library_benchmark(setup = used)]
#[bench::browser(heads::BROWSER, heads::RESPONSE)]
#[bench::wrk(heads::WRK, heads::RESPONSE_SMALL)]
fn response_head(mut exchange: Box<Exchange>) -> Box<Exchange> {
    exchange.write_response();
    exchange
}

library_benchmark_group!(
    name = pipeline,
    benchmarks = [whole, route, request_head, response_head]
);

main!(library_benchmark_groups = pipeline);
