//! nginx's configuration: defaults, except for what makes it equal (keep-alive to the origin
//! without a request limit, no access log) or able to hold the case (connections, hash sizes).

use std::fmt::Write;
use std::path::Path;

use crate::lane::Ports;
use crate::lane::Setup;
use crate::policies::Policies;

pub(super) fn config(setup: &Setup, ports: &Ports, directory: &Path) -> String {
    let directory = directory.display();
    let master = if setup.reloadable { "on" } else { "off" };
    let Setup {
        workers,
        connections,
        origin,
        ..
    } = setup;
    let (modules, state, access) = if setup.policies == Policies::None {
        ("", String::new(), "")
    } else {
        (MODULES, state(setup.policies), ACCESS)
    };
    let peer_headers = if setup.peer_headers { PEER_HEADERS } else { "" };
    format!(
        "{modules}daemon off;
master_process {master};
worker_processes {workers};
user root;
worker_shutdown_timeout 10s;
error_log stderr warn;
pid {directory}/pid;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  client_body_temp_path {directory}/client_body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream origin {{
    server {origin};
    keepalive 1024;
    keepalive_requests 1000000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection \"\";
  proxy_set_header Host $host;
{peer_headers}{state}{access}{servers}}}
",
        servers = servers(setup, ports)
    )
}

/// The address, with TLS if that is wanted.
fn listen(setup: &Setup, ports: &Ports) -> String {
    let tls = if setup.custom.tls.is_some() {
        " ssl"
    } else {
        ""
    };
    format!("{}{tls}", ports.listen)
}

/// TLS 1.3 with the cipher that the others choose; tickets, which are its default.
fn certificate(setup: &Setup) -> String {
    setup.custom.tls.as_ref().map_or_else(String::new, |tls| {
        let (cert, key) = (tls.cert.display(), tls.key.display());
        format!(
            "    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
    ssl_ecdh_curve X25519;
"
        )
    })
}

fn servers(setup: &Setup, ports: &Ports) -> String {
    let listen = listen(setup, ports);
    let apis = setup.catalogue.apis();
    if apis.is_empty() {
        let prefix = &setup.prefix;
        let certificate = certificate(setup);
        return format!(
            "  server {{
    listen {listen} backlog=4096;
{certificate}    location / {{ proxy_pass http://origin{prefix}; }}
  }}
"
        );
    }
    let mut text = "  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
"
    .to_owned();
    for (number, api) in apis.iter().enumerate() {
        let backlog = if number == 0 { " backlog=4096" } else { "" };
        let (host, path) = (&api.host, &api.path);
        let _ = writeln!(
            text,
            "  server {{ listen {listen}{backlog}; server_name {host};
    location {path} {{ proxy_pass http://origin; }} }}"
        );
    }
    text
}

const MODULES: &str = "load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
";

/// The least that a gateway in Lua can do for key authentication and a rate limit: one look-up of the key, one counter
/// for the consumer and the minute, the fields that tell both.
const ACCESS: &str = "  access_by_lua_block {
    local consumer = consumers[ngx.var.http_apikey or '']
    if not consumer then return ngx.exit(401) end
    local window = math.floor(ngx.time() / 60)
    local used = ngx.shared.limits:incr(consumer .. ':' .. window, 1, 0, 120)
    if used > 1000000000 then return ngx.exit(429) end
    ngx.req.set_header('X-Consumer-Username', consumer)
    ngx.header['X-RateLimit-Limit-Minute'] = 1000000000
    ngx.header['X-RateLimit-Remaining-Minute'] = 1000000000 - used
  }
";

/// The consumers by their keys.
fn state(policies: Policies) -> String {
    let mut text = "  lua_shared_dict limits 64m;
  init_by_lua_block {
    consumers = {}
"
    .to_owned();
    for (name, keys) in policies.keys() {
        for key in keys {
            let _ = writeln!(text, "    consumers['{key}'] = '{name}'");
        }
    }
    text.push_str("  }\n");
    text
}

const PEER_HEADERS: &str = "  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Request-Id $request_id;
";
