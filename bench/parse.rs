//! Instructions of parsing a head, beside those of `httparse` on the same bytes. Ours include what httparse
//! leaves to its caller: known fields found, the authority checked, framing and persistence decided, every
//! escape of the target and every rule of RFC 9112 judged. Counts come from callgrind and are the same on every
//! run; `cargo bench --bench parse` needs valgrind and `gungraun-runner`, and compares by id.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has no result"
)]
#![expect(
    missing_docs,
    reason = "the harness generates items without documentation"
)]

mod heads;

use std::hint::black_box;
use std::mem::MaybeUninit;

use gungraun::prelude::*;
use silverback::http::Method;
use silverback::http::RequestHead;
use silverback::http::ResponseHead;
use silverback::http1::request;
use silverback::http1::response;

use crate::heads::LIMITS;

/// Lines that httparse may tokenise; what it does not use costs it nothing.
const LINES: usize = 100;

/// A head that has been used before, as in a connection's steady state.
fn used_request(bytes: &'static [u8]) -> (Box<RequestHead>, &'static [u8]) {
    let mut head = Box::<RequestHead>::default();
    assert_eq!(parse_request(bytes, &mut head), request::Parsed::Complete);
    (head, bytes)
}

fn used_response(bytes: &'static [u8]) -> (Box<ResponseHead>, &'static [u8]) {
    let mut head = Box::<ResponseHead>::default();
    assert_eq!(parse_response(bytes, &mut head), response::Parsed::Complete);
    (head, bytes)
}

fn parse_request(bytes: &[u8], head: &mut RequestHead) -> request::Parsed {
    let mut progress = request::Progress::default();
    request::parse(black_box(bytes), &LIMITS, &mut progress, head).unwrap()
}

fn parse_response(bytes: &[u8], head: &mut ResponseHead) -> response::Parsed {
    let mut progress = response::Progress::default();
    response::parse(black_box(bytes), &LIMITS, &mut progress, Method::Get, head).unwrap()
}

#[library_benchmark(setup = used_request)]
#[bench::browser(heads::BROWSER)]
#[bench::api(heads::API)]
#[bench::wrk(heads::WRK)]
fn ours_request((mut head, bytes): (Box<RequestHead>, &'static [u8])) -> Box<RequestHead> {
    parse_request(bytes, &mut head);
    head
}

#[library_benchmark(setup = warm)]
#[bench::browser(heads::BROWSER)]
#[bench::api(heads::API)]
#[bench::wrk(heads::WRK)]
fn httparse_request(bytes: &'static [u8]) -> usize {
    let mut lines = [const { MaybeUninit::uninit() }; LINES];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request
        .parse_with_uninit_headers(black_box(bytes), &mut lines)
        .unwrap();
    black_box(&request);
    parsed.unwrap()
}

/// The bytes, once httparse knows the processor.
fn warm(bytes: &'static [u8]) -> &'static [u8] {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let _ = httparse::Request::new(&mut lines).parse(heads::BROWSER);
    bytes
}

#[library_benchmark(setup = used_response)]
#[bench::typical(heads::RESPONSE)]
#[bench::small(heads::RESPONSE_SMALL)]
fn ours_response((mut head, bytes): (Box<ResponseHead>, &'static [u8])) -> Box<ResponseHead> {
    parse_response(bytes, &mut head);
    head
}

#[library_benchmark(setup = warm)]
#[bench::typical(heads::RESPONSE)]
#[bench::small(heads::RESPONSE_SMALL)]
fn httparse_response(bytes: &'static [u8]) -> usize {
    let mut lines = [const { MaybeUninit::uninit() }; LINES];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut response, black_box(bytes), &mut lines)
        .unwrap();
    black_box(&response);
    parsed.unwrap()
}

library_benchmark_group!(
    name = requests,
    compare_by_id = true,
    benchmarks = [httparse_request, ours_request]
);

library_benchmark_group!(
    name = responses,
    compare_by_id = true,
    benchmarks = [httparse_response, ours_response]
);

main!(library_benchmark_groups = requests, responses);
