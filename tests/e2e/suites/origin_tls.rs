//! TLS to origins: who is believed and who is not, under which name, what the origin is shown, which connections are
//! used again. Where there is no TLS no byte of a request is sent.

use std::io::Read;
use std::io::Write;
use std::path::PathBuf;

use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::tls::Authority;
use crate::support::tls::Identity;
use crate::support::tls::Manners;
use crate::support::tls::TlsOrigin;

cases! {
    verified_origin_answers: [];
    one_connection_serves_many_requests: [];
    sessions_are_resumed_and_outlive_a_reload: [];
    unknown_issuer_is_refused: ["FU24"];
    wrong_name_is_refused: ["FU24"];
    certificate_that_ended_is_refused: ["FU24"];
    stalled_handshake_is_a_504: ["FU24"];
    plaintext_is_refused: ["FU24"];
    refusing_origin_is_told_by_its_alert: ["FU24"];
    end_without_goodbye_aborts: ["FU25"];
    verification_can_be_turned_off: [];
    chains_longer_than_permitted_are_refused: [];
    name_follows_the_host_that_goes_upstream: [];
    connections_are_never_shared_between_names: [];
    client_certificate_is_shown: [];
    targets_behind_an_upstream_are_verified_by_their_names: [];
    old_versions_are_refused: [];
    next_target_is_tried: [];
    authorities_are_read_again: [];
    rows_of_the_store_say_the_same: [];
}

/// Files for a configuration, which names them by absolute paths.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A service for `127.0.0.1` at the port, with these keys of `tls`.
fn secure(port: u16, tls: &str, route: &str) -> Config {
    let entities = format!(
        "[[services]]\nname = \"s\"\nurl = \"https://127.0.0.1:{port}\"\nretries = 0\nconnect_timeout = 2000\n\
         [services.tls]\n{tls}\n[[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n{route}\n"
    );
    Config::empty().entities(&entities)
}

/// An origin with a certificate for `127.0.0.1`, and a gateway that believes its authority.
fn pair(manners: Manners) -> (TlsOrigin, Gateway, Files) {
    let authority = Authority::new();
    let origin = TlsOrigin::start(&authority.signs("127.0.0.1"), manners);
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let gateway = secure(origin.port, &format!("ca = [{ca:?}]"), "").start();
    (origin, gateway, files)
}

/// A request fails with this token, and the origin sees none of it.
#[track_caller]
fn refused(origin: &TlsOrigin, gateway: &Gateway, cause: &str) {
    gateway.get("/").expect(502).expect_cause(cause);
    origin.wait_failed(1);
    assert!(origin.requests().is_empty(), "a request was sent");
}

fn verified_origin_answers() {
    for only_tls12 in [false, true] {
        let (origin, gateway, _files) = pair(Manners {
            only_tls12,
            ..Manners::default()
        });
        assert_eq!(gateway.get("/").expect(200).text(), "hello");
        // An address is no name to ask for (RFC 6066 section 3).
        assert_eq!(origin.names(), [None]);
        let head = &origin.requests()[0];
        assert!(head.contains(&format!("\r\nHost: 127.0.0.1:{}\r\n", origin.port)));
    }
}

fn one_connection_serves_many_requests() {
    let (origin, gateway, _files) = pair(Manners::default());
    let mut client = gateway.client();
    for _ in 0..20 {
        client.get("/").response().expect(200);
    }
    assert_eq!(origin.connections(), 1);
}

fn sessions_are_resumed_and_outlive_a_reload() {
    let (origin, gateway, _files) = pair(Manners {
        closes: true,
        ..Manners::default()
    });
    gateway.get("/").expect(200);
    gateway.get("/").expect(200);
    assert_eq!(origin.resumed(), 1);
    let more = std::fs::read_to_string(gateway.file()).unwrap()
        + "[[services]]\nname = \"other\"\nurl = \"http://127.0.0.1:1\"\n";
    std::fs::write(gateway.file(), more).unwrap();
    gateway.admin("POST", "/reload").expect(200);
    gateway.get("/").expect(200);
    assert_eq!(origin.resumed(), 2);
}

fn unknown_issuer_is_refused() {
    let origin = TlsOrigin::start(&Authority::new().signs("127.0.0.1"), Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &Authority::new().pem);
    let own = secure(origin.port, &format!("ca = [{ca:?}]"), "").start();
    refused(&origin, &own, "tls_certificate_error");
    // The authorities of the system do not know it either; that they are asked is the default.
    let system = secure(origin.port, "", "").environment("SSL_CERT_FILE", ca.to_str().unwrap());
    refused(&origin, &system.start(), "tls_certificate_error");
}

fn wrong_name_is_refused() {
    let authority = Authority::new();
    let origin = TlsOrigin::start(&authority.signs("other.test"), Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let gateway = secure(origin.port, &format!("ca = [{ca:?}]"), "").start();
    refused(&origin, &gateway, "tls_certificate_error");
    let named = format!("ca = [{ca:?}]\nsni = \"other.test\"");
    let gateway = secure(origin.port, &named, "").start();
    gateway.get("/").expect(200);
    assert_eq!(origin.names(), [Some("other.test".to_owned())]);
}

fn certificate_that_ended_is_refused() {
    let authority = Authority::new();
    let ended = authority.signs_as("127.0.0.1", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let origin = TlsOrigin::start(&ended, Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let gateway = secure(origin.port, &format!("ca = [{ca:?}]"), "").start();
    refused(&origin, &gateway, "tls_certificate_error");
}

fn stalled_handshake_is_a_504() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |_peer| held.wait());
    let gateway = Config::empty()
        .entities(&format!(
            "[[services]]\nname = \"s\"\nurl = \"https://127.0.0.1:{}\"\nretries = 0\nconnect_timeout = 300\n\
             [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n",
            origin.port()
        ))
        .start();
    gateway
        .get("/")
        .expect(504)
        .expect_cause("connection_timeout");
    assert_eq!(origin.heads(), 0);
    gate.open();
}

fn plaintext_is_refused() {
    // It answers whatever comes, as a server of plain HTTP does.
    let origin = Origin::start(|mut peer| {
        peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let gateway = secure(origin.port(), "", "").start();
    gateway
        .get("/")
        .expect(502)
        .expect_cause("tls_protocol_error");
    assert_eq!(origin.heads(), 0);
}

fn refusing_origin_is_told_by_its_alert() {
    // handshake_failure, as an origin says that shares no version or suite with us.
    let origin = Origin::start(|mut peer| {
        peer.send([21, 3, 3, 0, 2, 2, 40]);
    });
    let gateway = secure(origin.port(), "", "").start();
    gateway
        .get("/")
        .expect(502)
        .expect_cause("tls_alert_received");
    assert_eq!(origin.heads(), 0);
}

fn end_without_goodbye_aborts() {
    let (_origin, gateway, _files) = pair(Manners {
        close_delimited: Some(true),
        ..Manners::default()
    });
    assert_eq!(gateway.get("/").expect(200).text(), "hello");
    let (_origin, gateway, _files) = pair(Manners {
        close_delimited: Some(false),
        ..Manners::default()
    });
    let mut client = gateway.client();
    client.get("/").aborted();
}

fn verification_can_be_turned_off() {
    let origin = TlsOrigin::start(&Authority::new().signs("other.test"), Manners::default());
    let gateway = secure(origin.port, "verify = false", "").start();
    gateway.get("/").expect(200);
}

fn chains_longer_than_permitted_are_refused() {
    let authority = Authority::new();
    let between = authority.intermediate();
    let mut identity: Identity = between.signs("127.0.0.1");
    identity.chain.push_str(&between.pem);
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let origin = TlsOrigin::start(&identity, Manners::default());
    let with = |depth: u32| {
        let tls = format!("ca = [{ca:?}]\nverify_depth = {depth}");
        secure(origin.port, &tls, "").start()
    };
    refused(&origin, &with(0), "tls_certificate_error");
    with(1).get("/").expect(200);
}

fn name_follows_the_host_that_goes_upstream() {
    let authority = Authority::new();
    let origin = TlsOrigin::start(&authority.signs("a.test"), Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let tls = format!("ca = [{ca:?}]");
    let gateway = secure(origin.port, &tls, "preserve_host = true").start();
    let ask = |host: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        gateway.client().send(request).response()
    };
    ask("a.test:8443").expect(200);
    ask("b.test")
        .expect(502)
        .expect_cause("tls_certificate_error");
    assert_eq!(origin.names(), [Some("a.test".to_owned())]);
    assert!(origin.requests()[0].contains("\r\nHost: a.test:8443\r\n"));
}

fn connections_are_never_shared_between_names() {
    let origin = TlsOrigin::start(&Authority::new().signs("a.test"), Manners::default());
    let gateway = secure(origin.port, "verify = false", "preserve_host = true").start();
    let mut client = gateway.client();
    for host in ["a.test", "b.test", "a.test", "b.test"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.send(request).response().expect(200);
    }
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(origin.names(), [named("a.test"), named("b.test")]);
}

fn client_certificate_is_shown() {
    let authority = Authority::new();
    let origin = TlsOrigin::start(
        &authority.signs("127.0.0.1"),
        Manners {
            clients: Some(authority.pem.clone()),
            ..Manners::default()
        },
    );
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let client = authority.signs("gateway.test");
    let cert = files.put("gateway.pem", &client.chain);
    let key = files.put("gateway.key", &client.key);
    let tls = format!("ca = [{ca:?}]\nclient_cert = {cert:?}\nclient_key = {key:?}");
    secure(origin.port, &tls, "").start().get("/").expect(200);
    assert_eq!(origin.clients(), 1);
    let without = secure(origin.port, &format!("ca = [{ca:?}]"), "").start();
    without.get("/").expect(502);
    assert_eq!(origin.requests().len(), 1);
}

fn targets_behind_an_upstream_are_verified_by_their_names() {
    let authority = Authority::new();
    let origin = TlsOrigin::start(&authority.signs("localhost"), Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let port = origin.port;
    let entities = format!(
        "[[services]]\nname = \"s\"\nurl = \"https://pool.test\"\nretries = 0\ntls = {{ ca = [{ca:?}] }}\n\
         [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n\
         [[upstreams]]\nname = \"pool.test\"\n[[upstreams.targets]]\ntarget = \"localhost:{port}\"\n"
    );
    let gateway = Config::empty().entities(&entities).start();
    eventually("the name is resolved", || {
        (gateway.get("/").status() == 200).then_some(())
    });
    assert_eq!(origin.names()[0].as_deref(), Some("localhost"));
}

fn old_versions_are_refused() {
    let authority = Authority::new();
    let manners = Manners {
        only_tls12: true,
        ..Manners::default()
    };
    let origin = TlsOrigin::start(&authority.signs("127.0.0.1"), manners);
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let tls = format!("ca = [{ca:?}]\nmin_version = \"1.3\"");
    refused(
        &origin,
        &secure(origin.port, &tls, "").start(),
        "tls_alert_received",
    );
}

fn next_target_is_tried() {
    let authority = Authority::new();
    let bad = TlsOrigin::start(&Authority::new().signs("127.0.0.1"), Manners::default());
    let good = TlsOrigin::start(&authority.signs("127.0.0.1"), Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.pem);
    let entities = format!(
        "[[services]]\nname = \"s\"\nurl = \"https://pool.test\"\ntls = {{ ca = [{ca:?}] }}\n\
         [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n\
         [[upstreams]]\nname = \"pool.test\"\n[[upstreams.targets]]\ntarget = \"127.0.0.1:{}\"\n\
         [[upstreams.targets]]\ntarget = \"127.0.0.1:{}\"\n",
        bad.port, good.port
    );
    let gateway = Config::empty().entities(&entities).start();
    for _ in 0..4 {
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        gateway.client().send(request).response().expect(200);
    }
    assert!(bad.connections() > 0 && bad.requests().is_empty());
}

fn authorities_are_read_again() {
    let authority = Authority::new();
    let origin = TlsOrigin::start(&authority.signs("127.0.0.1"), Manners::default());
    let files = Files::new();
    let ca = files.put("ca.pem", &Authority::new().pem);
    let gateway = secure(origin.port, &format!("ca = [{ca:?}]"), "").start();
    gateway.get("/").expect(502);
    files.put("ca.pem", &authority.pem);
    gateway.admin("POST", "/reload").expect(200);
    gateway.get("/").expect(200);
    files.put("ca.pem", "nonsense");
    gateway.admin("POST", "/reload").expect(400);
    gateway.get("/").expect(200);
}

/// Writes an entity.
#[track_caller]
fn write(gateway: &Gateway, path: &str, body: &str) {
    let mut stream = std::net::TcpStream::connect(gateway.admin).unwrap();
    let length = body.len();
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

fn rows_of_the_store_say_the_same() {
    let authority = Authority::new();
    let origin = TlsOrigin::start(
        &authority.signs("127.0.0.1"),
        Manners {
            clients: Some(authority.pem.clone()),
            ..Manners::default()
        },
    );
    let client = authority.signs("gateway.test");
    let gateway = Config::empty()
        .sections("[store]\npath = \"store.redb\"")
        .start();
    let put = |path: &str, body: String| write(&gateway, path, &body);
    let (ca, cert) = (
        "11111111-1111-4111-8111-111111111111",
        "22222222-2222-4222-8222-222222222222",
    );
    let text = |text: &str| text.replace('\n', "\\n").replace('\r', "");
    put(
        &format!("/ca_certificates/{ca}"),
        format!("{{\"cert\":\"{}\"}}", text(&authority.pem)),
    );
    put(
        &format!("/certificates/{cert}"),
        format!(
            "{{\"cert\":\"{}\",\"key\":\"{}\"}}",
            text(&client.chain),
            text(&client.key)
        ),
    );
    let service = |more: &str| {
        format!(
            "{{\"url\":\"https://127.0.0.1:{}\",\"retries\":0{more}}}",
            origin.port
        )
    };
    put("/services/s", service(""));
    put("/services/s/routes/r", "{\"paths\":[\"/\"]}".to_owned());
    // Writes are served a moment later.
    let served = |status: u16| {
        eventually("it is served", || {
            Some(gateway.get("/")).filter(|answer| answer.status() == status)
        })
    };
    served(502).expect_cause("tls_certificate_error");
    put(
        "/services/s",
        service(&format!(
            ",\"ca_certificates\":[\"{ca}\"],\"client_certificate\":{{\"id\":\"{cert}\"}}"
        )),
    );
    served(200);
    assert_eq!(origin.clients(), 1);
    put("/services/s", service(""));
    served(502);
    put(
        "/services/s",
        service(&format!(
            ",\"tls_verify\":false,\"client_certificate\":{{\"id\":\"{cert}\"}}"
        )),
    );
    served(200);
}
