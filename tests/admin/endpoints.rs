//! Every path that Kong lists is here, or there is a reason why it is not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::Client;
use crate::gateway;
use crate::golden;

/// How the paths begin that are not here, and why.
const ABSENT: &[(&str, &str)] = &[
    ("/acme", "the plugin is not here"),
    ("/oauth2", "the plugin is not here"),
    ("/consumers/{consumers}/oauth2", "the plugin is not here"),
    (
        "/services/{services}/oauth2_tokens",
        "the plugin is not here",
    ),
    ("/sessions", "the plugin is not here"),
    ("/keys", "nothing here uses keys"),
    ("/key-sets", "nothing here uses keys"),
    ("/filter-chains", "there is no WebAssembly"),
    ("/routes/{routes}/filter", "there is no WebAssembly"),
    (
        "/services/{services}/filter-chains",
        "there is no WebAssembly",
    ),
    ("/schemas/filters", "there is no WebAssembly"),
    (
        "/schemas/vaults/{name}",
        "there is one kind of vault, in /schemas/vaults",
    ),
    ("/schemas/vaults/validate", "it is /schemas/{name}/validate"),
    (
        "/schemas/{db_entity_name}/validate",
        "it is /schemas/{name}/validate",
    ),
    ("/clustering", "there is no control plane"),
    ("/status/dns", "about Kong's own resolver"),
    ("/timers", "about Kong's own timers"),
    ("/targets", "Kong lists it and answers 404"),
    ("/snis/{snis}/certificate", "Kong lists it and answers 404"),
];

#[test]
fn kongs_paths_are_here_or_absent_for_a_reason() {
    let recording = golden::read();
    let listing = |case: &&golden::Case| case.method == "GET" && case.path == "/endpoints";
    let recorded = recording.cases.iter().find(listing).unwrap();
    let mut client = Client::new(gateway::start(Vec::new()));
    let ours = paths(&client.get("/endpoints").value());
    let missing: BTreeSet<String> = &paths(&recorded.answer) - &ours;
    let reason = |path: &String| ABSENT.iter().find(|(begin, _)| path.starts_with(begin));
    let unexplained: Vec<&String> = missing
        .iter()
        .filter(|path| reason(path).is_none())
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
    let needless = |(begin, _): &&(&str, &str)| !missing.iter().any(|path| path.starts_with(begin));
    let needless: Vec<_> = ABSENT.iter().filter(needless).collect();
    assert!(needless.is_empty(), "{needless:?}");
}

#[test]
fn every_path_stands_on_the_page() {
    let page = std::fs::read_to_string("docs/admin-api.md").unwrap();
    let mut client = Client::new(gateway::start(Vec::new()));
    for path in paths(&client.get("/endpoints").value()) {
        let stands = page.contains(&format!("`{path}` |")) || page.contains(&format!(" {path}\n"));
        assert!(stands, "{path}");
    }
}

fn paths(listed: &Value) -> BTreeSet<String> {
    let paths = listed["data"].as_array().unwrap().iter();
    paths
        .map(|path| path.as_str().unwrap().to_owned())
        .collect()
}
