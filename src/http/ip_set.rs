//! A set of addresses, made of networks, for questions like "is this peer trusted" and "may this client come in".

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks as sorted, disjoint ranges, searched by bisection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpSet {
    /// First and last address of each range, as IPv6 numbers; IPv4 lies in its mapped range.
    ranges: Vec<(u128, u128)>,
}

impl IpSet {
    /// The union of `nets`.
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut ranges: Vec<_> = nets
            .into_iter()
            .map(|net| (number(net.network()), number(net.broadcast())))
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self { ranges: merged }
    }

    /// Whether `ip` is in it. An IPv4 address is the same whether mapped into IPv6 or not.
    #[inline]
    pub fn contains(&self, ip: IpAddr) -> bool {
        if self.ranges.is_empty() {
            return false;
        }
        let ip = number(ip);
        let after = self.ranges.partition_point(|(first, _)| *first <= ip);
        after > 0 && ip <= self.ranges[after - 1].1
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn set(nets: &[&str]) -> IpSet {
        IpSet::new(nets.iter().map(|net| net.parse::<IpNet>().unwrap()))
    }

    #[test]
    fn ranges_are_merged_and_families_agree() {
        let some = set(&[
            "10.0.0.0/25",
            "10.0.0.128/25",
            "10.0.0.7/32",
            "::ffff:192.0.2.0/120",
            "2001:db8::/32",
        ]);
        assert_eq!(some.ranges.len(), 3);
        for inside in [
            "10.0.0.0",
            "10.0.0.255",
            "::ffff:10.0.0.3",
            "192.0.2.9",
            "2001:db8:ffff::1",
        ] {
            assert!(some.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "10.0.1.0",
            "::10.0.0.3",
            "192.0.3.0",
            "2001:db9::",
        ] {
            assert!(!some.contains(ip(outside)), "{outside}");
        }
        assert!(!IpSet::default().contains(ip("127.0.0.1")));
        let all = set(&["::/0", "0.0.0.0/0"]);
        assert_eq!(all.ranges.len(), 1);
        assert!(all.contains(ip("255.255.255.255")) && all.contains(ip("ffff::")));
    }

    proptest! {
        #[test]
        fn the_union_holds_what_any_net_holds(
            nets in prop::collection::vec((any::<[u8; 4]>(), 0_u8..=32), 0..20),
            addresses in prop::collection::vec(any::<[u8; 4]>(), 20),
        ) {
            let nets: Vec<IpNet> = nets
                .into_iter()
                .map(|(ip, length)| IpNet::new(ip.into(), length).unwrap())
                .collect();
            let set = IpSet::new(nets.iter().copied());
            let edges = nets.iter().flat_map(|net| [net.network(), net.broadcast()]);
            for ip in addresses.into_iter().map(IpAddr::from).chain(edges) {
                let expected = nets.iter().any(|net| net.contains(&ip));
                prop_assert_eq!(set.contains(ip), expected);
            }
        }
    }
}
