//! What plugins leave for their later phases of the same exchange.
//!
//! A note lies in a slot for notes of its type. Slots stay when the notes are forgotten, so a fiber that has served a few
//! exchanges of a route allocates nothing for the notes of the next.

use std::any::Any;
use std::fmt;

/// Notes of any types.
#[derive(Default)]
pub struct Notes(Vec<Box<dyn Slot>>);

/// Room for a note of one type.
trait Slot: Any {
    fn clear(&mut self);
    fn is_empty(&self) -> bool;
}

impl<T: Any> Slot for Option<T> {
    fn clear(&mut self) {
        *self = None;
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl Notes {
    /// Leaves a note; a plugin uses a type of its own.
    pub fn put<T: Any>(&mut self, note: T) {
        for slot in &mut self.0 {
            let slot: &mut dyn Any = &mut **slot;
            if let Some(place @ None) = slot.downcast_mut::<Option<T>>() {
                *place = Some(note);
                return;
            }
        }
        self.0.push(Box::new(Some(note)));
    }

    /// The first note of this type for which `is_mine` holds.
    pub fn find<T: Any>(&self, mut is_mine: impl FnMut(&T) -> bool) -> Option<&T> {
        let mut notes = self.0.iter().filter_map(|slot| {
            let slot: &dyn Any = &**slot;
            slot.downcast_ref::<Option<T>>()?.as_ref()
        });
        notes.find(|note| is_mine(note))
    }

    /// Forgets all notes. As many slots are kept as one exchange needs.
    pub fn clear(&mut self) {
        self.0.truncate(SLOTS_KEPT);
        for slot in &mut self.0 {
            slot.clear();
        }
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notes = self.0.iter().filter(|slot| !slot.is_empty()).count();
        write!(f, "{notes} notes")
    }
}

/// More plugins than leave notes on one route.
const SLOTS_KEPT: usize = 16;

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn notes_are_found_by_type_and_owner() {
        let mut notes = Notes::default();
        notes.put(1_u32);
        notes.put(2_u32);
        notes.put("a");
        assert_eq!(notes.find::<u32>(|note| *note > 1), Some(&2));
        assert_eq!(notes.find::<&str>(|_| true), Some(&"a"));
        assert_eq!(notes.find::<u64>(|_| true), None);
    }

    #[test]
    fn what_is_forgotten_is_dropped_and_its_room_used_again() {
        let mut notes = Notes::default();
        let shared = Rc::new(());
        for _ in 0..3 {
            notes.put(Rc::clone(&shared));
            notes.put(7_u8);
            assert_eq!(Rc::strong_count(&shared), 2);
            notes.clear();
            assert_eq!(Rc::strong_count(&shared), 1);
            assert_eq!(notes.find::<u8>(|_| true), None);
        }
        assert_eq!(notes.0.len(), 2);
        for number in 0..100_u32 {
            notes.put(number);
        }
        notes.clear();
        assert_eq!(notes.0.len(), SLOTS_KEPT);
    }
}
