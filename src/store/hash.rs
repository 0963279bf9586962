//! The content address of all stored entities together.
//!
//! It is the sum of the 128-bit hashes of the rows, so a change of one of 100,000 entities costs two hashes of one
//! row, and equal entities have equal addresses whatever the order in which they came. It tells states apart that
//! people made; it does not withstand somebody who looks for two states with one address, who would have to be
//! somebody that may write here anyway.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::Xxh3;

use super::key::Key;

/// The content address of a state of the stored entities. Zero is the state without any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(u128);

impl Hash {
    /// With this row added.
    #[must_use]
    pub(super) fn with(self, key: &Key, row: &[u8]) -> Self {
        Self(self.0.wrapping_add(of(key, row)))
    }

    /// With this row taken away.
    #[must_use]
    pub(super) fn without(self, key: &Key, row: &[u8]) -> Self {
        Self(self.0.wrapping_sub(of(key, row)))
    }
}

fn of(key: &Key, row: &[u8]) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(key);
    hasher.update(row);
    hasher.digest128()
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A text is no hash: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u128::from_str_radix(text, 16).map_err(|_| NoHash)?;
        digits.then_some(Self(value)).ok_or(NoHash)
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;
    use super::NoHash;

    #[test]
    fn order_does_not_matter_and_contents_do() {
        let (a, b) = ([1; 17], [2; 17]);
        let both = Hash::default().with(&a, b"x").with(&b, b"y");
        assert_eq!(both, Hash::default().with(&b, b"y").with(&a, b"x"));
        assert_eq!(both.without(&a, b"x").without(&b, b"y"), Hash::default());
        assert_ne!(both, Hash::default().with(&a, b"y").with(&b, b"x"));
    }

    #[test]
    fn text_and_back() {
        let hash = Hash::default().with(&[7; 17], b"row");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in [
            "",
            "12",
            "+0000000000000000000000000000001",
            &"g".repeat(32),
        ] {
            assert_eq!(text.parse::<Hash>(), Err(NoHash), "{text}");
        }
    }
}
