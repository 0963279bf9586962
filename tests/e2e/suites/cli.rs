//! The command line: what each verb prints, and its exit code (0 fine, 1 refused, 2 usage).

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::gateway::BINARY;
use crate::support::message::text;
use crate::support::tools::Run;
use crate::support::tools::silverback;

cases! {
    version_says_its_number: [];
    usage_errors_are_2: [];
    help_lists_the_verbs: [];
    check_accepts_a_good_file: [];
    a_store_is_not_looked_at_and_that_is_said: [];
    check_shows_every_fault_with_its_place: [];
    check_speaks_json: [];
    run_refuses_a_bad_file: ["FZ13"];
    run_finds_its_file_by_itself: [];
    config_show_has_the_defaults: [];
    route_test_names_the_winner: [];
    route_test_reads_fields: [];
    route_test_speaks_json: [];
    doctor_looks_at_the_machine: [];
    proxy_needs_no_file: [];
    demo_answers_like_mockbin: [];
    reload_without_gateway_is_refused: [];
    completion_and_man_page_are_generated: [];
    lone_method_is_no_request: [];
    reader_that_leaves_is_no_defect: [];
}

/// A file in a directory that lives as long as the test.
pub(super) struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    pub(super) fn with(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("silverback.toml");
        std::fs::write(&path, text).unwrap();
        Self {
            _directory: directory,
            path,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

const ROUTES: &str = "[[services]]\nname = \"orders\"\nurl = \"http://127.0.0.1:9/base\"\n\
    [[services.routes]]\nname = \"v1\"\nhosts = [\"api.example.com\"]\npaths = [\"/v1\"]\n\
    [[services.routes]]\nname = \"beta\"\nhosts = [\"api.example.com\"]\npaths = [\"/v1\"]\n\
    headers = { x-beta = [\"yes\"] }\n";

const BAD: &str = "[gateway]\nworkerz = 1\n[limits]\nrequest_headers = \"many\"\n\
    [[services]]\nname = \"a\"\nurl = \"http://x\"\n[[services]]\nname = \"a\"\nurl = \"http://y\"\n";

fn version_says_its_number() {
    let run = silverback(&["version"]).expect(0);
    assert!(run.stdout.contains(env!("CARGO_PKG_VERSION")), "{run:?}");
    assert!(run.stdout.contains("silverback"), "{run:?}");
}

fn usage_errors_are_2() {
    for arguments in [
        &["frobnicate"][..],
        &["run", "--frobnicate"],
        &["proxy"],
        &["route", "test"],
    ] {
        let run = silverback(arguments).expect(2);
        assert!(!run.stderr.is_empty(), "{run:?}");
    }
}

fn help_lists_the_verbs() {
    let run = silverback(&["--help"]).expect(0);
    for verb in [
        "run", "check", "proxy", "demo", "route", "reload", "config", "doctor", "version",
    ] {
        assert!(
            run.stdout.contains(&format!("  {verb} ")),
            "{verb} is not in\n{}",
            run.stdout
        );
    }
}

fn check_accepts_a_good_file() {
    let file = File::with(&Config::to(9).toml());
    silverback(&["check", "--config", file.name()]).expect(0);
}

/// Files are looked at alone, and whoever asks is told so.
fn a_store_is_not_looked_at_and_that_is_said() {
    let file = File::with(
        "[admin]\naddress = \"127.0.0.1:1\"\n[store]\npath = \"/nonexistent/store.redb\"\n\
         [[routes]]\npaths = [\"/\"]\n",
    );
    let run = silverback(&["check", "--config", file.name()]).expect(0);
    let note = "note: entities in the store /nonexistent/store.redb are not looked at; ask the gateway: curl ";
    for said in [
        format!("{note}http://127.0.0.1:1/config/lint"),
        "the store /nonexistent/store.redb cannot be made: there is no directory /nonexistent"
            .to_owned(),
    ] {
        assert!(run.stderr.contains(&said), "{said}: {run:?}");
    }
    let run = silverback(&["check", "--config", file.name(), "--format", "json"]).expect(0);
    let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows[0]["severity"], "warning", "{run:?}");
    let run = silverback(&["route", "test", "http://a.test/", "--config", file.name()]);
    let ask = "-G http://127.0.0.1:1/explain --data-urlencode url=URL";
    assert!(run.stderr.contains(&format!("{note}{ask}")), "{run:?}");
}

fn check_shows_every_fault_with_its_place() {
    let file = File::with(BAD);
    let run = silverback(&["check", "--config", file.name()]).expect(1);
    let all = run.all();
    assert!(
        all.contains("silverback.toml:2:1"),
        "the unknown key's place:\n{all}"
    );
    assert!(
        all.contains("silverback.toml:4:"),
        "the wrong type's place:\n{all}"
    );
    assert!(
        all.contains("silverback.toml:9:"),
        "the second name's place:\n{all}"
    );
    assert!(all.contains("workers"), "did you mean:\n{all}");
    assert!(all.contains("workerz = 1"), "the source excerpt:\n{all}");
    assert!(all.contains('^'), "the caret:\n{all}");
}

fn check_speaks_json() {
    let file = File::with(BAD);
    let run = silverback(&["check", "--config", file.name(), "--format", "json"]).expect(1);
    let value: serde_json::Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"));
    let text = value.to_string();
    for key in [
        "\"code\"",
        "\"line\"",
        "\"column\"",
        "\"file\"",
        "\"message\"",
    ] {
        assert!(text.contains(key), "{key} is not in {text}");
    }
    let good = File::with(&Config::to(9).toml());
    let run = silverback(&["check", "--config", good.name(), "--format", "json"]).expect(0);
    serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
}

fn run_refuses_a_bad_file() {
    let file = File::with(BAD);
    let run = silverback(&["run", "--config", file.name()]).expect(1);
    assert!(run.stderr.contains("silverback.toml:2:1"), "{run:?}");
    let run = silverback(&["run", "--config", "/nonexistent/silverback.toml"]).expect(1);
    assert!(
        run.stderr.contains("/nonexistent/silverback.toml"),
        "{run:?}"
    );
}

fn run_finds_its_file_by_itself() {
    let origin = Origin::hello();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("silverback.toml"),
        Config::to(origin.port()).toml(),
    )
    .unwrap();
    let mut command = Command::new(BINARY);
    command.arg("run");
    Gateway::spawn(command, directory).get("/").expect(200);
}

fn config_show_has_the_defaults() {
    let file = File::with(&Config::to(9).toml());
    let run = silverback(&["config", "show", "--config", file.name()]).expect(0);
    for key in [
        "request_head_bytes = 32768",
        "request_headers = 100",
        "connections = 100000",
    ] {
        assert!(run.stdout.contains(key), "{key} is not in\n{}", run.stdout);
    }
    assert!(run.stdout.contains("retries = 5"), "{}", run.stdout);
    // What is shown is a configuration again.
    let shown = File::with(&run.stdout);
    silverback(&["check", "--config", shown.name()]).expect(0);
}

fn route_test_names_the_winner() {
    let file = File::with(ROUTES);
    let request = "GET https://api.example.com/v1/x";
    let run = silverback(&["route", "test", request, "--config", file.name()]).expect(0);
    assert!(run.stdout.contains("v1"), "{run:?}");
    assert!(run.stdout.contains("/base/x"), "the upstream path: {run:?}");
    assert!(run.stdout.contains("beta"), "the runner-up: {run:?}");
    let run = silverback(&[
        "route",
        "test",
        "GET http://other.example.com/",
        "--config",
        file.name(),
    ]);
    assert_ne!(run.code, Some(2), "{run:?}");
    assert!(run.all().to_lowercase().contains("no route"), "{run:?}");
}

fn route_test_reads_fields() {
    let file = File::with(ROUTES);
    let request = "GET http://api.example.com/v1/x";
    let run = silverback(&[
        "route",
        "test",
        request,
        "-H",
        "X-Beta: yes",
        "--config",
        file.name(),
    ])
    .expect(0);
    let first = run.stdout.find("beta").unwrap_or(usize::MAX);
    assert!(first < usize::MAX, "{run:?}");
}

fn route_test_speaks_json() {
    let file = File::with(ROUTES);
    let request = "GET http://api.example.com/v1/x?y=1";
    let run = silverback(&[
        "route",
        "test",
        request,
        "--format",
        "json",
        "--config",
        file.name(),
    ])
    .expect(0);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found["route"]["name"], "v1");
    assert_eq!(found["upstream_url"], "http://127.0.0.1:9/base/x?y=1");
    assert_eq!(found["others"][0]["name"], "beta");
}

fn doctor_looks_at_the_machine() {
    let run = silverback(&["doctor"]);
    assert!([Some(0), Some(1)].contains(&run.code), "{run:?}");
    let all = run.all().to_lowercase();
    for word in [
        "kernel",
        "io_uring",
        "nofile",
        "somaxconn",
        "port range",
        "worker",
    ] {
        assert!(all.contains(word), "{word} is not in\n{all}");
    }
}

fn proxy_needs_no_file() {
    let origin = Origin::echo();
    let mut command = Command::new(BINARY);
    command.args(["proxy", "--listen", "127.0.0.1:0", "--to"]);
    command.arg(format!("http://127.0.0.1:{}", origin.port()));
    let mut gateway = Gateway::spawn(command, tempfile::tempdir().unwrap());
    let mut client = gateway.client();
    assert_eq!(
        client.post("/a", b"body").response().expect(200).text(),
        "body"
    );
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

fn demo_answers_like_mockbin() {
    let mut command = Command::new(BINARY);
    command.args(["demo", "--listen", "127.0.0.1:0"]);
    let gateway = Gateway::spawn(command, tempfile::tempdir().unwrap());
    let mut client = gateway.client();
    let echo = client.post("/echo", b"hello").response().expect(200);
    assert!(echo.text().contains("hello"), "{}", echo.text());
    client.get("/status/418").response().expect(418);
    client.get("/delay/50").response().expect(200);
    assert_eq!(
        client
            .get("/bytes/1000")
            .response()
            .expect(200)
            .body
            .bytes
            .len(),
        1_000
    );
    let stream = client.get("/stream/3").response().expect(200);
    assert_eq!(stream.text().lines().count(), 3, "{}", stream.text());
    let said = gateway.log_lines().join("\n") + &gateway.stdout();
    assert_eq!(said.matches("curl ").count(), 3, "{said}");
    assert!(
        said.contains("io_uring") || said.contains("epoll"),
        "{said}"
    );
    let port = gateway.listeners[0].port().to_string();
    assert!(
        said.lines()
            .filter(|l| l.contains("curl "))
            .all(|l| l.contains(&port)),
        "{said}"
    );
}

fn reload_without_gateway_is_refused() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    drop(socket);
    let run = silverback(&["reload", "--admin", &address]).expect(1);
    assert!(run.stderr.contains(&address), "{run:?}");
}

fn completion_and_man_page_are_generated() {
    for shell in ["bash", "zsh", "fish"] {
        let run = silverback(&["completion", shell]).expect(0);
        assert!(run.stdout.contains("silverback"), "{shell}");
    }
    let run = silverback(&["man"]).expect(0);
    assert!(
        run.stdout.contains(".TH"),
        "{}",
        text(run.stdout.as_bytes())
    );
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("made/for/it");
    silverback(&["man", "--dir", pages.to_str().unwrap()]).expect(0);
    assert!(pages.join("silverback-run.1").exists());
}

fn lone_method_is_no_request() {
    let run = silverback(&["route", "test", "GET"]).expect(2);
    assert!(run.stderr.contains("the URL is missing"), "{run:?}");
}

/// As `silverback ... | head` leaves it: nobody reads standard output any more.
fn reader_that_leaves_is_no_defect() {
    let (good, bad) = (File::with(&Config::to(9).toml()), File::with(BAD));
    for arguments in [
        &["version"][..],
        &["man"],
        &["completion", "bash"],
        &["config", "show", "--config", good.name()],
        &["check", "--config", good.name()],
        &["check", "--format", "json", "--config", good.name()],
        &["check", "--format", "json", "--config", bad.name()],
        &["doctor", "--config", good.name()],
        &[
            "route",
            "test",
            "http://a.example/",
            "--config",
            good.name(),
        ],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(BINARY);
        let run = command.args(arguments).stdout(writer).output().unwrap();
        let run = Run::of(&run);
        assert_eq!(run.code, Some(1), "{arguments:?}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{arguments:?}: {run:?}");
    }
}
