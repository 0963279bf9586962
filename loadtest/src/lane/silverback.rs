//! Silverback's configuration: the plain TOML file an operator would write.

use std::fmt::Write;

use crate::lane::Ports;
use crate::lane::Setup;

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
}
