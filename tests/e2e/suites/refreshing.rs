//! Stale answers that proxy-cache gives while the gateway itself fetches what is new (RFC 5861).

use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gate;
use crate::support::Origin;
use crate::support::cases;
use crate::support::client::Response;
use crate::support::eventually;

cases! {
    a_stale_answer_is_given_while_the_origin_hangs: [];
    a_crowd_makes_one_refresh_on_each_worker: [];
    a_refresh_that_fails_leaves_the_stale_answer: [];
    a_refresh_is_what_plugins_have_made_of_the_request: [];
    a_refresh_that_hangs_does_not_hold_up_a_drain: [];
}

const STALE: &str = "[[plugins]]\nname = \"proxy-cache\"\n\
    config = { strategy = \"memory\", cache_ttl = 1, stale_while_revalidate = 300 }\n";

fn says(response: &Response) -> (&str, String) {
    let status = response.head.one("x-cache-status");
    (status.unwrap_or_default(), response.text())
}

/// What an origin does once the first gate is open: it waits for the second.
#[derive(Clone, Default)]
struct Hang {
    begun: Gate,
    over: Gate,
}

/// An origin that counts up its answers.
fn counting(hang: &Hang) -> Origin {
    let (hang, answers) = (hang.clone(), AtomicU16::new(0));
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            let number = answers.fetch_add(1, Ordering::SeqCst);
            if hang.begun.is_open() {
                hang.over.wait();
            }
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n{number}"
            ));
        }
    })
}

/// Lets what is stored become stale, and the origin hang from then on.
fn age(hang: &Hang) {
    hang.begun.open();
    crate::support::gate::let_pass(Duration::from_millis(1_100));
}

fn a_stale_answer_is_given_while_the_origin_hangs() {
    let hang = Hang::default();
    let origin = counting(&hang);
    let gateway = Config::to(origin.port()).entities(STALE).start();
    let mut client = gateway.client();
    assert_eq!(says(&client.get("/a").response()), ("Miss", "0".to_owned()));
    age(&hang);
    let stale = client.get("/a").response();
    assert_eq!(says(&stale), ("Stale", "0".to_owned()));
    origin.wait_head(1);
    for _ in 0..3 {
        let stale = client.get("/a").response();
        assert_eq!(says(&stale), ("Stale", "0".to_owned()), "it hangs");
    }
    hang.over.open();
    let fresh = eventually("the new answer is stored", || {
        let response = client.get("/a").response();
        (says(&response).0 == "Hit").then_some(response)
    });
    assert_eq!(fresh.text(), "1");
    assert_eq!(origin.heads(), 2);
}

fn a_crowd_makes_one_refresh_on_each_worker() {
    let hang = Hang::default();
    let origin = counting(&hang);
    let config = Config::to(origin.port()).entities(STALE);
    let gateway = config.gateway("workers = 2\n").start();
    // Each worker fetches it, or hears of it from the other.
    for _ in 0..64 {
        gateway.get("/a").expect(200);
    }
    let before = origin.heads();
    assert!(before <= 2, "one on each worker");
    age(&hang);
    let mut clients: Vec<Client> = (0..100).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/a");
    }
    for client in &mut clients {
        assert_eq!(says(&client.response()).0, "Stale");
    }
    origin.wait_head(before);
    hang.over.open();
    eventually("what is new is stored", || {
        let all = (0..32).all(|_| says(&gateway.get("/a")).0 == "Hit");
        all.then_some(())
    });
    assert!(origin.heads() - before <= 2, "{}", origin.heads());
}

fn a_refresh_that_fails_leaves_the_stale_answer() {
    let status = Arc::new(AtomicU16::new(200));
    let shown = Arc::clone(&status);
    let origin = Origin::start(move |mut peer| {
        while peer.request().is_some() {
            let status = shown.load(Ordering::SeqCst);
            peer.send(format!(
                "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n{status}"
            ));
        }
    });
    let gateway = Config::to(origin.port()).entities(STALE).start();
    gateway.get("/a").expect(200);
    status.store(503, Ordering::SeqCst);
    age(&Hang::default());
    assert_eq!(says(&gateway.get("/a")), ("Stale", "200".to_owned()));
    origin.wait_request(1);
    // The origin is left alone for a second, then asked again; nobody is told.
    eventually("it is refreshed again", || {
        assert_eq!(says(&gateway.get("/a")), ("Stale", "200".to_owned()));
        (origin.heads() > 2).then_some(())
    });
    assert!(origin.heads() < 10, "not at every request");
}

/// A limit counts it once, its client is known, and what was changed of it stays changed.
fn a_refresh_is_what_plugins_have_made_of_the_request() {
    let hang = Hang::default();
    hang.over.open();
    let origin = counting(&hang);
    let gateway = Config::to(origin.port())
        .entities(STALE)
        .entities(
            "[[plugins]]\nname = \"rate-limiting\"\nconfig = { minute = 1000 }\n\
             [[plugins]]\nname = \"key-auth\"\nconfig = { hide_credentials = true }\n\
             [[plugins]]\nname = \"request-transformer\"\nconfig = { add = { headers = [\"X-Added:1\"] } }\n\
             [[consumers]]\nusername = \"alice\"\nkeyauth_credentials = [{ key = \"k\" }]\n",
        )
        .start();
    let mut client = gateway.client();
    let mut get = |method: &str| {
        client.send(format!(
            "{method} /a HTTP/1.1\r\nHost: a\r\napikey: k\r\n\r\n"
        ));
        client.try_response(method).unwrap().expect(200)
    };
    let left = |response: &Response| {
        let left = response.head.one("x-ratelimit-remaining-minute");
        left.unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(says(&get("GET")).0, "Miss");
    age(&hang);
    let stale = get("HEAD");
    assert_eq!(says(&stale).0, "Stale");
    let received = origin.wait_request(1);
    assert_eq!(received.head.start, "GET /a HTTP/1.1");
    assert_eq!(received.head.one("x-consumer-username"), Some("alice"));
    assert_eq!(received.head.one("x-added"), Some("1"));
    assert_eq!(received.head.one("apikey"), None);
    let mut asked = 0;
    let fresh = eventually("it is stored", || {
        asked += 1;
        let response = get("GET");
        (says(&response).0 == "Hit").then_some(response)
    });
    assert_eq!(
        left(&stale) - left(&fresh),
        asked,
        "a refresh counts for nobody"
    );
}

fn a_refresh_that_hangs_does_not_hold_up_a_drain() {
    let hang = Hang::default();
    let origin = counting(&hang);
    let mut gateway = Config::to(origin.port()).entities(STALE).start();
    gateway.get("/a").expect(200);
    age(&hang);
    assert_eq!(says(&gateway.get("/a")).0, "Stale");
    origin.wait_head(1);
    gateway.signal(rustix::process::Signal::TERM);
    assert!(gateway.wait_exit().success());
}
