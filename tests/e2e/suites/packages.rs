//! What is shipped around the program: the package, the unit, the container's parts; and what a start as root becomes.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gateway::BINARY;
use crate::support::tools;
use crate::support::tools::silverback;

cases! {
    package_holds_what_it_needs_and_runs: [] needs ["cargo-deb"];
    shipped_configurations_are_right: [];
    unit_calls_verbs_that_there_are: [];
    unit_is_understood_by_systemd: [] needs ["systemd-analyze"];
    images_files_are_there: [];
    seccomp_profile_permits_what_the_gateway_does: [] needs ["strace"];
    root_becomes_the_configured_user: [] needs ["root"];
    unknown_user_is_refused_in_a_sentence: ["FZ13"] needs ["root"];
    open_files_are_raised_to_the_hard_limit: [];
    restart_refuses_nobody_where_sockets_are_kept: ["FZ15"];
    sockets_that_were_shut_down_listen_again: [];
}

const PATIENCE: Duration = Duration::from_secs(120);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = tools::output(command, PATIENCE);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The package is made of the program under test, unpacked, and what is in it runs.
fn package_holds_what_it_needs_and_runs() {
    let directory = tempfile::tempdir().unwrap();
    let mut build = Command::new(root().join("config/package/build"));
    build.arg(BINARY).env("DEB_OUT", directory.path());
    let package = succeed(&mut build);
    let unpacked = directory.path().join("root");
    let package = package.trim();
    succeed(
        Command::new("dpkg-deb")
            .args(["-x", package])
            .arg(&unpacked),
    );
    let control = directory.path().join("control");
    succeed(Command::new("dpkg-deb").args(["-e", package]).arg(&control));
    for path in [
        "etc/silverback/silverback.toml",
        "lib/systemd/system/silverback.service",
        "usr/lib/sysusers.d/silverback.conf",
        "usr/share/bash-completion/completions/silverback",
        "usr/share/man/man1/silverback-upgrade.1.gz",
        "usr/share/man/man1/silverback.1.gz",
    ] {
        let merged = unpacked.join("usr").join(path);
        let there = unpacked.join(path).is_file() || merged.is_file();
        assert!(there, "{path} is not in the package");
    }
    let kept = std::fs::read_to_string(control.join("conffiles")).unwrap();
    assert_eq!(kept.trim(), "/etc/silverback/silverback.toml");
    for script in ["postinst", "prerm", "postrm"] {
        let text = std::fs::read_to_string(control.join(script)).unwrap();
        assert!(!text.contains("#DEBHELPER#"), "{script}: {text}");
        succeed(Command::new("sh").arg("-n").arg(control.join(script)));
    }
    let program = unpacked.join("usr/bin/silverback");
    let said = succeed(Command::new(&program).arg("version"));
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    let file = unpacked.join("etc/silverback/silverback.toml");
    succeed(Command::new(&program).args(["check", "--config"]).arg(file));
}

fn shipped_configurations_are_right() {
    for file in ["silverback.toml", "container.toml"] {
        let file = root().join("config/package").join(file);
        silverback(&["check", "--config", file.to_str().unwrap()]).expect(0);
    }
}

fn unit_calls_verbs_that_there_are() {
    let unit = read("config/silverback.service");
    let mut called = 0;
    for line in unit.lines() {
        let Some((key, command)) = line.split_once('=') else {
            continue;
        };
        if !key.starts_with("Exec") {
            continue;
        }
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "/usr/bin/silverback");
        let help = silverback(&[words[1], "--help"]).expect(0).stdout;
        for word in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(word), "{command}: {help}");
        }
        called += 1;
    }
    assert_eq!(called, 2);
}

fn unit_is_understood_by_systemd() {
    let directory = tempfile::tempdir().unwrap();
    // A program that is not installed here is a fault to systemd.
    let unit = read("config/silverback.service").replace("/usr/bin/silverback", BINARY);
    let unit = unit.replace("Documentation=man:silverback(1)\n", "");
    let file = directory.path().join("silverback.service");
    std::fs::write(&file, unit).unwrap();
    let socket = directory.path().join("silverback.socket");
    std::fs::copy(root().join("config/package/silverback.socket"), &socket).unwrap();
    for file in [file, socket] {
        let output = tools::output(
            Command::new("systemd-analyze").arg("verify").arg(&file),
            PATIENCE,
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("silverback."), "{said}");
    }
}

/// No engine runs where this is tested: what the file copies has to be there, and what it asks for has to be an answer.
fn images_files_are_there() {
    let file = read("Dockerfile");
    let kept = read(".dockerignore");
    for line in file.lines().filter(|line| line.starts_with("COPY ")) {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        if words[0].starts_with("--from") {
            continue;
        }
        for source in &words[..words.len() - 1] {
            assert!(root().join(source).exists(), "{line}");
            let top = source.split('/').next().unwrap();
            assert!(kept.lines().any(|line| line == format!("!{top}")), "{line}");
        }
    }
    let (_, check) = file.split_once("CMD [\"/bin/bash\"").unwrap();
    assert!(check.contains("GET /status/ready "));
    let container = read("config/package/container.toml");
    assert!(container.contains("127.0.0.1:8001") && check.contains("127.0.0.1/8001"));
}

/// The names of all system calls that the profile allows whatever their arguments, and those that it decides by them.
fn permitted() -> (BTreeSet<String>, BTreeSet<String>) {
    let profile: Value = serde_json::from_str(&read("config/seccomp.json")).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let mut always = BTreeSet::new();
    let mut sometimes = BTreeSet::new();
    for rule in profile["syscalls"].as_array().unwrap() {
        let plain = rule["action"] == "SCMP_ACT_ALLOW" && rule["args"].is_null();
        let names = rule["names"].as_array().unwrap().iter();
        let names = names.map(|name| name.as_str().unwrap().to_owned());
        match plain {
            true => always.extend(names),
            false => sometimes.extend(names),
        }
    }
    (always, sometimes)
}

fn seccomp_profile_permits_what_the_gateway_does() {
    let (always, sometimes) = permitted();
    for call in ["io_uring_setup", "io_uring_enter", "io_uring_register"] {
        assert!(always.contains(call), "{call}");
    }
    for driver in ["auto", "epoll"] {
        let origin = Origin::echo();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("silverback.toml");
        let config = Config::to(origin.port()).sections("[store]\npath = \"store.redb\"");
        std::fs::write(&file, config.toml()).unwrap();
        let trace = directory.path().join("trace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-e", "signal=none", "-o"])
            .arg(&trace);
        command.args([BINARY, "run", "--driver", driver, "--config"]);
        command.arg(&file);
        let mut gateway = Gateway::spawn(command, directory);
        gateway.client().post("/x", b"body").response().expect(200);
        gateway.admin("GET", "/status").expect(200);
        stop_child(&gateway);
        gateway.wait_exit();
        let trace = std::fs::read_to_string(&trace).unwrap();
        let called: BTreeSet<&str> = trace.lines().filter_map(name_of).collect();
        assert!(called.len() > 20, "{called:?}");
        let missing = called
            .iter()
            .filter(|call| !always.contains(**call) && !sometimes.contains(**call));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new(), "{driver}");
    }
}

/// Of a line such as `123 openat(AT_FDCWD, …`.
fn name_of(line: &str) -> Option<&str> {
    let (_, call) = line.split_once(' ')?;
    let (name, _) = call.trim_start().split_once('(')?;
    let word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word.then_some(name)
}

fn stop_child(gateway: &Gateway) {
    let children = format!("/proc/{0}/task/{0}/children", gateway.pid());
    for child in std::fs::read_to_string(children)
        .unwrap()
        .split_whitespace()
    {
        let pid = rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
    }
}

/// What /proc says of each thread under this key.
fn of_threads(gateway: &Gateway, key: &str) -> BTreeSet<String> {
    let tasks = format!("/proc/{}/task", gateway.pid());
    let of = |task: &Path| {
        let status = std::fs::read_to_string(task.join("status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(key))?;
        Some(
            line.split_whitespace()
                .skip(1)
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    let tasks = std::fs::read_dir(tasks).unwrap();
    tasks.filter_map(|task| of(&task.unwrap().path())).collect()
}

fn root_becomes_the_configured_user() {
    let origin = Origin::echo();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    let config = Config::to(origin.port())
        .gateway("workers = 2\nuser = \"4242\"\ngroup = \"4243\"")
        // A low port of an address that nobody else uses.
        .listener("address = \"127.42.42.42:81\"");
    std::fs::write(&file, config.toml()).unwrap();
    std::os::unix::fs::chown(directory.path(), Some(4242), Some(4243)).unwrap();
    let mut command = Command::new(BINARY);
    command.args(["run", "--config"]).arg(&file);
    let mut gateway = Gateway::spawn(command, directory);
    gateway.get("/").expect(200);
    let only = |text: &str| BTreeSet::from([text.to_owned()]);
    assert_eq!(of_threads(&gateway, "Uid:"), only("4242 4242 4242 4242"));
    assert_eq!(of_threads(&gateway, "Gid:"), only("4243 4243 4243 4243"));
    assert_eq!(of_threads(&gateway, "Groups:"), only("4243"));
    // CAP_NET_BIND_SERVICE is the tenth.
    for set in ["CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(of_threads(&gateway, set), only("0000000000000400"), "{set}");
    }
    assert_eq!(of_threads(&gateway, "NoNewPrivs:"), only("1"));
    gateway.signal(Signal::HUP);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn unknown_user_is_refused_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    let config = Config::empty().gateway("user = \"nobody-of-this-name\"");
    std::fs::write(&file, config.toml()).unwrap();
    let run = silverback(&["run", "--config", file.to_str().unwrap()]).expect(1);
    let said = "gateway.user: there is no user 'nobody-of-this-name' here";
    assert!(run.stderr.contains(said), "{}", run.stderr);
}

fn open_files_are_raised_to_the_hard_limit() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    std::fs::write(&file, Config::empty().toml()).unwrap();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -Sn 200; exec \"$0\" run --config \"$1\"",
        BINARY,
    ]);
    let gateway = Gateway::spawn(
        {
            command.arg(&file);
            command
        },
        directory,
    );
    let raised = eventually("the limit is raised", || {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).ok()?;
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max open files"))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words[3].to_owned(), words[4].to_owned()))
    });
    assert_eq!(raised.0, raised.1);
}

/// A gateway that systemd has given this socket to.
fn with_socket(file: &Path, socket: &TcpListener, kept: &str) -> Gateway {
    let mut command = Command::new("sh");
    let launch = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" run --config \"$1\"";
    command.args(["-c", launch, BINARY]).arg(file);
    command.env("FDSTORE", kept);
    let socket = OwnedFd::from(socket.try_clone().unwrap());
    Gateway::spawn_with(command, tempfile::tempdir().unwrap(), socket.into())
}

fn restart(kept: &str) {
    let origin = Origin::hello();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("silverback.toml");
    let config = Config::to(origin.port()).listener(&format!("address = \"{address}\""));
    std::fs::write(&file, config.toml()).unwrap();
    let mut first = with_socket(&file, &socket, kept);
    first.get("/").expect(200);
    first.signal(Signal::TERM);
    assert_eq!(first.wait_exit().code(), Some(0));
    let waits = (kept != "0").then(|| {
        let mut client = Client::connect(address);
        client.get("/");
        client
    });
    let second = with_socket(&file, &socket, kept);
    if let Some(mut client) = waits {
        client.response().expect(200);
    }
    second.get("/").expect(200);
}

fn restart_refuses_nobody_where_sockets_are_kept() {
    restart("8");
}

fn sockets_that_were_shut_down_listen_again() {
    restart("0");
}
