//! Small changes to a message, of the kind that confuses parsers.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;

/// What is put into a message.
const PIECES: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b":",
    b",",
    b";",
    b"_",
    b"-",
    b"0",
    b"9",
    b"?",
    b"#",
    b"%",
    b"%2f",
    b"/",
    b"*",
    b"@",
    b"[",
    b"]",
    b".",
    b"\"",
    b"\\",
    b"Host: b\r\n",
    b"Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"X-A: b\r\n",
    b"Connection: x-a, te\r\n",
    b"Expect: 100-continue\r\n",
    b"chunked",
    b"close",
    b"HTTP/1.0",
    b";a=\"b\"",
    b"; c = d",
];

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Insert(Index, &'static [u8]),
    Replace(Index, &'static [u8]),
    Remove(Index),
    Repeat(Index, Index),
    FlipCase(Index),
}

/// A few changes.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Change::Replace(at, piece)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
        any::<Index>().prop_map(Change::FlipCase),
    ];
    vec(change, 1..4)
}

/// The message after the changes.
pub(crate) fn apply(mut message: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |index: &Index| index.index(message.len().max(1)).min(message.len());
        match change {
            Change::Insert(at, piece) => {
                let at = place(at);
                message.splice(at..at, piece.iter().copied());
            }
            Change::Replace(at, piece) => {
                let at = place(at);
                let end = (at + 1).min(message.len());
                message.splice(at..end, piece.iter().copied());
            }
            Change::Remove(at) => {
                let at = place(at);
                message.drain(at..(at + 1).min(message.len()));
            }
            Change::Repeat(from, to) => {
                let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
                let part = message[from..to].to_vec();
                message.splice(to..to, part);
            }
            Change::FlipCase(at) => {
                let at = place(at);
                if let Some(byte) = message.get_mut(at)
                    && byte.is_ascii_alphabetic()
                {
                    *byte ^= 0x20;
                }
            }
        }
    }
    message
}
