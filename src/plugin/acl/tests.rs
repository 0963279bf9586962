//! acl as Kong does it, case by case.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::entity::complete_config;
use crate::plugin::testing::People;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::field;
use crate::plugin::testing::said;

fn people() -> People {
    People::default()
        .consumer("alice", None)
        .consumer("bob", None)
        .consumer("carol", None)
        .key("alice", "k-alice")
        .key("bob", "k-bob")
        .key("carol", "k-carol")
        .group("alice", "g1")
        .group("alice", "g2")
        .group("bob", "g3")
}

fn plugin(config: Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

fn of(name: &str) -> Trial {
    Trial::new("GET /", &[]).among(&people()).sent_by(name)
}

/// A request of a consumer that stands in for others.
fn anonymous(name: &str) -> Trial {
    let mut trial = of(name);
    trial.identity.credential = None;
    trial.identity.anonymous = true;
    trial
}

fn answer(trial: &mut Trial, plugin: &dyn Plugin) -> (u16, String) {
    let reply = trial.refused_by(plugin);
    assert_eq!(field(&reply, "WWW-Authenticate"), None);
    (reply.status, said(&reply).to_owned())
}

fn forbidden() -> (u16, String) {
    (403, "You cannot consume this service".to_owned())
}

fn unauthorized() -> (u16, String) {
    (401, "Unauthorized".to_owned())
}

#[test]
fn groups_are_let_through_or_not() {
    let (allow, deny) = (
        plugin(json!({"allow": ["g0", "g1"]})),
        plugin(json!({"deny": ["g1"]})),
    );
    assert_eq!(
        of("alice").passed_by(&*allow),
        ["X-Consumer-Groups: g1, g2"]
    );
    assert_eq!(answer(&mut of("bob"), &*allow), forbidden());
    assert_eq!(answer(&mut of("carol"), &*allow), forbidden());
    assert_eq!(answer(&mut of("alice"), &*deny), forbidden());
    assert_eq!(of("bob").passed_by(&*deny), ["X-Consumer-Groups: g3"]);
    assert_eq!(of("carol").passed_by(&*deny), [""; 0]);
    let hidden = plugin(json!({"deny": ["g1"], "allow": null, "hide_groups_header": true}));
    assert_eq!(of("bob").passed_by(&*hidden), [""; 0]);
}

#[test]
fn who_is_nobody_may_come_back() {
    for plugin in [
        plugin(json!({"allow": ["g1"]})),
        plugin(json!({"deny": ["g1"]})),
    ] {
        let mut nobody = Trial::new("GET /", &[]).among(&people());
        assert_eq!(answer(&mut nobody, &*plugin), unauthorized());
    }
    let allow = plugin(json!({"allow": ["g1"]}));
    assert_eq!(answer(&mut anonymous("carol"), &*allow), unauthorized());
    assert_eq!(answer(&mut anonymous("bob"), &*allow), forbidden());
    assert!(anonymous("alice").passes(&*allow));
}

#[test]
fn groups_found_elsewhere_count_for_those_without_a_credential_or_for_all() {
    let allow = plugin(json!({"allow": ["g9"]}));
    let with = |mut trial: Trial| {
        trial.identity.groups = vec!["g8".into(), "g9".into()];
        trial
    };
    let line = ["X-Authenticated-Groups: g8, g9"];
    assert_eq!(with(anonymous("alice")).passed_by(&*allow), line);
    assert_eq!(with(Trial::new("GET /", &[])).passed_by(&*allow), line);
    assert_eq!(answer(&mut with(of("alice")), &*allow), forbidden());
    let always = plugin(json!({"allow": ["g9"], "always_use_authenticated_groups": true}));
    assert_eq!(with(of("alice")).passed_by(&*always), line);
    assert_eq!(answer(&mut of("alice"), &*always), forbidden());
    let deny = plugin(json!({"deny": ["g9"]}));
    assert_eq!(answer(&mut with(anonymous("alice")), &*deny), forbidden());
    let hidden = plugin(json!({"allow": ["g9"], "hide_groups_header": true}));
    assert_eq!(with(anonymous("alice")).passed_by(&*hidden), [""; 0]);
}

#[test]
fn one_of_the_lists_is_needed_and_no_more() {
    let check = |config: Value| {
        let config = config.as_object().cloned().unwrap();
        let faults = complete_config(&DEFINITION.schema(), config).err();
        let messages = faults.into_iter().flatten().map(|fault| fault.message);
        messages.collect::<Vec<String>>()
    };
    assert_eq!(check(json!({"allow": ["a"], "deny": null})), [""; 0]);
    assert_eq!(check(json!({"allow": [], "deny": ["a"]})), [""; 0]);
    let one = "exactly one of these fields must be non-empty: 'allow', 'deny'";
    let any = "at least one of these fields must be non-empty: 'allow', 'deny'";
    assert_eq!(check(json!({"allow": ["a"], "deny": ["b"]})), [one]);
    assert_eq!(check(json!({"allow": null, "deny": []})), [one, any]);
}
