//! The process on its machine: drivers, threads, what a defect costs, system calls in steady state.

use std::collections::HashMap;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::support::Client;
use crate::support::Config;
use crate::support::End;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gateway::BINARY;

cases! {
    io_uring_is_the_driver: [] needs ["io_uring"];
    epoll_serves_when_asked_for: ["FR11"];
    epoll_serves_where_io_uring_is_denied: ["FR11"] needs ["strace"];
    workers_share_the_connections: [];
    panic_ends_one_connection_alone: ["O15", "FZ8"];
    steady_state_takes_no_lock: [] needs ["strace"];
    idle_process_rests: [];
}

fn exercise(gateway: &Gateway) {
    let mut client = gateway.client();
    for _ in 0..20 {
        assert_eq!(
            client.post("/x", b"body").response().expect(200).text(),
            "body"
        );
    }
    let body = vec![b'a'; 500_000];
    assert!(client.post("/x", &body).response().expect(200).body.bytes == body);
    client.send("NONSENSE\r\n\r\n").response().expect(400);
    client.expect_end();
}

fn driver(gateway: &Gateway) -> String {
    let metrics = gateway.admin("GET", "/metrics").expect(200).text();
    let line = metrics
        .lines()
        .find(|l| l.starts_with("silverback_driver_info{"))
        .unwrap_or_default();
    line.to_owned()
}

fn io_uring_is_the_driver() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    exercise(&gateway);
    assert!(
        driver(&gateway).contains("driver=\"io_uring"),
        "{}",
        driver(&gateway)
    );
}

fn epoll_serves_when_asked_for() {
    let origin = Origin::echo();
    let mut gateway = Config::to(origin.port())
        .argument("--driver")
        .argument("epoll")
        .start();
    exercise(&gateway);
    assert!(
        driver(&gateway).contains("driver=\"epoll"),
        "{}",
        driver(&gateway)
    );
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn epoll_serves_where_io_uring_is_denied() {
    let origin = Origin::echo();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    std::fs::write(&file, Config::to(origin.port()).toml()).unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=io_uring_setup"]);
    command.args([
        "-e",
        "inject=io_uring_setup:error=ENOSYS",
        BINARY,
        "run",
        "--config",
    ]);
    command.arg(&file);
    let mut gateway = Gateway::spawn(command, directory);
    exercise(&gateway);
    assert!(
        driver(&gateway).contains("driver=\"epoll"),
        "{}",
        driver(&gateway)
    );
    gateway.wait_log(
        "io_uring is refused here (Function not implemented (os error 38)): epoll serves",
    );
    let children = format!("/proc/{0}/task/{0}/children", gateway.pid());
    for child in std::fs::read_to_string(children)
        .unwrap()
        .split_whitespace()
    {
        let pid = Pid::from_raw(child.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
    }
    gateway.wait_exit();
}

fn workers_share_the_connections() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).gateway("workers = 2").start();
    let mut clients: Vec<Client> = (0..40).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/").response().expect(200);
    }
    eventually("both workers have work", || {
        let each = ["0", "1"].map(|core| {
            gateway.metric(&format!(
                "silverback_core_requests_total{{core=\"{core}\"}}"
            ))
        });
        (each[0] > 0.0 && each[1] > 0.0 && each[0] + each[1] == 40.0).then_some(())
    });
}

fn panic_ends_one_connection_alone() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port())
        .environment("SILVERBACK_FAULTS", "1")
        .start();
    let mut bystander = gateway.client();
    bystander.get("/").response().expect(200);
    for count in 1..=3 {
        let mut client = gateway.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Silverback-Fault: panic\r\n\r\n");
        match client.try_response("GET") {
            Ok(response) => assert!(response.expect(500).closes()),
            Err(broken) => assert_ne!(broken.end, End::Timeout, "the connection hangs"),
        }
        bystander.get("/").response().expect(200);
        eventually("the panic is counted", || {
            (gateway.metric("silverback_panics_total") == f64::from(count)).then_some(())
        });
    }
    assert!(gateway.is_running());
    gateway.get("/").expect(200);
}

/// The threads of a process by id.
fn threads(pid: u32) -> HashMap<String, String> {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            let id = path.file_name().unwrap().to_string_lossy().into_owned();
            (id, name.trim().to_owned())
        })
        .collect()
}

fn steady_state_takes_no_lock() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).gateway("workers = 2").start();
    let mut clients: Vec<Client> = (0..16).map(|_| gateway.client()).collect();
    let mut load = |requests: usize| {
        for number in 0..requests {
            clients[number % 16].get("/").response().expect(200);
        }
    };
    load(500);
    let trace = gateway.directory().join("trace");
    let mut strace = Command::new("strace")
        .args([
            "-f",
            "-e",
            "trace=futex",
            "-p",
            &gateway.pid().to_string(),
            "-o",
        ])
        .arg(&trace)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(strace.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert!(line.contains("attached"), "{line}");
    let workers: HashMap<_, _> = threads(gateway.pid())
        .into_iter()
        .filter(|(_, name)| name.contains("worker"))
        .collect();
    assert_eq!(
        workers.len(),
        2,
        "threads named after workers: {:?}",
        threads(gateway.pid())
    );
    load(3_000);
    let pid = Pid::from_raw(i32::try_from(strace.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    strace.wait().unwrap();
    let text = std::fs::read_to_string(&trace).unwrap();
    let calls: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("futex("))
        .filter(|line| workers.contains_key(line.split_whitespace().next().unwrap_or_default()))
        .collect();
    assert!(
        calls.is_empty(),
        "{} futex calls of workers: {:?}",
        calls.len(),
        &calls[..calls.len().min(5)]
    );
}

fn idle_process_rests() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).gateway("workers = 2").start();
    gateway.get("/").expect(200);
    let clock = crate::support::gate::Watched::new(());
    let _ = clock.wait_for(Duration::from_secs(1), |()| None::<()>);
    let before = gateway.cpu_ticks();
    let _ = clock.wait_for(Duration::from_secs(3), |()| None::<()>);
    let used = gateway.cpu_ticks() - before;
    // 300 ticks passed; half a percent is 1.5, a debug build may take twice that.
    assert!(used <= 3, "{used} ticks in three idle seconds");
}
