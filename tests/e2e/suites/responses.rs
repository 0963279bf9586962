//! The response corpus (`tests/e2e/responses`): what an origin may say, and what the client is told. A broken
//! answer is a 502 with its cause or an aborted message, its connection is never used again, and no byte of
//! it reaches another client.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use crate::support::Client;
use crate::support::Config;
use crate::support::End;
use crate::support::Origin;
use crate::support::cases;
use crate::support::corpus;
use crate::support::corpus::Specimen;
use crate::support::message::text;
use crate::support::origin::Peer;

cases! {
    corpus_is_answered_by_its_verdict: [];
}

fn corpus_is_answered_by_its_verdict() {
    let specimens = corpus::load("responses");
    let by_name: Arc<HashMap<String, (Vec<u8>, String)>> = Arc::new(
        specimens
            .iter()
            .map(|s| {
                let then = s.property("then").unwrap_or("keep").to_owned();
                (format!("/{}", s.name), (s.bytes.clone(), then))
            })
            .collect(),
    );
    let origin = Origin::start(move |peer| speak(peer, &by_name));
    let gateway = Config::to(origin.port())
        .service_keys("retries = 0")
        .start();
    let mut faults = Vec::new();
    for specimen in &specimens {
        let connections = origin.connections();
        let mut client = gateway.client();
        if let Err(fault) = judged(specimen, &mut client, &origin, connections) {
            faults.push(format!(
                "{}: expected {}, {fault}",
                specimen.name, specimen.verdict
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// Answers each request with the specimen that its path names, others with `fine`.
fn speak(mut peer: Peer, by_name: &HashMap<String, (Vec<u8>, String)>) {
    while let Some(request) = peer.request() {
        let Some((bytes, then)) = by_name.get(request.head.target()) else {
            peer.reply("fine");
            continue;
        };
        peer.send(bytes);
        match then.as_str() {
            "close" => {
                peer.half_close();
                peer.wait_end();
                return;
            }
            "reset" => return peer.reset(),
            _ => {}
        }
    }
}

/// A specimen's verdict; an answer so broken that reading it panics is one fault among others.
fn judged(
    specimen: &Specimen,
    client: &mut Client,
    origin: &Origin,
    connections: usize,
) -> Result<(), String> {
    let judge = AssertUnwindSafe(|| judge(specimen, client, origin, connections));
    std::panic::catch_unwind(judge).unwrap_or_else(|_| Err("the answer cannot be read".to_owned()))
}

fn judge(
    specimen: &Specimen,
    client: &mut Client,
    origin: &Origin,
    connections: usize,
) -> Result<(), String> {
    let method = specimen.property("method").unwrap_or("GET");
    client.send(format!(
        "{method} /{} HTTP/1.1\r\nHost: a.test\r\n\r\n",
        specimen.name
    ));
    let verdicts = specimen.verdict.split("_or_").collect::<Vec<_>>();
    match client.try_response(method) {
        Err(broken) if broken.end == End::Timeout => return Err("got nothing: it hangs".to_owned()),
        Err(broken) => {
            let begun = broken.head.is_some();
            if !begun || !verdicts.contains(&"abort") {
                return Err(format!("got an abort (head seen: {begun})"));
            }
        }
        Ok(response)
            if response.status() == 502 && response.head.one("x-kong-request-id").is_some() =>
        {
            if !verdicts.contains(&"502") {
                return Err("got 502".to_owned());
            }
            let said = response.head.all("proxy-status").join(",");
            if let Some(token) = specimen.property("token")
                && !said.contains(&format!("error={token}"))
            {
                return Err(format!("Proxy-Status is {said:?}, not error={token}"));
            }
            alive(client)?;
        }
        Ok(response) => {
            if !verdicts.contains(&"ok") {
                return Err(format!("got a complete {}", response.status()));
            }
            relayed(specimen, &text(&response.head.raw), &response.text())?;
            alive(client)?;
        }
    }
    upstream(specimen, origin, connections)
}

fn relayed(specimen: &Specimen, head: &str, body: &str) -> Result<(), String> {
    let lower = head.to_ascii_lowercase();
    if let Some(has) = specimen.property("has")
        && !lower.contains(&has.to_ascii_lowercase())
    {
        return Err(format!("the relayed head lacks {has:?}:\n{head}"));
    }
    if let Some(lacks) = specimen.property("lacks")
        && lower.contains(&lacks.to_ascii_lowercase())
    {
        return Err(format!("the relayed head has {lacks:?}:\n{head}"));
    }
    match specimen.property("body") {
        Some(expected) if specimen.verdict == "ok" && expected != body => {
            Err(format!("the relayed body is {body:?}, not {expected:?}"))
        }
        _ => Ok(()),
    }
}

/// The client's connection is as good as before.
fn alive(client: &mut Client) -> Result<(), String> {
    client.get("/fine");
    match client.try_response("GET") {
        Ok(response) if response.text() == "fine" => Ok(()),
        Ok(response) => Err(format!("the next answer is {:?}", response.text())),
        Err(broken) => Err(format!(
            "the client's connection then ended: {:?}",
            broken.end
        )),
    }
}

/// What became of the origin's connection.
fn upstream(specimen: &Specimen, origin: &Origin, connections: usize) -> Result<(), String> {
    let requests = origin.requests();
    let path = format!("/{}", specimen.name);
    let used = requests
        .iter()
        .find(|request| request.head.target() == path)
        .map(|request| request.connection)
        .ok_or("the origin was never asked")?;
    let expected = specimen
        .property("upstream")
        .unwrap_or(if specimen.verdict == "ok" {
            "any"
        } else {
            "close"
        });
    if expected == "close" {
        let reused = requests
            .iter()
            .skip_while(|request| request.head.target() != path)
            .skip(1)
            .any(|request| request.connection == used);
        if reused {
            return Err("the origin's connection was used again".to_owned());
        }
        if specimen.property("then") != Some("reset") {
            origin.wait_end(used);
        }
    }
    if expected == "keep" {
        if origin.end(used).is_some() {
            return Err("the origin's connection was not kept".to_owned());
        }
        if origin.connections() > connections + 1 {
            return Err("the origin's connection was not used again".to_owned());
        }
    }
    Ok(())
}
