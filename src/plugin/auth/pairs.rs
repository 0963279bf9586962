//! Pairs like `a=b&c=d`, as in a query or a form, read in place.
//!
//! Nothing is decoded but the value that is asked for, nothing is copied unless it is escaped, and what is taken away
//! leaves the rest as it was. Decoding is nginx's: `+` is a space, and a `%` that begins no escape is a `%`.

use std::borrow::Cow;

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) enum Lookup<'a> {
    /// Nothing.
    Missing,
    /// The name alone, without `=`.
    Bare,
    /// One value.
    One(Cow<'a, [u8]>),
    /// The name more than once.
    Many,
}

/// What `pairs` holds under `name`.
pub(in crate::plugin) fn look_up<'a>(pairs: &'a [u8], name: &[u8]) -> Lookup<'a> {
    let mut values = all(pairs, name);
    match (values.next(), values.next()) {
        (None, _) => Lookup::Missing,
        (Some(None), None) => Lookup::Bare,
        (Some(Some(value)), None) => Lookup::One(value),
        (Some(_), Some(_)) => Lookup::Many,
    }
}

/// Every value under `name`, none for the name alone.
pub(in crate::plugin) fn all<'a, 'n>(
    pairs: &'a [u8],
    name: &'n [u8],
) -> impl Iterator<Item = Option<Cow<'a, [u8]>>> + use<'a, 'n> {
    split(pairs)
        .filter(move |(key, _)| spells(key, name))
        .map(|(_, value)| value.map(decode))
}

/// `pairs` without those under `name`; none if there is none.
pub(in crate::plugin) fn without(pairs: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    if look_up(pairs, name) == Lookup::Missing {
        return None;
    }
    let mut kept = Vec::with_capacity(pairs.len());
    for pair in pairs.split(|&byte| byte == b'&') {
        if !spells(halves(pair).0, name) {
            if !kept.is_empty() {
                kept.push(b'&');
            }
            kept.extend_from_slice(pair);
        }
    }
    Some(kept)
}

fn split(pairs: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    pairs
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(halves)
}

fn halves(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', pair) {
        Some(at) => (&pair[..at], Some(&pair[at + 1..])),
        None => (pair, None),
    }
}

/// Whether a name as received spells this one.
fn spells(received: &[u8], name: &[u8]) -> bool {
    received == name || (is_escaped(received) && *decode(received) == *name)
}

fn is_escaped(text: &[u8]) -> bool {
    memchr::memchr2(b'%', b'+', text).is_some()
}

/// The bytes that a text stands for.
pub(in crate::plugin) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !is_escaped(text) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if byte == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(if byte == b'+' { b' ' } else { byte });
                rest = after;
            }
        }
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::prop_assert_eq;
    use proptest::proptest;

    fn one(value: &str) -> Lookup<'_> {
        Lookup::One(value.as_bytes().into())
    }

    #[test]
    fn a_name_is_found_however_it_is_spelled() {
        let query = b"a=1&b&%61%2fx=%2B+%zz&=empty&&b2=&a2=x=y";
        assert_eq!(look_up(query, b"a"), one("1"));
        assert_eq!(look_up(query, b"b"), Lookup::Bare);
        assert_eq!(look_up(query, b"a/x"), one("+ %zz"));
        assert_eq!(look_up(query, b"b2"), one(""));
        assert_eq!(look_up(query, b"a2"), one("x=y"));
        assert_eq!(look_up(query, b"A"), Lookup::Missing);
        assert_eq!(look_up(b"", b"a"), Lookup::Missing);
        assert_eq!(look_up(b"a=1&%61=1", b"a"), Lookup::Many);
        assert_eq!(look_up(b"a&a=1", b"a"), Lookup::Many);
        assert_eq!(all(b"a&b=0&a=1", b"a").count(), 2);
    }

    #[test]
    fn what_is_taken_away_leaves_the_rest_as_it_was() {
        let query = b"x=%20&key=1&y&k%65y=2&z=+";
        assert_eq!(without(query, b"key").unwrap(), b"x=%20&y&z=+");
        assert_eq!(without(query, b"none"), None);
        assert_eq!(without(b"key=1", b"key").unwrap(), b"");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(pairs in any::<Vec<u8>>(), name in any::<Vec<u8>>()) {
            prop_assert!(decode(&pairs).len() <= pairs.len());
            let found = look_up(&pairs, &name);
            match without(&pairs, &name) {
                None => prop_assert_eq!(found, Lookup::Missing),
                Some(rest) => {
                    prop_assert!(rest.len() < pairs.len());
                    prop_assert_eq!(look_up(&rest, &name), Lookup::Missing);
                }
            }
        }

        #[test]
        fn dense_pairs_are_read_like_a_list(text in "[ab=&%61+]{0,24}") {
            let expected: Vec<_> = text
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').map_or((pair, None), |(k, v)| (k, Some(v))))
                .filter(|(key, _)| *decode(key.as_bytes()) == *b"a")
                .map(|(_, value)| value.map(|value| decode(value.as_bytes())))
                .collect();
            prop_assert_eq!(all(text.as_bytes(), b"a").collect::<Vec<_>>(), expected);
        }
    }
}
