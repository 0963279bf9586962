//! A new process in the place of the running one: nothing is refused, nothing is lost, and one that fails changes
//! nothing. Also what systemd gives and is told.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::Client;
use crate::support::Config;
use crate::support::End;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gateway::BINARY;
use crate::support::tools::Run;
use crate::support::tools::silverback;

cases! {
    upgrades_under_load_lose_nothing: ["FZ5", "FZ15", "FZ16"];
    signal_upgrades_too: [];
    program_that_ends_changes_nothing: ["FZ5"];
    program_that_hangs_changes_nothing: ["FZ5"];
    configuration_with_a_fault_changes_nothing: ["FZ5"];
    failure_after_the_store_was_handed_over_gives_it_back: ["FZ5"];
    written_entities_and_tunnels_outlive_an_upgrade: ["FZ5"];
    other_numbers_of_workers_take_over: ["FZ16"];
    service_manager_hears_who_serves: [];
    sockets_of_the_service_manager_are_used: [];
}

fn upgrade(gateway: &Gateway, arguments: &[&str]) -> Run {
    let file = gateway.file();
    let mut all = vec!["upgrade", "--config", file.to_str().unwrap()];
    all.extend(arguments);
    silverback(&all)
}

/// Clients that ask until they are told to stop, and count what they got.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// So many that keep their connections as long as the gateway does, and so many that open one for each request.
    fn start(gateway: &Gateway, keeping: usize, opening: usize) -> Self {
        let address = gateway.listeners[0];
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let clients = (0..keeping + opening).map(|number| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                while !stop.load(Relaxed) {
                    let closes = client.get("/").response().expect(200).closes();
                    answered.fetch_add(1, Relaxed);
                    if closes || number >= keeping {
                        client = Client::connect(address);
                    }
                }
            })
        });
        let clients = clients.collect();
        Self {
            stop,
            answered,
            clients,
        }
    }

    fn wait(&self) {
        let before = self.answered.load(Relaxed);
        eventually("the load is answered", || {
            (self.answered.load(Relaxed) > before + 200).then_some(())
        });
    }

    fn end(self) {
        self.stop.store(true, Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
    }
}

fn upgrades_under_load_lose_nothing() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port())
        .gateway("workers = 2\ndrain_timeout = \"8s\"")
        .start();
    let load = Load::start(&gateway, 6, 3);
    load.wait();
    for round in 1..=4 {
        upgrade(&gateway, &[]).expect(0);
        gateway.wait_log_count("has taken over", round);
        load.wait();
    }
    load.end();
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn signal_upgrades_too() {
    let origin = Origin::hello();
    let mut gateway = Gateway::to(&origin);
    gateway.signal(Signal::USR2);
    gateway.wait_log("has taken over");
    assert_eq!(gateway.wait_exit().code(), Some(0));
    gateway.get("/").expect(200);
}

/// A program in the gateway's directory.
fn program(gateway: &Gateway, script: &str) -> PathBuf {
    let path = gateway.directory().join("next");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Tries to upgrade in vain while there is load; what the verb says.
fn fails(gateway: &mut Gateway, arguments: &[&str]) -> String {
    let load = Load::start(gateway, 2, 1);
    load.wait();
    let said = upgrade(gateway, arguments).expect(1).all();
    load.wait();
    load.end();
    assert!(gateway.is_running());
    assert!(said.contains("the old process serves on"), "{said}");
    gateway.admin("GET", "/status/ready").expect(200);
    said
}

fn program_that_ends_changes_nothing() {
    let origin = Origin::hello();
    let mut gateway = Gateway::to(&origin);
    let program = program(&gateway, "exit 3");
    let said = fails(&mut gateway, &["--binary", program.to_str().unwrap()]);
    assert!(said.contains("the new process ended"), "{said}");
    let said = fails(&mut gateway, &["--binary", "/nowhere/silverback"]);
    assert!(said.contains("cannot be started"), "{said}");
}

fn program_that_hangs_changes_nothing() {
    let origin = Origin::hello();
    let mut gateway = Gateway::to(&origin);
    let program = program(&gateway, "exec sleep 60");
    let program = program.to_str().unwrap();
    let said = fails(&mut gateway, &["--binary", program, "--timeout", "1"]);
    assert!(said.contains("did not become ready in time"), "{said}");
    assert!(said.contains("it was killed"), "{said}");
}

fn configuration_with_a_fault_changes_nothing() {
    let origin = Origin::hello();
    let mut gateway = Gateway::to(&origin);
    std::fs::write(gateway.file(), "[gateway]\nworkers = \"many\"\n").unwrap();
    let said = fails(&mut gateway, &[]);
    assert!(said.contains("workers"), "{said}");
}

fn with_store(origin: &Origin) -> Config {
    Config::to(origin.port()).sections("[store]\npath = \"store.redb\"\n")
}

fn make_consumer(gateway: &Gateway, name: &str) {
    let mut client = Client::connect(gateway.admin);
    let body = format!("username={name}");
    client.send(format!(
        "POST /consumers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        body.len()
    ));
    client.response().expect(201);
}

fn failure_after_the_store_was_handed_over_gives_it_back() {
    let origin = Origin::hello();
    let mut gateway = with_store(&origin).start();
    make_consumer(&gateway, "before");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = std::fs::read_to_string(gateway.file()).unwrap();
    let listener = format!(
        "{text}\n[[listeners]]\naddress = \"{}\"\n",
        taken.local_addr().unwrap()
    );
    std::fs::write(gateway.file(), listener).unwrap();
    let said = fails(&mut gateway, &[]);
    assert!(said.contains("cannot listen on"), "{said}");
    make_consumer(&gateway, "after");
    gateway.admin("GET", "/consumers/before").expect(200);
}

fn written_entities_and_tunnels_outlive_an_upgrade() {
    let origin = Origin::start(|mut peer| {
        let Some(request) = peer.request() else {
            return;
        };
        if !request.head.start.contains("/chat") {
            peer.echo(&request);
            return;
        }
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        while let Ok(bytes) = peer.wire.read_exact(4) {
            peer.send(bytes);
        }
    });
    let mut gateway = with_store(&origin)
        .gateway("workers = 1\ndrain_timeout = \"20s\"")
        .start();
    make_consumer(&gateway, "early");
    let mut tunnel = gateway.client();
    tunnel
        .send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    tunnel.response().expect(101);
    upgrade(&gateway, &[]).expect(0);
    gateway.get("/").expect(200);
    eventually("the new process answers for the Admin API", || {
        let status = gateway.admin("GET", "/status").expect(200).text();
        status.contains("\"draining\":false").then_some(())
    });
    gateway.admin("GET", "/consumers/early").expect(200);
    make_consumer(&gateway, "late");
    gateway.wait_log("draining: 1 connections open");
    tunnel.send("ping");
    assert_eq!(tunnel.wire.read_exact(4).unwrap(), b"ping");
    assert!(gateway.is_running(), "the tunnel is open");
    tunnel.wire.half_close();
    assert_eq!(tunnel.expect_end(), End::Eof);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn other_numbers_of_workers_take_over() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .gateway("workers = 4\ndrain_timeout = \"8s\"")
        .start();
    let load = Load::start(&gateway, 3, 3);
    load.wait();
    for (round, workers) in [1, 3].into_iter().enumerate() {
        let text = std::fs::read_to_string(gateway.file()).unwrap();
        let (before, rest) = text.split_once("workers = ").unwrap();
        let after = &rest[1..];
        std::fs::write(
            gateway.file(),
            format!("{before}workers = {workers}{after}"),
        )
        .unwrap();
        upgrade(&gateway, &[]).expect(0);
        gateway.wait_log_count("has taken over", round + 1);
        load.wait();
    }
    load.end();
}

/// The next message that holds the text.
fn heard(socket: &UnixDatagram, text: &str) -> String {
    let mut buffer = [0; 1_024];
    loop {
        let received = socket
            .recv(&mut buffer)
            .expect("the gateway says something");
        let said = String::from_utf8_lossy(&buffer[..received]).into_owned();
        if said.contains(text) {
            return said;
        }
    }
}

fn service_manager_hears_who_serves() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .environment("NOTIFY_SOCKET", path.to_str().unwrap())
        .environment("WATCHDOG_USEC", "2000000")
        .start();
    let ready = heard(&manager, "READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}\n", gateway.pid())),
        "{ready}"
    );
    heard(&manager, "WATCHDOG=1");
    gateway.signal(Signal::HUP);
    let reloading = heard(&manager, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    heard(&manager, "READY=1");
    upgrade(&gateway, &[]).expect(0);
    gateway.wait_log("has taken over");
    let successor = gateway.successors()[0];
    let ready = heard(&manager, &format!("MAINPID={successor}\n"));
    assert!(ready.contains("READY=1"), "{ready}");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(successor).unwrap()).unwrap(),
        Signal::TERM,
    )
    .unwrap();
    heard(&manager, "STOPPING=1");
}

fn sockets_of_the_service_manager_are_used() {
    let origin = Origin::hello();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let config = Config::to(origin.port())
        .gateway("workers = 2")
        .listener(&format!("address = \"{address}\""));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    std::fs::write(&file, config.toml()).unwrap();
    // A connection that comes before the gateway waits for it.
    let mut early = Client::connect(address);
    early.get("/");
    let mut command = Command::new("sh");
    let launch = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" run --config \"$1\"";
    command.args(["-c", launch, BINARY, file.to_str().unwrap()]);
    let gateway = Gateway::spawn_with(command, directory, OwnedFd::from(socket).into());
    assert_eq!(gateway.listeners[0], address);
    early.response().expect(200);
    for _ in 0..8 {
        gateway.get("/").expect(200);
    }
}
