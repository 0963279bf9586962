//! Newtypes for values that must not be swapped, and the ids that Kong would give.

use uuid::Uuid;

/// A worker's number, from zero; the thread with this number is pinned to the core of the same rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreId(pub u16);

/// A configuration's place in the order of installs; the first snapshot is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// A route's index in the snapshot's route table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteIndex(pub u32);

/// A service's index in the snapshot's service table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceIndex(pub u32);

/// An upstream's index in the snapshot's upstream table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamIndex(pub u32);

/// The namespace of all entity namespaces in Kong's declarative import.
const KONG_ENTITIES: Uuid = uuid::uuid!("fd02801f-0957-4a15-a55a-c8d9606f30b5");

/// The id that Kong gives an entity without one when it imports a declarative file: a version 5 UUID of
/// `name` in the namespace of `entity`, itself a version 5 UUID. `entity` is the plural (`services`); a
/// target's name is `target:port:upstream-id`, since it is unique in its upstream only.
pub fn kong_id(entity: &str, name: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::new_v5(&KONG_ENTITIES, entity.as_bytes()),
        name.as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::kong_id;

    #[test]
    fn ids_are_version_five_and_differ_by_entity_and_name() {
        let id = kong_id("services", "orders");
        assert_eq!(id.get_version_num(), 5);
        assert_eq!(id, kong_id("services", "orders"));
        assert_ne!(id, kong_id("routes", "orders"));
        assert_ne!(id, kong_id("services", "order"));
    }
}
