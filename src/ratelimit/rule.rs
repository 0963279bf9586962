//! What is limited, and whose requests it is held against.
//!
//! A counter's key is 128 bits: those of the rule, which come from the names of what it is put on, combined with
//! those of the identity, which are its UUID or address or a keyed hash of what a client sent. The same rule
//! therefore finds the same counters after a reload and after a restart.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip128::Hasher128;
use siphasher::sip128::SipHasher13;

use super::window::Period;
use super::window::Window;

/// What a counter is found by.
pub(super) type Key = [u64; 2];

/// A limit of one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    key: Key,
    /// What it is per.
    pub period: Period,
    /// How usage is held against it.
    pub window: Window,
    /// How much is admitted.
    pub limit: u64,
}

/// Greatest limit that is counted exactly; what is greater is held to be this, some 35,000 requests per second for a year.
pub const LIMIT_MAX: u64 = (1 << 40) - 1;

/// Whether clients can make identities up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// They come from the configuration: consumers, credentials, services.
    Known,
    /// They come from whoever sends a request: addresses, fields, paths.
    Invented,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    bits: [u64; 2],
    pub(super) class: Class,
}

/// What fingerprints are keyed with. Kept with saved counters, so that they are found again; a client that knew it
/// could make up a value that shares another's counter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u64; 2]);

/// Makes one identity of several parts or of a text.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    hasher: SipHasher13,
    class: Class,
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed")
    }
}

impl Seed {
    /// A seed that nobody can guess, as the standard library gives them to its tables.
    pub fn random() -> Self {
        use std::hash::BuildHasher;
        use std::hash::RandomState;
        Self([0, 1].map(|n: u64| RandomState::new().hash_one(n)))
    }
}

impl Rule {
    /// A limit for what `scope` stands for: 128 bits that no two scopes share.
    pub const fn new(scope: u128, period: Period, window: Window, limit: u64) -> Self {
        // An odd number's multiples differ in all bits; each period and window is a scope of its own.
        let kind = 1 + period as u64 + 8 * window as u64;
        let mix = kind.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            key: [
                scope as u64 ^ mix,
                (scope >> 64) as u64 ^ mix.rotate_left(32),
            ],
            period,
            window,
            limit: if limit < LIMIT_MAX { limit } else { LIMIT_MAX },
        }
    }

    /// The key of somebody's counter.
    #[inline]
    pub(super) const fn key_of(&self, who: Who) -> Key {
        [self.key[0] ^ who.bits[0], self.key[1] ^ who.bits[1]]
    }
}

impl Who {
    /// Whoever the configuration gives this UUID.
    #[inline]
    pub const fn known(id: u128) -> Self {
        Self {
            bits: [id as u64, (id >> 64) as u64],
            class: Class::Known,
        }
    }

    /// The same one where others count for themselves: 128 bits that no two scopes share.
    #[inline]
    #[must_use]
    pub const fn within(self, scope: [u64; 2]) -> Self {
        Self {
            bits: [self.bits[0] ^ scope[0], self.bits[1] ^ scope[1]],
            class: self.class,
        }
    }

    /// Whoever has this address.
    #[inline]
    pub fn address(address: IpAddr) -> Self {
        let id = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        };
        let id = id ^ ADDRESS;
        Self {
            bits: [id as u64, (id >> 64) as u64],
            class: Class::Invented,
        }
    }
}

/// Sets addresses apart from UUIDs of the same bits.
const ADDRESS: u128 = 0xd6e8_feb8_6659_fd93_a5a3_564e_27f8_864b;

impl Fingerprint {
    /// Of no parts yet.
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(seed.0[0], seed.0[1]),
            class: Class::Known,
        }
    }

    /// With one more part; parts are told apart by their lengths and classes.
    pub fn part(&mut self, class: Class, bytes: &[u8]) {
        self.hasher.write_u64(bytes.len() as u64 * 2 + class as u64);
        self.hasher.write(bytes);
        self.class = self.class.max(class);
    }

    /// The identity of all parts. One invented part is enough to invent it.
    pub fn finish(&self) -> Who {
        let hash = self.hasher.finish128();
        Who {
            bits: [hash.h1, hash.h2],
            class: self.class,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn scopes_periods_windows_and_identities_have_keys_of_their_own() {
        let mut keys = HashSet::new();
        for scope in [0, 1, u128::MAX] {
            for period in Period::ALL {
                for window in Window::ALL {
                    let rule = Rule::new(scope, period, window, 5);
                    for who in [
                        Who::known(7),
                        Who::known(7 << 64),
                        Who::address("0.0.0.7".parse().unwrap()),
                        Who::address("::7".parse().unwrap()),
                    ] {
                        assert!(keys.insert(rule.key_of(who)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_fingerprint_tells_parts_apart() {
        let of = |parts: &[(Class, &[u8])]| {
            let mut print = Fingerprint::new(Seed([1, 2]));
            for (class, bytes) in parts {
                print.part(*class, bytes);
            }
            print.finish()
        };
        let (known, invented) = (Class::Known, Class::Invented);
        let whole = of(&[(known, b"ab")]);
        assert_eq!(whole.class, known);
        assert_ne!(whole.bits, of(&[(known, b"a"), (known, b"b")]).bits);
        assert_ne!(whole.bits, of(&[(invented, b"ab")]).bits);
        assert_eq!(of(&[(known, b"a"), (invented, b"b")]).class, invented);
    }
}
