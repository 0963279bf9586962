//! Credentials: how long they live, and what is kept of passwords.

use super::*;

#[test]
fn credentials_end_when_their_time_has_come() {
    let mut world = World::new();
    world.add(Kind::Consumers, json!({"username": "alice"}));
    let key = json!({"key": "k", "ttl": 60, "consumer": {"username": "alice"}});
    let id = world.add(Kind::KeyauthCredentials, key);
    let start = world.now_ms / 1000;
    assert_eq!(world.entities.expire(start + 20), []);
    let shown = world.entities.get(Kind::KeyauthCredentials, id).unwrap();
    assert_eq!(shown["ttl"], json!(40));
    assert!(shown.get("expires_at").is_none());
    world.now_ms += 30_000;
    let changed = world.patch(Kind::KeyauthCredentials, id, json!({"tags": ["t"]}));
    assert_eq!(changed.unwrap()["ttl"], json!(30));
    assert_eq!(world.entities.expire(start + 59).len(), 0);
    assert_eq!(world.entities.expire(start + 60).len(), 1);
    assert!(world.entities.get(Kind::KeyauthCredentials, id).is_none());
}

#[test]
fn passwords_are_transformed_when_they_are_given() {
    let mut world = World::new();
    world.add(Kind::Consumers, json!({"username": "alice"}));
    let input = json!({"username": "al", "password": "pw", "consumer": {"username": "alice"}});
    let id = world.add(Kind::BasicauthCredentials, input.clone());
    let password = |world: &World| {
        let shown = world.entities.get(Kind::BasicauthCredentials, id).unwrap();
        shown["password"].clone()
    };
    assert_eq!(password(&world), json!("hashed pw"));
    world
        .patch(Kind::BasicauthCredentials, id, json!({"tags": ["t"]}))
        .unwrap();
    assert_eq!(password(&world), json!("hashed pw"));
    world
        .patch(Kind::BasicauthCredentials, id, json!({"password": "new"}))
        .unwrap();
    assert_eq!(password(&world), json!("hashed new"));
    world
        .patch(
            Kind::BasicauthCredentials,
            id,
            json!({"password": "hashed new"}),
        )
        .unwrap();
    assert_eq!(password(&world), json!("hashed new"));
    world.write(|entities, env| {
        for (given, of) in [
            ("other", None),
            ("another", Some(id)),
            ("a", Some(Uuid::nil())),
        ] {
            env.ready
                .put(of, given.to_owned(), format!("ready {given}"));
            let input = object(json!({ "password": given }));
            let updated = entities.update(Kind::BasicauthCredentials, id, input, env);
            let word = if given == "a" { "hashed" } else { "ready" };
            assert_eq!(updated.unwrap().0["password"], format!("{word} {given}"));
        }
    });
    world.write(|entities, env| {
        env.transforms = false;
        let result = entities.upsert(Kind::BasicauthCredentials, "al", object(input), env);
        assert_eq!(result.unwrap().0["password"], json!("pw"));
    });
}

#[test]
fn keys_that_are_made_up_are_32_letters_and_digits() {
    let mut world = World::new();
    world.add(Kind::Consumers, json!({"username": "alice"}));
    let mut new_id = Uuid::new_v4;
    let mut keys = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let mut env = Env::new(1_700_000_000_000, &mut new_id);
        let input = object(json!({"consumer": {"username": "alice"}}));
        let inserted = world
            .entities
            .insert(Kind::KeyauthCredentials, input, &mut env);
        let key = inserted.unwrap().0["key"].as_str().unwrap().to_owned();
        assert_eq!(key.len(), 32);
        assert!(key.bytes().all(|b| b.is_ascii_alphanumeric()));
        keys.insert(key);
    }
    assert_eq!(keys.len(), 50);
}
