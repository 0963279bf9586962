//! Silverback's configuration: the plain TOML file an operator would write.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::lane::Custom;
use crate::lane::Entities;
use crate::lane::Ports;
use crate::lane::Setup;
use crate::lane::Workshop;
use crate::policies::Limit;
use crate::policies::Policies;

pub(super) fn config(setup: &Setup, ports: &Ports, directory: &Path) -> String {
    let (workers, listen, admin) = (setup.workers, ports.listen, ports.admin);
    let Custom {
        gateway,
        limits,
        timeouts,
        sections,
        tls,
        ..
    } = &setup.custom;
    let gateway = or(gateway, "drain_timeout = \"1s\"");
    let timeouts = or(timeouts, "keep_alive = \"600s\"");
    let tls = tls.as_ref().map_or_else(String::new, |tls| {
        let (cert, key) = (tls.cert.display(), tls.key.display());
        format!("tls = {{ certificates = [{{ cert = \"{cert}\", key = \"{key}\" }}] }}\n")
    });
    let mut text = format!(
        "[gateway]
workers = {workers}
{gateway}

[limits]
{limits}

[timeouts]
{timeouts}

[[listeners]]
address = \"{listen}\"
{tls}
[admin]
address = \"{admin}\"
{sections}
"
    );
    match setup.entities {
        Entities::File => entities(&mut text, setup),
        Entities::Store | Entities::Nowhere => {
            let path = directory.join("store.redb");
            let _ = write!(text, "\n[store]\npath = \"{}\"\n", path.display());
        }
    }
    text
}

/// Puts the entities into the store that the configuration names, by the way that an operator would go.
pub(super) fn fill(
    workshop: &Workshop,
    setup: &Setup,
    config: &Path,
    directory: &Path,
) -> io::Result<()> {
    let (toml, kong) = (directory.join("entities.toml"), directory.join("kong.yaml"));
    let mut text = String::new();
    entities(&mut text, setup);
    fs::write(&toml, text)?;
    let run = |arguments: &[&Path]| {
        let output = Command::new(&workshop.silverback)
            .args(arguments)
            .output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let why = String::from_utf8_lossy(&output.stderr);
        let why: Vec<&str> = why.lines().take(3).collect();
        Err(io::Error::other(format!(
            "{arguments:?}: {}",
            why.join("; ")
        )))
    };
    let flag = Path::new("--config");
    fs::write(&kong, run(&[Path::new("export"), flag, &toml])?)?;
    run(&[Path::new("import"), &kong, flag, config]).map(|_| ())
}

fn entities(text: &mut String, setup: &Setup) {
    match setup.policies {
        Policies::Everything => {
            for (name, config) in PLUGINS {
                plugin(text, name, config);
            }
        }
        Policies::Cache => {
            let config = "{ strategy = \"memory\", content_type = [\"text/plain\"] }";
            plugin(text, "proxy-cache", config);
        }
        Policies::Limited(Limit {
            requests, period, ..
        }) => {
            plugin(text, "key-auth", "{}");
            let config =
                format!("{{ {period} = {requests}, limit_by = \"consumer\", window = \"fixed\" }}");
            plugin(text, "rate-limiting", &config);
        }
        Policies::None | Policies::EachService => {}
    }
    consumers(text, setup.policies);
    let apis = setup.catalogue.apis();
    if apis.is_empty() {
        service(text, setup, "origin", "paths = [\"/\"]\nstrip_path = true");
    }
    for (number, api) in apis.iter().enumerate() {
        let (host, path) = (&api.host, &api.path);
        let criteria = format!("hosts = [\"{host}\"]\npaths = [\"{path}\"]\nstrip_path = false");
        service(text, setup, &format!("api-{number:05}"), &criteria);
    }
}

/// Puts a plugin on everything.
fn plugin(text: &mut String, name: &str, config: &str) {
    let _ = write!(
        text,
        "\n[[plugins]]\nname = \"{name}\"\nconfig = {config}\n"
    );
}

fn or<'a>(lines: &'a str, otherwise: &'a str) -> &'a str {
    if lines.is_empty() { otherwise } else { lines }
}

/// Servers that share the requests, under one name.
fn upstream(text: &mut String, custom: &Custom) {
    let lines = &custom.upstream;
    let _ = write!(text, "\n[[upstreams]]\nname = \"origins\"\n{lines}\n");
    for target in &custom.targets {
        let _ = writeln!(text, "[[upstreams.targets]]\ntarget = \"{target}\"");
    }
}

fn service(text: &mut String, setup: &Setup, name: &str, criteria: &str) {
    let prefix = &setup.prefix;
    let lines = &setup.custom.service;
    let origin = if setup.custom.targets.is_empty() {
        setup.origin.to_string()
    } else {
        upstream(text, &setup.custom);
        "origins".to_owned()
    };
    let _ = write!(
        text,
        "
[[services]]
name = \"{name}\"
url = \"http://{origin}{prefix}\"
{lines}
[[services.routes]]
name = \"{name}\"
{criteria}
"
    );
    if setup.policies == Policies::EachService {
        for (plugin, config) in PLUGINS {
            let _ = write!(
                text,
                "[[services.plugins]]\nname = \"{plugin}\"\nconfig = {config}\n"
            );
        }
    }
}

/// A limit that is counted and never reached.
const PLUGINS: [(&str, &str); 3] = [
    ("key-auth", "{}"),
    (
        "rate-limiting",
        "{ minute = 1000000000, limit_by = \"consumer\" }",
    ),
    ("correlation-id", "{ generator = \"uuid#counter\" }"),
];

fn consumers(text: &mut String, policies: Policies) {
    for (name, keys) in policies.keys() {
        let _ = write!(text, "\n[[consumers]]\nusername = \"{name}\"\n");
        for key in keys {
            let _ = writeln!(text, "[[consumers.keyauth_credentials]]\nkey = \"{key}\"");
        }
    }
}
