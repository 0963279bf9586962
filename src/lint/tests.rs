//! Each finding by example, and plugins against the chains that requests really meet.

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;
use rustix::time::ClockId;
use rustix::time::clock_gettime;

use super::*;
use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::config;
use crate::config::Loaded;
use crate::config::marketplace;
use crate::entity::Kind;
use crate::snapshot;

const LISTENER: &str = "[[listeners]]\naddress = \"127.0.0.1:8000\"\n";

fn loaded(text: &str) -> Loaded {
    config::parse_str("a.toml", &format!("{LISTENER}{text}"))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

fn findings(text: &str) -> Vec<Finding> {
    let loaded = loaded(text);
    lint(&loaded.model, &loaded.places)
}

/// Each finding in one line.
fn told(text: &str) -> Vec<String> {
    findings(text).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_committed_as_an_example_is_as_it_is_meant() {
    let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config")).unwrap();
    let paths = examples.map(|example| example.unwrap().path());
    for path in paths.filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let loaded = config::load(&path).unwrap();
        assert_eq!(lint(&loaded.model, &loaded.places), [], "{path:?}");
    }
}

#[test]
fn routes_that_others_take_all_requests_of() {
    let text = "[[services]]\nname = \"s\"\nurl = \"http://a.test\"\nroutes = [\n\
        { name = \"wide\", paths = [\"~/api\"] },\n\
        { name = \"dead\", paths = [\"/api/v1\"] },\n\
        { name = \"young\", hosts = [\"a.test\"], created_at = 2 },\n\
        { name = \"old\", hosts = [\"a.test\"], created_at = 1 },\n\
        { name = \"trace\", methods = [\"TRACE\"], hosts = [\"b.test\"] } ]\n";
    assert_eq!(
        told(text),
        [
            "a.toml:11: SB0403: route `trace` is reached by no request: methods TRACE are answered by the gateway itself",
            "a.toml:8: SB0401: route `dead` is reached by no request: route `wide` goes before it and takes them all (a.toml:7)",
            "a.toml:9: SB0402: route `young` asks for exactly the same as route `old`, which is older, and takes all its requests (a.toml:10)",
        ]
    );
}

#[test]
fn a_route_that_asks_for_one_of_no_values() {
    let text = "[[services]]\nname = \"s\"\nurl = \"http://a.test\"\n\
        routes = [{ name = \"r\", headers = { x = [\"1\"] } }]\n";
    let mut model = loaded(text).model;
    std::sync::Arc::make_mut(&mut model.routes[0]).headers[0]
        .values
        .clear();
    let found = lint(&model, &Places::default());
    let told: Vec<&str> = found.iter().map(|finding| &*finding.message).collect();
    assert_eq!(
        told,
        ["route `r` is reached by no request: it asks for one of no values of `x`"]
    );
    assert_eq!(found[0].lint.number(), "SB0408");
}

#[test]
fn routes_and_services_that_lead_nowhere() {
    let text = "[[services]]\nname = \"off\"\nurl = \"http://a.test\"\nenabled = false\n\
        routes = [{ name = \"r\", paths = [\"/r\"] }]\n\
        [[services]]\nname = \"alone\"\nurl = \"http://a.test\"\n\
        [[services]]\nname = \"off-alone\"\nurl = \"http://a.test\"\nenabled = false\n\
        [[routes]]\npaths = [\"/r\"]\n";
    assert_eq!(
        told(text),
        [
            "a.toml:7: SB0404: route `r` matches nothing: service `off` is disabled (a.toml:4)",
            "a.toml:9: SB0405: service `alone` has no route, so no request reaches it",
        ]
    );
}

#[test]
fn plugins_that_others_stand_before() {
    let text = "[[plugins]]\nname = \"cors\"\n\
        [[plugins]]\nname = \"cors\"\nroute = \"b\"\nservice = \"s\"\n\
        [[services]]\nname = \"s\"\nurl = \"http://a.test\"\nplugins = [{ name = \"cors\" }]\n\
        routes = [{ name = \"a\", paths = [\"/a\"], plugins = [{ name = \"cors\" }] }]\n\
        [[services]]\nname = \"t\"\nurl = \"http://a.test\"\nplugins = [{ name = \"cors\" }]\n\
        routes = [{ name = \"b\", paths = [\"/b\"] }]\n";
    assert_eq!(
        told(text),
        [
            "a.toml:4: SB0406: plugin `cors` on everything is met by no request: more specific ones of its kind stand on all of its routes",
            "a.toml:6: SB0407: plugin `cors` on a route and a service is met by no request: its route is none of its service's",
            "a.toml:12: SB0406: plugin `cors` on a service is met by no request: more specific ones of its kind stand on all of its routes",
        ]
    );
}

#[test]
fn what_was_written_over_rest_stands_at_its_path() {
    let loaded = loaded("[[services]]\nname = \"s\"\nurl = \"http://a.test\"\n");
    let [finding] = &lint(&loaded.model, &Places::default())[..] else {
        panic!("one finding");
    };
    assert_eq!(
        *finding.place,
        *format!("/services/{}", loaded.model.services[0].id)
    );
}

#[test]
fn data_has_file_and_line_apart() {
    let [finding] = &findings("[[services]]\nname = \"s\"\nurl = \"http://a.test\"\n")[..] else {
        panic!("one finding");
    };
    let value = finding.value();
    assert_eq!(
        (&value["file"], &value["line"]),
        (&json!("a.toml"), &json!(4))
    );
    let stored = Finding {
        place: "/services/x".into(),
        ..finding.clone()
    };
    assert_eq!(stored.value()["file"], Value::Null);
}

#[test]
fn tags_that_name_no_tier_and_no_limit() {
    let told = told(
        "[[services]]\nname = \"s\"\nurl = \"http://a.test\"\ntags = [\"priority:hgih\", \"limit:many\"]\n\
         [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\ntags = [\"priority:low\", \"other\"]\n\
         [[consumers]]\nusername = \"c\"\ntags = [\"priority:1\"]\n",
    );
    let tiers = "`priority:high`, `priority:normal` or `priority:low`";
    let limits = "`limit:adaptive`, `limit:none` or a number as in `limit:200`";
    assert_eq!(
        told,
        [
            format!("a.toml:4: SB0411: the tag `priority:hgih` of service `s` is none of {tiers}"),
            format!("a.toml:4: SB0411: the tag `limit:many` of service `s` is none of {limits}"),
            format!("a.toml:12: SB0411: the tag `priority:1` of consumer `c` is none of {tiers}"),
        ]
    );
}

#[test]
fn what_is_stored_and_not_served() {
    let mut stored = config::Stored::default();
    let id = Uuid::from_u128(7);
    let mut put = |protocol: &str| {
        let row = format!(r#"{{"name":"secure","protocol":"{protocol}","host":"a.test"}}"#);
        let put = stored.put(Kind::Services, id, Some(row.as_bytes()));
        let mut loaded = loaded("");
        stored.join(&mut loaded.model);
        let found = lint(&loaded.model, &loaded.places);
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        (put.is_ok(), told)
    };
    let told = format!(
        "/services/{id}: SB0409: service `secure` is stored and not served: only services over http and https are served yet"
    );
    assert_eq!(put("grpc"), (false, vec![told]));
    let told =
        format!("/services/{id}: SB0405: service `secure` has no route, so no request reaches it");
    assert_eq!(put("http"), (true, vec![told]));
}

#[test]
fn numbers_are_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lint.md");
    let text = std::fs::read_to_string(path).unwrap();
    for lint in Lint::ALL {
        assert!(text.contains(&format!("| {} |", lint.number())), "{lint:?}");
    }
}

#[test]
#[ignore = "measures: cargo test --release --lib lint -- --ignored --nocapture"]
fn what_fifteen_thousand_apis_cost() {
    let mut text = marketplace::generate(15_000);
    for number in 0..15_000 {
        let _ = write!(
            text,
            "[[consumers]]\nusername = \"c{number}\"\nplugins = [{{ name = \"rate-limiting\", config = {{ minute = 5 }} }}]\n"
        );
    }
    let loaded = config::parse_str("marketplace", &text).unwrap();
    let begun = thread_micros();
    let found = lint(&loaded.model, &loaded.places);
    let micros = thread_micros() - begun;
    println!("{} findings in {micros} us", found.len());
    assert_eq!(found, []);
}

/// What this thread has worked, however busy the machine is.
fn thread_micros() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// A plugin's kind and what it is put on.
type Put = (bool, Option<usize>, Option<usize>, Option<usize>);

fn world(disabled: bool, owners: &[Option<usize>], puts: &BTreeSet<Put>) -> String {
    let mut text = String::new();
    for service in 0..2 {
        let enabled = !(disabled && service == 1);
        let _ = write!(
            text,
            "[[services]]\nname = \"s{service}\"\nurl = \"http://a.test\"\nenabled = {enabled}\n"
        );
    }
    for (number, owner) in owners.iter().enumerate() {
        let owner = owner.map_or_else(String::new, |owner| format!("service = \"s{owner}\"\n"));
        let _ = write!(
            text,
            "[[routes]]\nname = \"r{number}\"\npaths = [\"/{number}\"]\n{owner}"
        );
    }
    text.push_str("[[consumers]]\nusername = \"c0\"\n[[consumers]]\nusername = \"c1\"\n");
    for (limits, route, service, consumer) in puts {
        let kind = if *limits {
            "name = \"rate-limiting\"\nconfig = { minute = 1 }\n"
        } else {
            "name = \"correlation-id\"\n"
        };
        let _ = write!(text, "[[plugins]]\n{kind}");
        let on = [
            ("route", "r", route),
            ("service", "s", service),
            ("consumer", "c", consumer),
        ];
        for (key, letter, number) in on {
            if let Some(number) = number {
                let _ = writeln!(text, "{key} = \"{letter}{number}\"");
            }
        }
    }
    text
}

fn put() -> impl Strategy<Value = Put> {
    let maybe = |count: usize| prop::option::of(0..count);
    (any::<bool>(), maybe(3), maybe(2), maybe(2)).prop_map(|(limits, route, service, consumer)| {
        // A correlation id is nobody's in particular.
        (limits, route, service, consumer.filter(|_| limits))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Against the chains that requests of each route and consumer really meet.
    #[test]
    fn exactly_the_plugins_that_no_request_meets_are_reported(
        disabled in any::<bool>(),
        owners in prop::collection::vec(prop::option::of(0..2_usize), 3),
        puts in prop::collection::btree_set(put(), 0..14),
    ) {
        let text = world(disabled, &owners, &puts);
        let loaded = loaded(&text);
        let snapshot = snapshot::compile(&loaded.model, Generation(1), 1).unwrap();
        let served = snapshot::served(&loaded.model);
        let mut met = HashSet::default();
        for index in 0..served.len() {
            let chain = &snapshot.route(RouteIndex(index as u32)).chain;
            let known = loaded.model.consumers.iter();
            let known = known.map(|consumer| snapshot.directory.consumer_with_id(consumer.id));
            for consumer in known.chain([None]) {
                met.extend(chain.plugins(consumer).map(|link| link.own.id));
            }
        }
        let found = lint(&loaded.model, &loaded.places);
        for plugin in &loaded.model.plugins {
            let scope = plugin.configured.scope;
            let on_route = |route: &&&config::model::Route| scope.route.is_none_or(|id| id == route.id);
            let of_service = |route: &&&config::model::Route| {
                let owner = loaded.model.service_of(route).map(|service| service.id);
                scope.service.is_none_or(|id| Some(id) == owner)
            };
            let misplaced = scope.route.zip(scope.service).is_some_and(|(route, service)| {
                let route = loaded.model.routes.iter().find(|other| other.id == route).unwrap();
                loaded.model.service_of(route).map(|service| service.id) != Some(service)
            });
            let has_ground = served.iter().filter(on_route).any(|route| of_service(&route));
            let reported = found.iter().any(|finding| finding.id == plugin.id);
            let expected = !met.contains(&plugin.id) && (has_ground || misplaced);
            prop_assert_eq!(reported, expected, "{} {:?}\n{}", plugin.name(), scope, text);
        }
    }
}

#[test]
fn checks_of_which_nothing_counts() {
    let upstream = |name: &str, keys: &str| {
        format!(
            "[[upstreams]]\nname = \"{name}.test\"\n{keys}\ntargets = [{{ target = \"10.0.0.1:80\" }}]\n"
        )
    };
    let none = "successes = 0, http_failures = 0, tcp_failures = 0, timeouts = 0";
    let text = [
        upstream("fine", "active_checks = {}"),
        upstream("idle", &format!("active_checks = {{ {none} }}")),
        upstream("gone", "active_checks = { successes = 0 }"),
        upstream(
            "off",
            &format!("active_checks = {{ interval = 0, unhealthy_interval = 0, {none} }}"),
        ),
    ];
    let mut told = told(&text.concat());
    told.retain(|line| line.contains("SB0410"));
    let said: Vec<&str> = told
        .iter()
        .filter_map(|line| line.split(": ").nth(2))
        .collect();
    assert_eq!(
        said,
        [
            "upstream `idle.test` is checked, and that neither takes a target out nor brings one back",
            "upstream `gone.test` is checked, and that brings no target back",
        ]
    );
}
