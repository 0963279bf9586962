//! `GET /config/lint`: what of the running configuration is most likely not meant.

use serde_json::Value;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::Api;
use super::backend::Backend;
use super::reply::Reply;
use crate::config::Stored;
use crate::entity::Entities;
use crate::entity::Kind;
use crate::entity::Origin;
use crate::lint;
use crate::lint::Finding;
use crate::lint::Lint;

/// `GET /config/lint`
pub(super) async fn list<B: Backend>(api: &Api<B>) -> Reply {
    let Some((model, places)) = api.control.placed().await else {
        return Reply::leaving();
    };
    let Ok(unserved) = api.backend.read(unserved).await else {
        return Reply::leaving();
    };
    let found = spawn_blocking(move || lint::lint(&model, &places)).await;
    match found {
        Ok(found) => {
            let all = found.iter().chain(&unserved);
            let data: Vec<Value> = all.map(Finding::value).collect();
            Reply::ok(json!({ "data": data, "next": null }))
        }
        Err(_) => Reply::unexpected(),
    }
}

/// What is stored and no part of a model, as the data plane does not speak its protocols.
fn unserved(entities: &Entities) -> Vec<Finding> {
    let rows = [Kind::Services, Kind::Routes];
    let rows = rows.into_iter().flat_map(|kind| entities.iter(kind));
    let stored = rows.filter(|row| *row.origin == Origin::Store);
    let findings = stored.filter_map(|row| {
        let (kind, id) = (row.kind.as_str(), row.id);
        let why = Stored::default().put(row.kind, id, Some(row.raw)).err()?;
        let document = row.doc();
        let name = document.get("name").and_then(Value::as_str);
        let one = kind.trim_end_matches('s');
        let called = name.map_or_else(|| id.to_string(), str::to_owned);
        Some(Finding {
            lint: Lint::Unserved,
            kind,
            id,
            name: name.map(str::to_owned),
            place: format!("/{kind}/{id}").into(),
            message: format!("{one} `{called}` is stored and not served: {why}"),
            other: None,
        })
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::unserved;
    use crate::entity::Entities;
    use crate::entity::Env;
    use crate::entity::Kind;
    use crate::plugin::registry::Registry;

    #[test]
    fn what_nobody_speaks_is_told() {
        let mut entities = Entities::new(&Registry);
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(1_700_000_000_000, &mut new_id);
        for (kind, input) in [
            (Kind::Services, json!({ "name": "h", "host": "a.test" })),
            (
                Kind::Services,
                json!({ "name": "g", "host": "a.test", "protocol": "grpc" }),
            ),
            (
                Kind::Routes,
                json!({ "name": "t", "protocols": ["tcp"], "sources": [{ "port": 1 }] }),
            ),
            (Kind::Routes, json!({ "name": "r", "paths": ["/r"] })),
        ] {
            let input = input.as_object().cloned().unwrap_or_default();
            entities.insert(kind, input, &mut env).unwrap();
        }
        let told: Vec<String> = unserved(&entities)
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        assert_eq!(
            told,
            [
                "service `g` is stored and not served: only services over http are served yet",
                "route `t` is stored and not served: only http routes are served yet",
            ]
        );
    }
}
