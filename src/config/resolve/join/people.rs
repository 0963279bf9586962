//! Consumers and credentials, none of which presents what another does.

use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::source::Place;
use crate::plugin::Consumer;
use crate::plugin::Credential;
use crate::plugin::Secret;

use super::Placed;
use super::unique::Unique;

/// Everybody.
pub(super) struct People {
    pub(super) consumers: Unique<Consumer>,
    pub(super) credentials: Vec<Arc<Credential>>,
    /// Where the credentials stand.
    pub(super) places: Vec<(Uuid, Place)>,
}

/// Everybody in all parts.
pub(super) fn join(placed: &mut [Placed], sink: &mut Sink) -> People {
    let mut consumers = Unique::new("consumer", 0);
    let mut custom_ids: HashMap<Box<str>, Place> = HashMap::default();
    let mut presented: HashMap<(u8, Box<str>), Place> = HashMap::default();
    let mut credentials = Vec::new();
    let mut places = Vec::new();
    for Placed { base, part } in placed.iter_mut() {
        for entry in &mut part.consumers {
            consumers.add(entry, *base, sink);
            if let Some(custom_id) = &entry.value.custom_id {
                let place = entry.at.moved(*base);
                if let Some(first) = custom_ids.insert(custom_id.clone(), place) {
                    let message = format!("duplicate consumer custom_id `{custom_id}`");
                    sink.add(Code::DuplicateEntity, place, message)
                        .first_at(first);
                }
            }
        }
        for entry in &part.credentials {
            let place = entry.at.moved(*base);
            let key = what_is_presented(&entry.value);
            if let Some(first) = presented.insert(key, place) {
                // What is presented is a secret in some kinds, so no message repeats it.
                let message = "another credential of this kind presents the same";
                sink.add(Code::DuplicateEntity, place, message)
                    .first_at(first);
            }
            places.push((entry.value.id, place));
            credentials.push(Arc::clone(&entry.value));
        }
    }
    People {
        consumers,
        credentials,
        places,
    }
}

fn what_is_presented(credential: &Credential) -> (u8, Box<str>) {
    match &credential.secret {
        Secret::Key { key } => (0, key.clone()),
        Secret::Basic { username, .. } => (1, username.clone()),
        Secret::Hmac { username, .. } => (2, username.clone()),
        Secret::Jwt(jwt) => (3, jwt.key.clone()),
        Secret::Group { group } => (4, format!("{}:{group}", credential.consumer).into()),
    }
}
