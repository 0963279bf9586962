//! `tls` of a listener: what it says, and what the files that it names hold.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock;
use crate::base::limits;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::CaFile;
use crate::config::model::CertificateFiles;
use crate::config::model::ClientAuth;
use crate::config::model::Tls;
use crate::config::model::TlsVersion;
use crate::config::raw::Table;
use crate::config::schema;
use crate::config::source::Place;
use crate::net::tls::Certificate;
use crate::net::tls::certificates;

/// Every version with its spelling in a configuration.
pub(in crate::config) const VERSIONS: [(&str, TlsVersion); 2] =
    [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];

/// What is asked of clients, with its spelling in a configuration.
pub(in crate::config) const CLIENT_AUTH: [(&str, ClientAuth); 3] = [
    ("none", ClientAuth::None),
    ("optional", ClientAuth::Optional),
    ("required", ClientAuth::Required),
];

/// What is said, with the places of the files that it names in the order of [`files`].
pub(super) fn read(table: &Table<'_>, sink: &mut Sink) -> (Tls, Vec<Place>) {
    let mut places = Vec::new();
    let mut read = Vec::new();
    for table in table.tables("certificates", &schema::LISTENER_CERTIFICATES, sink) {
        for key in ["cert", "key"] {
            if table.get(key).is_none() {
                table.missing(key, sink);
            }
        }
        let mut path = |key| table.text(key, sink);
        let (Some(cert), Some(key)) = (path("cert"), path("key")) else {
            continue;
        };
        let ocsp = path("ocsp");
        places.extend([cert.place, key.place]);
        places.extend(ocsp.map(|ocsp| ocsp.place));
        read.push(CertificateFiles {
            cert: PathBuf::from(cert.value),
            key: PathBuf::from(key.value),
            ocsp: ocsp.map(|ocsp| PathBuf::from(ocsp.value)),
            names: Vec::new(),
            loaded: Arc::new(Certificate::new([], [], None)),
        });
    }
    let client_auth = table.word("client_auth", &CLIENT_AUTH, ClientAuth::None, sink);
    let mut client_ca = Vec::new();
    for text in table.texts("client_ca", sink) {
        places.push(text.place);
        client_ca.push(CaFile {
            path: PathBuf::from(text.value),
            pem: Box::default(),
        });
    }
    if client_auth != ClientAuth::None && client_ca.is_empty() {
        let place = table
            .get("client_auth")
            .map_or(table.place, |item| item.place);
        let message = "`client_ca` is needed to verify the certificates of clients";
        sink.add(Code::Missing, place, message);
    }
    let tls = Tls {
        certificates: read,
        min_version: table.word("min_version", &VERSIONS, TlsVersion::Tls12, sink),
        client_auth,
        client_ca,
        handshake_timeout: table
            .duration("handshake_timeout", TIMEOUT, sink)
            .unwrap_or(limits::TLS_HANDSHAKE),
    };
    (tls, places)
}

/// How long a handshake may take.
const TIMEOUT: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(600);

/// Every file that is named.
pub(in crate::config) fn files(tls: &Tls) -> impl Iterator<Item = &PathBuf> {
    let certificates = tls.certificates.iter();
    let certificates = certificates
        .flat_map(|it| [Some(&it.cert), Some(&it.key), it.ocsp.as_ref()])
        .flatten();
    certificates.chain(tls.client_ca.iter().map(|ca| &ca.path))
}

/// Reads the files, whose paths are seen from `directory`; `places` are those of [`read`].
pub(super) fn load(tls: &mut Tls, places: &[Place], directory: &Path, sink: &mut Sink) {
    let mut places = places.iter().copied();
    let mut file = |path: &mut PathBuf, sink: &mut Sink| {
        let place = places.next().unwrap_or_default();
        let written = path.display().to_string();
        let joined = directory.join(&*path);
        *path = std::path::absolute(&joined).unwrap_or(joined);
        let bytes = std::fs::read(&*path);
        let bytes = bytes.map_err(|error| {
            sink.add(
                Code::Unreadable,
                place,
                format!("cannot read {written}: {error}"),
            );
        });
        (place, written, bytes)
    };
    for entry in &mut tls.certificates {
        let (at, cert_written, cert) = file(&mut entry.cert, sink);
        let (key_at, key_written, key) = file(&mut entry.key, sink);
        let ocsp = entry.ocsp.as_mut().map(|path| file(path, sink).2);
        let (Ok(cert), Ok(key)) = (cert, key) else {
            continue;
        };
        let ocsp = ocsp.and_then(Result::ok).map(Vec::into_boxed_slice);
        let certificate = Certificate::new(cert, key, ocsp);
        match certificate.facts() {
            Ok((names, until)) => {
                entry.names = names;
                warn_if_over(&cert_written, until, at, sink);
                if let Err(why) = certificate.certified() {
                    sink.add(
                        Code::BadCertificate,
                        key_at,
                        format!("{key_written}: {why}"),
                    );
                }
            }
            Err(why) => {
                sink.add(Code::BadCertificate, at, format!("{cert_written}: {why}"));
            }
        }
        entry.loaded = Arc::new(certificate);
    }
    for ca in &mut tls.client_ca {
        let (at, written, Ok(pem)) = file(&mut ca.path, sink) else {
            continue;
        };
        if let Err(why) = certificates::certificates(&pem) {
            sink.add(Code::BadCertificate, at, format!("{written}: {why}"));
        }
        ca.pem = pem.into();
    }
}

/// Clients will not take it; it is shown all the same, because to show nothing is worse.
fn warn_if_over(written: &str, until: i64, place: Place, sink: &mut Sink) {
    let now = i64::try_from(clock::unix_micros() / 1_000_000).unwrap_or(i64::MAX);
    if until < now {
        let message = format!("{written}: the certificate has ended");
        let fault = sink.add(Code::CertificateOver, place, message);
        fault.hint("clients that verify it refuse it");
    }
}
