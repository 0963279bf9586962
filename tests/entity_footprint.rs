//! What a marketplace's entities cost in memory when they come over REST: 15,000 services with a route and three plugins
//! each, 15,000 consumers with four credentials each.

#[path = "footprint/counting.rs"]
mod counting;

use counting::held;
use serde_json::Value;
use serde_json::json;
use silverback::base::clock;
use silverback::entity::Entities;
use silverback::entity::Env;
use silverback::entity::Kind;
use silverback::plugin::registry::Registry;
use uuid::Uuid;

const APIS: usize = 15_000;

fn since(begun: clock::Instant) -> std::time::Duration {
    std::time::Duration::from_nanos(clock::now().nanos_since(begun))
}

/// One test, because the counts are the process's.
#[test]
fn a_marketplace_fits() {
    let before = held();
    let mut entities = Entities::new(&Registry);
    let mut slowest = std::time::Duration::ZERO;
    let begun = clock::now();
    let mut add = |kind: Kind, input: Value| {
        let input = input.as_object().cloned().unwrap();
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(1_700_000_000_000, &mut new_id);
        let begun = clock::now();
        let (document, _) = entities.insert(kind, input, &mut env).unwrap();
        slowest = slowest.max(since(begun));
        json!({ "id": document["id"] })
    };
    for n in 0..APIS {
        let host = format!("origin-{n}.internal");
        let service = json!({"name": format!("api-{n}"), "host": host, "port": 8080});
        let service = add(Kind::Services, service);
        let route = json!({
            "name": format!("api-{n}"),
            "hosts": [format!("api-{n}.market.test")],
            "service": service,
        });
        add(Kind::Routes, route);
        for (name, config) in [
            ("key-auth", json!({})),
            ("rate-limiting", json!({"minute": 600})),
            ("correlation-id", json!({})),
        ] {
            add(
                Kind::Plugins,
                json!({"name": name, "config": config, "service": service}),
            );
        }
        let consumer = add(
            Kind::Consumers,
            json!({"username": format!("consumer-{n}")}),
        );
        for _ in 0..4 {
            add(Kind::KeyauthCredentials, json!({ "consumer": consumer }));
        }
    }
    let took = since(begun);
    let count: usize = Kind::ALL.into_iter().map(|kind| entities.count(kind)).sum();
    let raw: usize = Kind::ALL
        .into_iter()
        .flat_map(|kind| {
            entities
                .iter(kind)
                .map(|row| row.raw.len())
                .collect::<Vec<_>>()
        })
        .sum();
    let megabytes = held() - before;
    println!(
        "{count} entities: {megabytes:.1} MB, of which {:.1} are their bytes; {:?} each, {slowest:?} at most",
        raw as f64 / 1e6,
        took / count as u32,
    );
    assert!(megabytes < 60.0, "{megabytes:.1} MB");
}
