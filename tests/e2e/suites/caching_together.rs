//! What all workers know of what proxy-cache has stored: they hear of it, forget it together, show it and count it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::caching::PLUGIN;
use super::caching::config;
use super::caching::origin;
use super::caching::says;
use crate::support::Client;
use crate::support::Config;
use crate::support::Gate;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    every_worker_hears_of_what_is_stored: [];
    after_a_purge_no_worker_gives_what_was_stored: [];
    what_is_stored_is_shown_with_its_body: [];
    a_thousand_misses_make_one_request_on_each_worker: [];
    answers_are_counted_by_where_they_come_from: [];
}

fn every_worker_hears_of_what_is_stored() {
    let origin = origin("");
    let gateway = config(&origin, "").gateway("workers = 2\n").start();
    gateway.get("/a").expect(200);
    // Whatever a worker has stored the other hears of within two ticks.
    crate::support::gate::let_pass(Duration::from_millis(1_200));
    for _ in 0..16 {
        assert_eq!(says(&gateway.get("/a")), "Hit");
    }
    assert_eq!(origin.requests().len(), 1);
}

/// An origin whose answers have a number that counts up with every purge.
fn versioned(version: &Arc<AtomicUsize>) -> Origin {
    let version = Arc::clone(version);
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            let body = format!("{:03}", version.load(Ordering::SeqCst));
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Tag: t, {body}\r\n\
                 Content-Length: 3\r\n\r\n{body}"
            ));
        }
    })
}

/// The acknowledgement of a purge is the word of every worker, so whatever comes after it is new.
fn after_a_purge_no_worker_gives_what_was_stored() {
    let version = Arc::new(AtomicUsize::new(0));
    let origin = versioned(&version);
    let id = "00000000-0000-0000-0000-0000000000ca";
    let gateway = Config::to(origin.port())
        .gateway("workers = 3\n")
        .entities(&format!(
            "{PLUGIN} }}\nid = \"{id}\"\ninstance_name = \"store\"\n"
        ))
        .start();
    let mut clients: Vec<Client> = (0..24).map(|_| gateway.client()).collect();
    let mut all = || {
        let answers = clients.iter_mut().map(|client| {
            let response = client.get("/a").response().expect(200);
            let key = response.head.one("x-cache-key").unwrap_or_default();
            (key.to_owned(), response.text())
        });
        answers.collect::<Vec<_>>()
    };
    let key = all().remove(0).0;
    let purges = [
        format!("/proxy-cache/{key}"),
        format!("/proxy-cache/{id}/caches/{key}"),
        "/proxy-cache?route=r0".to_owned(),
        "/proxy-cache?plugin=store".to_owned(),
        "/proxy-cache?tag=t".to_owned(),
        "/proxy-cache".to_owned(),
    ];
    for round in 1..=5 * purges.len() {
        version.store(round, Ordering::SeqCst);
        let path = &purges[round % purges.len()];
        gateway.admin("DELETE", path).expect(204);
        for (_, text) in all() {
            assert_eq!(text, format!("{round:03}"), "after DELETE {path}");
        }
    }
    let other = "0".repeat(64);
    gateway
        .admin("DELETE", &format!("/proxy-cache/{other}"))
        .expect(404);
    gateway
        .admin("DELETE", "/proxy-cache?tag=other")
        .expect(204);
    assert_eq!(all().remove(0).1, format!("{:03}", 5 * purges.len()));
}

fn what_is_stored_is_shown_with_its_body() {
    let origin = origin("Cache-Tag: a, b\r\nX-Own: 1\r\n");
    let gateway = config(&origin, "").gateway("workers = 2\n").start();
    let first = gateway.get("/a?b=1").expect(200);
    let key = first.head.one("x-cache-key").unwrap_or_default().to_owned();
    let shown = gateway
        .admin("GET", &format!("/proxy-cache/{key}"))
        .expect(200);
    let shown: serde_json::Value = serde_json::from_str(&shown.text()).unwrap();
    assert_eq!(
        (&shown["status"], &shown["body"]),
        (&200.into(), &"/a?b=1".into())
    );
    assert_eq!(shown["headers"]["X-Own"], "1");
    assert_eq!(shown["cache_key"], key);
    assert_eq!(
        (&shown["host"], &shown["path"]),
        (&"a.test".into(), &"/a".into())
    );
    assert_eq!(shown["tags"], serde_json::json!(["a", "b"]));
    let other = "0".repeat(64);
    for missing in [other.as_str(), "no-key"] {
        gateway
            .admin("GET", &format!("/proxy-cache/{missing}"))
            .expect(404);
    }
}

fn a_thousand_misses_make_one_request_on_each_worker() {
    let gate = Gate::default();
    let opened = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while peer.request().is_some() {
            opened.wait();
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let workers = 2;
    let gateway = config(&origin, "")
        .gateway(&format!("workers = {workers}\n"))
        .start();
    let mut clients: Vec<Client> = (0..1_000).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/a");
    }
    origin.wait_head(0);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().expect(200).text(), "ok");
    }
    assert!(origin.heads() <= workers, "{}", origin.heads());
}

fn answers_are_counted_by_where_they_come_from() {
    let origin = origin("");
    let gateway = config(&origin, "cache_ttl = 1, stale_while_revalidate = 60").start();
    let mut client = gateway.client();
    for _ in 0..3 {
        client.get("/a").response().expect(200);
    }
    client.get("/b").response().expect(200);
    client.post("/a", b"x").response().expect(200);
    crate::support::gate::let_pass(Duration::from_millis(1_100));
    assert_eq!(says(&client.get("/a").response()), "Stale");
    for (status, count) in [("hit", 2.0), ("miss", 2.0), ("stale", 1.0), ("bypass", 1.0)] {
        let series = format!("silverback_cache_answers_total{{status=\"{status}\"}}");
        eventually(status, || (gateway.metric(&series) == count).then_some(()));
    }
    eventually("the refresh is counted", || {
        (gateway.metric("silverback_cache_refreshes_total") == 1.0).then_some(())
    });
    assert_eq!(gateway.metric("silverback_cache_entries"), 2.0);
    assert!(gateway.metric("silverback_cache_bytes") > 1_000.0);
    assert_eq!(
        gateway.metric("silverback_cache_answers_total{status=\"refresh\"}"),
        0.0
    );
}
