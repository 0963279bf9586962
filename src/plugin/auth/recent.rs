//! What has been seen lately, in bounded memory.
//!
//! Two maps take turns: what is found or added is in the younger one, and when that is full the older one is dropped
//! as a whole. So nothing is linked, nothing is scanned, and between half and all of the bound is kept.

use foldhash::HashMap;

/// A keyed hash of what a client has presented; whoever lacks the key cannot aim at one.
pub(in crate::plugin) type Mark = [u8; 16];

/// Values under the marks that were used last.
#[derive(Debug)]
pub(super) struct Recent<V> {
    young: HashMap<Mark, V>,
    old: HashMap<Mark, V>,
    each_max: usize,
}

impl<V> Recent<V> {
    /// Room for so many.
    pub(super) fn new(kept_max: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            each_max: kept_max.div_ceil(2),
        }
    }

    /// The value under a mark, which is used by that.
    pub(super) fn get(&mut self, mark: &Mark) -> Option<&V> {
        if !self.young.contains_key(mark) {
            let value = self.old.remove(mark)?;
            self.put(*mark, value);
        }
        self.young.get(mark)
    }

    /// Puts a value under a mark.
    pub(super) fn put(&mut self, mark: Mark, value: V) {
        if self.young.len() >= self.each_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(mark, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: u32) -> Mark {
        let mut mark = [0; 16];
        mark[..4].copy_from_slice(&number.to_le_bytes());
        mark
    }

    #[test]
    fn the_last_used_are_kept_and_the_bound_holds() {
        let mut recent = Recent::new(100);
        for number in 0..1000 {
            recent.put(mark(number), number);
            assert_eq!(recent.get(&mark(0)), Some(&0));
            assert!(recent.young.len() + recent.old.len() <= 100);
        }
        assert_eq!(recent.get(&mark(999)), Some(&999));
        assert_eq!(recent.get(&mark(960)), Some(&960));
        assert_eq!(recent.get(&mark(800)), None);
        assert_eq!(recent.get(&mark(1000)), None);
    }
}
