//! Response heads.

use proptest::collection::vec;
use proptest::prelude::*;
use silverback::http::Cause;
use silverback::http::Framing;
use silverback::http::Method;

use crate::corpus;
use crate::mutation;
use crate::oracle::response::Verdict;
use crate::oracle::response::check;
use crate::oracle::response::check_cut;
use crate::oracle::response::ours;

fn specimens() -> Vec<Vec<u8>> {
    let mut specimens: Vec<Vec<u8>> = corpus::load("responses")
        .into_iter()
        .map(|specimen| specimen.bytes)
        .collect();
    let long = "abcdefghijklmnopqrstuvwxyz-0123456789".repeat(3);
    specimens.push(
        format!("HTTP/1.1 200 {long} \t{long}\r\nX-{long} : {long}\r\nX:\t{long} \r\n\r\n")
            .into_bytes(),
    );
    specimens
}

#[test]
fn corpus_agrees_with_the_second_opinion() {
    for specimen in specimens() {
        for method in [Method::Get, Method::Head] {
            for end in 0..=specimen.len() {
                check(&specimen[..end], method);
            }
        }
    }
}

#[test]
fn every_split_point_gives_the_same_verdict() {
    for specimen in specimens() {
        let whole = ours(&specimen, Method::Get, &[]);
        for cut in 0..specimen.len() {
            assert_eq!(ours(&specimen, Method::Get, &[cut]), whole, "cut at {cut}");
        }
        let every: Vec<usize> = (0..specimen.len()).collect();
        assert_eq!(ours(&specimen, Method::Get, &every), whole, "byte by byte");
    }
}

#[test]
fn coding_that_was_not_asked_for_is_refused() {
    for (line, coding) in [
        ("HTTP/1.1", "gzip"),
        ("HTTP/1.1", "gzip, chunked"),
        ("HTTP/1.1", "chunked, chunked"),
        ("HTTP/1.0", "chunked"),
    ] {
        let head = format!("{line} 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n");
        let refused = Verdict::Refused(Cause::ResponseCodingInvalid);
        assert_eq!(ours(head.as_bytes(), Method::Get, &[]), refused);
        let Verdict::Complete(facts) = ours(head.as_bytes(), Method::Head, &[]) else {
            panic!("an answer to HEAD has no body, whatever it says");
        };
        assert_eq!(facts.framing, Framing::Empty);
    }
}

proptest! {
    #[test]
    fn mutated_corpus_agrees_with_the_second_opinion(
        index in any::<proptest::sample::Index>(),
        changes in mutation::changes(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let specimens = specimens();
        let specimen = mutation::apply(index.get(&specimens).clone(), &changes);
        check(&specimen, Method::Get);
        check_cut(&specimen, Method::Get, cut.index(specimen.len() + 1));
    }

    #[test]
    fn anything_agrees_with_the_second_opinion(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes, Method::Get);
        check(&[b"HTTP/1.1 200 OK\r\n", bytes.as_slice()].concat(), Method::Get);
    }

    #[test]
    fn what_is_written_is_read(
        status in 200_u16..600,
        reason in "[ -~]{0,60}",
        fields in vec(("X-A-[0-9A-Za-z-]{1,40}", "[!-~]{0,90}"), 0..20),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut text = format!("HTTP/1.1 {status} {reason}\r\nContent-Length: 5\r\n");
        for (name, value) in &fields {
            text.push_str(&format!("{name}:{value}\r\n"));
        }
        text.push_str("\r\n");
        let bytes = text.into_bytes();
        let Verdict::Complete(facts) = ours(&bytes, Method::Get, &[cut.index(bytes.len())]) else {
            panic!("a well-formed head is refused");
        };
        prop_assert_eq!((facts.status, facts.reason), (status, reason));
        let expected: Vec<(Vec<u8>, Vec<u8>)> = fields
            .into_iter()
            .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
            .collect();
        prop_assert_eq!(&facts.lines[1..], &expected[..]);
    }
}
