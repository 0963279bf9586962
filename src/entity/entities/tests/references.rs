//! What refers to what: what leaves with it, and what keeps it.

use super::certificates::CERT;
use super::*;

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
