//! Clients that nobody here wrote.

use std::process::Command;
use std::time::Duration;

use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::tools;
use crate::support::tools::Run;

cases! {
    ab_with_keep_alive: ["K3", "E15"] needs ["ab"];
    ab_without_keep_alive: ["E15"] needs ["ab"];
    curl_gets_and_posts: ["K1"] needs ["curl"];
    curl_uploads_with_expect: ["G2"] needs ["curl"];
    curl_uploads_chunked: ["D7"] needs ["curl"];
    curl_speaks_http_1_0: ["E15"] needs ["curl"];
    curl_sees_an_abort_as_an_error: ["E8"] needs ["curl"];
    wrk_sees_no_error: ["K1"] needs ["wrk"];
    h2load_over_http_1_1: ["K1"] needs ["h2load"];
}

fn run(tool: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new(tools::find(tool).unwrap());
    Run::of(&tools::output(
        command.args(arguments),
        Duration::from_secs(30),
    ))
}

fn url(gateway: &Gateway, path: &str) -> String {
    format!("http://{}{path}", gateway.listeners[0])
}

/// The number behind a label in a tool's report.
fn number(report: &str, label: &str) -> Option<f64> {
    let line = report
        .lines()
        .find(|line| line.trim_start().starts_with(label))?;
    line.split(label)
        .nth(1)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn ab(arguments: &[&str]) -> (String, usize) {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let address = url(&gateway, "/");
    let run = run(
        "ab",
        &[arguments, &["-n", "400", "-c", "8", &address]].concat(),
    )
    .expect(0);
    assert_eq!(
        number(&run.stdout, "Complete requests:"),
        Some(400.0),
        "{run:?}"
    );
    assert_eq!(
        number(&run.stdout, "Failed requests:"),
        Some(0.0),
        "{run:?}"
    );
    assert_eq!(number(&run.stdout, "Non-2xx responses:"), None, "{run:?}");
    (run.stdout, origin.connections())
}

fn ab_with_keep_alive() {
    let (report, connections) = ab(&["-k"]);
    assert_eq!(
        number(&report, "Keep-Alive requests:"),
        Some(400.0),
        "{report}"
    );
    assert!(connections <= 8, "{connections} connections to the origin");
}

fn ab_without_keep_alive() {
    ab(&[]);
}

fn curl_gets_and_posts() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let address = url(&gateway, "/a");
    let run = run(
        "curl",
        &[
            "-sS",
            "-w",
            "%{http_code} %{num_connects};",
            "-d",
            "body",
            &address,
            &address,
        ],
    )
    .expect(0);
    assert_eq!(run.stdout, "body200 1;body200 0;");
}

fn curl_uploads_with_expect() {
    let origin = Origin::start(|mut peer| {
        while let Some(head) = peer.head() {
            if head.one("expect").is_some() {
                peer.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            let Some(request) = peer.body(&head) else {
                return;
            };
            peer.reply(request.body.bytes.len().to_string());
        }
    });
    let gateway = Gateway::to(&origin);
    let file = gateway.directory().join("upload");
    std::fs::write(&file, vec![b'u'; 2_000_000]).unwrap();
    let data = format!("@{}", file.display());
    let address = url(&gateway, "/");
    let run = run(
        "curl",
        &[
            "-sS",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            &data,
            &address,
        ],
    )
    .expect(0);
    assert_eq!(run.stdout, "2000000");
}

fn curl_uploads_chunked() {
    let origin = Origin::echo();
    let gateway = Gateway::to(&origin);
    let address = url(&gateway, "/");
    let run = run(
        "curl",
        &[
            "-sS",
            "-H",
            "Transfer-Encoding: chunked",
            "-d",
            "chunked body",
            &address,
        ],
    )
    .expect(0);
    assert_eq!(run.stdout, "chunked body");
    // What is here as a whole is measured.
    let head = origin.wait_head(0).1;
    assert_eq!(head.one("content-length"), Some("12"), "{head}");
}

fn curl_speaks_http_1_0() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    let gateway = Gateway::to(&origin);
    let run = run("curl", &["-sS", "-0", "-i", &url(&gateway, "/")]).expect(0);
    assert!(run.stdout.ends_with("\r\n\r\nhello"), "{run:?}");
    assert!(
        !run.stdout.to_lowercase().contains("transfer-encoding"),
        "{run:?}"
    );
}

fn curl_sees_an_abort_as_an_error() {
    let origin = Origin::start(|mut peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    });
    let gateway = Gateway::to(&origin);
    let run = run("curl", &["-sS", &url(&gateway, "/")]);
    assert!([Some(18), Some(56)].contains(&run.code), "{run:?}");
}

fn wrk_sees_no_error() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let run = run("wrk", &["-t1", "-c16", "-d1s", &url(&gateway, "/")]).expect(0);
    assert!(run.stdout.contains("requests in"), "{run:?}");
    assert!(!run.stdout.contains("Socket errors"), "{run:?}");
    assert!(!run.stdout.contains("Non-2xx"), "{run:?}");
}

fn h2load_over_http_1_1() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let run = run(
        "h2load",
        &["--h1", "-n400", "-c8", "-m1", &url(&gateway, "/")],
    )
    .expect(0);
    assert!(
        run.stdout.contains("400 succeeded, 0 failed, 0 errored"),
        "{run:?}"
    );
}
