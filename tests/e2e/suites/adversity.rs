//! A process in a poor place, or with poor company: few cores, no locked memory, stopped for a while, killed again
//! and again, sinks and scrapers that never read, administrators who race, bad files without end.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::client::Response;
use crate::support::eventually;
use crate::support::gateway::BINARY;

cases! {
    one_core_is_enough: ["FR14"] needs ["taskset"];
    no_memory_may_be_locked: ["FR13"] needs ["prlimit"];
    stopped_process_goes_on: ["FT3"];
    clock_on_the_wall_jumps: ["FT1", "FT2"] needs ["libfaketime"];
    thousand_requests_at_once_lose_none: ["FR12"];
    reader_of_the_log_stops_reading: ["FR4"] needs ["mkfifo"];
    scraper_that_never_reads_holds_nobody_up: ["FD5"];
    crowd_at_the_admin_listener_leaves_requests_alone: ["FP10"];
    one_of_racing_writers_wins: ["FP9"];
    bad_plugin_configuration_changes_nothing: ["FP12"];
    killed_process_serves_what_it_acknowledged: ["FZ4"];
    origin_may_come_later: ["FZ14"];
    one_byte_at_a_time: ["FI4"];
    huge_chunk_size_allocates_nothing: ["FR8"];
    mutated_files_change_nothing: ["FP1"];
}

const STORE: &str = "[store]\npath = \"store.redb\"";

/// A request with a JSON body to the admin listener; `fields` end in CR LF each.
fn ask(gateway: &Gateway, method: &str, path: &str, fields: &str, body: &str) -> Response {
    let length = body.len();
    let mut client = Client::connect(gateway.admin);
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{fields}\
         Content-Length: {length}\r\n\r\n{body}"
    ));
    client.response()
}

/// Starts the gateway behind a tool that narrows what it gets.
fn started_by(tool: &[&str], config: &Config) -> Gateway {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    std::fs::write(&file, config.toml()).unwrap();
    let mut command = std::process::Command::new(tool[0]);
    command.args(&tool[1..]).args([BINARY, "run", "--config"]);
    command.arg(&file);
    Gateway::spawn(command, directory)
}

fn one_core_is_enough() {
    let origin = Origin::hello();
    let config = Config::to(origin.port()).gateway("");
    let mut gateway = started_by(&["taskset", "-c", "0"], &config);
    for _ in 0..5 {
        gateway.get("/").expect(200);
    }
    let threads = std::fs::read_dir(format!("/proc/{}/task", gateway.pid())).unwrap();
    let names =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap());
    let workers = names.filter(|name| name.contains("worker")).count();
    assert_eq!(workers, 1, "as many workers as cores that may be used");
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn no_memory_may_be_locked() {
    let origin = Origin::hello();
    let gateway = started_by(&["prlimit", "--memlock=0:0"], &Config::to(origin.port()));
    let mut clients: Vec<Client> = (0..50).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/").response().expect(200);
    }
}

fn stopped_process_goes_on() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .timeouts("keep_alive = \"1s\"")
        .start();
    let mut idle = gateway.client();
    idle.get("/").response().expect(200);
    gateway.signal(Signal::STOP);
    let clock = crate::support::gate::Watched::new(());
    let _ = clock.wait_for(Duration::from_secs(2), |()| None::<()>);
    gateway.signal(Signal::CONT);
    // Its time passed meanwhile; it ends once and in order.
    idle.expect_eof();
    let mut client = gateway.client();
    for _ in 0..5 {
        client.get("/").response().expect(200);
    }
    assert_eq!(gateway.metric("silverback_panics_total"), 0.0);
}

/// The day that an answer's Date names, as in `27 Nov 2026`.
fn day(response: &Response) -> String {
    let date = response.head.one("date").unwrap();
    date.split(' ')
        .skip(1)
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

fn clock_on_the_wall_jumps() {
    let library = crate::support::tools::faketime().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    std::fs::write(&offset, "+0").unwrap();
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .entities("[[plugins]]\nname = \"rate-limiting\"\nconfig = { hour = 1000000 }\n")
        .environment("LD_PRELOAD", library.to_str().unwrap())
        .environment("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap())
        .environment("FAKETIME_NO_CACHE", "1")
        .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start();
    // This connection is open all the time: no jump makes it look idle.
    let mut client = gateway.client();
    let mut before = day(&client.get("/").response().expect(200));
    for jump in ["+1d", "-1d", "+0"] {
        std::fs::write(&offset, jump).unwrap();
        eventually("the date follows the clock", || {
            let now = day(&client.get("/").response().expect(200));
            (now != before).then(|| before = now)
        });
    }
    for round in 0..6 {
        std::fs::write(&offset, format!("-{}", 2 * round)).unwrap();
        for _ in 0..20 {
            client.get("/").response().expect(200);
        }
    }
    assert_eq!(gateway.metric("silverback_panics_total"), 0.0);
}

fn thousand_requests_at_once_lose_none() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut clients: Vec<Client> = (0..1_000).map(|_| gateway.client()).collect();
    gateway.signal(Signal::STOP);
    for client in &mut clients {
        client.get("/");
    }
    // All of them are there at the first look.
    gateway.signal(Signal::CONT);
    for client in &mut clients {
        client.response().expect(200);
    }
}

fn reader_of_the_log_stops_reading() {
    let origin = Origin::hello();
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // Both ends, so that whoever opens it to write need not wait; nobody reads.
    let held = std::fs::File::options().read(true).write(true).open(&pipe);
    let gateway = Config::to(origin.port())
        .sections(&format!("[access_log]\npath = \"{}\"", pipe.display()))
        .start();
    let request = format!("GET /?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(4_000));
    let together = request.repeat(10);
    let mut client = gateway.client();
    // What waits for the log is bounded at 16 MiB, which is some 4,000 of these.
    let mut rounds = 0;
    while gateway.metric("silverback_access_log_dropped_total") == 0.0 {
        rounds += 1;
        assert!(rounds < 20, "the queue has no end");
        for _ in 0..50 {
            client.send(&together);
            for _ in 0..10 {
                client.response().expect(200);
            }
        }
    }
    client.get("/").response().expect(200);
    drop(held);
}

fn scraper_that_never_reads_holds_nobody_up() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut scrapers: Vec<Client> = (0..8).map(|_| Client::connect(gateway.admin)).collect();
    for scraper in &mut scrapers {
        for _ in 0..50 {
            // The gateway may stop reading: that is what it should do.
            let _ = scraper.wire.stream.set_nonblocking(true);
            let _ = std::io::Write::write(
                &mut scraper.wire.stream,
                b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
            );
        }
    }
    let mut client = gateway.client();
    for _ in 0..50 {
        client.get("/").response().expect(200);
    }
    gateway.admin("GET", "/metrics").expect(200);
}

fn crowd_at_the_admin_listener_leaves_requests_alone() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).sections(STORE).start();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                for _ in 0..5 {
                    ask(&gateway, "GET", "/services", "", "").expect(200);
                }
            });
        }
        let mut client = gateway.client();
        for _ in 0..100 {
            client.get("/").response().expect(200);
        }
        gateway.admin("GET", "/status").expect(200);
    });
}

fn one_of_racing_writers_wins() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).sections(STORE).start();
    let made = ask(
        &gateway,
        "POST",
        "/services",
        "",
        r#"{"name":"raced","host":"h"}"#,
    );
    let tag = made.expect(201).head.one("etag").unwrap().to_owned();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (gateway, tag) = (&gateway, &tag);
                scope.spawn(move || {
                    let fields = format!("If-Match: {tag}\r\n");
                    let body = format!(r#"{{"retries":{}}}"#, writer + 10);
                    ask(gateway, "PATCH", "/services/raced", &fields, &body).status()
                })
            })
            .collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let won = statuses.iter().filter(|status| **status == 200).count();
    let lost = statuses.iter().filter(|s| matches!(s, 409 | 412)).count();
    assert_eq!((won, lost), (1, 7), "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 200).unwrap();
    let kept = ask(&gateway, "GET", "/services/raced", "", "").text();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["retries"], winner + 10);
}

fn bad_plugin_configuration_changes_nothing() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).sections(STORE).start();
    let bad = r#"{"name":"rate-limiting","config":{"minute":-1}}"#;
    let told = ask(&gateway, "POST", "/plugins", "", bad)
        .expect(400)
        .text();
    assert!(told.contains("minute"), "the field is named: {told}");
    let listed = ask(&gateway, "GET", "/plugins", "", "").text();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["data"].as_array().unwrap().len(), 0);
    gateway.get("/").expect(200);
}

fn killed_process_serves_what_it_acknowledged() {
    let origin = Origin::hello();
    let port = origin.port();
    let mut gateway = Config::empty().sections(STORE).start();
    for round in 0..5 {
        let service = format!(r#"{{"name":"s{round}","url":"http://127.0.0.1:{port}"}}"#);
        ask(&gateway, "POST", "/services", "", &service).expect(201);
        let route = format!(r#"{{"name":"r{round}","paths":["/r{round}"]}}"#);
        let path = format!("/services/s{round}/routes");
        ask(&gateway, "POST", &path, "", &route).expect(201);
        gateway = gateway.again(Signal::KILL);
        for before in 0..=round {
            gateway.get(&format!("/r{before}")).expect(200);
        }
    }
}

fn origin_may_come_later() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let gateway = Config::to(address.port()).start();
    gateway.get("/").expect(502);
    let listener = std::net::TcpListener::bind(address).unwrap();
    let _origin = Origin::on(listener, |mut peer| {
        while peer.request().is_some() {
            peer.reply("late");
        }
    });
    eventually("the origin is used", || {
        (gateway.get("/").status() == 200).then_some(())
    });
}

fn one_byte_at_a_time() {
    let origin = Origin::start(|mut peer| {
        while let Some(request) = peer.request() {
            assert_eq!(request.body.bytes, b"wiki");
            for byte in
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\n\r\n"
            {
                peer.send([*byte]);
            }
        }
    });
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..5 {
        let request: &[u8] =
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwi\r\n2\r\nki\r\n0\r\n\r\n";
        for byte in request {
            client.send([*byte]);
        }
        assert_eq!(client.response().expect(200).text(), "wiki");
    }
    assert_eq!(origin.connections(), 1);
}

fn huge_chunk_size_allocates_nothing() {
    let origin = Origin::start(|mut peer| {
        peer.request();
    });
    let gateway = Gateway::to(&origin);
    gateway.get("/").expect(502);
    let before = gateway.rss();
    let mut clients: Vec<Client> = (0..20).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000\r\nabc",
        );
    }
    // The process answers still, and has not taken what was announced.
    gateway.get("/").expect(502);
    let grown = gateway.rss().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
}

fn mutated_files_change_nothing() {
    const REFUSED: usize = 60;
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    let behaviour = |gateway: &Gateway| {
        let paths = ["/", "/a", "/a/../b", "/%2f", "/?q"];
        paths.map(|path| {
            let response = gateway.get(path);
            let target = response.head.one("x-target").map(str::to_owned);
            (response.status(), target, response.text())
        })
    };
    let before = behaviour(&gateway);
    let mut refused = 0;
    let step = (good.len() / (2 * REFUSED)).max(1);
    for (at, _) in good.char_indices().step_by(step) {
        let mut bad = good.clone();
        bad.insert_str(at, ["\"", "[", "\u{0}", "zz = {\n"][at % 4]);
        if silverback::config::parse_str("x.toml", &bad).is_ok() {
            continue;
        }
        std::fs::write(gateway.file(), bad).unwrap();
        assert_ne!(gateway.admin("POST", "/reload").status(), 200, "at {at}");
        refused += 1;
        if refused % 10 == 0 {
            assert_eq!(behaviour(&gateway), before, "at {at}");
        }
    }
    assert!(refused >= REFUSED / 2, "{refused} were refused");
    assert_eq!(behaviour(&gateway), before);
    std::fs::write(gateway.file(), good).unwrap();
    gateway.admin("POST", "/reload").expect(200);
    assert_eq!(behaviour(&gateway), before);
}
