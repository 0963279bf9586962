//! Certificates of the moment, and an origin that speaks TLS.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::HandshakeKind;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;

use super::gate::Watched;
use super::wire::PATIENCE;

/// An authority that signs for as long as the test runs.
pub(crate) struct Authority {
    /// Its certificate in PEM.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate, the chain behind it, and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// An authority that this one vouches for.
    pub(crate) fn intermediate(&self) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "between");
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for a name or an address.
    pub(crate) fn signs(&self, name: &str) -> Identity {
        self.signs_as(name, |_| {})
    }

    /// As [`signs`](Self::signs), changed at will.
    pub(crate) fn signs_as(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Identity {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Identity {
    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let read = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        read.collect::<Result<_, _>>().unwrap()
    }
}

/// How the origin speaks.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// Whose client certificates it demands.
    pub(crate) clients: Option<String>,
    /// It speaks TLS 1.2 alone.
    pub(crate) only_tls12: bool,
    /// Its answers end with the connection, and with a goodbye or not.
    pub(crate) close_delimited: Option<bool>,
    /// It closes after each answer, having said so.
    pub(crate) closes: bool,
}

#[derive(Default)]
struct Record {
    connections: usize,
    resumed: usize,
    names: Vec<Option<String>>,
    requests: Vec<String>,
    clients: usize,
    failed: usize,
}

/// An origin that answers each request with 200 and `hello`.
pub(crate) struct TlsOrigin {
    pub(crate) port: u16,
    record: Watched<Record>,
}

impl TlsOrigin {
    pub(crate) fn start(identity: &Identity, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config(identity, &manners));
        let record = Watched::<Record>::default();
        let shared = record.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                shared.change(|it| it.connections += 1);
                let conn = ServerConnection::new(Arc::clone(&config)).unwrap();
                let (record, manners) = (shared.clone(), manners.clone());
                std::thread::spawn(move || {
                    if serve(stream, conn, &manners, &record).is_err() {
                        record.change(|it| it.failed += 1);
                    }
                });
            }
        });
        Self { port, record }
    }

    /// The names that were asked for, by connection.
    pub(crate) fn names(&self) -> Vec<Option<String>> {
        self.record.read(|it| it.names.clone())
    }

    /// The heads of requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.record.read(|it| it.requests.clone())
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.record.read(|it| it.connections)
    }

    /// How many of them took up an earlier session.
    pub(crate) fn resumed(&self) -> usize {
        self.record.read(|it| it.resumed)
    }

    /// How many of them showed a certificate.
    pub(crate) fn clients(&self) -> usize {
        self.record.read(|it| it.clients)
    }

    /// Waits for connections that came to nothing.
    #[track_caller]
    pub(crate) fn wait_failed(&self, count: usize) {
        let failed = self
            .record
            .wait_for(PATIENCE, |it| (it.failed >= count).then_some(()));
        assert!(failed.is_some(), "no connection failed");
    }
}

fn config(identity: &Identity, manners: &Manners) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions: &[_] = if manners.only_tls12 {
        &[&rustls::version::TLS12]
    } else {
        rustls::ALL_VERSIONS
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match &manners.clients {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
                .unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    builder
        .with_single_cert(identity.certificates(), key)
        .unwrap()
}

fn serve(
    mut stream: TcpStream,
    mut conn: ServerConnection,
    manners: &Manners,
    record: &Watched<Record>,
) -> std::io::Result<()> {
    while conn.is_handshaking() {
        conn.complete_io(&mut stream)?;
    }
    record.change(|it| {
        it.names.push(conn.server_name().map(str::to_owned));
        it.resumed += usize::from(conn.handshake_kind() == Some(HandshakeKind::Resumed));
        it.clients += usize::from(conn.peer_certificates().is_some());
    });
    let mut tls = rustls::StreamOwned::new(conn, stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if tls.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.extend_from_slice(&byte);
        }
        record.change(|it| it.requests.push(String::from_utf8(head).unwrap()));
        if let Some(goodbye) = manners.close_delimited {
            tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")?;
            tls.flush()?;
            if goodbye {
                tls.conn.send_close_notify();
                tls.flush()?;
            }
            tls.sock.shutdown(std::net::Shutdown::Write)?;
            return Ok(());
        }
        let close = if manners.closes {
            "Connection: close\r\n"
        } else {
            ""
        };
        let answer = format!("HTTP/1.1 200 OK\r\n{close}Content-Length: 5\r\n\r\nhello");
        tls.write_all(answer.as_bytes())?;
        tls.flush()?;
        if manners.closes {
            tls.conn.send_close_notify();
            tls.flush()?;
            return Ok(());
        }
    }
}
