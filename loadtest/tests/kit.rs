//! The origin and the floor as processes: what every figure of a comparison rests on.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_silverback-loadtest"));
    Program(command.args(arguments).spawn().expect("the kit starts"))
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

fn connect(address: &str) -> TcpStream {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Ok(stream) = TcpStream::connect(address) {
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .expect("a timeout");
            return stream;
        }
        assert!(Instant::now() < end, "{address} never listened");
        std::thread::yield_now();
    }
}

fn read_exactly(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut answer = vec![0; bytes];
    stream.read_exact(&mut answer).expect("the whole answer");
    answer
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";

#[test]
fn pipelined_and_split_requests_are_answered_in_order_through_the_floor() {
    let (origin, floor) = (free_address(), free_address());
    let _origin = start(&["origin", "--listen", &origin]);
    drop(connect(&origin));
    let _floor = start(&["floor", "--listen", &floor, "--to", &origin]);
    let mut stream = connect(&floor);
    stream.set_nodelay(true).expect("no delay");
    let text = "GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n\
                POST /bytes/5 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody\
                GET /bytes/2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let expected = format!("{HEAD}3\r\n\r\nabc{HEAD}5\r\n\r\nabcde{HEAD}2\r\n\r\nab");
    for split in [0, 1, 20, 36, 80, text.len() - 1] {
        let (first, second) = text.as_bytes().split_at(split);
        stream.write_all(first).expect("written");
        stream.write_all(second).expect("written");
        let answer = read_exactly(&mut stream, expected.len());
        assert_eq!(
            String::from_utf8_lossy(&answer),
            expected,
            "split at {split}"
        );
    }
}

#[test]
fn a_long_body_passes_the_floor_whole_and_its_close_is_passed_on() {
    let (origin, floor) = (free_address(), free_address());
    let _origin = start(&["origin", "--listen", &origin]);
    drop(connect(&origin));
    let few = ["--buffers", "4", "--buffer-bytes", "4096"];
    let _floor = start(&[&["floor", "--listen", &floor, "--to", &origin], &few[..]].concat());
    let mut stream = connect(&floor);
    let request = b"GET /bytes/5000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("until the close");
    let head = format!("{HEAD}5000000\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.len(), head.len() + 5_000_000);
}

#[test]
fn the_origin_counts_a_post_that_arrives_twice() {
    let origin = free_address();
    let _origin = start(&["origin", "--listen", &origin, "--close-on-reuse", "2"]);
    let post = b"POST / HTTP/1.1\r\nX-Ledger-Id: 7\r\nContent-Length: 1\r\n\r\nx";
    let mut answered = 0;
    let mut stream = connect(&origin);
    for _ in 0..3 {
        stream.write_all(post).expect("written");
        let mut space = [0; 1024];
        answered += usize::from(stream.read(&mut space).is_ok_and(|bytes| bytes > 0));
    }
    assert_eq!(answered, 2, "the second reuse is closed under its request");
    let mut control = connect(&origin);
    control
        .write_all(b"GET /_stats HTTP/1.1\r\n\r\n")
        .expect("written");
    let mut space = [0; 1024];
    let bytes = control.read(&mut space).expect("an answer");
    let text = String::from_utf8_lossy(&space[..bytes]);
    assert!(text.contains("\"killed\":1"), "{text}");
    assert!(
        text.contains("\"posts\":1") && text.contains("\"posts_repeated\":1"),
        "{text}"
    );
}

#[test]
fn the_scripted_origin_echoes_a_number_and_plays_a_fault() {
    let origin = free_address();
    let _origin = start(&["scripted", "--listen", &origin]);
    let mut stream = connect(&origin);
    let text = "POST /bytes/12 HTTP/1.1\r\nX-Ledger-Id: 0000000042\r\nContent-Length: 2\r\n\r\nxx";
    let expected = format!("{HEAD}12\r\n\r\n000000004200");
    for split in [text.len(), 10, text.len() - 1] {
        let (first, second) = text.as_bytes().split_at(split);
        stream.write_all(first).expect("written");
        stream.write_all(second).expect("written");
        let answer = read_exactly(&mut stream, expected.len());
        assert_eq!(String::from_utf8_lossy(&answer), expected);
    }
    let cut = b"GET /bytes/10 HTTP/1.1\r\nX-Fault: cut-length\r\n\r\n";
    stream.write_all(cut).expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("until the close");
    assert_eq!(answer.len(), HEAD.len() + "10\r\n\r\n".len() + 5);
    let mut control = connect(&origin);
    control
        .write_all(b"GET /_stats HTTP/1.1\r\n\r\n")
        .expect("written");
    let mut space = [0; 1024];
    let bytes = control.read(&mut space).expect("an answer");
    let text = String::from_utf8_lossy(&space[..bytes]);
    assert!(
        text.contains("\"posts\":1") && text.contains("\"posts_repeated\":1"),
        "{text}"
    );
}

#[test]
fn a_slow_origin_works_on_so_many_at_a_time_and_echoes_tunnels() {
    let origin = free_address();
    let _origin = start(&[
        "scripted",
        "--listen",
        &origin,
        "--slots",
        "1",
        "--delay-us",
        "50000",
    ]);
    let mut all: Vec<TcpStream> = (0..3).map(|_| connect(&origin)).collect();
    let begin = Instant::now();
    for stream in &mut all {
        stream
            .write_all(b"GET /bytes/1 HTTP/1.1\r\n\r\n")
            .expect("written");
    }
    for stream in &mut all {
        read_exactly(stream, HEAD.len() + "1\r\n\r\n0".len());
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(150),
        "one after the other"
    );
    let mut tunnel = connect(&origin);
    let shake = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    tunnel.write_all(shake).expect("written");
    let head =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(read_exactly(&mut tunnel, head.len()), head.as_bytes());
    tunnel.write_all(b"ping").expect("written");
    assert_eq!(read_exactly(&mut tunnel, 4), b"ping");
}

#[test]
fn a_load_by_hand_says_what_came_of_it() {
    let origin = free_address();
    let _origin = start(&["origin", "--listen", &origin]);
    drop(connect(&origin));
    let output = Command::new(env!("CARGO_BIN_EXE_silverback-loadtest"))
        .args([
            "load",
            "--to",
            &origin,
            "--rate",
            "200",
            "--seconds",
            "1",
            "--profile",
            "churn",
        ])
        .output()
        .expect("the load runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("requests: 200 due: 200 good"), "{text}");
    assert!(text.contains("connections: 200 opened"), "{text}");
}
