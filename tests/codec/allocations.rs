//! Parsing allocates nothing once a head has been used: a keep-alive request costs no heap.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;

use silverback::http::Method;
use silverback::http::RequestHead;
use silverback::http::ResponseHead;
use silverback::http1::chunked::Decoder;
use silverback::http1::request;
use silverback::http1::response;

use crate::oracle::LIMITS;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

// SAFETY: everything is left to the system's allocator; counting in a cell of this thread does not allocate.
#[expect(unsafe_code, reason = "counting allocations takes an allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often this thread allocates while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn parsing_allocates_nothing_in_steady_state() {
    let request = b"GET /a?b HTTP/1.1\r\nHost: a:80\r\nConnection: x-a, close\r\nX-A: b\r\n\
        Cookie: c\r\nX_b: \t d \r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nServer : a\r\nContent-Length: 5, 5\r\nX-A:b\r\n\r\n";
    let chunks = b"5;a=b\r\nhello\r\n0\r\n\r\n";
    let (mut head, mut response_head) = (RequestHead::default(), ResponseHead::default());
    let mut decoder = Decoder::default();
    let mut round = || {
        for end in [20, 60, request.len()] {
            let mut progress = request::Progress::default();
            request::parse(&request[..end], &LIMITS, &mut progress, &mut head).unwrap();
        }
        let mut progress = response::Progress::default();
        response::parse(
            answer,
            &LIMITS,
            &mut progress,
            Method::Get,
            &mut response_head,
        )
        .unwrap();
        decoder.reset(&LIMITS);
        let mut wire = [0; 64];
        let wire = &mut wire[..chunks.len()];
        wire.copy_from_slice(chunks);
        assert!(decoder.decode_in_place(wire).unwrap().done);
    };
    round();
    assert_eq!(allocations(&mut round), 0);
}
