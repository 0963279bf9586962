//! The fields of a request that a cache has to look at, found in one pass over its head.

use crate::http::Name;
use crate::http::RequestHead;

/// The first value of each field.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints<'a> {
    pub(super) cache_control: Option<&'a [u8]>,
    pub(super) if_none_match: Option<&'a [u8]>,
    pub(super) if_modified_since: Option<&'a [u8]>,
    /// If-Match or If-Unmodified-Since: what only the origin can judge.
    pub(super) precondition: bool,
    pub(super) range: Option<&'a [u8]>,
    pub(super) if_range: Option<&'a [u8]>,
    /// There are fields that some origins take for another method, host or URL.
    pub(super) steers: bool,
}

impl<'a> Hints<'a> {
    pub(super) fn of(head: &RequestHead, bytes: &'a [u8]) -> Self {
        let mut hints = Self::default();
        for field in head.fields.lines() {
            if field.known != Name::Other {
                continue;
            }
            let name = field.name.of(bytes);
            let value = field.value.of(bytes);
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            match name.first().map(u8::to_ascii_lowercase) {
                Some(b'c') if is(b"cache-control") => {
                    hints.cache_control.get_or_insert(value);
                }
                Some(b'i') if is(b"if-none-match") => {
                    hints.if_none_match.get_or_insert(value);
                }
                Some(b'i') if is(b"if-modified-since") => {
                    hints.if_modified_since.get_or_insert(value);
                }
                Some(b'i') if is(b"if-range") => {
                    hints.if_range.get_or_insert(value);
                }
                Some(b'i') if is(b"if-match") || is(b"if-unmodified-since") => {
                    hints.precondition = true;
                }
                Some(b'r') if is(b"range") => {
                    hints.range.get_or_insert(value);
                }
                Some(b'x') => hints.steers |= steers(name),
                Some(_) | None => {}
            }
        }
        hints
    }
}

/// Whether a field is one that some origins take for another method, host or URL than the request's own. Answers that
/// differ by them must not be taken for each other, although no Vary names them.
pub(super) fn steers(name: &[u8]) -> bool {
    STEERING
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
}

const STEERING: [&[u8]; 8] = [
    b"x-original-url",
    b"x-rewrite-url",
    b"x-http-method-override",
    b"x-http-method",
    b"x-method-override",
    b"x-forwarded-scheme",
    b"x-forwarded-server",
    b"x-host",
];
