//! What a marketplace's entities cost in memory when they come over REST: services with a route and three plugins
//! each, as many consumers with four credentials each. A fifth of the marketplace is measured, which tells the same.

#[path = "footprint/counting.rs"]
mod counting;

use counting::held;
use serde_json::Value;
use serde_json::json;
use silverback::entity::Entities;
use silverback::entity::Env;
use silverback::entity::Kind;
use silverback::plugin::registry::Registry;
use uuid::Uuid;

const APIS: usize = 3_000;
/// Ten entities for each; 15,000 make 60 MB.
const MEGABYTES_MAX: f64 = 12.0;

/// One test, because the counts are the process's.
#[test]
fn a_marketplace_fits() {
    let before = held();
    let mut entities = Entities::new(&Registry);
    let mut add = |kind: Kind, input: Value| {
        let input = input.as_object().cloned().unwrap();
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(1_700_000_000_000, &mut new_id);
        let (document, _) = entities.insert(kind, input, &mut env).unwrap();
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
        "{count} entities: {megabytes:.1} MB, of which {:.1} are their bytes",
        raw as f64 / 1e6
    );
    assert!(megabytes < MEGABYTES_MAX, "{megabytes:.1} MB");
}
