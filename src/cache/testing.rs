//! Entries for tests.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::Charge;
use super::Content;
use super::Dictionary;
use super::Digest;
use super::Entry;
use super::Filed;
use super::Micros;
use super::Times;
use crate::http::answer::Lines;

/// Where all of them are kept.
pub(crate) const DICTIONARY: u64 = 1;

/// A key for people that begins with these bytes.
pub(crate) fn digest(key: &str) -> Digest {
    let mut digest = [b'0'; 64];
    for (place, byte) in digest.iter_mut().zip(key.bytes()) {
        *place = byte;
    }
    digest
}

/// A stored answer with a body of so many bytes, fresh for a minute and labelled `tag-KEY`.
pub(crate) fn entry(key: &str, stored: Micros, body: usize, bytes_max: usize) -> Entry {
    let mut lines = Lines::default();
    lines.push(b"Content-Type", b"text/plain");
    let answer = lines.finish(200, Bytes::from(vec![b'x'; body])).unwrap();
    Entry {
        key: key.as_bytes().into(),
        digest: digest(key),
        dictionary: Dictionary {
            id: DICTIONARY,
            bytes_max,
        },
        plugin: Uuid::from_u128(1),
        route: Uuid::from_u128(2),
        asked: stored,
        content: Content::Answer(Box::new(Filed {
            answer: Arc::new(answer),
            times: Times {
                stored,
                age_before: 0,
                lifetime: 60,
                while_revalidate: 0,
                if_error: 0,
                strict: false,
                kept: 60,
            },
            unix_secs: 0,
            tags: [format!("tag-{key}").into_bytes().into_boxed_slice()].into(),
        })),
        charge: Charge::default(),
    }
}
