//! Drives the API by nothing but the description that it gives of itself.
//!
//! For each path and method: a valid request made of the document's own examples, whose answer must have a documented
//! status and the documented shape; a request that cannot be right; a method that is not documented; a thing that is not
//! there. What is below a path must exist, so one entity of each kind is put before each request, by the same document.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::client::Answer;
use crate::client::Client;
use crate::gateway;
use crate::shape;

const CERT: &str = include_str!("../tls/cert.pem");
const AUTHORITY: &str = include_str!("../tls/ed25519-cert.pem");
const KEY: &str = include_str!("../tls/key.pem");

#[test]
fn every_operation_is_as_documented() {
    let mut driver = Driver::new();
    let paths = driver.document["paths"].as_object().unwrap().clone();
    let mut asked = 0;
    for (path, operations) in &paths {
        for (method, operation) in operations.as_object().unwrap() {
            let method = method.to_ascii_uppercase();
            driver.valid(path, &method, operation);
            driver.invalid(path, &method, operation);
            driver.absent(path, &method, operation);
            asked += 1;
        }
        driver.undocumented(path, operations);
    }
    assert!(
        driver.faults.is_empty(),
        "{} faults:\n{}",
        driver.faults.len(),
        driver.faults.join("\n")
    );
    assert!(asked > 200, "{asked}");
}

#[test]
fn what_is_shown_can_be_written_back() {
    let mut driver = Driver::new();
    driver.furnish();
    let places = places();
    let paths = driver.document["paths"].as_object().unwrap().clone();
    let own = |path: &&String| {
        path.matches('/').count() == 2 && path.ends_with('}') && paths[*path].get("put").is_some()
    };
    let mut written = 0;
    for path in paths.keys().filter(own) {
        let target = fill(path, &places);
        let mut shown = driver.client.get(&target).value();
        let back = driver.client.json("PUT", &target, &shown);
        assert_eq!(back.status, 200, "{target}: {}", back.text());
        let mut back = back.value();
        for entity in [&mut shown, &mut back] {
            entity.as_object_mut().unwrap().remove("updated_at");
        }
        assert_eq!(back, shown, "{target}");
        written += 1;
    }
    assert_eq!(written, 14, "every kind but targets has a path of its own");
}

struct Driver {
    client: Client,
    document: Value,
    /// A number that has not been used yet, for names that must be unique.
    fresh: u32,
    faults: Vec<String>,
}

impl Driver {
    fn new() -> Self {
        let mut client = Client::new(gateway::start(Vec::new()));
        let document = client.get("/openapi.json").value();
        Self {
            client,
            document,
            fresh: 0,
            faults: Vec::new(),
        }
    }

    /// A request that must be taken.
    fn valid(&mut self, path: &str, method: &str, operation: &Value) {
        self.furnish();
        let target = self.target(path, operation, &places());
        let body = self.body(path, operation);
        if body.is_some() && method != "PATCH" {
            self.make_room(path);
        }
        if body.is_some() && path.starts_with("/ca_certificates") {
            self.forget_authorities();
        }
        let mut answer = self.ask(method, &target, body.as_ref());
        // What something else refers to cannot go before it.
        while method == "DELETE" && answer.status == 400 {
            let referrer = answer.value()["fields"]["@referenced_by"]
                .as_str()
                .unwrap()
                .to_owned();
            let referrer = format!("/{referrer}/{}", places()[&referrer]);
            let gone = self.ask("DELETE", &referrer, None);
            if gone.status != 204 {
                answer = gone;
                let above = answer.value()["fields"]["@referenced_by"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                let above = format!("/{above}/{}", places()[&above]);
                assert_eq!(self.ask("DELETE", &above, None).status, 204);
            }
            answer = self.ask(method, &target, None);
        }
        let asked = format!("{method} {target} {body:?}");
        // Some paths lead nowhere on purpose, and what the stand-in for control keeps can be removed and not be shown.
        let shows_cache = path.starts_with("/proxy-cache/") && method == "GET";
        let responses = operation["responses"].as_object().unwrap();
        let leads_nowhere = !responses.keys().any(|status| status.starts_with('2'));
        let is_taken = |status: u16| {
            let nowhere = leads_nowhere && responses.contains_key(&status.to_string());
            status < 400 || nowhere || shows_cache && status == 404
        };
        self.judge(&asked, operation, &answer, is_taken);
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        match body {
            Some(body) => self.client.json(method, target, body),
            None => self.client.send(method, target, &[], None),
        }
    }

    /// Requests that must be refused.
    fn invalid(&mut self, path: &str, method: &str, operation: &Value) {
        self.furnish();
        let target = self.target(path, operation, &places());
        let is_refused = |status: u16| (400..500).contains(&status);
        if operation.get("requestBody").is_some() {
            let wrong = json!({ "no_such_field": 1, "_format_version": "9" });
            let answer = self.client.json(method, &target, &wrong);
            self.judge(
                &format!("{method} {target} {wrong}"),
                operation,
                &answer,
                is_refused,
            );
            for (kind, body) in [
                ("application/json", "{"),
                ("application/json", "[]"),
                ("text/csv", "a,b"),
            ] {
                let headers = [("Content-Type", kind)];
                let answer = self
                    .client
                    .send(method, &target, &headers, Some(body.as_bytes()));
                self.judge(
                    &format!("{method} {target} {body}"),
                    operation,
                    &answer,
                    is_refused,
                );
            }
        }
        let parameters = operation["parameters"].as_array().unwrap();
        if parameters
            .iter()
            .any(|parameter| parameter["name"] == "size")
        {
            let bare = target.split('?').next().unwrap();
            for query in ["size=0", "size=x", "offset=!"] {
                let answer = self.client.get(&format!("{bare}?{query}"));
                self.judge(
                    &format!("GET {bare}?{query}"),
                    operation,
                    &answer,
                    is_refused,
                );
            }
        }
    }

    /// A request for what is not there, where the document says what happens then.
    fn absent(&mut self, path: &str, method: &str, operation: &Value) {
        if !path.contains('{') || operation["responses"].get("404").is_none() {
            return;
        }
        self.furnish();
        let nowhere = "11111111-1111-4111-8111-1111111111ff".to_owned();
        let places = places()
            .into_keys()
            .map(|name| (name, nowhere.clone()))
            .collect();
        let target = self.target(path, operation, &places);
        let body = self.body(path, operation);
        let answer = self.ask(method, &target, body.as_ref());
        self.judge(
            &format!("{method} {target}"),
            operation,
            &answer,
            |status| status == 404,
        );
    }

    /// Methods that are not documented are not allowed, and OPTIONS says which are.
    fn undocumented(&mut self, path: &str, operations: &Value) {
        let target = fill(path, &places());
        let options = self.client.send("OPTIONS", &target, &[], None);
        let allow = options.header("allow").unwrap_or_default().to_owned();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let documented = operations.get(method.to_ascii_lowercase()).is_some();
            if allow.split(", ").any(|allowed| allowed == method) != documented {
                self.faults.push(format!("OPTIONS {path} allows {allow}"));
            }
            if !documented {
                let answer = self.client.send(method, &target, &[], None);
                if answer.status != 405 {
                    self.faults
                        .push(format!("{method} {target}: {} is not 405", answer.status));
                }
            }
        }
    }

    /// Whether an answer is as wanted and as documented.
    fn judge(
        &mut self,
        asked: &str,
        operation: &Value,
        answer: &Answer,
        wanted: impl Fn(u16) -> bool,
    ) {
        let status = answer.status;
        if !wanted(status) {
            self.faults
                .push(format!("{asked}: {status} {}", answer.text()));
            return;
        }
        let Some(said) = operation["responses"].get(status.to_string()) else {
            self.faults
                .push(format!("{asked}: {status} is not documented"));
            return;
        };
        let said = shape::resolve(&self.document, said);
        if said.pointer("/headers/ETag").is_some() && answer.header("etag").is_none() {
            self.faults.push(format!("{asked}: no ETag"));
        }
        let Some(content) = said.get("content").and_then(Value::as_object) else {
            if !answer.body.is_empty() {
                self.faults
                    .push(format!("{asked}: a body that is not documented"));
            }
            return;
        };
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap();
        let Some(media) = content.get(kind) else {
            self.faults
                .push(format!("{asked}: {kind} is not documented"));
            return;
        };
        let found = shape::faults(&self.document, &media["schema"], &answer.value());
        let found = found
            .into_iter()
            .map(|fault| format!("{asked}: {status} {fault}"));
        self.faults.extend(found);
    }

    /// The path and the query of a request.
    fn target(&self, path: &str, operation: &Value, places: &BTreeMap<String, String>) -> String {
        let mut target = fill(path, places);
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let needed = parameters
            .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        for (index, parameter) in needed.enumerate() {
            let (name, example) = (
                parameter["name"].as_str().unwrap(),
                parameter["example"].as_str().unwrap(),
            );
            target += if index == 0 { "?" } else { "&" };
            target += &format!("{name}={example}");
        }
        target
    }

    /// A body by the document's examples; names are new with each call.
    fn body(&mut self, path: &str, operation: &Value) -> Option<Value> {
        let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
        let name = schema
            .get("$ref")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let name = name.rsplit('/').next().unwrap().to_owned();
        if name.is_empty() {
            // Of `/schemas/{name}/validate`, which is asked about services.
            return Some(self.example("service"));
        }
        if name == "declarative" {
            return Some(self.document["components"]["schemas"][&name]["examples"][0].clone());
        }
        let kind = name
            .trim_end_matches("-input")
            .trim_end_matches("-patch")
            .to_owned();
        let mut body = self.example(&kind);
        let is_own = path.matches('/').count() <= 2;
        if is_own {
            self.refer(&kind, &mut body);
        }
        Some(body)
    }

    /// An example of a kind, with names of its own.
    fn example(&mut self, kind: &str) -> Value {
        self.fresh += 1;
        let fresh = self.fresh;
        let schema = &self.document["components"]["schemas"][format!("{kind}-input")];
        let mut example = schema["examples"][0].clone();
        let fields = example.as_object_mut().unwrap();
        // What kind a vault is of is its name.
        let names: &[&str] = match kind {
            "vault" => &["prefix"],
            _ => &["name", "username", "custom_id", "group", "key"],
        };
        for name in names.iter().copied() {
            if let Some(Value::String(text)) = fields.get_mut(name) {
                *text = format!("x{fresh}-{text}");
            }
        }
        if kind == "target" {
            fields.insert(
                "target".to_owned(),
                format!("10.0.{}.{}:9000", fresh / 250, fresh % 250).into(),
            );
        }
        if kind == "service" {
            // One that may have a client certificate.
            fields.insert("url".to_owned(), "https://orders.internal/base".into());
        }
        if kind == "plugin" {
            // One that may be put on consumers too, and that can be changed into nothing else.
            fields.insert("name".to_owned(), "correlation-id".into());
            fields.insert(
                "config".to_owned(),
                json!({ "header_name": format!("X-{fresh}") }),
            );
        }
        if kind == "certificate" {
            fields.insert("key".to_owned(), KEY.into());
        }
        if fields.contains_key("cert") {
            fields.insert("cert".to_owned(), CERT.into());
        }
        example
    }

    /// Makes an example refer to what it cannot be without, where the path does not say it.
    fn refer(&self, kind: &str, body: &mut Value) {
        let parent = match kind {
            "sni" => ("certificate", "certificates"),
            "keyauth_credential"
            | "basicauth_credential"
            | "hmacauth_credential"
            | "jwt_secret"
            | "acl" => ("consumer", "consumers"),
            _ => return,
        };
        body[parent.0] = json!({ "id": places()[parent.1] });
    }

    /// Takes away what a new plugin would clash with.
    fn make_room(&mut self, path: &str) {
        if !(path.ends_with("/plugins") || path.ends_with("/plugins/{plugins}")) {
            return;
        }
        let plugins = self.client.get("/plugins").value();
        for plugin in plugins["data"].as_array().unwrap() {
            let path = format!("/plugins/{}", plugin["id"].as_str().unwrap());
            assert_eq!(self.client.send("DELETE", &path, &[], None).status, 204);
        }
    }

    /// Takes away all authorities but one: no two have the same certificate.
    fn forget_authorities(&mut self) {
        let authorities = self.client.get("/ca_certificates").value();
        let ids = authorities["data"].as_array().unwrap().iter();
        let ids = ids.map(|authority| authority["id"].as_str().unwrap());
        let kept = &places()["ca_certificates"];
        for id in ids.filter(|id| *id != kept) {
            let path = format!("/ca_certificates/{id}");
            assert_eq!(self.client.send("DELETE", &path, &[], None).status, 204);
        }
    }

    /// One entity of each kind, all of them related.
    fn furnish(&mut self) {
        let places = places();
        let id = |kind: &str| json!({ "id": places[kind] });
        let mut put = |path: &str, body: Value| {
            let answer = self.client.json("PUT", path, &body);
            assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
        };
        let own = |word: &str, kind: &str| format!("/{word}/{}", places[kind]);
        put(
            &own("certificates", "certificates"),
            json!({ "cert": CERT, "key": KEY }),
        );
        put(
            &own("ca_certificates", "ca_certificates"),
            json!({ "cert": AUTHORITY }),
        );
        put(
            &own("snis", "snis"),
            json!({ "name": "fixed.example.com", "certificate": id("certificates") }),
        );
        put(
            &own("services", "services"),
            json!({ "host": "h", "protocol": "https", "client_certificate": id("certificates"), "tags": ["a"] }),
        );
        put(
            &own("routes", "routes"),
            json!({ "paths": ["/fixed"], "service": id("services") }),
        );
        put(
            &own("consumers", "consumers"),
            json!({ "username": "fixed" }),
        );
        let upstream =
            json!({ "name": "fixed.internal", "client_certificate": id("certificates") });
        put(&own("upstreams", "upstreams"), upstream);
        put(
            &own("vaults", "vaults"),
            json!({ "prefix": "fixed", "name": "env" }),
        );
        let consumer = id("consumers");
        for (word, kind, body) in [
            (
                "key-auths",
                "keyauth_credentials",
                json!({ "key": "fixed" }),
            ),
            (
                "basic-auths",
                "basicauth_credentials",
                json!({ "username": "fixed", "password": "p" }),
            ),
            (
                "hmac-auths",
                "hmacauth_credentials",
                json!({ "username": "fixed" }),
            ),
            ("jwts", "jwt_secrets", json!({ "key": "fixed" })),
            ("acls", "acls", json!({ "group": "fixed" })),
        ] {
            let mut body: Map<String, Value> = body.as_object().unwrap().clone();
            body.insert("consumer".to_owned(), consumer.clone());
            put(&own(word, kind), body.into());
        }
        let plugin = json!({
            "name": "correlation-id", "consumer": consumer, "service": id("services"), "route": id("routes"),
        });
        put(&own("plugins", "plugins"), plugin);
        self.furnish_target(&places);
    }

    /// A target at the address that stands for the parameter.
    fn furnish_target(&mut self, places: &BTreeMap<String, String>) {
        let targets = format!("/upstreams/{}/targets", places["upstreams"]);
        let target = json!({ "id": places["targets"], "target": "10.0.0.1:80" });
        let made = self.client.json("POST", &targets, &target).status;
        assert!(matches!(made, 201 | 400 | 409), "{made}");
        // One that is there may have been led elsewhere meanwhile.
        let target = json!({ "target": "10.0.0.1:80" });
        let path = format!("{targets}/{}", places["targets"]);
        let led = self.client.json("PATCH", &path, &target).status;
        assert_eq!(led, 200);
    }
}

/// A state that every store begins with: no entities at all.
const EMPTY: &str = "00000000000000000000000000000000";

/// What stands for each parameter of a path.
fn places() -> BTreeMap<String, String> {
    let kinds = [
        "services",
        "routes",
        "consumers",
        "plugins",
        "upstreams",
        "targets",
        "certificates",
        "snis",
        "ca_certificates",
        "keyauth_credentials",
        "basicauth_credentials",
        "hmacauth_credentials",
        "jwt_secrets",
        "acls",
        "vaults",
    ];
    let ids = kinds.iter().zip(1..).map(|(kind, number)| {
        (
            (*kind).to_owned(),
            format!("11111111-1111-4111-8111-{number:012}"),
        )
    });
    let mut places: BTreeMap<String, String> = ids.collect();
    for (name, value) in [
        ("key", "x"),
        ("name", "services"),
        ("tags", "a"),
        ("cache_key", gateway::CACHED),
        ("hash", EMPTY),
        ("log_level", "debug"),
        ("address", "10.0.0.1"),
    ] {
        places.insert(name.to_owned(), value.to_owned());
    }
    places.insert("plugin_id".to_owned(), places["plugins"].clone());
    places
}

fn fill(path: &str, places: &BTreeMap<String, String>) -> String {
    let plugin = path.contains("/plugins/{name}") || path.contains("/schema/{name}");
    let mut filled = path.to_owned();
    for (name, value) in places {
        let value = if name == "name" && plugin && value == "services" {
            "key-auth"
        } else {
            value
        };
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    assert!(
        !filled.contains('{'),
        "{filled}: a parameter that nothing stands for"
    );
    filled
}
