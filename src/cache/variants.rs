//! By which fields of the request the answers of one URL vary (RFC 9111 section 4.1).
//!
//! The names stand in the index under the URL's own key; an answer stands under that key with the names and the
//! request's values behind it. Names are only ever added, so that a look-up never takes two requests for one that an
//! answer told apart. A number of its own makes what was stored under one set of names unreachable once it is gone.

use crate::base::limits;

use super::Micros;

/// The names that a URL's answers vary by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variants {
    /// In lower case, sorted, without repetitions.
    names: Box<[Box<[u8]>]>,
    /// When they were found first, and a random number: which of two cores found them first.
    origin: (Micros, u64),
}

impl Variants {
    /// The names that these values of Vary list; none if the answer varies by what no field tells, or by too
    /// many.
    pub fn names<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Box<[u8]>>> {
        let mut names = Vec::new();
        for name in values.flat_map(|value| value.split(|&byte| byte == b',')) {
            let name = name.trim_ascii();
            if name == b"*" {
                return None;
            }
            if !name.is_empty() {
                names.push(name.to_ascii_lowercase().into_boxed_slice());
            }
        }
        names.sort_unstable();
        names.dedup();
        (names.len() <= limits::CACHE_VARYING).then_some(names)
    }

    /// These names, found now on this core.
    pub fn new(names: Vec<Box<[u8]>>, now: Micros, number: u64) -> Self {
        Self {
            names: names.into(),
            origin: (now, number),
        }
    }

    /// The names that either has, under the older one's number: the same whichever core puts them together, and
    /// however often. None if they are too many.
    pub fn merge(&self, other: &Self) -> Option<Self> {
        let mut names = [&*self.names, &*other.names].concat();
        names.sort_unstable();
        names.dedup();
        (names.len() <= limits::CACHE_VARYING).then(|| Self {
            names: names.into(),
            origin: self.origin.min(other.origin),
        })
    }

    /// Whether it has all of these names.
    pub fn has(&self, names: &[Box<[u8]>]) -> bool {
        names.iter().all(|name| self.names.contains(name))
    }

    /// Makes of the URL's key the key of one variant. `value` appends a field's values as the origin sees them.
    pub fn extend(&self, key: &mut Vec<u8>, mut value: impl FnMut(&[u8], &mut Vec<u8>)) {
        key.extend_from_slice(&self.origin.1.to_le_bytes());
        for name in &self.names {
            key.extend_from_slice(name);
            let start = key.len();
            key.extend_from_slice(&[0; 5]);
            value(name, key);
            let length = u32::try_from(key.len() - start).unwrap_or(u32::MAX);
            if let Some(place) = key.get_mut(start + 1..start + 5) {
                place.copy_from_slice(&length.to_le_bytes());
            }
        }
    }

    /// How much memory they take, roughly.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.names.iter().map(|name| 16 + name.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(vary: &[&str]) -> Option<Vec<Box<[u8]>>> {
        Variants::names(vary.iter().map(|value| value.as_bytes()))
    }

    fn variants(vary: &str, now: Micros, number: u64) -> Variants {
        Variants::new(names(&[vary]).unwrap(), now, number)
    }

    #[test]
    fn names_are_sorted_and_a_star_is_none() {
        let sorted = names(&["Origin, accept", "", "ACCEPT ,"]).unwrap();
        assert_eq!(
            sorted,
            [b"accept".to_vec().into(), b"origin".to_vec().into()] as [Box<[u8]>; 2]
        );
        assert_eq!(names(&["accept, *"]), None);
        assert_eq!(names(&[""]), Some(Vec::new()));
        let many: Vec<String> = (0..17).map(|at| format!("x-{at}")).collect();
        assert_eq!(names(&[&many.join(",")]), None);
    }

    #[test]
    fn merging_is_the_same_in_any_order_and_however_often() {
        let all = [
            variants("a", 5, 9),
            variants("b, c", 3, 1),
            variants("a, c", 3, 2),
        ];
        let [a, b, c] = &all;
        let one = a.merge(b).unwrap().merge(c).unwrap();
        assert_eq!(one, c.merge(&b.merge(a).unwrap()).unwrap());
        assert_eq!(one.merge(&one), Some(one.clone()));
        assert_eq!(one, variants("a, b, c", 3, 1));
        assert!(one.has(&names(&["c, a"]).unwrap()) && !a.has(&names(&["b"]).unwrap()));
    }

    #[test]
    fn keys_of_variants_cannot_be_mistaken_for_each_other() {
        let both = variants("a, b", 1, 7);
        let key = |values: [&str; 2]| {
            let mut key = b"url".to_vec();
            let mut values = values.into_iter();
            both.extend(&mut key, |_, out| {
                out.extend_from_slice(values.next().unwrap().as_bytes())
            });
            key
        };
        assert_ne!(key(["1b", ""]), key(["1", "b"]));
        assert_ne!(key(["", "b"]), key(["b", ""]));
        assert_eq!(key(["x", "y"]), key(["x", "y"]));
    }
}
