//! An IP address as text, on the stack: formatted once a connection, or once a request behind a
//! trusted balancer, hence without the formatting machinery of the standard library. IPv6 is
//! spelled by RFC 5952.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;

/// The text of an address; an IPv4 address mapped into IPv6 is written as IPv4.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientText {
    length: u8,
    bytes: [u8; TEXT_BYTES_MAX],
}

/// Eight groups of four digits and seven colons.
const TEXT_BYTES_MAX: usize = 39;

impl ClientText {
    /// The text of `ip`.
    pub fn of(ip: IpAddr) -> Self {
        let mut text = Self {
            length: 0,
            bytes: [0; TEXT_BYTES_MAX],
        };
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                for (number, octet) in ip.octets().into_iter().enumerate() {
                    if number > 0 {
                        text.push(b'.');
                    }
                    text.push_decimal(octet);
                }
            }
            IpAddr::V6(ip) => text.push_v6(ip),
        }
        text
    }

    /// The text's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Digits, dots and colons alone were pushed.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn push_v6(&mut self, ip: Ipv6Addr) {
        let groups = ip.segments();
        let (gap, gap_length) = longest_zeros(&groups);
        let mut at = 0;
        while at < groups.len() {
            if gap_length > 1 && at == gap {
                self.push(b':');
                self.push(b':');
                at += gap_length;
                continue;
            }
            if at > 0 && !(gap_length > 1 && at == gap + gap_length) {
                self.push(b':');
            }
            self.push_hex(groups[at]);
            at += 1;
        }
    }

    fn push_decimal(&mut self, octet: u8) {
        if octet >= 100 {
            self.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            self.push(b'0' + octet / 10 % 10);
        }
        self.push(b'0' + octet % 10);
    }

    fn push_hex(&mut self, group: u16) {
        let digits = (4 - group.leading_zeros() / 4).max(1);
        for digit in (0..digits).rev() {
            self.push(b"0123456789abcdef"[usize::from(group >> (4 * digit) & 0xf)]);
        }
    }

    fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.length)] = byte;
        self.length += 1;
    }
}

/// Start and length of the longest run of zero groups, the first among equals.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut run) = ((0, 0), 0);
    for (at, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > best.1 {
            best = (at + 1 - run, run);
        }
    }
    best
}

impl fmt::Debug for ClientText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::ClientText;

    proptest! {
        #[test]
        fn text_is_the_standard_librarys(
            v4 in any::<[u8; 4]>(),
            // Few distinct groups, so that runs of zeros of every kind occur.
            v6 in prop::array::uniform8(prop::sample::select(vec![0, 0, 0, 1, 0xab, 0xffff])),
        ) {
            for ip in [IpAddr::from(v4), Ipv6Addr::from(v6).into()] {
                let expected = ip.to_canonical().to_string();
                let text = ClientText::of(ip);
                prop_assert_eq!(text.as_str(), expected);
            }
        }
    }

    #[test]
    fn longest_address_fits_and_mapped_addresses_are_ipv4() {
        let longest = Ipv6Addr::from([0xffff; 8]);
        assert_eq!(ClientText::of(longest.into()).as_bytes().len(), 39);
        let mapped: IpAddr = "::ffff:255.255.255.255".parse().unwrap();
        assert_eq!(ClientText::of(mapped).as_str(), "255.255.255.255");
    }
}
