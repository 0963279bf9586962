//! What a plugin's configuration becomes, and what is wrong with one.

use super::*;

#[test]
fn a_configuration_is_completed_and_kept_sparse() {
    let mut world = World::new();
    let id = world.add(
        Kind::Plugins,
        json!({"name": "limit", "config": {"minute": 5.0, "redis": {"host": "r"}, "names": ["a", "b", "a"]}}),
    );
    let row = world.entities.row(Kind::Plugins, id).unwrap();
    let kept: Value = serde_json::from_slice(row.raw).unwrap();
    assert_eq!(
        kept["config"],
        json!({"minute": 5, "redis": {"host": "r"}, "names": ["a", "b"]})
    );
    assert_eq!(kept.get("protocols"), None);
    assert_eq!(
        row.doc()["config"],
        json!({
            "minute": 5,
            "hour": null,
            "redis": {"host": "r", "port": 6379},
            "redis_host": "r",
            "names": ["a", "b"],
        })
    );
    assert_eq!(
        row.full()["config"],
        json!({
            "minute": 5,
            "hour": null,
            "redis": {"host": "r", "port": 6379},
            "names": ["a", "b"],
            "window": "fixed",
            "mode": "enforce",
        })
    );
}

#[test]
fn fields_of_our_own_are_shown_if_they_were_given() {
    let mut world = World::new();
    let config = json!({"minute": 1, "mode": "enforce", "window": "sliding"});
    let id = world.add(Kind::Plugins, json!({"name": "limit", "config": config}));
    let shown = world.entities.get(Kind::Plugins, id).unwrap();
    assert_eq!(shown["config"]["mode"], json!("enforce"));
    assert_eq!(shown["config"]["window"], json!("sliding"));
    let bad = json!({"name": "limit", "config": {"minute": 1, "mode": "dream"}});
    assert_eq!(
        refused(world.insert(Kind::Plugins, bad)),
        "schema violation (config.mode: expected one of: enforce, observe)"
    );
}

#[test]
fn old_names_of_fields_are_taken_but_not_beside_others_that_differ() {
    let mut world = World::new();
    let config = json!({"minute": 1, "redis_host": "old"});
    let id = world.add(Kind::Plugins, json!({"name": "limit", "config": config}));
    let shown = world.entities.get(Kind::Plugins, id).unwrap();
    assert_eq!(shown["config"]["redis"]["host"], json!("old"));
    let both = json!({"minute": 1, "redis_host": "old", "redis": {"host": "new"}});
    assert_eq!(
        refused(world.insert(Kind::Plugins, json!({"name": "limit", "config": both}))),
        "schema violation (redis_host: both deprecated and new field are used but their values \
         mismatch: redis_host = old vs redis.host = new)"
    );
    let changed = world.patch(
        Kind::Plugins,
        id,
        json!({"config": {"redis_host": "newer"}}),
    );
    assert_eq!(changed.unwrap()["config"]["redis"]["host"], json!("newer"));
}

#[test]
fn faults_of_a_configuration_show_where_they_are() {
    let mut world = World::new();
    let mut fault = |config: Value| {
        refused(world.insert(Kind::Plugins, json!({"name": "limit", "config": config})))
    };
    assert_eq!(
        fault(json!({"minute": 60, "hour": 1})),
        "schema violation (config: an hour is longer than a minute)"
    );
    assert_eq!(
        fault(json!({})),
        "schema violation (at least one of these fields must be non-empty: 'config.minute', \
         'config.hour')"
    );
    assert_eq!(
        fault(json!({"minute": 1, "names": ["a", 1, null]})),
        "schema violation (config.names: {\n  [2] = \"expected a string\",\n  \
         [3] = \"required field missing\"\n})"
    );
    assert_eq!(
        fault(json!("x")),
        "schema violation (config: expected a record)"
    );
}

#[test]
fn a_plugin_shares_a_protocol_with_what_it_is_put_on() {
    let mut world = World::new();
    let tcp = json!({"protocols": ["tcp"], "sources": [{"port": 1}]});
    let route = world.add(Kind::Routes, tcp);
    let plugin = json!({"name": "limit", "config": {"hour": 1}, "route": {"id": route}});
    assert_eq!(
        refused(world.insert(Kind::Plugins, plugin)),
        "schema violation (protocols: must match the associated route's protocols)"
    );
}
