//! An entity of each kind as a client would write it, for the document and for whoever tries the API by it.

use serde_json::Value;
use serde_json::json;

use crate::entity::Kind;

/// What may be sent to add one.
pub(in crate::admin) fn of(kind: Kind) -> Value {
    match kind {
        Kind::Services => json!({ "name": "orders", "url": "http://orders.internal:9000/base" }),
        Kind::Routes => {
            json!({ "name": "orders", "hosts": ["api.example.com"], "paths": ["/orders"] })
        }
        Kind::Consumers => json!({ "username": "alice", "custom_id": "c-1" }),
        Kind::Plugins => json!({ "name": "key-auth", "config": { "key_names": ["apikey"] } }),
        Kind::Upstreams => json!({ "name": "orders.internal", "algorithm": "least-connections" }),
        Kind::Targets => json!({ "target": "10.0.0.1:9000", "weight": 100 }),
        Kind::Certificates => json!({
            "cert": "-----BEGIN CERTIFICATE-----…",
            "key": "-----BEGIN PRIVATE KEY-----…",
        }),
        Kind::Snis => json!({ "name": "api.example.com" }),
        Kind::CaCertificates => json!({ "cert": "-----BEGIN CERTIFICATE-----…" }),
        Kind::KeyauthCredentials => json!({ "key": "k-alice" }),
        Kind::BasicauthCredentials => json!({ "username": "alice", "password": "correct horse" }),
        Kind::HmacauthCredentials => json!({ "username": "alice", "secret": "battery staple" }),
        Kind::JwtSecrets => {
            json!({ "key": "issuer-1", "algorithm": "HS256", "secret": "battery staple" })
        }
        Kind::Acls => json!({ "group": "gold" }),
        Kind::Vaults => {
            json!({ "prefix": "my-env", "name": "env", "config": { "prefix": "ORDERS_" } })
        }
    }
}
