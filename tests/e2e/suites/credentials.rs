//! Passwords that are written over REST: what is stored of them, that it can be written back as it was shown, and that
//! hashing many of them holds nobody up.

use std::fmt::Write;

use serde_json::Value;
use serde_json::json;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::cases;
use crate::support::eventually;

cases! {
    a_credential_that_is_written_back_stays_what_it_is: [];
    a_hash_that_is_not_the_credentials_own_is_a_password: [];
    many_new_passwords_hold_no_other_write_up: [];
}

/// A gateway with a store and one route, which asks for a password.
fn guarded() -> Gateway {
    Config::empty()
        .sections("[store]\npath = \"store.redb\"\n")
        .entities(
            "[[routes]]\nname = \"guarded\"\npaths = [\"/\"]\n\
             [[routes.plugins]]\nname = \"basic-auth\"\n[[routes.plugins]]\nname = \"mock\"\n",
        )
        .start()
}

/// What the Admin API answers, and its status.
fn write(gateway: &Gateway, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut client = Client::connect(gateway.admin);
    request(&mut client, method, path, body);
    let response = client.response();
    let text = response.text();
    (
        response.status(),
        serde_json::from_str(&text).unwrap_or_default(),
    )
}

fn request(client: &mut Client, method: &str, path: &str, body: &Value) {
    let body = body.to_string();
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    ));
}

/// Makes a consumer with this username and password, and waits until it is let in.
fn add(gateway: &Gateway, username: &str, password: &str) {
    let (status, _) = write(
        gateway,
        "POST",
        "/consumers",
        &json!({ "username": username }),
    );
    assert_eq!(status, 201);
    let credential = json!({ "username": username, "password": password });
    let path = format!("/consumers/{username}/basic-auth");
    assert_eq!(write(gateway, "POST", &path, &credential).0, 201);
    eventually("the credential is known", || {
        (ask(gateway, username, password) == 200).then_some(())
    });
}

/// How a request with this username and password is answered.
fn ask(gateway: &Gateway, username: &str, password: &str) -> u16 {
    let pair = base64(format!("{username}:{password}").as_bytes());
    let mut client = gateway.client();
    let head = format!("GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic {pair}\r\n\r\n");
    client.send(head).response().status()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let shown = char::from(DIGITS[value as usize]);
            text.push(if digit <= group.len() { shown } else { '=' });
        }
    }
    text
}

/// The credential as the Admin API shows it.
fn shown(gateway: &Gateway, username: &str) -> Value {
    let response = gateway.admin("GET", &format!("/basic-auths/{username}"));
    serde_json::from_str(&response.expect(200).text()).unwrap()
}

fn a_credential_that_is_written_back_stays_what_it_is() {
    let gateway = guarded();
    add(&gateway, "al", "pw");
    let before = shown(&gateway, "al");
    let own = "/basic-auths/al";
    let password = json!({ "password": before["password"], "tags": ["kept"] });
    assert_eq!(write(&gateway, "PUT", own, &before), (200, before.clone()));
    assert_eq!(write(&gateway, "PATCH", own, &password).0, 200);
    let nested = "/consumers/al/basic-auth/al";
    assert_eq!(write(&gateway, "PUT", nested, &before).0, 200);
    // The same password once more is the same, too.
    let same = json!({ "username": "al", "password": "pw", "consumer": before["consumer"] });
    assert_eq!(write(&gateway, "PUT", own, &same).0, 200);
    assert_eq!(shown(&gateway, "al")["password"], before["password"]);

    // So it is in a document that holds everything, with hashes as with passwords.
    let id = before["id"].as_str().unwrap();
    for (tag, password) in [("hash", &before["password"]), ("text", &json!("pw"))] {
        let everything = json!({ "_format_version": "3.0", "consumers": [{
            "id": before["consumer"]["id"], "username": "al",
            "basicauth_credentials": [{ "id": id, "username": "al", "password": password, "tags": [tag] }],
        }] });
        assert_eq!(write(&gateway, "POST", "/config", &everything).0, 201);
        let after = shown(&gateway, "al");
        assert_eq!(after["tags"], json!([tag]));
        assert_eq!(after["password"], before["password"]);
    }
    // The last state is served once a new consumer, which came after it, is.
    add(&gateway, "bo", "other");
    assert_eq!(ask(&gateway, "al", "pw"), 200);

    let new = json!({ "password": "new" });
    assert_eq!(write(&gateway, "PATCH", own, &new).0, 200);
    eventually("the new password is known", || {
        (ask(&gateway, "al", "new") == 200).then_some(())
    });
    assert_ne!(ask(&gateway, "al", "pw"), 200);
}

fn a_hash_that_is_not_the_credentials_own_is_a_password() {
    let gateway = guarded();
    add(&gateway, "al", "pw");
    let stolen = shown(&gateway, "al")["password"].clone();
    let stolen = stolen.as_str().unwrap();
    // Whoever has a hash cannot make it another credential's, nor present it.
    add(&gateway, "bo", stolen);
    assert_ne!(shown(&gateway, "bo")["password"], stolen);
    assert_eq!(ask(&gateway, "bo", "pw"), 401);
    assert_eq!(ask(&gateway, "al", stolen), 401);
}

fn many_new_passwords_hold_no_other_write_up() {
    let gateway = guarded();
    let credential = |number: u32| json!({ "username": format!("u{number}"), "password": "pw" });
    let credentials: Vec<Value> = (0..40).map(credential).collect();
    let everything = json!({ "_format_version": "3.0",
        "consumers": [{ "username": "al", "basicauth_credentials": credentials }] });
    let mut busy = Client::connect(gateway.admin);
    request(&mut busy, "POST", "/config", &everything);
    // Nothing is there until every password is hashed, and until then others read and write.
    let mut done = String::new();
    for number in 0..10 {
        let consumer = json!({ "username": format!("c{number}") });
        assert_eq!(write(&gateway, "POST", "/consumers", &consumer).0, 201);
        let listed = gateway.admin("GET", "/basic-auths").expect(200).text();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let _ = write!(done, "{}", listed["data"].as_array().unwrap().len());
    }
    assert_eq!(done, "0".repeat(10), "the others had to wait");
    busy.response().expect(201);
    eventually("the credentials are known", || {
        (ask(&gateway, "u39", "pw") == 200).then_some(())
    });
}
