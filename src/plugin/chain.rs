//! The plugins that the requests of a route meet, in the order of their priorities.
//!
//! Of each kind a request meets one at most (Kong's rule): the one with the most specific scope. Which one that is may
//! depend on the consumer, who is known only once an authentication plugin has run, so a place in the
//! chain holds the choice for everybody and, where there are any, the choices for single consumers.

use std::sync::Arc;

use foldhash::HashMap;
use smallvec::SmallVec;
use uuid::Uuid;

use super::Compiled;
use super::Configured;
use super::Definition;
use super::Needs;
use super::Own;

/// What a plugin is put on; nothing at all is everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Requests to this service.
    pub service: Option<Uuid>,
    /// Requests of this route.
    pub route: Option<Uuid>,
    /// Requests of this consumer.
    pub consumer: Option<Uuid>,
}

/// The plugins of a route.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    places: Places,
    needs: Needs,
}

/// The few that are usual stand within the route's plan, which is read just before.
type Places = SmallVec<[Place; 3]>;

/// The plugins of one kind. All places of a chain lie side by side, and are all that a request of one among many
/// routes has to fetch of its plugins.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Whoever the consumer is.
    anyone: Option<Link>,
    /// For these consumers, by their index in the directory.
    by_consumer: Option<Arc<HashMap<u32, Link>>>,
}

/// A plugin in a chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// The plugin.
    pub compiled: Arc<Compiled>,
    /// What tells it from others that are configured alike.
    pub own: Own,
    /// How specific its scope is; higher wins.
    rank: u8,
}

impl Scope {
    /// Whether it covers a route of a service.
    pub fn covers(&self, route: Uuid, service: Option<Uuid>) -> bool {
        self.route.is_none_or(|wanted| wanted == route)
            && self.service.is_none_or(|wanted| service == Some(wanted))
    }

    /// Kong's precedence: of two plugins of a kind that cover a request, the one of the higher rank is asked.
    pub fn rank(&self) -> u8 {
        let set = (
            self.route.is_some(),
            self.service.is_some(),
            self.consumer.is_some(),
        );
        match set {
            (true, true, true) => 7,
            (true, false, true) => 6,
            (false, true, true) => 5,
            (true, true, false) => 4,
            (false, false, true) => 3,
            (true, false, false) => 2,
            (false, true, false) => 1,
            (false, false, false) => 0,
        }
    }
}

/// A chain that is being put together. One that holds what every route meets is cloned for each route, so that
/// what is the same for all is shared.
#[derive(Clone, Debug, Default)]
pub struct Draft(Vec<(&'static Definition, Place)>);

impl Draft {
    /// Offers a plugin that covers the route; the more specific one of a kind stays. `consumer_of` gives a
    /// consumer's index.
    pub fn offer(&mut self, candidate: &Configured, consumer_of: impl Fn(Uuid) -> Option<u32>) {
        let definition = candidate.compiled.definition;
        let found = self
            .0
            .iter_mut()
            .find(|(known, _)| known.name == definition.name);
        match found {
            Some((_, place)) => place.offer(candidate, consumer_of),
            None => {
                let mut place = Place::default();
                place.offer(candidate, consumer_of);
                self.0.push((definition, place));
            }
        }
    }

    /// The chain, in order.
    pub fn finish(mut self) -> Chain {
        let order = |(definition, _): &(&'static Definition, Place)| {
            std::cmp::Reverse((definition.priority, definition.name))
        };
        self.0.sort_by_key(order);
        let places: Places = self.0.into_iter().map(|(_, place)| place).collect();
        let needs = places.iter().map(Place::needs);
        let needs = needs.fold(Needs::NOTHING, Needs::and);
        Chain { places, needs }
    }
}

impl Chain {
    /// What its plugins need together.
    #[inline]
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// How many kinds of plugins there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The plugin at a place for a consumer, or for nobody known.
    #[inline]
    pub fn at(&self, place: usize, consumer: Option<u32>) -> Option<&Link> {
        let place = self.places.get(place)?;
        let anyone = place.anyone.as_ref();
        if let (Some(by_consumer), Some(consumer)) = (&place.by_consumer, consumer)
            && let Some(link) = by_consumer.get(&consumer)
            && anyone.is_none_or(|other| link.rank > other.rank)
        {
            return Some(link);
        }
        anyone
    }

    /// The plugins for a consumer, in order.
    pub fn plugins(&self, consumer: Option<u32>) -> impl Iterator<Item = &Link> {
        (0..self.len()).filter_map(move |place| self.at(place, consumer))
    }
}

impl Place {
    fn needs(&self) -> Needs {
        let anyone = self.anyone.iter();
        let each = self.by_consumer.iter().flat_map(|map| map.values());
        let all = anyone.chain(each);
        all.fold(Needs::NOTHING, |needs, link| {
            needs.and(link.compiled.plugin.needs())
        })
    }

    fn offer(&mut self, candidate: &Configured, consumer_of: impl Fn(Uuid) -> Option<u32>) {
        let rank = candidate.scope.rank();
        let offered = Link {
            compiled: Arc::clone(&candidate.compiled),
            own: candidate.own,
            rank,
        };
        let Some(consumer) = candidate.scope.consumer else {
            if self.anyone.as_ref().is_none_or(|other| rank > other.rank) {
                self.anyone = Some(offered);
            }
            return;
        };
        let Some(consumer) = consumer_of(consumer) else {
            return;
        };
        let by_consumer = Arc::make_mut(self.by_consumer.get_or_insert_default());
        let present = by_consumer.get(&consumer);
        if present.is_none_or(|other| rank > other.rank) {
            by_consumer.insert(consumer, offered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Schema;
    use crate::plugin::Plugin;

    #[derive(Debug)]
    struct Idle(Needs);

    impl Plugin for Idle {
        fn needs(&self) -> Needs {
            self.0
        }
    }

    const fn definition(name: &'static str, priority: i32) -> Definition {
        Definition {
            name,
            priority,
            about: "",
            config: Schema {
                fields: &[],
                checks: &[],
            },
            consumer_scope: true,
            denies: false,
            compile: |_| Err(String::new()),
        }
    }

    static FIRST: Definition = definition("first", 10);
    static SECOND: Definition = definition("second", 5);

    fn id(number: u128) -> Option<Uuid> {
        (number > 0).then(|| Uuid::from_u128(number))
    }

    /// A plugin with this id on a route, a service, a consumer; zero is none.
    fn scoped(number: u128, definition: &'static Definition, on: [u128; 3]) -> Configured {
        let scope = Scope {
            route: id(on[0]),
            service: id(on[1]),
            consumer: id(on[2]),
        };
        let compiled = Compiled {
            definition,
            observes: false,
            config: "{}".into(),
            carriers: Box::default(),
            plugin: Arc::new(Idle(Needs::REQUEST)),
        };
        Configured::new(Uuid::from_u128(number), scope, Arc::new(compiled))
    }

    /// The ids of the chain's plugins for the consumer with this number.
    fn ids(candidates: &[Configured], consumer: Option<u32>) -> Vec<u128> {
        let mut draft = Draft::default();
        for candidate in candidates {
            draft.offer(candidate, |id| u32::try_from(id.as_u128()).ok());
        }
        let chain = draft.finish();
        chain
            .plugins(consumer)
            .map(|link| link.own.id.as_u128())
            .collect()
    }

    #[test]
    fn the_most_specific_scope_wins_by_the_order_of_precedence() {
        let (route, service, consumer) = (1, 2, 3);
        let in_order = [
            [route, service, consumer],
            [route, 0, consumer],
            [0, service, consumer],
            [route, service, 0],
            [0, 0, consumer],
            [route, 0, 0],
            [0, service, 0],
            [0, 0, 0],
        ];
        let mut candidates: Vec<Configured> = in_order
            .iter()
            .zip(1..)
            .map(|(on, number)| scoped(number, &FIRST, *on))
            .collect();
        for first in 1..=8 {
            assert_eq!(ids(&candidates, Some(3)), [first]);
            candidates.reverse();
            assert_eq!(ids(&candidates, Some(3)), [first]);
            candidates.retain(|candidate| candidate.own.id.as_u128() > first);
        }
    }

    #[test]
    fn a_consumers_own_plugin_is_nobody_elses() {
        let candidates = [
            scoped(1, &SECOND, [0, 0, 7]),
            scoped(2, &FIRST, [0, 0, 0]),
            scoped(3, &SECOND, [1, 0, 0]),
        ];
        assert_eq!(ids(&candidates, Some(7)), [2, 1]);
        assert_eq!(ids(&candidates, Some(8)), [2, 3]);
        assert_eq!(ids(&candidates, None), [2, 3]);
        assert_eq!(ids(&candidates[..2], None), [2]);
    }
}
