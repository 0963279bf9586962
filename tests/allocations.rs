//! A keep-alive request costs no heap allocation in steady state: the whole gateway in this process, under an
//! allocator that counts.

#![expect(
    clippy::unwrap_used,
    unsafe_code,
    reason = "a test; and counting allocations takes an allocator"
)]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use silverback::app::run::Plan;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting for all threads.
struct Counting;

// SAFETY: everything is left to the system's allocator; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

const REQUEST: &[u8] =
    b"GET /a/b?c=d HTTP/1.1\r\nHost: api.test\r\nUser-Agent: test/1\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
const WARM_UP: usize = 500;
const REQUESTS: u64 = 5_000;

/// Answers each receive with the same bytes; allocates nothing while it serves.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 4_096];
                while stream.read(&mut buffer).is_ok_and(|received| received > 0) {
                    stream.write_all(ANSWER).unwrap();
                }
            });
        }
    });
    address
}

/// A gateway in front of the origin with this on its route or behind it, which lives as long as the process. `ORIGIN`
/// stands for the origin's address; what has an upstream goes there.
fn gateway(origin: SocketAddr, more: &str) -> SocketAddr {
    let more = more.replace("ORIGIN", &origin.to_string());
    let host = if more.contains("[[upstreams]]") {
        "pool.test".to_owned()
    } else {
        origin.to_string()
    };
    let toml = format!(
        "[gateway]\nworkers = 1\n[[listeners]]\naddress = \"127.0.0.1:0\"\n\
         [access_log]\npath = \"/dev/null\"\n\
         [[services]]\nname = \"s\"\nurl = \"http://{host}/base\"\n\
         [[services.routes]]\nname = \"r\"\nhosts = [\"api.test\"]\npaths = [\"/a\"]\n{more}"
    );
    let (ready, address) = mpsc::channel();
    std::thread::spawn(move || {
        let plan = Plan::of_text("test", toml);
        plan.welcome(move |running| ready.send(running.listeners[0]).unwrap())
            .run()
    });
    address.recv().unwrap()
}

/// One exchange on an open connection.
fn exchange(client: &mut TcpStream, buffer: &mut [u8]) {
    client.write_all(REQUEST).unwrap();
    let mut length = 0;
    while !buffer[..length].ends_with(b"hello") {
        length += client.read(&mut buffer[length..]).unwrap();
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn keep_alive_request_allocates_nothing() {
    let noting = "[[services.routes.plugins]]\nname = \"response-ratelimiting\"\n\
        config = { limits = { a = { year = 1000000 } } }\n";
    let cared_for = "[[upstreams]]\nname = \"pool.test\"\nmax_connections = 10\nslow_start = \"1s\"\n\
        retry_on = [\"connect\", \"503\"]\ncircuit_breaker = {}\npassive_checks = {}\n\
        targets = [{ target = \"ORIGIN\" }]\n";
    for more in ["", noting, cared_for] {
        measure(more);
    }
}

fn measure(more: &str) {
    let mut client = TcpStream::connect(gateway(origin(), more)).unwrap();
    let mut buffer = vec![0; 4_096];
    for _ in 0..WARM_UP {
        exchange(&mut client, &mut buffer);
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..REQUESTS {
        exchange(&mut client, &mut buffer);
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    // Batches of the access log and the report of each second are not a request's; one allocation in a
    // request would make at least as many as there were requests.
    assert!(
        allocations < REQUESTS / 10,
        "{allocations} allocations in {REQUESTS} requests with {more:?}"
    );
}
