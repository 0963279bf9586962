//! The keys of listeners.

use super::Reload::Restart;
use super::Reload::Yes;
use super::Section;
use super::key;

/// `[[listeners]]`
pub const LISTENERS: Section = Section {
    title: "[[listeners]]",
    about: "An address to accept clients on. Without any, the gateway listens on 0.0.0.0:8000.",
    keys: &[
        key(
            "address",
            "string",
            "(required)",
            "`ip:port`, IPv6 in brackets",
            "\"127.0.0.1:8000\"",
            Restart,
            "Where to listen; every worker has its own socket there. Port 0 lets the kernel choose.",
        ),
        key(
            "proxy_protocol",
            "boolean",
            "false",
            "",
            "true",
            Restart,
            "Whether every connection starts with a PROXY protocol header, version 1 or 2.",
        ),
        key(
            "backlog",
            "integer",
            "4096",
            "1 to 65535",
            "1024",
            Restart,
            "The kernel's queue of connections not yet accepted; it is lowered to `net.core.somaxconn`.",
        ),
        key(
            "tls",
            "table",
            "(none: plain HTTP)",
            "`[listeners.tls]`",
            "{ certificates = [{ cert = \"api.pem\", key = \"api.key\" }] }",
            Yes,
            "That clients speak TLS here, and what they are shown. Whether there is any takes a restart.",
        ),
    ],
};

/// `[listeners.tls]`
pub const LISTENER_TLS: Section = Section {
    title: "[listeners.tls]",
    about: "TLS of a listener. Paths are relative to the file that names them; files that change are read again.",
    keys: &[
        key(
            "certificates",
            "list of tables",
            "[]",
            "`[[listeners.tls.certificates]]`",
            "[{ cert = \"api.pem\", key = \"api.key\" }]",
            Yes,
            "What clients are shown, by the names in it. The first is for all other names.",
        ),
        key(
            "min_version",
            "string",
            "\"1.2\"",
            "`1.2` or `1.3`",
            "\"1.3\"",
            Yes,
            "The oldest version that is spoken.",
        ),
        key(
            "client_auth",
            "string",
            "\"none\"",
            "`none`, `optional` or `required`",
            "\"required\"",
            Yes,
            "Whether a client is asked for a certificate, and refused without one.",
        ),
        key(
            "client_ca",
            "list of strings",
            "[]",
            "paths of PEM files",
            "[\"clients-ca.pem\"]",
            Yes,
            "The authorities that the certificates of clients are verified with.",
        ),
        key(
            "handshake_timeout",
            "duration",
            "\"10s\"",
            "100ms to 10m",
            "\"5s\"",
            Yes,
            "How long a handshake may take, from the connection's beginning.",
        ),
    ],
};

/// `[[listeners.tls.certificates]]`
pub const LISTENER_CERTIFICATES: Section = Section {
    title: "[[listeners.tls.certificates]]",
    about: "A certificate with its key. Several may be for one name, as one with an ECDSA and one with an RSA key.",
    keys: &[
        key(
            "cert",
            "string",
            "(required)",
            "a path",
            "\"api.pem\"",
            Yes,
            "The certificate and its chain, in PEM.",
        ),
        key(
            "key",
            "string",
            "(required)",
            "a path",
            "\"api.key\"",
            Yes,
            "Its private key, in PEM.",
        ),
        key(
            "ocsp",
            "string",
            "(none)",
            "a path",
            "\"api.ocsp\"",
            Yes,
            "An answer of its OCSP responder, in DER, which clients that ask are given.",
        ),
    ],
};
