//! jwt as Kong does it, case by case. The recorded tokens are Kong's; `tests/vectors.json` holds tokens that OpenSSL has
//! signed.

use std::sync::Arc;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use ::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use aws_lc_rs::hmac;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::proptest;
use serde_json::json;

use super::*;
use crate::plugin::testing::NOW_SECS;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::field;
use crate::plugin::testing::rendered;
use crate::plugin::testing::said;

/// `{"iss": "iss1", "exp": 4000000000}`
const GOOD: &str = "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaXNzMSIsICJleHAiOiA0MDAwMDAwMDAwfQ.qrnUzcHnEHbqphRlgZWsNRnkIrBo-FaXiJouZDYuqTs";

fn secret(key: &str, algorithm: &str, secret: &str) -> Secret {
    Secret::Jwt(Box::new(JwtSecret {
        key: key.into(),
        algorithm: algorithm.into(),
        secret: Some(secret.into()),
        rsa_public_key: None,
    }))
}

fn people() -> People {
    People::default()
        .consumer("alice", Some("c-1"))
        .consumer("anon", None)
        .credential("alice", secret("iss1", "HS256", "s3cr3t"))
}

fn plugin(config: serde_json::Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

fn bearing(token: &str) -> Trial {
    let line = format!("Authorization: Bearer {token}");
    Trial::new("GET /", &[&line]).among(&people())
}

/// A token with these claims, signed with the good secret.
fn signed(claims: serde_json::Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cr3t");
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[test]
fn a_good_token_names_the_consumer() {
    let plugin = plugin(json!({"claims_to_verify": ["exp"], "cookie_names": ["sid"]}));
    for (start, line) in [
        ("GET /".to_owned(), format!("Authorization: Bearer {GOOD}")),
        ("GET /".to_owned(), format!("Cookie: sid={GOOD}")),
        (format!("GET /?jwt={GOOD}"), "Accept: */*".to_owned()),
    ] {
        let mut trial = Trial::new(&start, &[&line]).among(&people());
        let expected = [
            "X-Consumer-Custom-ID: c-1",
            "X-Consumer-Username: alice",
            "X-Credential-Identifier: iss1",
        ];
        assert_eq!(trial.passed_by(&*plugin)[1..], expected);
        // Once more, from memory.
        assert_eq!(trial.passed_by(&*plugin)[1..], expected);
    }
}

#[test]
fn recorded_tokens_are_refused_in_kongs_words() {
    let plugin = plugin(json!({"claims_to_verify": ["exp"]}));
    for (token, message) in [
        (
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaXNzMSIsICJleHAiOiA0MDAwMDAwMDAwfQ.3LfVa9Ordgb6ase_eDvSuywdPIIkVSmMDxxBIuOWbOM",
            "Invalid signature",
        ),
        (
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaXNzMSJ9.ZIDrBWb_9ZiPuLLI_CGKavptyj2jbZ-nYAEp_KmkIlU",
            r#"{"exp":"must be a number"}"#,
        ),
        (
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaXNzMSIsICJleHAiOiAxfQ.hMCDUnlGmBqmF7_1Wb0RQKyzfa2Y0ikG9E1sBKgQKbY",
            r#"{"exp":"token expired"}"#,
        ),
        (
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAicSIsICJleHAiOiA0MDAwMDAwMDAwfQ.43inO3KZZFaG5Gb6Sohx8BuwrSKeB2XbIpbaYcmIop4",
            "No credentials found for given 'iss'",
        ),
        (
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJleHAiOiA0MDAwMDAwMDAwfQ.MhYGNLnsS-FP4welNh3hi0dRegPll4ce3RsM0XZef6g",
            "No mandatory 'iss' in claims",
        ),
        ("a.b.c", "Bad token; invalid JSON"),
        (
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJpc3MxIiwiZXhwIjo0MDAwMDAwMDAwfQ.",
            "Bad token; invalid alg",
        ),
    ] {
        let reply = bearing(token).refused_by(&*plugin);
        assert_eq!((reply.status, said(&reply)), (401, message));
        assert_eq!(
            field(&reply, "WWW-Authenticate"),
            Some("Bearer error=\"invalid_token\"")
        );
    }
    let start = format!("GET /?jwt={GOOD}");
    let twice = Trial::new(&start, &["Authorization: Bearer a.b.c"]).refused_by(&*plugin);
    assert_eq!(said(&twice), "Multiple tokens provided");
    let reply = Trial::new("GET /", &[]).refused_by(&*plugin);
    assert_eq!((reply.status, said(&reply)), (401, "Unauthorized"));
    assert_eq!(field(&reply, "WWW-Authenticate"), Some("Bearer"));
    assert!(rendered(&reply).ends_with("\r\n\r\n{\"message\":\"Unauthorized\"}"));
}

#[test]
fn every_algorithm_verifies_what_openssl_signs_and_nothing_else() {
    let plugin = plugin(json!({}));
    let vectors: Vec<Value> = serde_json::from_str(include_str!("tests/vectors.json")).unwrap();
    assert_eq!(vectors.len(), 13);
    let text = |vector: &Value, name: &str| vector[name].as_str().map(Into::into);
    let people = |algorithm: &str, of: &Value| {
        People::default().consumer("alice", None).credential(
            "alice",
            Secret::Jwt(Box::new(JwtSecret {
                key: text(of, "algorithm").unwrap(),
                algorithm: algorithm.into(),
                secret: text(of, "secret"),
                rsa_public_key: text(of, "rsa_public_key"),
            })),
        )
    };
    for vector in &vectors {
        let (algorithm, token) = (
            vector["algorithm"].as_str().unwrap(),
            vector["token"].as_str().unwrap(),
        );
        assert!(
            bearing(token)
                .among(&people(algorithm, vector))
                .passes(&*plugin),
            "{algorithm}"
        );
        // The credential says which algorithm it is, not the token.
        let other = if algorithm == "HS256" {
            "RS256"
        } else {
            "HS256"
        };
        let reply = bearing(token)
            .among(&people(other, vector))
            .refused_by(&*plugin);
        assert_eq!(said(&reply), "Invalid algorithm");
        // Another token's signature.
        let (head, signature) = token.rsplit_once('.').unwrap();
        for wrong in [
            signature.replacen(char::is_alphanumeric, "-", 1),
            String::new(),
        ] {
            let forged = format!("{head}.{wrong}");
            let reply = bearing(&forged)
                .among(&people(algorithm, vector))
                .refused_by(&*plugin);
            assert_eq!(said(&reply), "Invalid signature", "{algorithm}");
        }
        // No key, and the key of another algorithm.
        let kind = &algorithm[..2];
        for other in &vectors {
            if (kind == "HS") == other["secret"].is_null()
                || (kind == "ES" && other["algorithm"] != algorithm)
            {
                let mut of = other.clone();
                of["algorithm"] = vector["algorithm"].clone();
                let reply = bearing(token)
                    .among(&people(algorithm, &of))
                    .refused_by(&*plugin);
                assert_eq!(
                    said(&reply),
                    "Invalid key/secret",
                    "{algorithm} {}",
                    other["algorithm"]
                );
            }
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // The classic attack: a token signed by HMAC with the public key, which everybody knows.
    let vectors: Vec<Value> = serde_json::from_str(include_str!("tests/vectors.json")).unwrap();
    let pem = vectors[1]["rsa_public_key"].as_str().unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(r#"{"iss":"rs"}"#));
    let key = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
    let token = format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
    );
    let credential = Secret::Jwt(Box::new(JwtSecret {
        key: "rs".into(),
        algorithm: "RS256".into(),
        secret: None,
        rsa_public_key: Some(pem.into()),
    }));
    let people = People::default()
        .consumer("alice", None)
        .credential("alice", credential);
    let reply = bearing(&token)
        .among(&people)
        .refused_by(&*plugin(json!({})));
    assert_eq!(said(&reply), "Invalid algorithm");
}

#[test]
fn time_is_checked_as_configured() {
    let check = |config: Value, claims: Value| {
        let mut claims = claims;
        claims["iss"] = "iss1".into();
        let mut trial = bearing(&signed(claims));
        let plugin = plugin(config);
        // Twice: the second time from memory.
        [0; 2].map(|_| match trial.run(|request| plugin.on_request(request)) {
            ControlFlow::Continue(()) => String::new(),
            ControlFlow::Break(Interrupt::Reply(reply)) => said(&reply).to_owned(),
            ControlFlow::Break(Interrupt::Wait(_) | Interrupt::Delay(_)) => unreachable!(),
        })
    };
    let both = json!({"claims_to_verify": ["exp", "nbf"]});
    let near = json!({"claims_to_verify": ["exp"], "maximum_expiration": 300});
    for (config, claims, said) in [
        (&both, json!({"exp": NOW_SECS + 1, "nbf": NOW_SECS}), ""),
        (
            &both,
            json!({"exp": NOW_SECS, "nbf": NOW_SECS}),
            r#"{"exp":"token expired"}"#,
        ),
        (
            &both,
            json!({"exp": NOW_SECS + 1, "nbf": NOW_SECS + 1}),
            r#"{"nbf":"token not valid yet"}"#,
        ),
        (
            &both,
            json!({"exp": "1", "nbf": null}),
            r#"{"exp":"must be a number","nbf":"must be a number"}"#,
        ),
        (&both, json!({"exp": NOW_SECS as f64 + 0.5, "nbf": -1}), ""),
        (&near, json!({"exp": NOW_SECS + 300}), ""),
        (
            &near,
            json!({"exp": NOW_SECS + 301}),
            r#"{"exp":"exceeds maximum allowed expiration"}"#,
        ),
        (
            &near,
            json!({"exp": NOW_SECS}),
            r#"{"exp":"token expired"}"#,
        ),
        (&json!({}), json!({"exp": 0}), ""),
    ] {
        assert_eq!(
            check(config.clone(), claims.clone()),
            [said; 2],
            "{config} {claims}"
        );
    }
}

#[test]
fn the_key_may_stand_in_another_claim_or_in_the_header() {
    let by_kid = plugin(json!({"key_claim_name": "kid"}));
    assert!(bearing(&signed(json!({"kid": "iss1"}))).passes(&*by_kid));
    for (claims, message) in [
        (json!({"iss": "iss1"}), "No mandatory 'kid' in claims"),
        (json!({"kid": ""}), "Invalid 'kid' in claims"),
        (json!({"kid": 1}), "Invalid 'kid' in claims"),
        (json!({"kid": "x"}), "No credentials found for given 'kid'"),
    ] {
        assert_eq!(
            said(&bearing(&signed(claims)).refused_by(&*by_kid)),
            message
        );
    }
}

#[test]
fn a_secret_may_be_in_base64_and_the_memory_knows_the_difference() {
    let people = |secret_text: &str| {
        People::default()
            .consumer("alice", None)
            .credential("alice", secret("iss1", "HS256", secret_text))
    };
    let (plain, encoded) = (plugin(json!({})), plugin(json!({"secret_is_base64": true})));
    let mut trial = bearing(GOOD).among(&people(&STANDARD.encode("s3cr3t")));
    assert!(trial.passes(&*encoded));
    assert_eq!(said(&trial.refused_by(&*plain)), "Invalid signature");
    assert!(trial.passes(&*encoded));
    let reply = bearing(GOOD).among(&people("!")).refused_by(&*encoded);
    assert_eq!(said(&reply), "Invalid key/secret");
}

#[test]
fn a_changed_credential_forgets_its_tokens() {
    let plugin = plugin(json!({}));
    let mut trial = bearing(GOOD);
    assert!(trial.passes(&*plugin));
    // The same credential from another configuration is the same.
    let mut trial = trial.among(&people());
    assert!(trial.passes(&*plugin));
    let changed = People::default()
        .consumer("alice", None)
        .credential("alice", secret("iss1", "HS256", "new"));
    let mut trial = trial.among(&changed);
    assert_eq!(said(&trial.refused_by(&*plugin)), "Invalid signature");
    let mut trial = trial.among(&People::default());
    assert_eq!(
        said(&trial.refused_by(&*plugin)),
        "No credentials found for given 'iss'"
    );
}

#[test]
fn preflights_realms_and_stand_ins_are_as_everywhere() {
    let mut trial = Trial::new("OPTIONS /", &[]).among(&people());
    assert!(trial.passes(&*plugin(json!({"run_on_preflight": false}))));
    let reply = trial.refused_by(&*plugin(json!({"realm": "r"})));
    assert_eq!(
        field(&reply, "WWW-Authenticate"),
        Some("Bearer realm=\"r\"")
    );
    let reply = bearing("a").refused_by(&*plugin(json!({"realm": "r"})));
    assert_eq!(
        field(&reply, "WWW-Authenticate"),
        Some("Bearer realm=\"r\" error=\"invalid_token\"")
    );
    let mut trial = bearing("a");
    let lines = trial.passed_by(&*plugin(json!({"anonymous": "anon"})));
    assert_eq!(
        lines[1..],
        ["X-Consumer-Username: anon", "X-Anonymous-Consumer: true"]
    );
    let reply = bearing("a").refused_by(&*plugin(json!({"anonymous": "ghost"})));
    assert_eq!(
        said(&reply),
        "anonymous consumer ghost is configured but doesn't exist"
    );
}

#[test]
fn an_expiration_must_be_known_to_be_limited() {
    let faults = |config: Value| -> Vec<String> {
        let config = config.as_object().unwrap().clone();
        let faults = crate::entity::complete_config(&DEFINITION.schema(), config);
        let faults = faults.err().into_iter().flatten();
        faults
            .map(|fault| format!("{}: {}", fault.path, fault.message))
            .collect()
    };
    assert_eq!(faults(json!({"maximum_expiration": 0})), [""; 0]);
    assert_eq!(
        faults(json!({"maximum_expiration": 1, "claims_to_verify": ["nbf", "exp"]})),
        [""; 0]
    );
    for claims in [Value::Null, json!(["nbf"])] {
        assert_eq!(
            faults(json!({"maximum_expiration": 1, "claims_to_verify": claims})),
            [
                ": failed conditional validation given value of field 'maximum_expiration'",
                "claims_to_verify: expected to contain: exp",
            ]
        );
    }
}

#[test]
fn no_secret_is_shown() {
    let plugin = plugin(json!({}));
    let mut trial = bearing(GOOD);
    assert!(trial.passes(&*plugin));
    let shown = format!("{plugin:?} {:?} {:?}", trial.core, trial.directory);
    assert!(!shown.contains("s3cr3t") && !shown.contains("qrnUzcH"));
}

proptest! {
    #[test]
    fn no_token_is_too_strange(noise in any::<Vec<u8>>(), text in "[ -~]{0,60}", cut in 0_usize..150) {
        let plugin = plugin(json!({"cookie_names": ["sid"]}));
        let cut = GOOD.get(..cut.min(GOOD.len() - 1)).unwrap();
        let lines = [
            [&b"Authorization: Bearer "[..], &noise].concat(),
            format!("Cookie: sid={text}").into_bytes(),
            format!("Authorization: Bearer {cut}").into_bytes(),
        ];
        for line in lines {
            if let Some(trial) = Trial::from_bytes(b"GET /", &[&line], b"") {
                let passes = trial.among(&people()).passes(&*plugin);
                prop_assert!(!passes);
            }
        }
    }
}

#[test]
fn claims_that_are_null_are_not_verified() {
    let token = signed(json!({ "iss": "iss1" }));
    for config in [json!({}), json!({ "claims_to_verify": null })] {
        assert!(!bearing(&token).passed_by(&*plugin(config)).is_empty());
    }
}
