//! Node's http-proxy, as its README shows it, with connections to the origin kept.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::lane::Ports;
use crate::lane::Setup;
use crate::lane::Workshop;

/// The package, pinned.
const PACKAGE: &str = "http-proxy@1.18.1";

/// Fetches the package into the kit's own directory; why it cannot be had.
pub(crate) fn install(workshop: &Workshop) -> Result<(), String> {
    let directory = home(&workshop.directory);
    std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let output = Command::new("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ])
        .arg(&directory)
        .arg(PACKAGE)
        .output()
        .map_err(|error: io::Error| format!("npm is missing: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!(
        "npm install {PACKAGE}: {}",
        text.lines().next().unwrap_or("failed")
    ))
}

fn home(work: &Path) -> PathBuf {
    work.join("npm")
}

pub(super) fn script(setup: &Setup, ports: &Ports, directory: &Path) -> String {
    let work = directory.parent().unwrap_or(directory);
    let package = home(work).join("node_modules/http-proxy");
    let (package, origin) = (package.display(), setup.origin);
    let (host, port) = (ports.listen.ip(), ports.listen.port());
    format!(
        "const http = require('http');
const proxy = require('{package}').createProxyServer({{
  target: 'http://{origin}',
  agent: new http.Agent({{ keepAlive: true }}),
}});
proxy.on('error', (error, request, response) => {{
  if (response.writeHead && !response.headersSent) response.writeHead(502, {{ 'Content-Length': 0 }});
  response.end();
}});
http.createServer((request, response) => proxy.web(request, response))
  .listen({{ host: '{host}', port: {port}, backlog: 4096 }});
"
    )
}
