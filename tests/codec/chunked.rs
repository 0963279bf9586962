//! The chunked coding.

use proptest::collection::vec;
use proptest::prelude::*;
use silverback::base::limits;
use silverback::http1::chunked::ChunkFault;
use silverback::http1::encode;

use crate::corpus;
use crate::mutation;
use crate::oracle::LIMITS;
use crate::oracle::chunked::check;
use crate::oracle::chunked::ours;

/// The bodies of the corpora, and some with everything that the coding has.
fn wires() -> Vec<Vec<u8>> {
    let mut wires: Vec<Vec<u8>> = ["smuggling", "responses"]
        .into_iter()
        .flat_map(corpus::load)
        .filter_map(|specimen| {
            let end = specimen
                .bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")?;
            let chunked = specimen.bytes.windows(7).any(|seven| seven == b"chunked");
            chunked.then(|| specimen.bytes[end + 4..].to_vec())
        })
        .collect();
    for wire in [
        "3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\nNEXT",
        "1;a;b = c;d=\"e\\\"f;\r\" \r\nx\r\n0\r\n\r\n",
        "1;a;b = c;d=\"e\\\"f;\" ;g\r\nx\r\n00;h\r\nX-A: 1\r\nX-B:2\r\n\r\n",
        "FfFf\r\n",
        "0000000000000001\r\na\r\n0\r\n\r\n",
        "ffffffffffffffff\r\na",
        "0\r\nX_Forwarded_For: 1\r\n\r\n",
        "0\r\nX-A : 1\r\n\r\n",
    ] {
        wires.push(wire.as_bytes().to_vec());
    }
    wires
}

#[test]
fn corpus_agrees_with_the_second_opinion() {
    for wire in wires() {
        for end in 0..=wire.len() {
            check(&wire[..end]);
        }
    }
}

#[test]
fn every_split_point_gives_the_same_message() {
    for wire in wires() {
        let whole = ours(&wire, &[]);
        for cut in 0..wire.len() {
            assert_eq!(ours(&wire, &[cut]), whole, "cut at {cut}");
        }
        let every: Vec<usize> = (0..wire.len()).collect();
        assert_eq!(ours(&wire, &every), whole, "byte by byte");
    }
}

#[test]
fn broken_codings_are_refused() {
    for wire in [
        "g\r\n",
        "\r\n",
        "1\n",
        "1\r\nab",
        "11111111111111111\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1 \r\n",
        "+1\r\n",
        "1;\r\n",
        "1;a=\r\n",
        "1;a=\"b\r\n",
        "1;a b\r\n",
        "1;a \r\n",
        "1 ;a\r\n",
        "1;a\rb\r\n",
        "1\r\r\n",
        "0\r\n\n",
        "0\r\n: a\r\n",
        "0\r\na\r\n",
        "0\r\na: \x01\r\n",
        "0\r\n a: b\r\n",
    ] {
        let refused = Err(ChunkFault::Malformed);
        assert_eq!(ours(wire.as_bytes(), &[]), refused, "{wire:?}");
    }
}

#[test]
fn extensions_are_bounded_over_the_whole_message() {
    let chunk = |length: usize| format!("1;{}\r\na\r\n", "e".repeat(length - 1));
    let half = limits::CHUNK_EXTENSION_BYTES / 2;
    let fine = format!("{}{}0\r\n\r\n", chunk(half), chunk(half));
    assert!(ours(fine.as_bytes(), &[]).unwrap().is_some());
    let more = format!("{}{}0\r\n\r\n", chunk(half), chunk(half + 1));
    assert_eq!(ours(more.as_bytes(), &[]), Err(ChunkFault::Malformed));
}

#[test]
fn trailers_are_bounded_as_a_head_is() {
    let too_large = Err(ChunkFault::TrailersTooLarge);
    let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(LIMITS.fields + 1));
    assert_eq!(ours(many.as_bytes(), &[]), too_large);
    let just = format!("0\r\n{}\r\n", "A: b\r\n".repeat(LIMITS.fields));
    assert!(ours(just.as_bytes(), &[]).unwrap().is_some());
    let long = format!("0\r\nA: {}", "b".repeat(LIMITS.head_bytes));
    assert_eq!(ours(long.as_bytes(), &[]), too_large);
    let cuts: Vec<usize> = (0..long.len()).collect();
    assert_eq!(ours(long.as_bytes(), &cuts), too_large);
}

proptest! {
    #[test]
    fn mutated_corpus_agrees_with_the_second_opinion(
        index in any::<proptest::sample::Index>(),
        changes in mutation::changes(),
    ) {
        let wires = wires();
        check(&mutation::apply(index.get(&wires).clone(), &changes));
    }

    #[test]
    fn what_is_written_is_read(
        chunks in vec(vec(any::<u8>(), 1..100), 0..10),
        trailers in vec(("[A-Z]{1,10}-[a-z]{1,10}", "[!-~]{1,20}"), 0..4),
        behind in vec(any::<u8>(), 0..10),
        cuts in vec(any::<proptest::sample::Index>(), 0..5),
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            encode::chunk_size(&mut wire, chunk.len());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n");
        for (name, value) in &trailers {
            encode::field(&mut wire, name.as_bytes(), value.as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        let length = wire.len();
        wire.extend_from_slice(&behind);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(length)).collect();
        cuts.sort_unstable();
        let message = ours(&wire, &cuts).unwrap().unwrap();
        prop_assert_eq!(message.payload, chunks.concat());
        prop_assert_eq!(message.consumed, length);
        let expected: Vec<(Vec<u8>, Vec<u8>)> = trailers
            .into_iter()
            .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
            .collect();
        prop_assert_eq!(message.trailers, expected);
    }
}
