//! What Kong 3.9.1 was recorded to answer, and what goes beyond it.

use serde_json::json;

use super::*;
use crate::entity::complete_config;
use crate::plugin::Identity;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::lines;
use crate::plugin::testing::rendered;
use crate::plugin::testing::said;
use crate::plugin::testing::try_compile;

fn limited(config: Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

/// One request's fate, and the lines that its answer gets.
fn ask(trial: &mut Trial, plugin: &dyn Plugin) -> (bool, Vec<String>) {
    trial.downstream.clear();
    let passes = trial.passes(plugin);
    (passes, lines(&trial.downstream))
}

/// The fates of so many requests.
fn fates(trial: &mut Trial, plugin: &dyn Plugin, count: usize) -> Vec<bool> {
    (0..count).map(|_| ask(trial, plugin).0).collect()
}

fn checked(config: Value) -> Vec<String> {
    let Value::Object(config) = config else {
        panic!("a configuration is an object");
    };
    let customs = DEFINITION.config.checks.iter();
    let errors = customs.filter_map(|check| match check {
        Check::Custom(check) => check(&config).err(),
        _ => None,
    });
    errors.map(|misfit| misfit.message).collect()
}

#[test]
fn a_minute_of_three_is_told_as_recorded() {
    let plugin = limited(json!({"minute": 3}));
    let mut trial = Trial::new("GET /rl", &[]);
    for left in ["2", "1", "0"] {
        let (passes, lines) = ask(&mut trial, &*plugin);
        assert!(passes);
        let expected = [
            "X-RateLimit-Limit-Minute: 3".to_owned(),
            format!("X-RateLimit-Remaining-Minute: {left}"),
            "RateLimit-Limit: 3".to_owned(),
            format!("RateLimit-Remaining: {left}"),
            // The clock of the trial stands at 20 seconds.
            "RateLimit-Reset: 40".to_owned(),
        ];
        assert_eq!(lines, expected);
    }
    trial.downstream.clear();
    let reply = trial.refused_by(&*plugin);
    assert_eq!(
        (reply.status, said(&reply)),
        (429, "API rate limit exceeded")
    );
    assert!(rendered(&reply).contains("\r\nRetry-After: 40\r\n"));
    assert!(rendered(&reply).ends_with(
        "{\n  \"message\":\"API rate limit exceeded\",\n  \"request_id\":\"0123456789abcdef0123456789abcdef\"\n}"
    ));
    assert_eq!(
        trial.downstream.added(b"RateLimit-Remaining"),
        Some(&b"0"[..])
    );
}

#[test]
fn several_periods_and_another_refusal_are_as_recorded() {
    let config = json!({"second": 2, "minute": 3, "hour": 50, "limit_by": "ip", "error_code": 420,
        "error_message": "slow down"});
    let plugin = limited(config);
    let mut trial = Trial::new("GET /rl2", &[]);
    let (_, first) = ask(&mut trial, &*plugin);
    let expected = [
        "X-RateLimit-Limit-Second: 2",
        "X-RateLimit-Remaining-Second: 1",
        "X-RateLimit-Limit-Minute: 3",
        "X-RateLimit-Remaining-Minute: 2",
        "X-RateLimit-Limit-Hour: 50",
        "X-RateLimit-Remaining-Hour: 49",
        "RateLimit-Limit: 2",
        "RateLimit-Remaining: 1",
        "RateLimit-Reset: 1",
    ];
    assert_eq!(first, expected);
    assert!(ask(&mut trial, &*plugin).0);
    trial.downstream.clear();
    let reply = trial.refused_by(&*plugin);
    assert_eq!((reply.status, said(&reply)), (420, "slow down"));
    let remaining = |name: &[u8]| trial.downstream.added(name);
    assert_eq!(remaining(b"X-RateLimit-Remaining-Second"), Some(&b"0"[..]));
    assert_eq!(remaining(b"X-RateLimit-Remaining-Minute"), Some(&b"1"[..]));
    assert_eq!(remaining(b"X-RateLimit-Remaining-Hour"), Some(&b"48"[..]));
    // In the next second the minute is as tight, and longer.
    trial.unix_micros += 1_000_000;
    let (_, lines) = ask(&mut trial, &*plugin);
    assert!(lines.contains(&"RateLimit-Limit: 3".to_owned()));
    assert!(lines.contains(&"RateLimit-Reset: 39".to_owned()));
}

#[test]
fn hidden_limits_are_not_told() {
    let plugin = limited(json!({"minute": 1, "hide_client_headers": true}));
    let mut trial = Trial::new("GET /rlhide", &[]);
    assert_eq!(ask(&mut trial, &*plugin), (true, vec![]));
    let reply = trial.refused_by(&*plugin);
    assert!(!rendered(&reply).contains("Retry-After"));
    assert!(trial.downstream.is_empty());
}

#[test]
fn consumers_are_told_apart_and_strangers_by_address() {
    let plugin = limited(json!({"minute": 2}));
    let people = People::default()
        .consumer("alice", None)
        .key("alice", "a")
        .consumer("bob", None)
        .key("bob", "b");
    let mut trial = Trial::new("GET /", &[]).among(&people).sent_by("alice");
    assert_eq!(fates(&mut trial, &*plugin, 3), [true, true, false]);
    trial.identity.consumer = trial.directory.consumer_called("bob");
    assert_eq!(fates(&mut trial, &*plugin, 3), [true, true, false]);
    trial.identity = Identity::default();
    assert_eq!(fates(&mut trial, &*plugin, 3), [true, true, false]);
    trial.client = "192.0.2.1".parse().unwrap();
    assert_eq!(fates(&mut trial, &*plugin, 3), [true, true, false]);
}

#[test]
fn fields_paths_and_services_are_told_apart() {
    let by_header = limited(json!({"minute": 1, "limit_by": "header", "header_name": "X-T"}));
    let mut a = Trial::new("GET /", &["X-T: a"]);
    assert_eq!(fates(&mut a, &*by_header, 2), [true, false]);
    let mut b = Trial::new("GET /", &["x-t: b"]);
    std::mem::swap(&mut a.core, &mut b.core);
    assert_eq!(fates(&mut b, &*by_header, 2), [true, false]);
    let mut none = Trial::new("GET /", &[]);
    std::mem::swap(&mut b.core, &mut none.core);
    assert_eq!(fates(&mut none, &*by_header, 2), [true, false]);

    let by_path = limited(json!({"minute": 1, "limit_by": "path", "path": "/p"}));
    let mut other = Trial::new("GET /o", &[]);
    assert_eq!(fates(&mut other, &*by_path, 2), [true, false]);
    let mut it = Trial::new("GET /p?q", &[]);
    std::mem::swap(&mut it.core, &mut other.core);
    assert_eq!(fates(&mut it, &*by_path, 2), [true, false]);
    it.client = "192.0.2.1".parse().unwrap();
    assert!(!ask(&mut it, &*by_path).0);

    let by_service = limited(json!({"minute": 1, "limit_by": "service"}));
    let mut trial = Trial::new("GET /", &[]);
    assert_eq!(fates(&mut trial, &*by_service, 2), [true, false]);
    trial.client = "192.0.2.1".parse().unwrap();
    assert!(!ask(&mut trial, &*by_service).0);
}

#[test]
fn combinations_count_what_is_the_same_in_all_parts() {
    let plugin = limited(json!({"minute": 1, "limit_by": ["consumer", "ip"]}));
    let people = People::default().consumer("alice", None).key("alice", "a");
    let mut trial = Trial::new("GET /", &[]).among(&people).sent_by("alice");
    assert_eq!(fates(&mut trial, &*plugin, 2), [true, false]);
    trial.client = "192.0.2.1".parse().unwrap();
    assert_eq!(fates(&mut trial, &*plugin, 2), [true, false]);
    trial.identity = Identity::default();
    assert_eq!(fates(&mut trial, &*plugin, 2), [true, false]);
}

#[test]
fn the_same_plugin_compiled_anew_goes_on_counting() {
    let mut trial = Trial::new("GET /", &[]);
    assert!(ask(&mut trial, &*limited(json!({"minute": 2}))).0);
    assert!(ask(&mut trial, &*limited(json!({"minute": 2}))).0);
    assert!(!ask(&mut trial, &*limited(json!({"minute": 2}))).0);
    assert!(ask(&mut trial, &*limited(json!({"minute": 3}))).0);
    let strict = limited(json!({"minute": 2, "window": "strict"}));
    assert!(ask(&mut trial, &*strict).0);
}

#[test]
fn a_window_slides_if_it_is_told_to() {
    let plugin = limited(json!({"minute": 10, "window": "sliding"}));
    let mut trial = Trial::new("GET /", &[]);
    assert_eq!(
        fates(&mut trial, &*plugin, 11)
            .iter()
            .filter(|passed| **passed)
            .count(),
        10
    );
    // Half a minute into the next one half of the ten still count.
    trial.unix_micros += 70_000_000;
    assert_eq!(
        fates(&mut trial, &*plugin, 11)
            .iter()
            .filter(|passed| **passed)
            .count(),
        5
    );
}

#[test]
fn limits_need_not_be_whole() {
    let plugin = limited(json!({"minute": 1.5}));
    let mut trial = Trial::new("GET /", &[]);
    let (_, lines) = ask(&mut trial, &*plugin);
    assert_eq!(lines[0], "X-RateLimit-Limit-Minute: 1.5");
    assert_eq!(fates(&mut trial, &*plugin, 2), [true, false]);
}

#[test]
fn wrong_configurations_are_refused_in_kongs_words() {
    let order = "The limit for minute(5.0) cannot be lower than the limit for second(10.0)";
    assert_eq!(checked(json!({"second": 10, "minute": 5})), [order]);
    assert_eq!(
        checked(json!({"second": 10, "minute": 10, "sync_rate": -1})),
        [""; 0]
    );
    let sync = "sync_rate can only be used with the redis policy";
    assert_eq!(checked(json!({"policy": "local", "sync_rate": 1})), [sync]);
    let host = json!({"host": "redis.test"});
    let redis = json!({"policy": "redis", "sync_rate": 0.01, "redis": host});
    let least = "sync_rate must be greater than 0.02, or -1 to disable";
    let not_yet = "the policy 'redis' is not available yet; use 'local'";
    assert_eq!(checked(redis), [least, not_yet]);
    // Kong's own refusal stands alone.
    assert_eq!(
        checked(json!({"policy": "redis", "redis": {"host": null}})),
        [""; 0]
    );

    for config in [
        json!({"minute": 1, "error_code": 1_000}),
        json!({"minute": 1, "limit_by": ["ip", "header"]}),
        json!({"minute": 1, "limit_by": "path"}),
    ] {
        assert!(try_compile(&DEFINITION, config).is_err());
    }
}

#[test]
fn one_may_limit_by_one_thing_or_by_several() {
    let faults = |by: Value| {
        let config = json!({"minute": 1, "limit_by": by});
        let schema = DEFINITION.schema();
        let completed = complete_config(&schema, config.as_object().cloned().unwrap());
        let faults = completed.err().unwrap_or_default().into_iter();
        let faults = faults.map(|fault| format!("{}: {}", fault.path, fault.message));
        faults.collect::<Vec<String>>()
    };
    let known = "expected one of: consumer, credential, ip, service, header, path";
    assert_eq!(faults(json!("x")), [format!("limit_by: {known}")]);
    assert_eq!(faults(json!(["ip", "x"])), [format!("limit_by.2: {known}")]);
    assert_eq!(faults(json!([])), ["limit_by: length must be at least 1"]);
    assert_eq!(faults(json!(5)), ["limit_by: expected a string"]);
    assert_eq!(faults(json!(["ip", "service"])), [""; 0]);
    assert_eq!(
        faults(json!(["ip", "header"])),
        ["header_name: required field missing"]
    );
    assert!(!(NO_EMPTY_SEGMENTS.holds)("/a//b"));
}

#[test]
fn the_configuration_has_kongs_fields() {
    let recorded = [
        "day",
        "error_code",
        "error_message",
        "fault_tolerant",
        "header_name",
        "hide_client_headers",
        "hour",
        "limit_by",
        "minute",
        "month",
        "path",
        "policy",
        "redis",
        "redis_database",
        "redis_host",
        "redis_password",
        "redis_port",
        "redis_server_name",
        "redis_ssl",
        "redis_ssl_verify",
        "redis_timeout",
        "redis_username",
        "second",
        "sync_rate",
        "year",
    ];
    let fields = DEFINITION.config.fields.iter();
    let mut names: Vec<&str> = fields
        .filter(|field| !field.extension)
        .map(|field| field.name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, recorded);
}

#[test]
fn those_that_are_configured_alike_count_for_themselves() {
    let plugin = limited(json!({"minute": 2}));
    let mut trial = Trial::new("GET /", &[]);
    assert_eq!(fates(&mut trial, &*plugin, 3), [true, true, false]);
    trial.own.counters = [7, 7];
    assert_eq!(fates(&mut trial, &*plugin, 3), [true, true, false]);
}
