//! Silverback's configuration: the plain TOML file an operator would write.

use std::fmt::Write;

use crate::lane::Ports;
use crate::lane::Setup;
use crate::policies::Policies;

pub(super) fn config(setup: &Setup, ports: &Ports) -> String {
    let (workers, listen, admin) = (setup.workers, ports.listen, ports.admin);
    let mut text = format!(
        "[gateway]
workers = {workers}
drain_timeout = \"1s\"

[timeouts]
keep_alive = \"600s\"

[[listeners]]
address = \"{listen}\"

[admin]
address = \"{admin}\"
"
    );
    if setup.policies == Policies::Everything {
        for (name, config) in PLUGINS {
            let _ = write!(
                text,
                "\n[[plugins]]\nname = \"{name}\"\nconfig = {config}\n"
            );
        }
    }
    if setup.policies == Policies::Cache {
        let config = "{ strategy = \"memory\", content_type = [\"text/plain\"] }";
        let _ = write!(
            text,
            "\n[[plugins]]\nname = \"proxy-cache\"\nconfig = {config}\n"
        );
    }
    consumers(&mut text, setup.policies);
    let apis = setup.catalogue.apis();
    if apis.is_empty() {
        service(
            &mut text,
            setup,
            "origin",
            "paths = [\"/\"]\nstrip_path = true",
        );
    }
    for (number, api) in apis.iter().enumerate() {
        let (host, path) = (&api.host, &api.path);
        let criteria = format!("hosts = [\"{host}\"]\npaths = [\"{path}\"]\nstrip_path = false");
        service(&mut text, setup, &format!("api-{number:05}"), &criteria);
    }
    text
}

fn service(text: &mut String, setup: &Setup, name: &str, criteria: &str) {
    let (origin, prefix) = (setup.origin, &setup.prefix);
    let _ = write!(
        text,
        "
[[services]]
name = \"{name}\"
url = \"http://{origin}{prefix}\"
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
