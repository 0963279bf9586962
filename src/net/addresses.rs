//! How many connections each client address has, over all cores: exact, because an address's connections come to whatever
//! core the kernel chooses. Asked once when a connection is accepted and once when it ends, and only where a bound is
//! configured.

#![expect(
    clippy::disallowed_types,
    reason = "a count that all cores share and that must be right; a shard of it is locked for one look-up where a connection begins and where it ends, never by a request"
)]

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Whoever has one address, or one network that is given to one customer.
type Holder = u128;

const SHARDS: usize = 64;

type Shard = Mutex<HashMap<Holder, u32>>;

/// The connections of all addresses. There are never more entries than connections.
#[derive(Debug)]
pub struct Addresses {
    shards: [Shard; SHARDS],
    hasher: RandomState,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            hasher: RandomState::new(),
        }
    }
}

impl Addresses {
    /// Counts a connection of an address, if it has fewer than `most`.
    pub fn admit(self: &Arc<Self>, address: IpAddr, most: u32) -> Option<Permit> {
        let holder = holder(address);
        let mut shard = self.lock(holder);
        let count = shard.entry(holder).or_insert(0);
        if *count >= most {
            if *count == 0 {
                shard.remove(&holder);
            }
            return None;
        }
        *count += 1;
        drop(shard);
        Some(Permit {
            addresses: Arc::clone(self),
            holder,
        })
    }

    fn lock(&self, holder: Holder) -> std::sync::MutexGuard<'_, HashMap<Holder, u32>> {
        let at = self.hasher.hash_one(holder) as usize % SHARDS;
        // A panic cannot leave a count half changed.
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is counted, for as long as it lives.
#[derive(Debug)]
pub struct Permit {
    addresses: Arc<Addresses>,
    holder: Holder,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut shard = self.addresses.lock(self.holder);
        if let Some(count) = shard.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                shard.remove(&self.holder);
            }
        }
    }
}

/// IPv4 addresses in the part of IPv6 that stands for them, so that a listener for both counts alike; of IPv6 the /64.
fn holder(address: IpAddr) -> Holder {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_no_more_than_it_may() {
        let addresses = Arc::new(Addresses::default());
        let first = addresses.admit(ip("127.0.0.1"), 2);
        let second = addresses.admit(ip("::ffff:127.0.0.1"), 2);
        assert!(first.is_some() && second.is_some());
        assert!(addresses.admit(ip("127.0.0.1"), 2).is_none());
        assert!(addresses.admit(ip("127.0.0.2"), 2).is_some());
        drop(first);
        assert!(addresses.admit(ip("127.0.0.1"), 2).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_holder() {
        let addresses = Arc::new(Addresses::default());
        let _first = addresses.admit(ip("2001:db8::1"), 1).unwrap();
        assert!(addresses.admit(ip("2001:db8::ffff:2"), 1).is_none());
        assert!(addresses.admit(ip("2001:db8:0:1::1"), 1).is_some());
    }

    #[test]
    fn nothing_is_left_of_who_left() {
        let addresses = Arc::new(Addresses::default());
        for last in 0..=255 {
            drop(addresses.admit([10, 0, 0, last].into(), 1));
        }
        assert!(addresses.admit(ip("10.0.0.1"), 0).is_none());
        assert!(
            addresses
                .shards
                .iter()
                .all(|shard| shard.lock().unwrap().is_empty())
        );
    }
}
