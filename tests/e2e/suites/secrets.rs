//! Keys, passwords, tokens and private keys are told nowhere but in the answer of the credential itself and in exports:
//! each place that can hold one holds a canary, everything that the gateway says is provoked, and all of it is searched.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::said::Admin;
use crate::support::said::Said;
use crate::support::tools::silverback;

cases! {
    faults_say_where_and_not_what: [];
    nothing_that_a_gateway_says_holds_a_secret: [];
    documents_are_refused_without_being_repeated: [];
    files_and_store_clash_without_naming_the_key: [];
}

/// What every secret of these tests has in it, and nothing else.
const CANARY: &str = "canary";

/// A token and the table that makes it one.
fn token() -> (String, String) {
    let run = silverback(&["token", "new", "--name", "tests", "--format", "json"]).expect(0);
    let made: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let hash = text("hash");
    let table =
        format!("[[admin.tokens]]\nname = \"tests\"\nrole = \"write\"\nhash = \"{hash}\"\n");
    (text("token"), table)
}

/// Lines with a secret and something that is wrong with them.
const WRONG: &[&str] = &[
    "keyauth_credentials = [{ key = \"canary\", kee = 1 }]",
    "keyauth_credentials = [{ key = \"canary\" }, { key = \"canary\" }]",
    "keyauth_credentials = [{ kye = \"canary\" }]",
    "keyauth_credentials = [{ key = [\"canary\"] }]",
    "keyauth_credentials = [{ key = \"canary }]",
    "keyauth_credentials = [{ key = canary }]",
    "keyauth_credentials = [{ key: \"canary\" }]",
    "keyauth_credentials = { key = \"canary\" }",
    "keyauth_credentials = [{ key = \"canary\" }",
    "keyauth_credentials = \"canary\"",
    "basicauth_credentials = [{ username = \"u\", passwrod = \"canary\" }]",
    "basicauth_credentials = [{ username = 5, password = \"canary\" }]",
    "hmacauth_credentials = [{ username = \"u\", secret = true, secrets = \"canary\" }]",
    "hmacauth_credentials = [{ username = \"u\", secret = \"canary\", secret = \"canary2\" }]",
    "jwt_secrets = [{ key = \"i\", algorithm = \"HS1\", secret = \"canary\" }]",
    "jwt_secrets = [{ key = \"i\", secret = \"\"\"canary\\q\"\"\" }]",
    "jwt_secrets = [{ key = \"i\", secret = 'canary', tags = ['a,b'] }] # canary",
    "jwt_secrets.key = \"canary\"",
    "plugins = [{ name = \"rate-limiting\", config = { minute = \"x\", redis = { password = \"canary\" } } }]",
    "plugins = [{ name = \"rate-limiting\", config = { minute = 1, redis_password = \"canary\", x = 1 } }]",
    "plugins = [{ name = \"rate-limiting\", config = { minute = 1, redis = { password = 1, pass = \"canary\" } } }]",
    "canary",
    "= \"canary\"",
];

/// The same where they stand by themselves.
const WRONG_ALONE: &[&str] = &[
    "[[admin.tokens]]\nname = \"a\"\nrole = \"read\"\nhash = \"canary\"",
    "[[keyauth_credentials]]\nkey = \"canary\"\nkey = \"canary\"",
    "[[services]]\nname = \"s\"\nurl = \"http://user:canary@host:99999\"",
    "[tables.\"canary\"",
];

fn faults_say_where_and_not_what() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    let consumers = WRONG
        .iter()
        .map(|line| format!("[[consumers]]\nusername = \"a\"\n{line}\n"));
    let alone = WRONG_ALONE.iter().map(|text| format!("{text}\n"));
    let mut said = Said::default();
    for wrong in consumers.chain(alone) {
        std::fs::write(gateway.file(), format!("{good}{wrong}")).unwrap();
        let name = gateway.file().to_str().unwrap().to_owned();
        for verb in [
            &["check", "--config", &name][..],
            &["check", "--format", "json", "--config", &name],
            &["run", "--config", &name],
            &["config", "show", "--config", &name],
        ] {
            let run = silverback(verb).expect(1);
            said.add(format!("{verb:?} of {wrong}"), run.all());
        }
        let run = silverback(&["check", "--config", &name]).expect(1).all();
        assert!(
            run.contains(&format!("{name}:")),
            "no place of {wrong}:\n{run}"
        );
        said.hear("POST", "/reload", &gateway.admin("POST", "/reload"));
    }
    gateway.signal(Signal::HUP);
    gateway.wait_log("asked to reload by SIGHUP");
    std::fs::write(gateway.file(), &good).unwrap();
    gateway.admin("POST", "/reload").expect(200);
    said.add("the log", gateway.log_lines().join("\n"));
    said.hold_none_of(&[CANARY]);
}

/// Every kind of credential in a file.
const FILE: &str = r#"
[[consumers]]
username = "filed"
keyauth_credentials = [{ key = "canary-file-key" }]
basicauth_credentials = [{ username = "filed", password = "canary-file-password" }]
hmacauth_credentials = [{ username = "filed", secret = "canary-file-hmac" }]
jwt_secrets = [{ key = "filed", secret = "canary-file-jwt" }]
[[plugins]]
name = "key-auth"
config = { key_names = ["apikey", "x-own-name"], key_in_body = true, anonymous = "filed" }
[[plugins]]
name = "rate-limiting"
service = "s0"
config = { minute = 1000, redis = { host = "h", password = "canary-file-redis" } }
"#;

fn pem(name: &str) -> String {
    let path = format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// A gateway with an empty store.
fn with_store(origin: &Origin) -> Gateway {
    Config::to(origin.port())
        .sections("[store]\npath = \"store.redb\"")
        .start()
}

/// The same in the store; the service that a plugin with a password is put on.
fn fill(admin: &Admin<'_>) {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    admin.make("/consumers", &json(r#"{"username":"stored"}"#));
    for (kind, body) in [
        ("key-auth", r#"{"key":"canary-store-key"}"#),
        (
            "basic-auth",
            r#"{"username":"stored","password":"canary-store-password"}"#,
        ),
        (
            "hmac-auth",
            r#"{"username":"stored","secret":"canary-store-hmac"}"#,
        ),
        ("jwt", r#"{"key":"stored","secret":"canary-store-jwt"}"#),
    ] {
        admin.make(&format!("/consumers/stored/{kind}"), &json(body));
    }
    let certificate = serde_json::json!({ "cert": pem("cert"), "key": pem("key") });
    admin.make("/certificates", &certificate);
    admin.make(
        "/services",
        &json(r#"{"name":"stored","host":"127.0.0.1"}"#),
    );
    let redis = r#"{"name":"rate-limiting","config":{"minute":9,"redis":{"host":"h","password":"canary-store-redis"}}}"#;
    admin.make("/services/stored/plugins", &json(redis));
}

/// Requests that present secrets, right and wrong ones, wherever one may stand.
fn present(gateway: &Gateway) {
    let basic = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let heads = [
        "GET /?apikey=canary-file-key HTTP/1.1\r\n".to_owned(),
        "GET /?apikey=canary-wrong&x-own-name=canary-other HTTP/1.1\r\n".to_owned(),
        "GET /?x%2Down-name=canary-encoded&jwt=canary-token&access_token=canary HTTP/1.1\r\n"
            .to_owned(),
        "GET / HTTP/1.1\r\napikey: canary-store-key\r\n".to_owned(),
        "GET / HTTP/1.1\r\nx-own-name: canary-wrong\r\n".to_owned(),
        "GET / HTTP/1.1\r\nReferer: http://a/?x-own-name=canary&apikey=canary\r\n".to_owned(),
        format!(
            "GET / HTTP/1.1\r\nAuthorization: Basic {}\r\n",
            basic("filed:canary-file-password")
        ),
        "GET / HTTP/1.1\r\nAuthorization: Bearer canary-bearer\r\nCookie: key=canary\r\n"
            .to_owned(),
        "GET / HTTP/1.1\r\nX-Silverback-Fault: panic\r\napikey: canary-file-key\r\n".to_owned(),
    ];
    for head in heads {
        let mut client = gateway.client();
        client.send(format!("{head}Host: a.test\r\n\r\n"));
        let _ = client.try_response("GET");
    }
    let body = "apikey=canary-in-the-body";
    gateway
        .client()
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .response();
}

/// Everything that can be looked at.
const LOOKS: &[&str] = &[
    "/",
    "/status",
    "/metrics",
    "/endpoints",
    "/tags",
    "/services",
    "/routes",
    "/consumers",
    "/consumers/stored",
    "/consumers/filed",
    "/acls",
    "/config/history",
    "/plugins/enabled",
    "/schemas/plugins/rate-limiting",
    "/explain?url=http://a.test/%3Fapikey=canary%26x-own-name=canary&header=apikey:canary",
    "/openapi.json",
    "/nothing",
];

fn nothing_that_a_gateway_says_holds_a_secret() {
    let origin = Origin::hello();
    let (token, table) = token();
    let fields =
        silverback::telemetry::variable::Variable::ALL.map(|v| format!("${}", v.row().name));
    let gateway = Config::to(origin.port())
        .sections(&table)
        .sections("[store]\npath = \"store.redb\"")
        .sections(&format!(
            "[access_log]\npath = \"stdout\"\nformat = \"{}\"",
            fields.join(" ")
        ))
        .entities(FILE)
        .environment("SILVERBACK_FAULTS", "1")
        .start();
    let admin = Admin {
        gateway: &gateway,
        token: &token,
    };
    let mut said = Said::default();
    fill(&admin);
    let states = said.get(&admin, "/config/history");
    let states: Value = serde_json::from_str(&states).unwrap();
    let state = states["data"][0]["hash"].as_str().unwrap().to_owned();
    present(&gateway);
    for path in LOOKS {
        said.ask(&admin, "GET", path, &Value::Null);
    }
    look_back(&admin, &state, &mut said);
    refuse(&admin, &mut said);
    let stranger = Admin {
        gateway: &gateway,
        token: "canary-token",
    };
    let consumer = serde_json::json!({ "username": "canary" });
    said.ask(&stranger, "POST", "/consumers", &consumer)
        .expect(401);
    let name = gateway.file().to_str().unwrap().to_owned();
    let shown = silverback(&["config", "show", "--config", &name]);
    said.add("config show", shown.expect(0).all());
    let request = "GET http://a.test/?apikey=canary&x-own-name=canary";
    let tried = silverback(&[
        "route",
        "test",
        request,
        "-H",
        "apikey: canary",
        "--config",
        &name,
    ]);
    said.add("route test", tried.expect(0).all());
    let lines = eventually("the exchanges are logged", || {
        let text = gateway.stdout();
        (text.lines().count() >= 9).then_some(text)
    });
    assert!(lines.contains("x-own-name=***"), "{lines}");
    said.add("the access log", lines);
    gateway.wait_log("a fault was asked for");
    said.add("the log", gateway.log_lines().join("\n"));
    let key = pem("key");
    let private = key.lines().nth(1).unwrap();
    said.hold_none_of(&[CANARY, &token, private, "ZmlsZWQ6Y2FuYXJ5"]);
}

/// Changes a secret, and looks at what was before, and goes back to it.
fn look_back(admin: &Admin<'_>, state: &str, said: &mut Said) {
    let (path, kind) = ("/consumers/stored/hmac-auth/stored", "application/json");
    let secret = r#"{"secret":"canary-store-hmac-2"}"#;
    admin.ask("PATCH", path, kind, secret).expect(200);
    said.get(admin, &format!("/config/history/{state}"));
    let changed = said.get(admin, &format!("/config/history/{state}/diff"));
    assert!(
        changed.contains("\"secret\""),
        "the field is not named: {changed}"
    );
    let back = format!("/config/rollback/{state}");
    said.ask(admin, "POST", &back, &Value::Null).expect(200);
}

/// Writes that are wrong, with a secret in them.
fn refuse(admin: &Admin<'_>, said: &mut Said) {
    for (path, body) in [
        (
            "/consumers/stored/key-auth",
            r#"{"key":"canary","kee":"canary"}"#,
        ),
        ("/consumers/stored/key-auth", r#"{"key":["canary"]}"#),
        ("/consumers/stored/basic-auth", r#"{"password":"canary"}"#),
        (
            "/consumers/stored/jwt",
            r#"{"secret":"canary","algorithm":"HS1"}"#,
        ),
        (
            "/consumers/nobody/hmac-auth",
            r#"{"username":"x","secret":"canary"}"#,
        ),
        ("/certificates", r#"{"cert":"canary","key":"canary"}"#),
        (
            "/schemas/keyauth_credentials/validate",
            r#"{"key":5,"x":"canary"}"#,
        ),
        (
            "/plugins",
            r#"{"name":"rate-limiting","config":{"redis":{"password":"canary","port":"x"}}}"#,
        ),
        (
            "/schemas/plugins/validate",
            r#"{"name":"rate-limiting","config":{"minute":1,"policy":"redis","redis":{"password":"canary"}}}"#,
        ),
    ] {
        let response = admin.ask("POST", path, "application/json", body);
        assert!(response.status() >= 400, "{path} takes {body}");
        said.hear("POST", path, &response);
    }
    for (kind, body) in [
        ("application/json", "{\"key\":\"canary\""),
        (
            "application/x-www-form-urlencoded",
            "key=canary&key[]=canary&%zz=canary",
        ),
        ("text/plain", "canary"),
    ] {
        let path = "/consumers/stored/key-auth";
        said.hear("POST", path, &admin.ask("POST", path, kind, body));
    }
}

/// Declarative documents that are right in no respect, and what a right one would change.
fn documents_are_refused_without_being_repeated() {
    let origin = Origin::hello();
    let gateway = with_store(&origin);
    let admin = Admin {
        gateway: &gateway,
        token: "",
    };
    fill(&admin);
    let consumer = |more: &str| {
        format!(
            "_format_version: '3.0'\nconsumers:\n- username: a\n  keyauth_credentials:\n  - key: canary\n{more}"
        )
    };
    let mut said = Said::default();
    for (text, status) in [
        (consumer(""), 200),
        (consumer("    kee: canary\n"), 400),
        (consumer("  - key: canary\n"), 400),
        (consumer("  - key: [canary]\n"), 400),
        (consumer("  - key: *canary\n"), 400),
        (consumer("  - key: \"canary\n"), 400),
        (consumer("  - key: !canary {canary\n"), 400),
        (consumer("   canary: [canary\n"), 400),
        (consumer("    key: canary\n"), 400),
        ("canary".to_owned(), 400),
    ] {
        for path in ["/config?dry_run=1", "/config?dry_run=1&flatten_errors=1"] {
            let body = serde_json::json!({ "config": text });
            let response = said.ask(&admin, "POST", path, &body);
            assert_eq!(response.status(), status, "{text}\n{}", response.text());
        }
        let file = gateway.directory().join("kong.yaml");
        std::fs::write(&file, &text).unwrap();
        let to = gateway.directory().join("imported.toml");
        let (file, to) = (file.to_str().unwrap(), to.to_str().unwrap());
        said.add(
            format!("import of {text}"),
            silverback(&["import", file, "--to-toml", to, "--force"]).all(),
        );
    }
    said.add("the log", gateway.log_lines().join("\n"));
    said.hold_none_of(&[CANARY]);
}

fn files_and_store_clash_without_naming_the_key() {
    let origin = Origin::hello();
    let gateway = with_store(&origin);
    let admin = Admin {
        gateway: &gateway,
        token: "",
    };
    fill(&admin);
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    let same =
        "[[consumers]]\nusername = \"x\"\nkeyauth_credentials = [{ key = \"canary-store-key\" }]\n";
    std::fs::write(gateway.file(), format!("{good}{same}")).unwrap();
    let mut said = Said::default();
    let refused = gateway.admin("POST", "/reload");
    assert!(
        refused.text().contains("UNIQUE violation"),
        "{}",
        refused.text()
    );
    said.hear("POST", "/reload", &refused);
    gateway.wait_log("configuration refused");
    said.add("the log", gateway.log_lines().join("\n"));
    said.hold_none_of(&[CANARY]);
}
