//! Reads the recordings of a Kong 3.9.1 beside this file: a configuration and what each request became.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// One recording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// What was configured.
    pub(crate) services: Vec<Service>,
    /// What was asked and what came of it.
    pub(crate) cases: Vec<Case>,
}

/// A service, whose origin was an echo server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// Its path.
    pub(crate) path: Option<String>,
    /// Its routes.
    pub(crate) routes: Vec<Route>,
}

/// A route, with Kong's defaults for what it does not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Route {
    /// Its name.
    pub(crate) name: String,
    /// The schemes it is for.
    pub(crate) protocols: Vec<String>,
    /// Its methods.
    pub(crate) methods: Vec<String>,
    /// Its hosts.
    pub(crate) hosts: Vec<String>,
    /// Its paths.
    pub(crate) paths: Vec<String>,
    /// Its fields.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    /// Its server names.
    pub(crate) snis: Vec<String>,
    /// Its priority among regex paths.
    pub(crate) regex_priority: i64,
    /// Whether the matched path is taken off.
    pub(crate) strip_path: bool,
    /// `v0` or `v1`.
    pub(crate) path_handling: String,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            name: String::new(),
            protocols: vec!["http".into(), "https".into()],
            methods: Vec::new(),
            hosts: Vec::new(),
            paths: Vec::new(),
            headers: BTreeMap::new(),
            snis: Vec::new(),
            regex_priority: 0,
            strip_path: true,
            path_handling: "v0".into(),
        }
    }
}

/// A request and its fate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The recording's number for it.
    pub(crate) id: String,
    /// `http` or `https`.
    pub(crate) listener: String,
    /// The method.
    pub(crate) method: String,
    /// The request target, as sent.
    pub(crate) target: String,
    /// The field lines.
    pub(crate) headers: Vec<(String, String)>,
    /// The server name of the handshake.
    pub(crate) sni: Option<String>,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The target that reached the origin.
    pub(crate) uri: Option<String>,
    /// `X-Forwarded-Path` that reached it.
    pub(crate) forwarded_path: Option<String>,
    /// `X-Forwarded-Prefix` that reached it.
    pub(crate) forwarded_prefix: Option<String>,
    /// The route that won.
    pub(crate) route: Option<String>,
    /// The group 1 and the group `v`, joined by a bar, each a hyphen where there is none.
    pub(crate) captures: Option<String>,
}

/// Reads one recording of `tests/golden`.
pub(crate) fn read(name: &str) -> Recording {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(directory.join(name)).expect("the recording is readable");
    serde_json::from_str(&text).expect("the recording has the layout above")
}
