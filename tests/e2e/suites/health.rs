//! The health of targets: checks of the gateway's own, checks by the requests that are served, marks by people, and
//! what becomes of an upstream when too few targets remain.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    active_checks_take_a_target_out_and_bring_it_back: [];
    a_target_that_refuses_connections_is_taken_out_by_tcp_checks: [];
    checks_over_tls_verify_certificates_or_not: [];
    failed_requests_take_a_target_out_on_every_core: [];
    half_slow_targets_are_taken_out_and_never_all: ["FU28"];
    all_targets_down_is_503_at_once_without_a_storm: ["FU27"];
    an_upstream_below_its_threshold_is_closed: [];
    people_mark_targets_and_reloads_keep_the_marks: [];
    health_is_shown_as_in_kong: [];
    health_checks_written_over_rest_are_obeyed: [];
}

/// A gateway whose upstream has these keys, and these tables behind them.
fn pool(workers: usize, keys: &str, ports: &[u16]) -> Config {
    let mut toml = format!(
        "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\nread_timeout = 200\n\
         [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n[[upstreams]]\nname = \"pool.test\"\n{keys}\n"
    );
    for port in ports {
        toml.push_str(&format!(
            "[[upstreams.targets]]\ntarget = \"127.0.0.1:{port}\"\n"
        ));
    }
    let gateway = format!("workers = {workers}\n");
    Config::empty().gateway(&gateway).entities(&toml)
}

fn named(name: &'static str) -> Origin {
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            peer.reply(name);
        }
    })
}

/// An origin that is asked for its health apart from its work, and says that it is well once the gate is open.
fn convalescent(well: &Gate) -> Origin {
    let well = well.clone();
    Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/health" && !well.is_open() {
                peer.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
            } else {
                peer.reply("patient");
            }
        }
    })
}

/// How many targets the metrics show in a state.
fn count(gateway: &Gateway, state: &str) -> usize {
    let text = gateway.admin("GET", "/metrics").expect(200).text();
    let line = |line: &&str| {
        line.starts_with("silverback_target_health{")
            && line.contains(&format!("state=\"{state}\""))
    };
    text.lines().filter(line).count()
}

#[track_caller]
fn wait_unhealthy(gateway: &Gateway, wanted: usize) {
    eventually("so many targets are unhealthy", || {
        (count(gateway, "unhealthy") == wanted).then_some(())
    });
}

/// Who answers so many requests, each on a connection of its own so that every core is asked.
fn answers(gateway: &Gateway, requests: usize) -> Vec<String> {
    let ask = |_| gateway.get("/").expect(200).text();
    (0..requests).map(ask).collect()
}

const FAST: &str = "interval = \"20ms\", unhealthy_interval = \"20ms\", successes = 2, http_failures = 2, tcp_failures = 2";

fn active_checks_take_a_target_out_and_bring_it_back() {
    let well = Gate::default();
    let (patient, other) = (convalescent(&well), named("other"));
    let keys = format!(
        "active_checks = {{ path = \"/health\", {FAST}, headers = {{ \"x-check\" = [\"1\"] }} }}"
    );
    let gateway = pool(2, &keys, &[patient.port(), other.port()]).start();
    wait_unhealthy(&gateway, 1);
    gateway.wait_log("is unhealthy (active)");
    eventually("no request goes to the patient", || {
        answers(&gateway, 20)
            .iter()
            .all(|it| it == "other")
            .then_some(())
    });
    let check = patient.wait_request(0).head;
    assert_eq!(check.one("x-check"), Some("1"));
    assert_eq!(
        check.one("host"),
        Some(&*format!("127.0.0.1:{}", patient.port()))
    );
    well.open();
    wait_unhealthy(&gateway, 0);
    gateway.wait_log("is healthy again");
    eventually("the patient is back", || {
        answers(&gateway, 20)
            .iter()
            .any(|it| it == "patient")
            .then_some(())
    });
    assert!(gateway.metric("silverback_target_ejections_total{reason=\"active\"}") >= 1.0);
}

fn a_target_that_refuses_connections_is_taken_out_by_tcp_checks() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = listener.local_addr().unwrap().port();
    let other = named("other");
    let keys = format!("active_checks = {{ type = \"tcp\", {FAST} }}");
    let gateway = pool(1, &keys, &[dead, other.port()]).start();
    eventually("both are checked", || {
        (count(&gateway, "healthy") == 2).then_some(())
    });
    drop(listener);
    wait_unhealthy(&gateway, 1);
}

/// Answers 204 to whatever comes over TLS, with a certificate that nobody has signed.
fn secure_origin() -> u16 {
    let made = rcgen::generate_simple_self_signed(vec!["pool.test".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(tls, stream);
            let mut bytes = [0; 4_096];
            if stream.read(&mut bytes).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    port
}

fn checks_over_tls_verify_certificates_or_not() {
    let port = secure_origin();
    let other = named("other");
    let keys = |verify: bool| {
        format!(
            "active_checks = {{ type = \"https\", sni = \"pool.test\", verify = {verify}, \
             healthy_statuses = [204], {FAST} }}"
        )
    };
    let strict = pool(1, &keys(true), &[port, other.port()]).start();
    // The other one does not speak TLS at all.
    wait_unhealthy(&strict, 2);
    let lax = pool(1, &keys(false), &[port, other.port()]).start();
    wait_unhealthy(&lax, 1);
    let mark = format!("/upstreams/pool.test/targets/127.0.0.1:{port}/unhealthy");
    lax.admin("PUT", &mark).expect(204);
    lax.wait_log("is unhealthy (manual)");
    // What people say holds until checks say otherwise.
    lax.wait_log(&format!("127.0.0.1:{port} is healthy again"));
}

fn failed_requests_take_a_target_out_on_every_core() {
    let dying = Origin::start(|mut peer| {
        peer.request();
        peer.reset();
    });
    let other = named("other");
    let keys = "passive_checks = { tcp_failures = 3 }";
    let gateway = pool(2, keys, &[dying.port(), other.port()]).start();
    // Requests that fail there are repeated at the other: no client sees any of it.
    eventually("the target is taken out", || {
        answers(&gateway, 4);
        (count(&gateway, "unhealthy") == 1).then_some(())
    });
    gateway.wait_log("is unhealthy (passive)");
    // Until both cores know it, one of them may still try.
    eventually("no core sends it anything", || {
        let before = dying.heads();
        answers(&gateway, 20);
        (dying.heads() == before).then_some(())
    });
}

fn half_slow_targets_are_taken_out_and_never_all() {
    let silent = || {
        Origin::start(|mut peer| {
            peer.request();
            peer.wait_end();
        })
    };
    let (slow, slower) = (silent(), silent());
    let quick = [named("quick"), named("quick")];
    let keys = "passive_checks = { timeouts = 2 }";
    let ports = [slow.port(), slower.port(), quick[0].port(), quick[1].port()];
    let gateway = pool(1, keys, &ports).start();
    eventually("the slow half is taken out", || {
        answers(&gateway, 4);
        (count(&gateway, "unhealthy") == 2).then_some(())
    });
    let before = slow.heads() + slower.heads();
    assert_eq!(answers(&gateway, 40), ["quick"; 40]);
    assert_eq!(slow.heads() + slower.heads(), before);
    // Where all are slow, requests alone never take out all: they would rather be tried.
    let gateway = pool(1, keys, &[slow.port(), slower.port()]).start();
    for _ in 0..6 {
        let answer = gateway.get("/").expect(504);
        answer.expect_cause("http_response_timeout");
    }
}

fn all_targets_down_is_503_at_once_without_a_storm() {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners
        .each_ref()
        .map(|it| it.local_addr().unwrap().port());
    drop(listeners);
    let checks = format!("active_checks = {{ type = \"tcp\", {FAST} }}");
    let gateway = pool(1, &checks, &ports).start();
    wait_unhealthy(&gateway, 2);
    eventually("the core knows it", || {
        (gateway.get("/").status() == 503).then_some(())
    });
    let mut client = gateway.client();
    for _ in 0..50 {
        let answer = client.get("/").response().expect(503);
        assert_eq!(answer.head.one("retry-after"), Some("1"));
        assert!(
            answer
                .text()
                .contains("failure to get a peer from the ring-balancer")
        );
        answer.expect_cause("destination_unavailable");
    }
    eventually("all of it is counted", || {
        let failures = gateway.metric("silverback_failures_total{cause=\"targets_unhealthy\"}");
        (failures >= 51.0).then_some(())
    });
    let opened = gateway.metric("silverback_upstream_connections_opened_total");
    assert_eq!(opened, 0.0, "nobody listened, so there was nothing to open");
    let refused = gateway.metric("silverback_failures_total{cause=\"connect_refused\"}");
    assert!(refused <= 10.0, "{refused}");
}

fn an_upstream_below_its_threshold_is_closed() {
    let well = Gate::default();
    let (patient, other) = (convalescent(&well), named("other"));
    let keys = format!("threshold = 60\nactive_checks = {{ path = \"/health\", {FAST} }}");
    let gateway = pool(1, &keys, &[patient.port(), other.port()]).start();
    wait_unhealthy(&gateway, 1);
    eventually("half of the weight is not enough", || {
        (gateway.get("/").status() == 503).then_some(())
    });
    well.open();
    eventually("all of it is", || {
        (gateway.get("/").status() == 200).then_some(())
    });
}

fn people_mark_targets_and_reloads_keep_the_marks() {
    let origins = [named("a"), named("b")];
    let ports = [origins[0].port(), origins[1].port()];
    // Only requests are checked, and none fails.
    let config = pool(2, "passive_checks = {}", &ports);
    let gateway = config.clone().start();
    let mark = |end: &str| {
        let path = format!("/upstreams/pool.test/targets/127.0.0.1:{}/{end}", ports[0]);
        gateway.admin("PUT", &path).expect(204);
    };
    mark("unhealthy");
    let all_b = || answers(&gateway, 20).iter().all(|it| it == "b");
    eventually("the other answers alone", || all_b().then_some(()));
    let changed = config.entities("[[services]]\nname = \"more\"\nurl = \"http://pool.test/\"\n");
    std::fs::write(gateway.file(), changed.toml()).unwrap();
    gateway.wait_log("generation 2 installed");
    assert!(all_b(), "a reload forgets nothing");
    assert_eq!(count(&gateway, "unhealthy"), 1);
    mark(&format!("127.0.0.1:{}/healthy", ports[0]));
    eventually("it is back", || (!all_b()).then_some(()));
    assert!(gateway.metric("silverback_target_ejections_total{reason=\"manual\"}") >= 1.0);
}

fn health_is_shown_as_in_kong() {
    let origins = [named("a"), named("b")];
    let ports = [origins[0].port(), origins[1].port()];
    let keys = "threshold = 60\npassive_checks = {}";
    let gateway = pool(1, keys, &ports).start();
    let shown = |path: &str| -> serde_json::Value {
        serde_json::from_str(&gateway.admin("GET", path).expect(200).text()).unwrap()
    };
    let path = "/upstreams/pool.test/health";
    let before = shown(path);
    assert!(
        before["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["health"] == "HEALTHY")
    );
    let mark = format!(
        "/upstreams/pool.test/targets/127.0.0.1:{}/unhealthy",
        ports[0]
    );
    gateway.admin("PUT", &mark).expect(204);
    let after = shown(path);
    let patient = after["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|target| target["target"] == format!("127.0.0.1:{}", ports[0]));
    let patient = patient.unwrap();
    assert_eq!(patient["health"], "UNHEALTHY");
    assert_eq!(patient["data"]["addresses"][0]["health"], "UNHEALTHY");
    assert_eq!(patient["data"]["weight"]["unavailable"], 100);
    let whole = shown("/upstreams/pool.test/health?balancer_health=1");
    assert_eq!(whole["data"]["balancer_health"], "UNHEALTHY");
    assert_eq!(whole["data"]["details"]["weight"]["available"], 100);
}

fn health_checks_written_over_rest_are_obeyed() {
    let well = Gate::default();
    let (patient, other) = (convalescent(&well), named("other"));
    let gateway = Config::empty()
        .sections("[store]\npath = \"silverback.db\"\n")
        .entities(
            "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\n\
             [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n",
        )
        .start();
    let post = |path: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut client = crate::support::Client::connect(gateway.admin);
        client
            .send([head.as_bytes(), body.as_bytes()].concat())
            .response()
            .expect(201);
    };
    post(
        "/upstreams",
        r#"{"name": "pool.test", "healthchecks": {"active": {"http_path": "/health",
            "healthy": {"interval": 0.02, "successes": 2},
            "unhealthy": {"interval": 0.02, "http_failures": 2, "tcp_failures": 2}}}}"#,
    );
    for port in [patient.port(), other.port()] {
        let target = format!(r#"{{"target": "127.0.0.1:{port}"}}"#);
        post("/upstreams/pool.test/targets", &target);
    }
    wait_unhealthy(&gateway, 1);
    eventually("the other answers alone", || {
        answers(&gateway, 20)
            .iter()
            .all(|it| it == "other")
            .then_some(())
    });
    let shown = gateway
        .admin("GET", "/upstreams/pool.test/health")
        .expect(200)
        .text();
    assert!(
        shown.contains("\"UNHEALTHY\"") && shown.contains("\"HEALTHY\""),
        "{shown}"
    );
    well.open();
    wait_unhealthy(&gateway, 0);
}
