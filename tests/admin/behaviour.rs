//! What Kong has not, or what the recordings do not show: ETags, tokens, browsers, bounds, pages, the audit log.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

use serde_json::Value;
use serde_json::json;
use silverback::admin;
use silverback::config;

use crate::client::Client;
use crate::gateway;

/// Everything that is logged, by all tests of this process.
fn log() -> &'static tempfile::NamedTempFile {
    static LOG: OnceLock<tempfile::NamedTempFile> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = tempfile::NamedTempFile::new().unwrap();
        let writer: File = log.reopen().unwrap();
        tracing_subscriber::fmt()
            .with_writer(writer)
            .with_ansi(false)
            .init();
        log
    })
}

/// The log as it would be by default, which `/debug/node/log-level` tells.
pub(crate) fn listen() {
    log();
}

#[test]
fn etags_guard_writes_and_save_readers_the_body() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let made = client.json("POST", "/services", &json!({ "name": "s", "host": "h" }));
    assert_eq!(made.status, 201);
    let tag = made.header("etag").unwrap().to_owned();
    let mut ask = |method: &str, field: (&str, &str), body: Option<&str>| {
        let headers = [field, ("Content-Type", "application/json")];
        client.send(method, "/services/s", &headers, body.map(str::as_bytes))
    };
    let known = ask("GET", ("If-None-Match", &tag), None);
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some(tag.as_str()));
    assert_eq!(ask("GET", ("If-None-Match", "\"0\""), None).status, 200);

    assert_eq!(
        ask("PATCH", ("If-Match", "\"0\""), Some(r#"{"retries":1}"#)).status,
        412
    );
    assert_eq!(
        ask("PUT", ("If-None-Match", "*"), Some(r#"{"host":"x"}"#)).status,
        412
    );
    assert_eq!(ask("DELETE", ("If-Match", "\"0\""), None).status, 412);
    assert_eq!(
        ask("GET", ("If-Match", &tag), None).header("etag"),
        Some(tag.as_str()),
        "nothing has changed"
    );

    let changed = ask("PATCH", ("If-Match", &tag), Some(r#"{"retries":1}"#));
    assert_eq!(
        (changed.status, &changed.value()["retries"]),
        (200, &json!(1))
    );
    assert_eq!(
        ask("PATCH", ("If-Match", &tag), Some(r#"{"retries":2}"#)).status,
        412,
        "it is another one now"
    );
    let newer = changed.header("etag").unwrap().to_owned();
    assert_eq!(ask("DELETE", ("If-Match", &newer), None).status, 204);
    assert_eq!(
        ask("PUT", ("If-Match", "*"), Some(r#"{"host":"x"}"#)).status,
        412,
        "it is not there"
    );
    assert_eq!(
        ask("PUT", ("If-None-Match", "*"), Some(r#"{"host":"x"}"#)).status,
        200
    );
}

#[test]
fn tokens_are_asked_for_and_roles_bound_them() {
    let (reader, writer) = (admin::fresh(), admin::fresh());
    let text = format!(
        "[admin]\naddress = \"0.0.0.0:1\"\n[[admin.tokens]]\nname = \"r\"\nrole = \"read\"\nhash = \"{}\"\n\
         [[admin.tokens]]\nname = \"w\"\nrole = \"write\"\nhash = \"{}\"\n",
        reader.hash, writer.hash
    );
    let tokens = config::parse_str("x.toml", &text)
        .unwrap()
        .model
        .admin
        .unwrap()
        .tokens;
    let mut client = Client::new(gateway::start(tokens));
    let denied = client.get("/services");
    assert_eq!(
        (denied.status, denied.text().as_str()),
        (401, r#"{"message":"Unauthorized"}"#)
    );
    assert_eq!(denied.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        client.get("/zzz").status,
        401,
        "nor does it say what there is"
    );

    let mut ask = |method: &str, token: &str, body: Option<&str>| {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Host", "gw.example"),
        ];
        client
            .send(method, "/services", &headers, body.map(str::as_bytes))
            .status
    };
    let service = Some(r#"{"name":"s","host":"h"}"#);
    assert_eq!(ask("GET", &reader.token, None), 200);
    assert_eq!(ask("POST", &reader.token, service), 403);
    assert_eq!(ask("POST", &writer.token, service), 201);
    assert_eq!(ask("GET", "sbk_wrong", None), 401);
    let own = client.send(
        "GET",
        "/services",
        &[("Kong-Admin-Token", &reader.token)],
        None,
    );
    assert_eq!(own.status, 200);
    let preflight = client.send("OPTIONS", "/services", &[("Origin", "http://a.test")], None);
    assert_eq!(preflight.status, 204);
    assert!(
        preflight
            .header("access-control-allow-headers")
            .unwrap()
            .contains("Authorization")
    );
    let validate = client.send(
        "POST",
        "/schemas/services/validate",
        &[
            ("Kong-Admin-Token", &reader.token),
            ("Content-Type", "application/json"),
        ],
        Some(b"{\"host\":\"h\"}"),
    );
    assert_eq!(validate.status, 200, "checking is reading");
    reading_goes_as_far_as_trying(&mut client, &reader.token);
}

fn reading_goes_as_far_as_trying(client: &mut Client, reader: &str) {
    let as_reader = [
        ("Kong-Admin-Token", reader),
        ("Content-Type", "application/json"),
    ];
    let mut post = |path: &str| {
        let document = br#"{"_format_version":"3.0","services":[{"name":"t","host":"h"}]}"#;
        client.send("POST", path, &as_reader, Some(document)).status
    };
    assert_eq!(post("/config?dry_run=1"), 200, "so is trying");
    assert_eq!((post("/config"), post("/config?dry_run=0")), (403, 403));
    assert_eq!(
        client.get("/status/ready").status,
        200,
        "probes have no token"
    );
    for path in ["/status", "/metrics"] {
        assert_eq!(client.get(path).status, 401, "{path}");
    }
    let leave = client.send("POST", "/status/ready?status=draining", &as_reader, None);
    assert_eq!(leave.status, 403);
}

#[test]
fn strangers_pages_and_names_get_nothing() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let evil = ("Origin", "http://evil.example");
    let written = client.send("POST", "/services", &[form, evil], Some(b"name=s&host=h"));
    assert_eq!(written.status, 403);
    assert_eq!(client.send("GET", "/services", &[evil], None).status, 403);
    assert_eq!(
        client
            .send(
                "GET",
                "/services",
                &[("Host", "rebound.example:8001")],
                None
            )
            .status,
        403
    );
    let own = client.send(
        "GET",
        "/services",
        &[("Origin", "http://localhost:8002")],
        None,
    );
    assert_eq!(
        (own.status, own.text().as_str()),
        (200, r#"{"data":[],"next":null}"#),
        "nothing was written"
    );
    assert_eq!(
        own.header("access-control-allow-origin"),
        Some("http://localhost:8002")
    );
}

#[test]
fn bodies_are_bounded_and_must_be_what_they_say() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let json = ("Content-Type", "application/json");
    let too_large = client.send(
        "POST",
        "/services",
        &[json, ("Content-Length", "10485761")],
        None,
    );
    assert_eq!(
        (too_large.status, too_large.text().as_str()),
        (413, r#"{"message":"Payload too large"}"#)
    );

    let mut client = Client::new(gateway::start(Vec::new()));
    let refused = |client: &mut Client, kind: &str, body: &[u8]| {
        let answer = client.send("POST", "/services", &[("Content-Type", kind)], Some(body));
        assert!(answer.value()["message"].is_string(), "{}", answer.text());
        answer.status
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        refused(&mut client, "application/json", b"{\"host\":\"\xff\"}"),
        400
    );
    assert_eq!(refused(&mut client, "application/json", b"\"host\""), 400);
    assert_eq!(refused(&mut client, form, b"host=%ff"), 400);
    assert_eq!(refused(&mut client, form, b"host=a&host.b=c"), 400);
    assert_eq!(refused(&mut client, "multipart/form-data", b"x"), 400);
    assert_eq!(
        refused(
            &mut client,
            "application/json",
            "[".repeat(100_000).as_bytes()
        ),
        400
    );
    assert_eq!(client.get("/services/%ff").status, 400);
    assert_eq!(client.get("/services?tags=%ff").status, 400);
    assert_eq!(client.get("/services?tags").status, 400);
    assert_eq!(
        client.get("/services").value()["data"],
        json!([]),
        "nothing was written"
    );
}

#[test]
fn forms_know_the_types_of_what_they_are_for() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let mut send = |method: &str, path: &str, kind: &str, body: &str| {
        let answer = client.send(
            method,
            path,
            &[("Content-Type", kind)],
            Some(body.as_bytes()),
        );
        assert!(answer.status < 300, "{}", answer.text());
        answer.value()
    };
    let form = "application/x-www-form-urlencoded";
    send(
        "POST",
        "/services",
        form,
        "name=s&host=h&port=81&tags[]=a&enabled=false&path=",
    );
    let route = send(
        "POST",
        "/services/s/routes",
        form,
        "name=r&paths[1]=/a&paths[2]=/b&headers.x-v[]=1&strip_path=false",
    );
    assert_eq!(route["paths"], json!(["/a", "/b"]));
    assert_eq!(
        (&route["headers"], &route["strip_path"]),
        (&json!({"x-v": ["1"]}), &json!(false))
    );
    let parts = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nip-restriction\r\n\
        --b\r\nContent-Disposition: form-data; name=\"config.deny[]\"\r\n\r\n10.0.0.0/8\r\n--b--\r\n";
    let plugin = send(
        "POST",
        "/routes/r/plugins",
        "multipart/form-data; boundary=b",
        parts,
    );
    assert_eq!(plugin["config"]["deny"], json!(["10.0.0.0/8"]));
    // The name of the plugin is the stored one's.
    let path = format!("/plugins/{}", plugin["id"].as_str().unwrap());
    let changed = send("PATCH", &path, form, "config.status=404&enabled=false");
    assert_eq!(
        (&changed["config"]["status"], &changed["enabled"]),
        (&json!(404), &json!(false))
    );
}

#[test]
fn lists_are_walked_by_their_links() {
    let mut client = Client::new(gateway::start(Vec::new()));
    for number in 0..25 {
        let tag = if number % 2 == 0 {
            "even"
        } else {
            "o/dd".split('/').next().unwrap()
        };
        let service = json!({ "name": format!("s{number}"), "host": "h", "tags": [tag, "all"] });
        assert_eq!(client.json("POST", "/services", &service).status, 201);
    }
    let mut walk = |first: &str| {
        let (mut next, mut names, mut pages) = (first.to_owned(), Vec::new(), 0);
        loop {
            let page = client.get(&next).value();
            let data = page["data"].as_array().unwrap().iter();
            names.extend(data.map(|item| item["name"].as_str().unwrap_or_default().to_owned()));
            pages += 1;
            match &page["next"] {
                Value::String(link) => next = link.clone(),
                _ => break,
            }
        }
        names.sort();
        names.dedup();
        (names.len(), pages)
    };
    assert_eq!(walk("/services?size=10"), (25, 3));
    assert_eq!(walk("/services?size=5&tags=even,all"), (13, 3));
    assert_eq!(walk("/services?size=25"), (25, 1));
    let (mut next, mut tags) = ("/tags?size=7".to_owned(), 0);
    loop {
        let page = client.get(&next).value();
        tags += page["data"].as_array().unwrap().len();
        match &page["next"] {
            Value::String(link) => next = link.clone(),
            _ => break,
        }
    }
    assert_eq!(tags, 50);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn writes_leave_a_line_and_secrets_leave_none() {
    let log = log();
    let mut client = Client::new(gateway::start(Vec::new()));
    let consumer = client
        .json("POST", "/consumers", &json!({ "username": "u" }))
        .value();
    let key = client
        .json("PUT", "/consumers/u/key-auth/canary-in-path", &json!({}))
        .value();
    client.json(
        "POST",
        "/consumers/u/key-auth",
        &json!({ "key": "canary-in-body" }),
    );
    client.json(
        "POST",
        "/consumers/u/key-auth",
        &json!({ "key": "canary-in-body" }),
    );
    client.json(
        "POST",
        "/consumers/u/basic-auth",
        &json!({ "username": "u", "password": "canary-password" }),
    );
    client.send("DELETE", "/consumers/u/key-auth/canary-in-path", &[], None);
    client.send("DELETE", "/key-auths/canary-of-nobody", &[], None);
    client.json(
        "PATCH",
        "/key-auths/canary-of-nobody",
        &json!({ "tags": ["x"] }),
    );

    let mut text = String::new();
    File::open(log.path())
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(!text.contains("canary"), "{text}");
    let consumer = consumer["id"].as_str().unwrap();
    let key = key["id"].as_str().unwrap();
    let line = |parts: &[&str]| {
        let found = text
            .lines()
            .find(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found.is_some(), "no line with {parts:?} in\n{text}");
    };
    line(&[
        "audit",
        "who=\"local\"",
        "verb=\"POST\"",
        &format!("consumers/{consumer}"),
        "done",
        "status=201",
    ]);
    line(&[
        "audit",
        "verb=\"PUT\"",
        &format!("keyauth_credentials/{key}"),
        "peer=127.0.0.1",
    ]);
    line(&[
        "audit",
        "verb=\"POST\"",
        "entity=keyauth_credentials",
        "refused",
        "status=409",
    ]);
    line(&[
        "audit",
        "verb=\"DELETE\"",
        &format!("keyauth_credentials/{key}"),
        "status=204",
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn a_declarative_document_replaces_what_is_stored_and_can_be_taken_back() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let made = client.json("POST", "/services", &json!({ "name": "old", "host": "h" }));
    assert_eq!(made.status, 201);
    client.json("POST", "/consumers", &json!({ "username": "u" }));
    client.json(
        "POST",
        "/consumers/u/key-auth",
        &json!({ "key": "canary-key" }),
    );
    let exported = client.get("/config").value()["config"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        exported.contains("_format_version") && exported.contains("canary-key"),
        "{exported}"
    );
    let states = client.get("/config/history").value();
    let state = states["data"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(
        (
            &states["data"][0]["by"],
            states["data"].as_array().unwrap().len()
        ),
        (&json!("local"), 4)
    );

    let document =
        json!({ "_format_version": "3.0", "services": [{ "name": "new", "host": "h" }] });
    let tried = client.json("POST", "/config?dry_run=1", &document);
    assert_eq!(
        (
            tried.status,
            tried.value()["changes"].as_array().unwrap().len()
        ),
        (200, 4)
    );
    assert_eq!(client.get("/services/old").status, 200, "it was only tried");
    let replaced = client.json("POST", "/config", &document);
    assert_eq!(replaced.status, 201, "{}", replaced.text());
    assert_eq!(client.get("/services/old").status, 404);
    assert_eq!(
        client
            .json("POST", "/config?check_hash=1", &document)
            .status,
        304
    );

    let wrong = json!({ "_format_version": "3.0", "services": [{ "name": "new" }] });
    let refused = client.json("POST", "/config?flatten_errors=1", &wrong);
    assert_eq!(
        (refused.status, &refused.value()["code"]),
        (400, &json!(14))
    );
    assert_eq!(
        refused.value()["flattened_errors"][0]["errors"][0]["field"],
        "host"
    );
    assert_eq!(client.get("/services/new").status, 200);

    let then = client.get(&format!("/config/history/{state}"));
    assert!(
        then.text().contains("old") && !then.text().contains("canary"),
        "{}",
        then.text()
    );
    let diff = client.get(&format!("/config/history/{state}/diff"));
    assert_eq!(diff.value()["changes"].as_array().unwrap().len(), 4);
    assert!(!diff.text().contains("canary"));
    let back = client.send("POST", &format!("/config/rollback/{state}"), &[], None);
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(client.get("/config").value()["config"], exported.as_str());
    assert_eq!(
        client.get("/key-auths/canary-key").status,
        200,
        "the key is what it was"
    );
    // The same as a form, which is how Kong's clients send YAML.
    let form: String = exported
        .bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect();
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let form = client.send(
        "POST",
        "/config?check_hash=1",
        &kind,
        Some(format!("config={form}").as_bytes()),
    );
    assert_eq!(form.status, 304, "{}", form.text());
    for unknown in [
        "/config/history/x",
        &format!("/config/history/{}", "1".repeat(32)),
    ] {
        assert_eq!(client.get(unknown).status, 404);
    }
}

#[test]
fn without_a_store_everything_can_be_read_and_nothing_written() {
    let mut client = Client::new(gateway::start_without_store());
    assert_eq!(client.get("/services").status, 200);
    let refused = client.json("POST", "/services", &json!({ "name": "s", "host": "h" }));
    assert_eq!(refused.status, 405);
    let text = "cannot create 'services' entities when not using a database";
    assert_eq!(
        (&refused.value()["code"], &refused.value()["message"]),
        (&json!(12), &json!(text))
    );
    assert_eq!(client.send("DELETE", "/services/s", &[], None).status, 405);
    assert_eq!(
        client
            .json("POST", "/config", &json!({ "_format_version": "3.0" }))
            .status,
        405
    );
}

#[test]
fn what_is_not_an_entitys_is_answered_too() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let root = client.get("/").value();
    assert_eq!(
        root["version"], "3.9.1",
        "clients of Kong choose their requests by it"
    );
    assert!(root["plugins"]["available_on_server"]["key-auth"]["priority"].is_number());
    let explained = client
        .get("/explain?url=http://a.test/x&method=POST&header=A:%20b")
        .value();
    assert_eq!(explained["route"]["name"], "r");
    assert_eq!(client.get("/explain").status, 400);
    let cached = format!("/proxy-cache/{}", gateway::CACHED);
    assert_eq!(client.send("DELETE", &cached, &[], None).status, 204);
    assert_eq!(client.get("/proxy-cache/other").status, 404);
    assert_eq!(client.send("DELETE", "/proxy-cache", &[], None).status, 204);
    assert_eq!(
        client
            .send("DELETE", "/proxy-cache?route=none", &[], None)
            .status,
        404
    );
    for (query, status) in [("plugin=none", 404), ("tag=a", 204), ("tag=a&route=r", 400)] {
        let path = format!("/proxy-cache?{query}");
        assert_eq!(client.send("DELETE", &path, &[], None).status, status);
    }
    assert_eq!(client.send("HEAD", "/metrics", &[], None).status, 200);
}

#[test]
fn a_level_of_the_log_is_one_of_kongs() {
    let mut client = Client::new(gateway::start(Vec::new()));
    let path = "/debug/node/log-level";
    for (word, status, message) in [
        ("notice", 200, "log level is already notice"),
        ("debug?timeout=5", 200, "log level changed"),
        ("crit?timeout=x", 200, "log level changed"),
        ("loud", 400, "unknown log level: loud"),
        (
            "debug?timeout=-1",
            400,
            "timeout must be greater than or equal to 0",
        ),
    ] {
        let answer = client.send("PUT", &format!("{path}/{word}"), &[], None);
        assert_eq!(answer.status, status, "{word}");
        assert_eq!(answer.value()["message"], message);
    }
}

#[test]
fn a_node_that_is_to_leave_is_not_ready() {
    let mut client = Client::new(gateway::start(Vec::new()));
    assert_eq!(client.get("/status/ready").status, 200);
    let unknown = client.json("POST", "/status/ready", &json!({ "status": "ready" }));
    assert_eq!(unknown.status, 400);
    assert_eq!(client.get("/status/ready").status, 200);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let told = client.send("POST", "/status/ready", &form, Some(b"status=draining"));
    assert_eq!(told.status, 204);
    assert_eq!(client.get("/status/ready").status, 503);
}

#[test]
fn the_health_of_what_nobody_checks_cannot_be_set() {
    let mut client = Client::new(gateway::start(Vec::new()));
    client.json("POST", "/upstreams", &json!({ "name": "u" }));
    let target = client.json(
        "POST",
        "/upstreams/u/targets",
        &json!({ "target": "a.test:80" }),
    );
    let id = target.value()["id"].as_str().unwrap().to_owned();
    for target in [id.as_str(), "a.test:80"] {
        for end in [
            "healthy",
            "unhealthy",
            "10.0.0.1:80/healthy",
            "10.0.0.1/unhealthy",
        ] {
            let path = format!("/upstreams/u/targets/{target}/{end}");
            let answer = client.send("PUT", &path, &[], None);
            assert_eq!(answer.status, 400);
            assert_eq!(answer.value()["message"], "no healthchecker found for u");
        }
    }
    let missing = "/upstreams/u/targets/b.test:80/healthy";
    assert_eq!(client.send("PUT", missing, &[], None).status, 404);
    let health = client.get("/upstreams/u/health").value();
    assert_eq!(health["node_id"], client.get("/").value()["node_id"]);
}
