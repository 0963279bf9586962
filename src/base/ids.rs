//! Newtypes for values that must not be swapped, and ids derived from names.

use uuid::Uuid;

/// A worker's number, from zero; the thread with this number is pinned to the core of the same rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreId(pub u16);

/// A configuration's place in the order of installs; the first snapshot is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// The id that Kong gives to an entity which a declarative configuration names without an id: a UUID of
/// version 5 over the name, in a namespace of its own for each entity type (`routes`, `services`, ...).
///
/// The order of routes depends on it when nothing else tells two routes apart.
pub fn kong_id(entity: &str, name: &str) -> Uuid {
    const ENTITIES: Uuid = Uuid::from_u128(0xfd02_801f_0957_4a15_a55a_c8d9_606f_30b5);
    let namespace = Uuid::new_v5(&ENTITIES, entity.as_bytes());
    Uuid::new_v5(&namespace, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::kong_id;

    #[test]
    fn names_become_the_ids_that_kong_derives() {
        let id = kong_id("routes", "dup2").to_string();
        assert_eq!(id, "592e92ca-d5ae-51db-bebe-a3a5186ddaab");
        assert!(kong_id("routes", "dup2") > kong_id("routes", "dup1"));
        assert!(kong_id("routes", "both-http") > kong_id("routes", "both-https"));
    }
}
