//! What may be typed and what it means; the declarations themselves are checked by clap.

use clap::CommandFactory as _;

use super::Cli;
use super::Command;
use super::ConfigCommand;
use super::Exit;
use super::Format;
use super::RouteCommand;
use super::exit_of;
use super::pages;
use super::parse;

fn command(line: &[&str]) -> Result<Command, clap::Error> {
    parse(
        std::iter::once("silverback")
            .chain(line.iter().copied())
            .map(Into::into),
    )
}

fn proxied(line: &[&str]) -> (String, String) {
    match command(&[&["proxy"], line].concat()) {
        Ok(Command::Proxy(args)) => (args.listen().to_string(), args.to().to_string()),
        other => panic!("{line:?}: {other:?}"),
    }
}

fn refusal(line: &[&str]) -> String {
    let error = command(line).expect_err("refused");
    assert_eq!(exit_of(&error), Exit::Usage, "{line:?}");
    error.to_string()
}

#[test]
fn declaration_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn proxy_takes_options_positions_and_a_mixture() {
    let expected = |listen: &str, to: &str| (listen.to_owned(), to.to_owned());
    for (line, listen, to) in [
        (
            vec!["--listen", "127.0.0.1:80", "--to", "http://a:1"],
            "127.0.0.1:80",
            "http://a:1",
        ),
        (
            vec!["--from", ":8080", "--to", "a"],
            "0.0.0.0:8080",
            "http://a",
        ),
        (
            vec!["8080", "9000"],
            "0.0.0.0:8080",
            "http://127.0.0.1:9000",
        ),
        (
            vec![":8080", "127.0.0.1:9000"],
            "0.0.0.0:8080",
            "http://127.0.0.1:9000",
        ),
        (
            vec!["[::1]:1", "http://[::1]:2/b/"],
            "[::1]:1",
            "http://[::1]:2/b",
        ),
        (
            vec!["localhost:1", ":2"],
            "127.0.0.1:1",
            "http://127.0.0.1:2",
        ),
        (vec!["0", "HTTP://A/b"], "0.0.0.0:0", "http://A/b"),
    ] {
        assert_eq!(proxied(&line), expected(listen, to), "{line:?}");
    }
    for line in [
        vec!["proxy"],
        vec!["proxy", "8080"],
        vec!["proxy", "--listen", ":1"],
    ] {
        assert!(refusal(&line).contains("required"), "{line:?}");
    }
    refusal(&["proxy", "1", "2", "--to", "3"]);
}

#[test]
fn bad_addresses_and_urls_are_explained() {
    for (listen, to, expected) in [
        ("99999", "1", "port 99999 is above 65535"),
        (
            "127.0.0.1",
            "1",
            "the port is missing, as in 127.0.0.1:8080",
        ),
        ("example.com:80", "1", "expected ADDRESS:PORT"),
        ("", "1", "ADDR"),
        ("1", "ftp://a", "scheme `ftp` is neither http nor https"),
        ("1", "http://", "names no host"),
        ("1", "http://a:0", "has no valid port"),
        ("1", "http://a:+1", "has no valid port"),
        ("1", "http://a:70000", "has no valid port"),
        ("1", "http://[::g]", "`::g` is no IPv6 address"),
        ("1", "http://[::1]x", "has no valid port"),
        ("1", "http://u:p@a", "user and password"),
        ("1", "http://a/?q", "neither query nor fragment"),
        ("1", "http://a b", "no white space"),
    ] {
        let text = refusal(&["proxy", "--listen", listen, "--to", to]);
        assert!(text.contains(expected), "{listen} {to}: {text}");
    }
}

#[test]
fn route_test_reads_method_url_and_fields() {
    let line = [
        "route",
        "test",
        "POST https://api.example.com:8/v1/x?y#z",
        "-H",
        "A: b:c ",
        "-H",
        "D:",
    ];
    let Ok(Command::Route(RouteCommand::Test {
        request, headers, ..
    })) = command(&line)
    else {
        panic!("understood");
    };
    assert_eq!((&*request.method, request.secure), ("POST", true));
    assert_eq!(
        (&*request.authority, &*request.target),
        ("api.example.com:8", "/v1/x?y")
    );
    let headers: Vec<_> = headers.iter().map(|h| (&*h.name, &*h.value)).collect();
    assert_eq!(headers, [("A", "b:c"), ("D", "")]);
    let Ok(Command::Route(RouteCommand::Test { request, .. })) = command(&["route", "test", "a?q"])
    else {
        panic!("understood");
    };
    assert_eq!(
        (&*request.method, &*request.authority, &*request.target),
        ("GET", "a", "/?q")
    );
    for bad in ["G@T http://a/", "GET /relative", "GET http://a/ b", ""] {
        refusal(&["route", "test", bad]);
    }
    for bad in ["no-colon", ": v", "a b: c", "a: b\nc: d"] {
        refusal(&["route", "test", "a", "-H", bad]);
    }
}

#[test]
fn every_command_is_understood() {
    for line in [
        "run",
        "run -c a.toml",
        "run --config a.toml",
        "run --driver epoll",
        "check --format json",
        "demo",
        "demo --listen :0",
        "reload",
        "reload --wait --admin 127.0.0.1:1",
        "config show",
        "token new",
        "token new --name ci --role read --format json",
        "doctor --format json",
        "version",
        "completion bash",
        "completion zsh",
        "man",
        "man --dir /x",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        command(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let Ok(Command::Check { config, output }) = command(&["check", "-c", "x", "--format", "json"])
    else {
        panic!("understood");
    };
    assert_eq!(config.candidates(), [std::path::PathBuf::from("x")]);
    assert_eq!(output.format, Format::Json);
    let Ok(Command::Config(ConfigCommand::Show(config))) = command(&["config", "show"]) else {
        panic!("understood");
    };
    assert_eq!(config.candidates().len(), 2);
}

#[test]
fn help_is_fine_and_nonsense_is_usage() {
    for line in [
        vec!["--help"],
        vec!["run", "--help"],
        vec!["--version"],
        vec!["doctor", "--version"],
    ] {
        let error = command(&line).expect_err("printed");
        assert_eq!(exit_of(&error), Exit::Fine, "{line:?}");
    }
    assert!(refusal(&["rum"]).contains("run"), "a near miss is named");
    refusal(&[]);
    refusal(&["run", "--confg", "x"]);
    refusal(&["route"]);
}

#[test]
fn pages_are_generated_for_everything() {
    let mut text = Vec::new();
    pages::man(&mut text).unwrap();
    pages::version(Format::Text, &mut text).unwrap();
    pages::version(Format::Json, &mut text).unwrap();
    for shell in [
        clap_complete::Shell::Bash,
        clap_complete::Shell::Zsh,
        clap_complete::Shell::Fish,
    ] {
        pages::completion(shell, &mut text).unwrap();
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("silverback\\-doctor") && text.contains("_silverback"));
    let dir = tempfile::tempdir().unwrap();
    pages::man_dir(dir.path()).unwrap();
    assert!(dir.path().join("silverback-route-test.1").exists());
}
