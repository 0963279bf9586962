//! TLS on listeners, as curl and openssl see it, and as those see it who break the protocol.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::IsCa;
use rcgen::KeyPair;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::tools;

cases! {
    both_versions_are_served: [] needs ["curl"];
    large_bodies_go_both_ways: [] needs ["curl"];
    name_decides_about_the_certificate: [] needs ["curl"];
    sessions_resume_on_every_core_and_after_a_reload: [] needs ["openssl"];
    staple_is_given_to_who_asks: [] needs ["openssl"];
    client_certificate_is_verified_and_passed_on: [] needs ["curl"];
    session_of_a_listener_that_asks_nobody_opens_no_other: [] needs ["openssl"];
    certificate_files_are_followed: [] needs ["curl"];
    bad_certificate_is_refused_with_its_place: ["FP2"];
    stored_certificates_are_shown: [] needs ["curl"];
    routes_for_https_alone_and_the_name_criterion: [] needs ["curl"];
    proxy_protocol_stands_before_the_handshake: [];
    plain_http_is_told_so: [];
    stalled_garbage_and_cut_hellos: ["FC15"];
}

/// A directory with certificates: an authority, and what it has signed.
struct Kit {
    directory: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Kit {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        Self {
            directory,
            authority,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// A certificate for names in `file.pem` and its key in `file.key`.
    fn sign(&self, file: &str, names: &[&str]) -> &Self {
        self.sign_with(file, names, &KeyPair::generate().unwrap())
    }

    fn sign_with(&self, file: &str, names: &[&str], key: &KeyPair) -> &Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, format!("{file} of the kit"));
        let signed = params.signed_by(key, &self.authority).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), signed.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
        self
    }

    /// A listener that shows these certificates.
    fn listener(&self, files: &[&str], more: &str) -> String {
        let entry = |file: &&str| {
            let (cert, key) = (
                self.path(&format!("{file}.pem")),
                self.path(&format!("{file}.key")),
            );
            format!("{{ cert = \"{cert}\", key = \"{key}\" }}")
        };
        let entries: Vec<String> = files.iter().map(entry).collect();
        let entries = entries.join(", ");
        format!("address = \"127.0.0.1:0\"\ntls = {{ certificates = [{entries}]{more} }}")
    }

    /// What curl says to a name at the gateway's first listener: exit code, standard output.
    fn curl(&self, gateway: &Gateway, name: &str, arguments: &[&str]) -> (i32, String) {
        let port = gateway.listeners[0].port();
        let mut command = Command::new("curl");
        command
            .args(["-sS", "--max-time", "20", "--cacert", &self.path("ca.pem")])
            .args(["--resolve", &format!("{name}:{port}:127.0.0.1")])
            .arg(format!("https://{name}:{port}/"))
            .args(arguments);
        let output = tools::output(&mut command, Duration::from_secs(25));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().unwrap_or(-1), text)
    }

    /// What openssl says while it asks `a.test` for something.
    fn openssl(&self, gateway: &Gateway, arguments: &[&str]) -> String {
        let script = "printf 'GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n' | \
                      openssl s_client -ign_eof \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh", "-connect"])
            .arg(gateway.listeners[0].to_string())
            .args(["-servername", "a.test", "-CAfile", &self.path("ca.pem")])
            .args(arguments);
        let output = tools::output(&mut command, Duration::from_secs(20));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

const STATUS: &[&str] = &["-o", "/dev/null", "-w", "%{http_code}"];

fn both_versions_are_served() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .listener(&kit.listener(&["a"], ""))
        .start();
    for version in [
        ["--tlsv1.2", "--tls-max", "1.2"],
        ["--tlsv1.3", "--tls-max", "1.3"],
    ] {
        let (code, status) = kit.curl(&gateway, "a.test", &[&version[..], STATUS].concat());
        assert_eq!((code, &*status), (0, "200"), "{version:?}");
    }
    let head = origin.wait_head(0).1;
    assert_eq!(head.one("x-forwarded-proto"), Some("https"));
    let port = gateway.listeners[0].port().to_string();
    assert_eq!(head.one("x-forwarded-port"), Some(port.as_str()));
    let full = "silverback_tls_handshakes_total{outcome=\"full\"}";
    eventually("it is seen", || (gateway.metric(full) > 1.5).then_some(()));
    let strict = kit.listener(&["a"], ", min_version = \"1.3\"");
    let gateway = Config::to(origin.port()).listener(&strict).start();
    let old = ["--tlsv1.2", "--tls-max", "1.2"];
    assert_ne!(kit.curl(&gateway, "a.test", &old).0, 0, "too old a version");
}

fn large_bodies_go_both_ways() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::echo();
    let gateway = Config::to(origin.port())
        .listener(&kit.listener(&["a"], ""))
        .start();
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n * 7 + n / 251) as u8)
        .collect();
    std::fs::write(kit.path("body"), &body).unwrap();
    let (up, down) = (format!("@{}", kit.path("body")), kit.path("back"));
    for version in ["1.2", "1.3"] {
        let arguments = ["--tls-max", version, "--data-binary", &up, "-o", &down];
        let (code, _) = kit.curl(&gateway, "a.test", &arguments);
        let back = std::fs::read(&down).unwrap();
        assert!(
            code == 0 && back == body,
            "{version}: {code}, {} bytes",
            back.len()
        );
    }
}

fn name_decides_about_the_certificate() {
    let kit = Kit::new();
    kit.sign("first", &["first.test"]).sign("a", &["a.test"]);
    kit.sign("wild", &["*.wild.test"]);
    let origin = Origin::hello();
    let listener = kit.listener(&["first", "a", "wild"], "");
    let gateway = Config::to(origin.port()).listener(&listener).start();
    for name in ["first.test", "a.test", "x.wild.test"] {
        assert_eq!(
            kit.curl(&gateway, name, STATUS),
            (0, "200".to_owned()),
            "{name}"
        );
    }
    // The first is for names that nobody knows, and does not fit them.
    assert_eq!(kit.curl(&gateway, "b.test", STATUS).0, 60);
}

fn sessions_resume_on_every_core_and_after_a_reload() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let config = Config::to(origin.port())
        .gateway("workers = 3\n")
        .listener(&kit.listener(&["a"], ""));
    let gateway = config.clone().start();
    for version in ["-tls1_2", "-tls1_3"] {
        let session = kit.path(version);
        // `-ign_eof` ends with the connection: the gateway's, once nothing is asked.
        let first = kit.openssl(&gateway, &[version, "-sess_out", &session]);
        assert!(first.contains("New, TLSv1"), "{first}");
        for round in 0..12 {
            if round == 6 {
                gateway.admin("POST", "/reload").expect(200);
            }
            let again = kit.openssl(&gateway, &[version, "-sess_in", &session]);
            assert!(
                again.contains("Reused, TLSv1"),
                "{version} {round}: {again}"
            );
        }
    }
    let resumed = "silverback_tls_handshakes_total{outcome=\"resumed\"}";
    eventually("it is seen", || {
        (gateway.metric(resumed) > 23.5).then_some(())
    });
}

fn session_of_a_listener_that_asks_nobody_opens_no_other() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let ca = format!(
        ", client_auth = \"required\", client_ca = [\"{}\"]",
        kit.path("ca.pem")
    );
    let gateway = Config::to(origin.port())
        .listener(&kit.listener(&["a"], ""))
        .listener(&kit.listener(&["a"], &ca))
        .start();
    let guarded = gateway.listeners[1].to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let session = kit.path(version);
        let open = kit.openssl(&gateway, &[version, "-sess_out", &session]);
        assert!(open.contains("200 OK"), "{open}");
        let closed = [version, "-sess_in", &session, "-connect", &guarded];
        let closed = kit.openssl(&gateway, &closed);
        assert!(!closed.contains("200 OK"), "{version}: {closed}");
        assert!(!closed.contains("Reused"), "{version}: {closed}");
    }
    let failed = "silverback_tls_handshakes_total{outcome=\"failed\"}";
    eventually("both are refused", || {
        (gateway.metric(failed) == 2.0).then_some(())
    });
}

fn staple_is_given_to_who_asks() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let staple = [0x30, 0x03, 0x0a, 0x01, 0x01];
    std::fs::write(kit.path("a.ocsp"), staple).unwrap();
    let entry = format!(
        "address = \"127.0.0.1:0\"\ntls = {{ certificates = [{{ cert = \"{}\", key = \"{}\", ocsp = \"{}\" }}] }}",
        kit.path("a.pem"),
        kit.path("a.key"),
        kit.path("a.ocsp")
    );
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).listener(&entry).start();
    let said = kit.openssl(&gateway, &["-status"]);
    assert!(
        said.contains("OCSP Response Status: internalerror") || said.contains("OCSP response:"),
        "{said}"
    );
    assert!(!said.contains("no response sent"), "{said}");
}

fn client_certificate_is_verified_and_passed_on() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]).sign("client", &["client.test"]);
    let other = Kit::new();
    other.sign("stranger", &["stranger.test"]);
    let origin = Origin::hello();
    let ca = format!(
        ", client_auth = \"required\", client_ca = [\"{}\"]",
        kit.path("ca.pem")
    );
    let gateway = Config::to(origin.port())
        .listener(&kit.listener(&["a"], &ca))
        .start();
    assert_ne!(kit.curl(&gateway, "a.test", STATUS).0, 0, "none is shown");
    let shows = |kit: &Kit, name: &str| {
        let file = |end: &str| kit.path(&format!("{name}.{end}"));
        [
            "--cert".to_owned(),
            file("pem"),
            "--key".to_owned(),
            file("key"),
        ]
    };
    let stranger = shows(&other, "stranger");
    let stranger: Vec<&str> = stranger.iter().map(String::as_str).collect();
    assert_ne!(
        kit.curl(&gateway, "a.test", &stranger).0,
        0,
        "nobody vouches for it"
    );
    let client = shows(&kit, "client");
    let mut arguments: Vec<&str> = client.iter().map(String::as_str).collect();
    arguments.extend([
        "-H",
        "X-Client-Cert-Subject: CN=admin",
        "-H",
        "x-client-cert-role: root",
    ]);
    arguments.extend(STATUS);
    assert_eq!(
        kit.curl(&gateway, "a.test", &arguments),
        (0, "200".to_owned())
    );
    let head = origin.wait_head(0).1;
    let subject = head.one("x-client-cert-subject").unwrap();
    assert!(subject.contains("client of the kit"), "{subject}");
    assert_eq!(
        head.one("x-client-cert-fingerprint").map(str::len),
        Some(64)
    );
    assert_eq!(head.one("x-client-cert-role"), None);
}

fn certificate_files_are_followed() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let config = Config::to(origin.port()).listener(&kit.listener(&["a"], ""));
    let gateway = config.start();
    assert_eq!(kit.curl(&gateway, "a.test", STATUS), (0, "200".to_owned()));
    let key = KeyPair::generate().unwrap();
    kit.sign_with("new", &["a.test", "b.test"], &key);
    std::fs::rename(kit.path("new.key"), kit.path("a.key")).unwrap();
    std::fs::rename(kit.path("new.pem"), kit.path("a.pem")).unwrap();
    eventually("it is seen", || {
        (kit.curl(&gateway, "b.test", STATUS).0 == 0).then_some(())
    });
}

fn bad_certificate_is_refused_with_its_place() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]).sign("b", &["b.test"]);
    std::fs::copy(kit.path("b.key"), kit.path("a.key")).unwrap();
    std::fs::write(kit.path("b.pem"), "nothing").unwrap();
    let text = format!(
        "[[listeners]]\n{}\n",
        kit.listener(&["a", "b", "missing"], "")
    );
    let file = kit.path("silverback.toml");
    std::fs::write(&file, text).unwrap();
    let run = tools::silverback(&["check", "--config", &file]);
    assert_eq!(run.code, Some(1));
    let said = format!("{}{}", run.stdout, run.stderr);
    for fault in [
        "certificate does not match key",
        "no certificate in it",
        "cannot read",
    ] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
    assert!(said.contains("SB0223") && said.contains(":3:"), "{said}");
}

fn stored_certificates_are_shown() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]).sign("stored", &["s.test"]);
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .listener(&kit.listener(&["a"], ""))
        .sections("[store]\npath = \"store\"")
        .start();
    assert_eq!(kit.curl(&gateway, "s.test", STATUS).0, 60);
    let read = |name: &str| std::fs::read_to_string(kit.path(name)).unwrap();
    let body = serde_json::json!({
        "cert": read("stored.pem"), "key": read("stored.key"), "snis": ["s.test"],
    });
    let body = body.to_string();
    let mut client = crate::support::Client::connect(gateway.admin);
    client
        .send(format!(
            "POST /certificates HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .response()
        .expect(201);
    eventually("it is seen", || {
        (kit.curl(&gateway, "s.test", STATUS).0 == 0).then_some(())
    });
}

fn routes_for_https_alone_and_the_name_criterion() {
    let kit = Kit::new();
    kit.sign("a", &["a.test", "b.test"]);
    let origin = Origin::hello();
    let route = "protocols = [\"https\"]\nsnis = [\"a.test\"]";
    let gateway = Config::empty()
        .service(origin.port(), "", route)
        .listener(&kit.listener(&["a"], ""))
        .listener("address = \"127.0.0.1:0\"")
        .start();
    assert_eq!(kit.curl(&gateway, "a.test", STATUS).1, "200");
    assert_eq!(kit.curl(&gateway, "b.test", STATUS).1, "404");
    let mut plain = crate::support::Client::connect(gateway.listeners[1]);
    assert_ne!(plain.get("/").response().status(), 200);
}

/// The start of a handshake, as openssl's clients make it, up to nothing that needs keys.
const HELLO: &[u8] = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03";

fn proxy_protocol_stands_before_the_handshake() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let listener = kit.listener(&["a"], "") + "\nproxy_protocol = true";
    let gateway = Config::to(origin.port()).listener(&listener).start();
    let mut client = TcpStream::connect(gateway.listeners[0]).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    client
        .write_all(b"PROXY TCP4 203.0.113.7 127.0.0.1 56324 443\r\n")
        .unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("The plain HTTP request was sent to HTTPS port"),
        "{answer}"
    );
}

fn plain_http_is_told_so() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .listener(&kit.listener(&["a"], ""))
        .start();
    let response = gateway.get("/").expect(400);
    assert!(response.closes() && response.text().contains("sent to HTTPS port"));
    assert_eq!(origin.connections(), 0);
}

/// Whatever is sent, the connection ends, and the gateway serves on.
fn stalled_garbage_and_cut_hellos() {
    let kit = Kit::new();
    kit.sign("a", &["a.test"]);
    let origin = Origin::hello();
    let listener = kit.listener(&["a"], ", handshake_timeout = \"500ms\"");
    let gateway = Config::to(origin.port()).listener(&listener).start();
    let say = |bytes: &[u8]| {
        let mut client = TcpStream::connect(gateway.listeners[0]).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        client.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset is an end too.
        let _ = client.read_to_end(&mut answer);
        answer
    };
    assert_eq!(say(HELLO), b"", "a stalled handshake ends at its deadline");
    assert_eq!(say(b""), b"", "so does one that never begins");
    let alert = say(b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00");
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    let mut long = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff".to_vec();
    long.resize(17_000, 7);
    say(&long);
    say(&[0x16; 300]);
    let outcome = |name: &str| {
        gateway.metric(&format!(
            "silverback_tls_handshakes_total{{outcome=\"{name}\"}}"
        ))
    };
    eventually("it is seen", || {
        (outcome("timeout") > 1.5 && outcome("failed") > 0.5).then_some(())
    });
    assert!(
        Path::new(&kit.path("ca.pem")).exists() && gateway.admin("GET", "/status").status() == 200
    );
    assert!(gateway.metric("silverback_panics_total") < 0.5);
}
