//! Entities by their ids, in an order that a change of one does not disturb.

use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

/// Entities in the order in which they came; a removed one gives its place to the last.
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    values: Vec<(Uuid, Arc<T>)>,
    places: HashMap<Uuid, usize>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            places: HashMap::default(),
        }
    }
}

impl<T> Kept<T> {
    pub(super) fn put(&mut self, id: Uuid, value: T) {
        let value = (id, Arc::new(value));
        match self.places.get(&id).and_then(|at| self.values.get_mut(*at)) {
            Some(place) => *place = value,
            None => {
                self.places.insert(id, self.values.len());
                self.values.push(value);
            }
        }
    }

    pub(super) fn remove(&mut self, id: Uuid) {
        let Some(at) = self.places.remove(&id) else {
            return;
        };
        self.values.swap_remove(at);
        if let Some((moved, _)) = self.values.get(at) {
            self.places.insert(*moved, at);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.values.iter().map(|(_, value)| value)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Arc<T>> {
        self.values.iter_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_one_leaves_the_others_findable() {
        let id = Uuid::from_u128;
        let mut kept = Kept::default();
        for n in 1..=4 {
            kept.put(id(n), n);
        }
        kept.remove(id(2));
        kept.remove(id(9));
        kept.put(id(4), 40);
        kept.put(id(5), 5);
        let values: Vec<u128> = kept.iter().map(|value| **value).collect();
        assert_eq!(values, [1, 40, 3, 5]);
    }
}
