//! The collection as a whole: what refers to what, what is kept, what is taken back.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Change;
use super::Entities;
use super::Origin;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Field;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::entity::Misfit;
use crate::entity::PluginSchema;
use crate::entity::PluginSchemas;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Tags;
use crate::entity::Transform;
use crate::entity::Type;

/// One plugin, which has something of everything.
#[derive(Debug)]
struct Plugins;

impl PluginSchemas for Plugins {
    fn schema(&self, name: &str) -> Option<PluginSchema> {
        (name == "limit").then_some(PluginSchema {
            config: &LIMIT,
            consumer_scope: true,
            denies: true,
            protocols: PluginSchema::HTTP,
        })
    }

    fn names(&self) -> Vec<&'static str> {
        vec!["limit"]
    }

    fn transform(&self, kind: Kind) -> Option<Transform> {
        (kind == Kind::BasicauthCredentials).then_some(Transform {
            field: "password",
            apply: |password, stored| match stored {
                Some(stored) if stored == password => stored.to_owned(),
                Some(_) | None => format!("hashed {password}"),
            },
        })
    }
}

const LIMIT: Schema = Schema {
    fields: &[
        Field::number("minute", "").rules(&[Rule::GreaterThan(0.0)]),
        Field::number("hour", "").rules(&[Rule::GreaterThan(0.0)]),
        Field::record(
            "redis",
            &[
                Field::text("host", ""),
                Field::integer("port", "").preset(Preset::Int(6_379)),
            ],
            "",
        )
        .required(),
        Field::text("redis_host", "").alias(&["redis", "host"]),
        Field::text("window", "")
            .preset(Preset::Text("fixed"))
            .extension(),
        Field::new("names", Type::Set(&crate::entity::Element::TEXT), ""),
    ],
    checks: &[
        Check::Custom(|config| {
            let limit = |name| config.get(name).and_then(Value::as_f64);
            match (limit("minute"), limit("hour")) {
                (Some(minute), Some(hour)) if hour < minute => {
                    Err(Misfit::whole("an hour is longer than a minute"))
                }
                _ => Ok(()),
            }
        }),
        Check::AtLeastOneOf(&["minute", "hour"]),
    ],
};

/// A collection with a clock and a source of ids.
struct World {
    entities: Entities,
    ids: u128,
    now_ms: u64,
}

impl World {
    fn new() -> Self {
        Self {
            entities: Entities::new(&Plugins),
            ids: 0,
            now_ms: 1_700_000_000_000,
        }
    }

    fn write<T>(&mut self, operation: impl FnOnce(&mut Entities, &mut Env<'_>) -> T) -> T {
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        operation(&mut self.entities, &mut Env::new(self.now_ms, &mut new_id))
    }

    fn insert(&mut self, kind: Kind, input: Value) -> Result<(Document, Vec<Change>), Error> {
        self.write(|entities, env| entities.insert(kind, object(input), env))
    }

    /// The id of a new entity.
    fn add(&mut self, kind: Kind, input: Value) -> Uuid {
        let (document, _) = self.insert(kind, input).unwrap();
        id_of(&document)
    }

    fn patch(&mut self, kind: Kind, id: Uuid, input: Value) -> Result<Document, Error> {
        let result = self.write(|entities, env| entities.update(kind, id, object(input), env));
        result.map(|(document, _)| document)
    }

    fn put(&mut self, kind: Kind, key: &str, input: Value) -> Result<Document, Error> {
        let result = self.write(|entities, env| entities.upsert(kind, key, object(input), env));
        result.map(|(document, _)| document)
    }

    /// Everything that is there.
    fn all(&self) -> Vec<(Kind, Uuid, Vec<u8>)> {
        let rows = Kind::ALL
            .into_iter()
            .flat_map(|kind| self.entities.iter(kind));
        rows.map(|row| (row.kind, row.id, row.raw.to_vec()))
            .collect()
    }
}

fn object(value: Value) -> Document {
    value.as_object().cloned().unwrap()
}

fn id_of(document: &Document) -> Uuid {
    document["id"].as_str().unwrap().parse().unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().message
}

#[test]
fn a_row_keeps_what_does_not_go_without_saying() {
    let mut world = World::new();
    let id = world.add(
        Kind::Services,
        json!({"name": "s", "host": "a.test", "retries": null, "port": 80}),
    );
    let row = world.entities.row(Kind::Services, id).unwrap();
    let kept: Value = serde_json::from_slice(row.raw).unwrap();
    assert_eq!(
        kept,
        json!({
            "name": "s",
            "host": "a.test",
            "retries": null,
            "created_at": 1_700_000_000,
            "updated_at": 1_700_000_000,
        })
    );
    let shown = row.doc();
    assert_eq!(shown["retries"], Value::Null);
    assert_eq!(shown["port"], json!(80));
    assert_eq!(shown["tls_verify"], Value::Null);
}

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
fn a_consumer_takes_its_credentials_and_plugins_along() {
    let mut world = World::new();
    let alice = world.add(Kind::Consumers, json!({"username": "alice"}));
    let bob = world.add(Kind::Consumers, json!({"username": "bob"}));
    let before = world.all();
    for input in [json!({"key": "k"}), json!({})] {
        let mut input = input;
        input["consumer"] = json!({"username": "alice"});
        world.add(Kind::KeyauthCredentials, input);
    }
    world.add(Kind::Acls, json!({"group": "g", "consumer": {"id": alice}}));
    let scoped = json!({"name": "limit", "config": {"hour": 1}, "consumer": {"id": alice}});
    world.add(Kind::Plugins, scoped);
    let full = world.all();

    let changes = world.entities.delete(Kind::Consumers, alice).unwrap();
    assert_eq!(changes.len(), 5);
    assert_eq!(changes.last().unwrap().kind, Kind::Consumers);
    assert_eq!(world.all().len(), before.len() - 1);
    assert!(world.entities.get(Kind::Consumers, bob).is_some());
    assert!(world.entities.find(Kind::KeyauthCredentials, "k").is_none());

    world.entities.undo(&changes);
    assert_eq!(world.all(), full);
    assert!(world.entities.find(Kind::KeyauthCredentials, "k").is_some());
}

#[test]
fn a_service_stays_while_a_route_needs_it() {
    let mut world = World::new();
    let service = world.add(Kind::Services, json!({"name": "s", "host": "a.test"}));
    let route = json!({"paths": ["/"], "service": {"name": "s"}});
    let route = world.add(Kind::Routes, route);
    let scoped = json!({"name": "limit", "config": {"hour": 1}, "service": {"id": service}});
    world.add(Kind::Plugins, scoped);
    let refusal = world.entities.delete(Kind::Services, service);
    assert_eq!(
        refused(refusal),
        "an existing 'routes' entity references this 'services' entity"
    );
    world.entities.delete(Kind::Routes, route).unwrap();
    assert_eq!(
        world
            .entities
            .delete(Kind::Services, service)
            .unwrap()
            .len(),
        2
    );
    assert_eq!(world.entities.delete(Kind::Services, service).unwrap(), []);
    assert!(world.all().is_empty());
}

const CERT: &str = include_str!("../../../tests/tls/cert.pem");
const KEY: &str = include_str!("../../../tests/tls/key.pem");
const RSA_CERT: &str = include_str!("../../../tests/tls/rsa-cert.pem");
const RSA_KEY: &str = include_str!("../../../tests/tls/rsa-key.pem");
const EXPIRED: &str = include_str!("../../../tests/tls/expired-cert.pem");

#[test]
fn an_authority_is_one_certificate_in_force_that_may_sign() {
    let mut world = World::new();
    let mut add = |cert: &str| {
        // Whatever is said of its digest, it has its own.
        let input = json!({ "cert": cert, "cert_digest": "00" });
        world.insert(Kind::CaCertificates, input)
    };
    let (added, _) = add(CERT).unwrap();
    let digest = added["cert_digest"].as_str().unwrap().to_owned();
    assert_eq!(digest.len(), 64);
    for (cert, fault) in [
        (
            CERT.to_owned(),
            format!("UNIQUE violation detected on '{{cert_digest=\"{digest}\"}}'"),
        ),
        (
            CERT.repeat(2),
            "schema violation (please submit only one certificate at a time)".to_owned(),
        ),
        (
            EXPIRED.to_owned(),
            "schema violation (certificate expired, \"Not After\" time is in the past)".to_owned(),
        ),
        (
            RSA_CERT.to_owned(),
            "schema violation (certificate does not appear to be a CA because it is missing the \"CA\" basic \
             constraint)"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(add(&cert)), fault);
    }
}

#[test]
fn a_certificate_comes_with_its_own_key() {
    let mut world = World::new();
    let good = json!({"cert": CERT, "key": KEY, "cert_alt": RSA_CERT, "key_alt": RSA_KEY});
    let id = world.add(Kind::Certificates, good);
    let mut fault = |change: Value| refused(world.patch(Kind::Certificates, id, change));
    assert_eq!(
        fault(json!({ "key": RSA_KEY })),
        "schema violation (certificate does not match key)"
    );
    assert_eq!(
        fault(json!({ "key_alt": KEY })),
        "schema violation (alternative certificate does not match key)"
    );
    assert_eq!(
        fault(json!({ "cert_alt": CERT, "key_alt": KEY })),
        "schema violation (certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), \
         the provided certificates were both of the same type)"
    );
}

#[test]
fn an_authority_stays_while_a_service_lists_it() {
    let mut world = World::new();
    let authority = world.add(Kind::CaCertificates, json!({ "cert": CERT }));
    let service = json!({"host": "a.test", "protocol": "https", "ca_certificates": [authority]});
    let service = world.add(Kind::Services, service);
    let refusal = world.entities.delete(Kind::CaCertificates, authority);
    assert_eq!(
        refused(refusal),
        format!("ca certificate {authority} is still referenced by services (id = {service})")
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

#[test]
fn certificates_list_their_server_names() {
    let mut world = World::new();
    let pair = |snis: Value| json!({"cert": CERT, "key": KEY, "snis": snis});
    let inserted = world.insert(Kind::Certificates, pair(json!(["b.test", "a.test"])));
    let (first, changes) = inserted.unwrap();
    assert_eq!(first["snis"], json!(["a.test", "b.test"]));
    assert_eq!(changes.len(), 3);
    assert_eq!(
        refused(world.insert(Kind::Certificates, pair(json!(["a.test"])))),
        format!(
            "schema violation (snis: a.test already associated with existing certificate '{}')",
            id_of(&first)
        )
    );
    let renamed = world.patch(
        Kind::Certificates,
        id_of(&first),
        json!({"snis": ["c.test", "a.test"]}),
    );
    assert_eq!(renamed.unwrap()["snis"], json!(["a.test", "c.test"]));
    let untouched = world.patch(Kind::Certificates, id_of(&first), json!({"tags": ["t"]}));
    assert_eq!(untouched.unwrap()["snis"], json!(["a.test", "c.test"]));
    world
        .entities
        .delete(Kind::Certificates, id_of(&first))
        .unwrap();
    assert_eq!(world.entities.count(Kind::Snis), 0);
}

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

#[test]
fn pages_follow_each_other_without_a_gap() {
    let mut world = World::new();
    for n in 0..7 {
        let tags = if n % 2 == 0 {
            json!(["even", "all"])
        } else {
            json!(["all"])
        };
        world.add(Kind::Services, json!({"host": "a.test", "tags": tags}));
    }
    let walk = |filter: Filter| {
        let (mut offset, mut lengths) = (None, Vec::new());
        loop {
            let page = world
                .entities
                .list(Kind::Services, &filter, 3, offset.as_deref());
            let page = page.unwrap();
            lengths.push(page.data.len());
            match page.offset {
                Some(next) => offset = Some(next),
                None => return lengths,
            }
        }
    };
    let tagged = |tags| Filter {
        tags,
        ..Filter::default()
    };
    assert_eq!(walk(Filter::default()), [3, 3, 1]);
    assert_eq!(
        walk(tagged(Tags::AllOf(vec!["all".into(), "even".into()]))),
        [3, 1]
    );
    assert_eq!(
        walk(tagged(Tags::AnyOf(vec!["even".into(), "all".into()]))),
        [3, 3, 1]
    );
    assert_eq!(walk(tagged(Tags::AllOf(vec!["none".into()]))), [0]);
    assert_eq!(world.entities.tagged(Some("even")).count(), 4);
    assert_eq!(world.entities.tagged(None).count(), 11);
}

#[test]
fn what_names_no_entity_is_told() {
    let mut world = World::new();
    assert_eq!(
        world
            .put(Kind::Services, "bad name!", json!({"host": "a.test"}))
            .unwrap_err()
            .name,
        "invalid unique name"
    );
    let refusal = world.put(Kind::CaCertificates, "x", json!({}));
    assert_eq!(
        refused(refusal),
        "invalid primary key: '{id=\"expected a valid UUID\"}'"
    );
    world.add(Kind::Upstreams, json!({"name": "u"}));
    let target = json!({"weight": 1, "upstream": {"name": "u"}});
    assert_eq!(
        world
            .put(Kind::Targets, "a.test:1", target.clone())
            .unwrap_err()
            .status(),
        404
    );
    world.add(
        Kind::Targets,
        json!({"target": "a.test:1", "upstream": {"name": "u"}}),
    );
    let changed = world.put(Kind::Targets, "a.test:1", target).unwrap();
    assert_eq!(changed["weight"], json!(1));
}

#[test]
fn a_change_must_leave_an_entity_that_is_right() {
    let mut world = World::new();
    let id = world.add(Kind::Consumers, json!({"username": "alice"}));
    assert_eq!(
        refused(world.patch(Kind::Consumers, id, json!({"username": null}))),
        "schema violation (when updating, at least one of these fields must be non-empty: \
         'custom_id', 'username')"
    );
    let ghost = world.patch(Kind::Consumers, Uuid::max(), json!({}));
    assert_eq!(ghost.unwrap_err().code, 6);
}

#[test]
fn references_that_lead_nowhere_are_blamed_for_what_they_hold() {
    let mut world = World::new();
    let mut fault = |service: Value| {
        refused(world.insert(Kind::Routes, json!({"paths": ["/"], "service": service})))
    };
    assert_eq!(
        fault(json!({})),
        "schema violation (service.id: missing primary key)"
    );
    assert_eq!(
        fault(json!({"id": "nope"})),
        "schema violation (service.id: expected a valid UUID)"
    );
    assert_eq!(
        fault(json!({"nme": "x"})),
        "schema violation (service.nme: unknown field)"
    );
    assert_eq!(
        fault(json!("x")),
        "schema violation (service.id: missing primary key)"
    );
}

fn file_row(
    world: &mut World,
    kind: Kind,
    input: Value,
    place: &str,
) -> (Kind, Uuid, Document, Box<str>) {
    let document = world.write(|entities, env| entities.check(kind, object(input), env));
    let document = document.unwrap();
    (kind, id_of(&document), document, place.into())
}

#[test]
fn entities_of_files_are_read_only() {
    let mut world = World::new();
    let row = file_row(
        &mut world,
        Kind::Services,
        json!({"name": "f", "host": "a.test"}),
        "a.toml:3",
    );
    let id = row.1;
    world.entities.replace_file_rows(vec![row]).unwrap();
    assert_eq!(
        world.entities.row(Kind::Services, id).unwrap().origin,
        &Origin::File("a.toml:3".into())
    );
    let refusal = world
        .patch(Kind::Services, id, json!({"port": 1}))
        .unwrap_err();
    assert_eq!((refusal.code, refusal.status()), (12, 405));
    assert_eq!(
        refusal.message,
        "cannot update 'services' entities that stand in a file: a.toml:3"
    );
    assert_eq!(
        world
            .put(Kind::Services, "f", json!({"host": "b.test"}))
            .unwrap_err()
            .code,
        12
    );
    assert_eq!(
        world.entities.delete(Kind::Services, id).unwrap_err().code,
        12
    );
    world.add(
        Kind::Routes,
        json!({"paths": ["/"], "service": {"name": "f"}}),
    );
    let refusal = world.entities.delete(Kind::Services, id).unwrap_err();
    assert_eq!(
        refusal.message,
        "cannot remove 'services' entities that stand in a file: a.toml:3"
    );
    let same = json!({"name": "f", "host": "b.test"});
    let clash = world.insert(Kind::Services, same).unwrap_err();
    assert_eq!(
        clash.discreet(Kind::Services).body(),
        json!({
            "code": 5,
            "name": "unique constraint violation",
            "message": "UNIQUE violation detected on '{name=\"f\"}' (it stands in a.toml:3)",
            "fields": {"name": "f"},
        })
    );
    let same = json!({"id": id, "host": "b.test"});
    assert_eq!(
        refused(world.insert(Kind::Services, same)),
        format!("primary key violation on key '{{id=\"{id}\"}}' (it stands in a.toml:3)")
    );
    let nowhere = json!({"host": "b.test", "client_certificate": {"name": 1}});
    assert_eq!(
        world.put(Kind::Services, "f", nowhere).unwrap_err().code,
        12
    );
}

#[test]
fn entities_of_files_come_all_at_once_or_not_at_all() {
    let mut world = World::new();
    world.add(Kind::Services, json!({"name": "s", "host": "a.test"}));
    let first = file_row(
        &mut world,
        Kind::Services,
        json!({"name": "f", "host": "a.test"}),
        "a.toml:1",
    );
    world.entities.replace_file_rows(vec![first]).unwrap();
    world.add(
        Kind::Routes,
        json!({"paths": ["/"], "service": {"name": "f"}}),
    );
    let before = world.all();

    let taken = file_row(
        &mut world,
        Kind::Services,
        json!({"name": "s", "host": "a.test"}),
        "a.toml:5",
    );
    let nowhere = json!({"paths": ["/"], "service": {"id": Uuid::max()}});
    let nowhere = file_row(&mut world, Kind::Routes, nowhere, "a.toml:9");
    let clashes = world
        .entities
        .replace_file_rows(vec![taken, nowhere])
        .unwrap_err();
    let told: Vec<(&str, Option<Origin>, &str)> = clashes
        .iter()
        .map(|clash| (&*clash.place, clash.other.clone(), clash.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "a.toml:5",
                Some(Origin::Store),
                "UNIQUE violation detected on '{name=\"s\"}'"
            ),
            (
                "a.toml:9",
                None,
                "the foreign key '{id=\"ffffffff-ffff-ffff-ffff-ffffffffffff\"}' does not \
                 reference an existing 'services' entity."
            ),
            (
                "a.toml:1",
                Some(Origin::Store),
                "an existing 'routes' entity references this 'services' entity"
            ),
        ]
    );
    assert_eq!(world.all(), before);
}

#[test]
fn rows_come_back_from_a_store_as_they_were() {
    let mut world = World::new();
    let service = world.add(
        Kind::Services,
        json!({"name": "s", "host": "a.test", "tags": ["t"]}),
    );
    world.add(
        Kind::Routes,
        json!({"paths": ["/"], "service": {"id": service}}),
    );
    let mut other = World::new();
    for (kind, id, raw) in world.all() {
        other.entities.restore(kind, id, raw.into()).unwrap();
    }
    assert_eq!(other.all(), world.all());
    assert_eq!(other.entities.find(Kind::Services, "s").unwrap().0, service);
    assert!(other.entities.delete(Kind::Services, service).is_err());
    assert_eq!(other.entities.tagged(Some("t")).count(), 1);
    let garbage = Box::from(&b"{"[..]);
    assert!(
        other
            .entities
            .restore(Kind::Services, Uuid::nil(), garbage)
            .is_err()
    );
}

mod properties {
    use super::*;

    use proptest::prelude::*;

    /// Any JSON, with the names of fields that there are.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2..70_000_i64).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[ -~]{0,8}".prop_map(Value::from),
            prop_oneof![
                Just("http"),
                Just("grpc"),
                Just("tcp"),
                Just("a.test"),
                Just("/a"),
                Just("limit"),
                Just("header"),
                Just("ip"),
                Just("00000000-0000-0000-0000-000000000001"),
            ]
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any_name(), inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_name() -> impl Strategy<Value = String> {
        let names: Vec<&str> = Kind::ALL
            .into_iter()
            .flat_map(|kind| kind.entity().schema.fields.iter().map(|field| field.name))
            .chain(["url", "snis", "active", "healthy", "minute", "redis", "x"])
            .collect();
        prop::sample::select(names).prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn any_input_is_refused_or_accepted_for_good(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            members in prop::collection::btree_map(any_name(), any_json(), 0..8),
        ) {
            let mut world = World::new();
            let consumer = json!({"id": "00000000-0000-0000-0000-000000000001", "username": "c"});
            world.insert(Kind::Consumers, consumer).unwrap();
            let mut input: Document = members.into_iter().collect();
            let defaults = [("host", "a.test"), ("name", "limit"), ("username", "u"), ("group", "g")];
            for (field, value) in defaults {
                if kind.entity().schema.field(field).is_some() {
                    input.entry(field).or_insert(value.into());
                }
            }
            let Ok((shown, _)) = world.insert(kind, Value::Object(input)) else {
                return Ok(());
            };
            // Whatever is shown can be put back, and is then the same but for its time.
            let id = id_of(&shown).to_string();
            let again = world.put(kind, &id, Value::Object(shown.clone()));
            prop_assert_eq!(again, Ok(shown));
        }
    }
}
