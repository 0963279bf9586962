//! The request corpus (`tests/e2e/smuggling`): every specimen gets its verdict, whole and byte by byte; what
//! is refused never reaches the origin, not even in part, and nothing behind it is parsed.

use std::panic::AssertUnwindSafe;

use crate::support::Client;
use crate::support::End;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::corpus;
use crate::support::corpus::Specimen;
use crate::support::message::text;
use crate::support::wire::Broken;

cases! {
    corpus_in_one_write: [];
    corpus_byte_by_byte: [];
}

fn corpus_in_one_write() {
    replay(|client, bytes| {
        client.send(bytes);
    });
}

fn corpus_byte_by_byte() {
    replay(|client, bytes| {
        for byte in bytes {
            client.send([*byte]);
        }
    });
}

fn replay(send: impl Fn(&mut Client, &[u8])) {
    let origin = Origin::start(|mut peer| {
        while peer.request().is_some() {
            peer.reply("fine");
        }
    });
    let gateway = Gateway::to(&origin);
    let mut faults = Vec::new();
    for specimen in corpus::load("smuggling") {
        let heads = origin.heads();
        let mut client = gateway.client();
        send(&mut client, &specimen.bytes);
        if let Err(fault) = judged(&specimen, &mut client, &origin, heads) {
            faults.push(format!(
                "{}: expected {}, {fault}",
                specimen.name, specimen.verdict
            ));
        }
    }
    gateway.get("/barrier").expect(200);
    for request in origin.requests() {
        if request.head.target().contains("smuggled") {
            faults.push(format!(
                "a smuggled request reached the origin:\n{}",
                request.head
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

/// A specimen's verdict; an answer so broken that reading it panics is one fault among others.
fn judged(
    specimen: &Specimen,
    client: &mut Client,
    origin: &Origin,
    heads: usize,
) -> Result<(), String> {
    let judge = AssertUnwindSafe(|| judge(specimen, client, origin, heads));
    std::panic::catch_unwind(judge).unwrap_or_else(|_| Err("the answer cannot be read".to_owned()))
}

fn judge(
    specimen: &Specimen,
    client: &mut Client,
    origin: &Origin,
    heads: usize,
) -> Result<(), String> {
    let response = client.try_response("GET").map_err(|broken| told(&broken))?;
    let status = response.status();
    if specimen.verdict == "ok" {
        if status != 200 {
            return Err(format!("got {status}"));
        }
        return forwarded(specimen, origin, heads);
    }
    let allowed = specimen.verdict.trim_start_matches("body");
    if !allowed.split("_or_").any(|word| word == status.to_string()) {
        return Err(format!("got {status}"));
    }
    if !specimen.verdict.starts_with("body") && origin.heads() != heads {
        return Err("the origin was asked".to_owned());
    }
    let complete = origin.requests().iter().filter(|r| r.complete).count();
    if specimen.verdict.starts_with("body") && complete > heads {
        return Err("the origin got a complete request".to_owned());
    }
    if status == 204 || status == 405 || status == 417 {
        return Ok(());
    }
    if !response.closes() {
        return Err("no Connection: close".to_owned());
    }
    match client.wire.read_to_end() {
        (rest, End::Eof) if rest.is_empty() => Ok(()),
        (rest, end) => Err(format!("then {end:?} after {:?}", text(&rest))),
    }
}

fn forwarded(specimen: &Specimen, origin: &Origin, heads: usize) -> Result<(), String> {
    let (_, head) = origin.wait_head(heads);
    if let Some(line) = specimen.property("line")
        && head.start != line
    {
        return Err(format!("forwarded as {:?}, not {line:?}", head.start));
    }
    let sent = text(&head.raw);
    if let Some(has) = specimen.property("has") {
        let (has, all) = (has.to_ascii_lowercase(), sent.to_ascii_lowercase());
        if !all.contains(&format!("\r\n{has}\r\n")) {
            return Err(format!("the forwarded head lacks {has:?}:\n{sent}"));
        }
    }
    if let Some(lacks) = specimen.property("lacks")
        && sent.contains(lacks)
    {
        return Err(format!("the forwarded head has {lacks:?}:\n{sent}"));
    }
    if let Some(body) = specimen.property("body") {
        let requests = origin.requests();
        let got = requests.last().map(|request| text(&request.body.bytes));
        if got.as_deref() != Some(body) {
            return Err(format!("the forwarded body is {got:?}, not {body:?}"));
        }
    }
    Ok(())
}

fn told(broken: &Broken) -> String {
    format!(
        "got no response: {:?} after {:?}",
        broken.end,
        text(&broken.body)
    )
}
