//! Who is believed about a client, and the fields that an origin is told, against recorded answers.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::prelude::*;

use super::ClientText;
use super::Forwarding;
use super::RealIpHeader;
use super::TrustPolicy;
use crate::http::Field;
use crate::http::Fields;
use crate::http::IpSet;
use crate::http::Name;
use crate::http::Span;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn trusted(nets: &[&str]) -> IpSet {
    IpSet::new(nets.iter().map(|net| net.parse::<IpNet>().unwrap()))
}

fn fields(lines: &[(&str, &str)]) -> (Fields, Vec<u8>) {
    let (mut fields, mut bytes) = (Fields::default(), Vec::new());
    let mut span = |text: &str| {
        let start = bytes.len() as u16;
        bytes.extend_from_slice(text.as_bytes());
        Span {
            start,
            end: bytes.len() as u16,
        }
    };
    for (name, value) in lines {
        let known = Name::of(name.as_bytes());
        fields.push(Field {
            name: span(name),
            value: span(value),
            known,
        });
    }
    (fields, bytes)
}

proptest! {
    #[test]
    fn hostile_lists_are_read_without_harm(value in "[ -~]{0,200}") {
        let (fields, bytes) = fields(&[("X-Forwarded-For", &value)]);
        let policy = TrustPolicy {
            trusted: trusted(&["0.0.0.0/0", "::/0"]),
            header: RealIpHeader::XForwardedFor,
            recursive: true,
        };
        policy.client(ip("10.0.0.1"), true, &fields, &bytes);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn client_is_the_rightmost_address_that_trust_allows() {
    let list = "6.6.6.6, 1.2.3.4, 10.0.0.2:80, 10.0.0.3";
    for (header, recursive, lines, expected) in [
        (
            Name::XRealIp,
            false,
            vec![("X-Real-IP", "1.2.3.4")],
            "1.2.3.4",
        ),
        (
            Name::XRealIp,
            false,
            vec![("X-Real-IP", "::ffff:1.2.3.4")],
            "1.2.3.4",
        ),
        (
            Name::XRealIp,
            false,
            vec![("X-Real-IP", "nonsense")],
            "10.0.0.1",
        ),
        (Name::XRealIp, false, vec![("X-Real-IP", "")], "10.0.0.1"),
        (
            Name::XRealIp,
            false,
            vec![("X-Forwarded-For", "1.2.3.4")],
            "10.0.0.1",
        ),
        (
            Name::XForwardedFor,
            false,
            vec![("X-Forwarded-For", list)],
            "10.0.0.3",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![("X-Forwarded-For", list)],
            "1.2.3.4",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![("X-Forwarded-For", "10.0.0.9, 10.0.0.8")],
            "10.0.0.9",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![("X-Forwarded-For", "1.1.1.1, x, 10.0.0.8")],
            "10.0.0.8",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![("X-Forwarded-For", "[2001:db8::1]:443")],
            "2001:db8::1",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![("X-Forwarded-For", "2001:db8::1")],
            "2001:db8::1",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![("X-Forwarded-For", "[::1]x")],
            "10.0.0.1",
        ),
        (
            Name::XForwardedFor,
            true,
            vec![
                ("X-Forwarded-For", "1.2.3.4"),
                ("X-Forwarded-For", "10.0.0.3"),
            ],
            "1.2.3.4",
        ),
    ] {
        let header = match header {
            Name::XRealIp => RealIpHeader::XRealIp,
            _ => RealIpHeader::XForwardedFor,
        };
        let policy = TrustPolicy {
            trusted: trusted(&["10.0.0.0/8"]),
            header,
            recursive,
        };
        let (fields, bytes) = fields(&lines);
        assert_eq!(
            policy.client(ip("10.0.0.1"), true, &fields, &bytes),
            ip(expected),
            "{lines:?}"
        );
        assert_eq!(
            policy.client(ip("10.0.0.1"), false, &fields, &bytes),
            ip("10.0.0.1")
        );
    }
}

#[test]
fn recursion_ends_at_its_bound() {
    let list = vec!["10.0.0.9"; 1000].join(",");
    let (fields, bytes) = fields(&[("X-Forwarded-For", &format!("1.1.1.1,{list}"))]);
    let policy = TrustPolicy {
        trusted: trusted(&["10.0.0.0/8"]),
        header: RealIpHeader::XForwardedFor,
        recursive: true,
    };
    assert_eq!(
        policy.client(ip("10.0.0.1"), true, &fields, &bytes),
        ip("10.0.0.9")
    );
}

/// What arrives in the recording's case "X-Forwarded untrusted".
const SPOOFED: &[(&str, &str)] = &[
    ("X-Forwarded-For", "1.2.3.4"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Port", "99"),
    ("X-Forwarded-Path", "/zz"),
    ("X-Forwarded-Prefix", "/pp"),
    ("X-Real-IP", "9.9.9.9"),
];

fn appended(lines: &[(&str, &str)], peer_trusted: bool, client: &str, host: &str) -> String {
    let (fields, bytes) = fields(lines);
    let forwarding = Forwarding {
        peer: &ClientText::of(ip("127.0.0.1")),
        client: &ClientText::of(ip(client)),
        peer_trusted,
        scheme: "http",
        port: 18100,
        host: host.as_bytes(),
        path: b"/plain",
        prefix: Some(b"/plain"),
    };
    let mut out = Vec::new();
    forwarding.append(&fields, &bytes, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn fields_of_an_untrusted_peer_are_replaced_as_recorded() {
    assert_eq!(
        appended(SPOOFED, false, "127.0.0.1", "127.0.0.1"),
        "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\
         X-Forwarded-Host: 127.0.0.1\r\nX-Forwarded-Port: 18100\r\nX-Forwarded-Path: /plain\r\n\
         X-Forwarded-Prefix: /plain\r\nX-Real-IP: 127.0.0.1\r\n"
    );
}

#[test]
fn fields_of_a_trusted_peer_are_kept() {
    assert_eq!(
        appended(SPOOFED, true, "9.9.9.9", "a"),
        "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 99\r\nX-Forwarded-Path: /zz\r\n\
         X-Forwarded-Prefix: /pp\r\nX-Real-IP: 9.9.9.9\r\n"
    );
}

#[test]
fn without_received_fields_our_own_are_told() {
    let own = appended(&[("X-Real-IP", "9.9.9.9")], true, "9.9.9.9", "ABC.test");
    assert!(own.starts_with("X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\n"));
    assert!(own.contains("X-Forwarded-Host: abc.test\r\n"));
    let nameless = appended(&[("X-Forwarded-For", "")], false, "127.0.0.1", "");
    assert!(nameless.starts_with("X-Forwarded-For: 127.0.0.1\r\n"));
    assert!(nameless.contains("X-Forwarded-Host: silverback\r\n"));
}

#[test]
fn several_lines_become_one_list_and_a_bare_slash_is_no_prefix() {
    let (fields, bytes) = fields(&[
        ("X-Forwarded-For", "1.1.1.1"),
        ("x-forwarded-for", "2.2.2.2"),
    ]);
    let peer = ClientText::of(ip("::1"));
    let forwarding = Forwarding {
        peer: &peer,
        client: &peer,
        peer_trusted: false,
        scheme: "https",
        port: 1,
        host: b"a",
        path: b"/",
        prefix: Some(b"/"),
    };
    let mut out = Vec::new();
    forwarding.append(&fields, &bytes, &mut out);
    assert!(out.starts_with(b"X-Forwarded-For: 1.1.1.1, 2.2.2.2, ::1\r\n"));
    assert!(memchr::memmem::find(&out, b"Prefix").is_none());
}

#[test]
fn every_field_that_is_written_is_replaced() {
    let written = appended(SPOOFED, true, "9.9.9.9", "a");
    for line in written.lines() {
        let name = line.split(':').next().unwrap();
        assert!(Forwarding::replaces(Name::of(name.as_bytes())), "{name}");
    }
}
