//! HAProxy's configuration: one thread, connections to the origin reused always, no log, and for
//! the routing cases one map from host and path prefix to the backend.

use std::fmt::Write;
use std::path::Path;

use crate::lane::Ports;
use crate::lane::Setup;

pub(super) fn config(setup: &Setup, ports: &Ports, directory: &Path) -> String {
    let directory = directory.display();
    let Setup {
        workers,
        connections,
        origin,
        prefix,
        ..
    } = setup;
    let socket = if setup.reloadable {
        // A reload hands the listening sockets over through it.
        format!("  stats socket {directory}/socket level admin expose-fd listeners\n")
    } else {
        String::new()
    };
    let peer_headers = if setup.peer_headers { PEER_HEADERS } else { "" };
    let path = if prefix.is_empty() {
        String::new()
    } else {
        format!("  http-request set-path {prefix}%[path]\n")
    };
    let backend = if setup.catalogue.apis().is_empty() {
        "default_backend origin".to_owned()
    } else {
        format!("use_backend origin if {{ base,map_beg({directory}/routes.map) -m found }}")
    };
    let tls = setup.custom.tls.as_ref().map_or_else(String::new, |tls| {
        let both = tls.both.display();
        format!(
            " ssl crt {both} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_256_GCM_SHA384 curves X25519"
        )
    });
    // The descriptor limit may be below twice maxconn; the cases never use both halves, hence
    // `no strict-limits`.
    format!(
        "global
  nbthread {workers}
  maxconn {connections}
  no strict-limits
  hard-stop-after 10s
{socket}defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  timeout http-request 60s
frontend all
  bind {listen} backlog 4096{tls}
  maxconn {connections}
{peer_headers}{path}  {backend}
backend origin
  server origin {origin}
",
        listen = ports.listen
    )
}

/// `HOST/PREFIX origin` lines; a prefix tree inside HAProxy.
pub(super) fn map(setup: &Setup) -> String {
    let mut text = String::new();
    for api in setup.catalogue.apis() {
        let _ = writeln!(text, "{}{} origin", api.host, api.path);
    }
    text
}

const PEER_HEADERS: &str = "  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Request-Id %[uuid()]
";
