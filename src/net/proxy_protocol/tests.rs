//! Both versions of the PROXY header, at every split point and one wrong byte at a time.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::Fault;
use super::Step;
use super::crc32c_without;
use super::parse;
use crate::base::limits::PROXY_HEADER_BYTES;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn v2(command: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [super::V2_SIGNATURE, &[command, kind], &length, payload].concat()
}

fn v2_of(source: SocketAddr, destination: SocketAddr, extensions: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut kind = 0x11;
    for address in [source, destination] {
        match address.ip() {
            std::net::IpAddr::V4(ip) => payload.extend(ip.octets()),
            std::net::IpAddr::V6(ip) => {
                kind = 0x21;
                payload.extend(ip.octets());
            }
        }
    }
    payload.extend(source.port().to_be_bytes());
    payload.extend(destination.port().to_be_bytes());
    payload.extend(extensions);
    v2(0x21, kind, &payload)
}

/// The whole header completes with exactly its bytes consumed, whatever follows; every prefix is
/// partial.
fn assert_header(header: &[u8], addresses: Option<(SocketAddr, SocketAddr)>) {
    for split in 0..header.len() {
        assert_eq!(
            parse(&header[..split]),
            Ok(Step::Partial),
            "split at {split}"
        );
    }
    let expected = Step::Complete {
        consumed: header.len(),
        source: addresses.map(|pair| pair.0),
        destination: addresses.map(|pair| pair.1),
    };
    assert_eq!(parse(header), Ok(expected));
    assert_eq!(
        parse(&[header, b"GET / HTTP/1.1\r\n"].concat()),
        Ok(expected)
    );
}

#[test]
fn v1_headers_are_read_at_every_split() {
    let v4 = (address("192.168.0.1:56324"), address("10.0.0.7:443"));
    assert_header(b"PROXY TCP4 192.168.0.1 10.0.0.7 56324 443\r\n", Some(v4));
    let v6 = (
        address("[2001:db8::1]:0"),
        address("[::ffff:1.2.3.4]:65535"),
    );
    assert_header(
        b"PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 0 65535\r\n",
        Some(v6),
    );
    assert_header(b"PROXY UNKNOWN\r\n", None);
    let longest = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                   ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), 107);
    assert_header(longest.as_bytes(), None);
}

#[test]
fn v1_line_that_breaks_the_grammar_is_refused() {
    for line in [
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
        "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWN \u{ff}\n\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(Fault::Line), "{line:?}");
    }
    assert_eq!(parse(b"PROXY UNKNOWN \xff\r\n"), Err(Fault::Line));
}

#[test]
fn v1_line_is_not_awaited_past_its_bound() {
    let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat();
    assert_eq!(parse(&endless[..106]), Ok(Step::Partial));
    assert_eq!(parse(&endless[..107]), Err(Fault::TooLong));
    let mut late = endless[..106].to_vec();
    late.extend(b"\r\n");
    assert_eq!(parse(&late), Err(Fault::TooLong));
}

#[test]
fn anything_else_is_refused_at_its_first_wrong_byte() {
    for other in [
        "GET / HTTP/1.1\r\n",
        "\0",
        "p",
        "POST",
        "PROXX",
        "\r\n\r\n\r",
        "\r\n\r\n\0\r\nQUIX",
    ] {
        let bytes = other.as_bytes();
        let wrong = (1..=bytes.len()).find(|&n| parse(&bytes[..n]) != Ok(Step::Partial));
        assert_eq!(parse(bytes), Err(Fault::Signature), "{other:?}");
        assert_eq!(parse(&bytes[..wrong.unwrap()]), Err(Fault::Signature));
    }
}

#[test]
fn v2_headers_are_read_at_every_split() {
    let v4 = (address("192.168.0.1:56324"), address("10.0.0.7:443"));
    assert_header(&v2_of(v4.0, v4.1, b""), Some(v4));
    let v6 = (address("[2001:db8::1]:1"), address("[fe80::2]:2"));
    assert_header(&v2_of(v6.0, v6.1, b"\x04\0\x03abc\x02\0\x00"), Some(v6));
    assert_header(&v2(0x21, 0x31, &[7; 216]), None);
    assert_header(&v2(0x21, 0x00, b""), None);
    assert_header(&v2(0x21, 0x00, b"\x04\0\0"), None);
    assert_header(&v2(0x21, 0x12, &[1; 12]), None);
    assert_header(&v2(0x20, 0x00, b""), None);
    assert_header(&v2(0x20, 0x11, &[1; 12]), None);
    assert_header(&v2(0x20, 0xff, b"whatever"), None);
}

#[test]
fn v2_header_that_cannot_be_is_refused() {
    for (header, fault) in [
        (v2(0x11, 0x11, &[0; 12]), Fault::Unassigned),
        (v2(0x22, 0x11, &[0; 12]), Fault::Unassigned),
        (v2(0x21, 0x41, &[0; 12]), Fault::Unassigned),
        (v2(0x21, 0x13, &[0; 12]), Fault::Unassigned),
        (v2(0x21, 0x11, &[0; 11]), Fault::TooShort),
        (v2(0x21, 0x21, &[0; 35]), Fault::TooShort),
        (v2(0x21, 0x31, &[0; 215]), Fault::TooShort),
        (v2(0x21, 0x11, &[0; 13]), Fault::Extension),
        (v2(0x21, 0x11, &[0; 14]), Fault::Extension),
        (v2(0x21, 0x00, b"\x04\0\x02a"), Fault::Extension),
        (v2(0x21, 0x00, b"\x03\0\x03abc"), Fault::Extension),
        (v2(0x21, 0x00, b"\x03\0\x04abcd"), Fault::Checksum),
        (v2(0x21, 0x00, &[0; PROXY_HEADER_BYTES]), Fault::TooLong),
    ] {
        assert_eq!(parse(&header), Err(fault), "{header:?}");
    }
    // Refused from the length alone, before the bytes that it announces.
    assert_eq!(
        parse(&v2(0x21, 0x11, &[0; 65_535])[..16]),
        Err(Fault::TooLong)
    );
    assert_eq!(parse(&v2(0x21, 0x11, &[0; 3])[..16]), Err(Fault::TooShort));
}

#[test]
fn v2_checksum_is_verified() {
    // The check value of CRC-32C (iSCSI): its hole lies past the end.
    assert_eq!(crc32c_without(b"123456789", 100), 0xe306_9283);
    let pair = (address("1.2.3.4:5"), address("6.7.8.9:10"));
    let mut header = v2_of(pair.0, pair.1, b"\x03\0\x04....\x04\0\x01x");
    let hole = 16 + 12 + 3;
    let sum = crc32c_without(&header, hole).to_be_bytes();
    header[hole..hole + 4].copy_from_slice(&sum);
    assert_header(&header, Some(pair));
    header[17] ^= 1;
    assert_eq!(parse(&header), Err(Fault::Checksum));
}

fn any_pair() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let v4 = any::<([u8; 4], u16)>().prop_map(SocketAddr::from);
    let v6 = any::<([u8; 16], u16)>().prop_map(SocketAddr::from);
    prop_oneof![(v4.clone(), v4), (v6.clone(), v6)]
}

proptest! {
    #[test]
    fn both_versions_carry_any_pair_of_addresses((source, destination) in any_pair()) {
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (from, to) = (source.ip(), destination.ip());
        let (from_port, to_port) = (source.port(), destination.port());
        let line = format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n");
        assert_header(line.as_bytes(), Some((source, destination)));
        assert_header(&v2_of(source, destination, b""), Some((source, destination)));
    }

    #[test]
    fn hostile_bytes_never_read_past_the_end_nor_wait_for_too_much(
        start in prop::sample::select(vec![
            &b""[..], b"PROXY ", b"PROXY TCP4 ", super::V2_SIGNATURE,
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..5_000),
    ) {
        let bytes = [start, &rest].concat();
        match parse(&bytes) {
            Ok(Step::Complete { consumed, .. }) => prop_assert!(consumed <= bytes.len()),
            Ok(Step::Partial) => prop_assert!(bytes.len() < PROXY_HEADER_BYTES),
            Err(_) => {}
        }
    }
}
