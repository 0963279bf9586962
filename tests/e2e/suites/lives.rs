//! What ends by itself, and what outlives the process: keys with a time to live, quotas.

use rustix::process::Signal;
use serde_json::Value;
use silverback::plugin::registry::Registry;
use silverback::store::Keeper;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::client::Response;
use crate::support::eventually;

cases! {
    key_with_a_time_to_live_ends_and_is_gone: [];
    key_with_a_time_to_live_ends_while_nobody_runs: [];
    month_survives_a_kill: [];
    month_survives_a_drain_to_the_last_request: [];
}

const STORE: &str = "[store]\npath = \"store.redb\"";
const KEY_AUTH: &str = "[[plugins]]\nname = \"key-auth\"\n";
const ALICE: &str =
    "[[consumers]]\nusername = \"alice\"\nkeyauth_credentials = [{ key = \"k-alice\" }]\n";

fn ask(gateway: &Gateway, method: &str, path: &str, body: &str) -> Response {
    let length = body.len();
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/json\r\n"
    };
    let mut client = Client::connect(gateway.admin);
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
    ));
    client.response()
}

/// The status that a key gets.
fn status(gateway: &Gateway, key: &str) -> u16 {
    let mut client = gateway.client();
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: a\r\napikey: {key}\r\n\r\n"
    ));
    client.response().status()
}

fn keys(gateway: &Gateway) -> usize {
    let listed = ask(gateway, "GET", "/key-auths", "").expect(200).text();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    listed["data"].as_array().unwrap().len()
}

fn with_keys(origin: &Origin, ttl: u32) -> Gateway {
    let gateway = Config::to(origin.port())
        .sections(STORE)
        .entities(KEY_AUTH)
        .start();
    ask(&gateway, "POST", "/consumers", r#"{"username":"alice"}"#).expect(201);
    let path = "/consumers/alice/key-auth";
    ask(&gateway, "POST", path, r#"{"key":"k-lasting"}"#).expect(201);
    let short = format!(r#"{{"key":"k-short","ttl":{ttl}}}"#);
    ask(&gateway, "POST", path, &short).expect(201);
    gateway
}

fn key_with_a_time_to_live_ends_and_is_gone() {
    let origin = Origin::hello();
    let gateway = with_keys(&origin, 5);
    for key in ["k-lasting", "k-short"] {
        eventually("the key is known", || {
            (status(&gateway, key) == 200).then_some(())
        });
    }
    eventually("the key ends", || {
        (status(&gateway, "k-short") == 401).then_some(())
    });
    eventually("its row goes", || (keys(&gateway) == 1).then_some(()));
    assert_eq!(status(&gateway, "k-lasting"), 200);
    let history = ask(&gateway, "GET", "/config/history", "").text();
    assert!(
        history.contains("\"expiry\""),
        "who did it is told: {history}"
    );
}

fn key_with_a_time_to_live_ends_while_nobody_runs() {
    let origin = Origin::hello();
    let gateway = with_keys(&origin, 1).again(Signal::KILL);
    eventually("its row goes", || (keys(&gateway) == 1).then_some(()));
    assert_eq!(status(&gateway, "k-short"), 401);
    assert_eq!(status(&gateway, "k-lasting"), 200);
}

const LIMIT: u64 = 1_000_000;

fn limited(origin: &Origin) -> Gateway {
    let limit = format!(
        "[[plugins]]\nname = \"rate-limiting\"\nconfig = {{ month = {LIMIT}, window = \"fixed\" }}\n"
    );
    Config::to(origin.port())
        .sections(STORE)
        .entities(KEY_AUTH)
        .entities(ALICE)
        .entities(&limit)
        .start()
}

/// Spends one request of the month; how many are left.
fn spend(gateway: &Gateway) -> u64 {
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\napikey: k-alice\r\n\r\n");
    let response = client.response().expect(200);
    let left = response.head.one("x-ratelimit-remaining-month").unwrap();
    left.parse().unwrap()
}

/// How much of the month the store says is used. It is looked at as a killed process would leave it.
fn saved(gateway: &Gateway) -> Option<u64> {
    let copy = gateway.directory().join("copy.redb");
    std::fs::copy(gateway.directory().join("store.redb"), &copy).unwrap();
    // A copy that was made while the file was written may be no store.
    let keeper = Keeper::open(&copy, &Registry).ok()?;
    let counters = keeper.counters().ok()?;
    let values = counters
        .iter()
        .filter_map(|counter| counter.value.as_deref());
    let values = values.filter_map(|value| serde_json::from_slice::<Value>(value).ok());
    values.filter_map(|value| value["taken"].as_u64()).max()
}

fn month_survives_a_kill() {
    const SPENT: u64 = 25;
    let origin = Origin::hello();
    let gateway = limited(&origin);
    for spent in 1..=SPENT {
        assert_eq!(spend(&gateway), LIMIT - spent);
    }
    eventually("what was spent is saved", || {
        (saved(&gateway)? == SPENT).then_some(())
    });
    let gateway = gateway.again(Signal::KILL);
    assert_eq!(spend(&gateway), LIMIT - SPENT - 1, "nothing saved is lost");
    // What was spent after the last write may be forgotten, and no more than that.
    let gateway = gateway.again(Signal::KILL);
    let left = spend(&gateway);
    assert!((LIMIT - SPENT - 2..LIMIT - SPENT).contains(&left), "{left}");
}

fn month_survives_a_drain_to_the_last_request() {
    let origin = Origin::hello();
    let mut gateway = limited(&origin);
    for spent in 1..=12 {
        assert_eq!(spend(&gateway), LIMIT - spent);
        if spent % 3 == 0 {
            gateway = gateway.again(Signal::TERM);
        }
    }
}
