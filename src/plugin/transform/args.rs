//! The arguments of a query or of a form's body, as Kong reads, changes and writes them.
//!
//! Names and values are decoded; an argument may have no value at all (`a` is not `a=`). What has no name is dropped.

use std::borrow::Cow;

use super::super::arguments::arguments;

/// Arguments in the order received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::plugin) struct Args<'a>(Vec<Arg<'a>>);

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arg<'a> {
    name: Cow<'a, [u8]>,
    value: Option<Cow<'a, [u8]>>,
}

impl<'a> Args<'a> {
    /// Takes `text` apart.
    pub(in crate::plugin) fn decode(text: &'a [u8]) -> Self {
        Self(named(text).collect())
    }

    /// How many arguments a text has at most, counted without decoding it.
    pub(in crate::plugin) fn count(text: &[u8]) -> usize {
        memchr::memchr_iter(b'&', text).count() + 1
    }

    /// The first value under a name in `text`, of which nothing else is decoded; empty for a name without one.
    pub(in crate::plugin) fn find(text: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let arg = named(text).find(|arg| *arg.name == *name)?;
        Some(arg.value.unwrap_or_default())
    }

    /// The arguments' names and values.
    pub(in crate::plugin) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.0.iter().map(|arg| (&*arg.name, arg.value.as_deref()))
    }

    /// Whether there are none.
    pub(in crate::plugin) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is one with this name.
    pub(in crate::plugin) fn has(&self, name: &[u8]) -> bool {
        self.0.iter().any(|arg| *arg.name == *name)
    }

    /// Takes all with this name away.
    pub(in crate::plugin) fn remove(&mut self, name: &[u8]) {
        self.0.retain(|arg| *arg.name != *name);
    }

    /// Gives all with the old name the new one, in place of those that had it before.
    pub(in crate::plugin) fn rename(&mut self, old: &[u8], new: &[u8]) {
        if old == new || !self.has(old) {
            return;
        }
        self.remove(new);
        for arg in self.0.iter_mut().filter(|arg| *arg.name == *old) {
            arg.name = Cow::Owned(new.to_vec());
        }
    }

    /// Gives this value to the name, if it is there.
    pub(in crate::plugin) fn replace(&mut self, name: &[u8], value: &[u8]) {
        let mut first = true;
        self.0
            .retain(|arg| *arg.name != *name || std::mem::take(&mut first));
        if let Some(arg) = self.0.iter_mut().find(|arg| *arg.name == *name) {
            arg.value = Some(Cow::Owned(value.to_vec()));
        }
    }

    /// Adds an argument, if the name is not there.
    pub(in crate::plugin) fn add(&mut self, name: &[u8], value: &[u8]) {
        if !self.has(name) {
            self.push(name, Some(value));
        }
    }

    /// Adds an argument behind those with the same name. A name that stands there once without a value gets this one.
    pub(in crate::plugin) fn append(&mut self, name: &[u8], value: &[u8]) {
        let mut same = self.0.iter_mut().filter(|arg| *arg.name == *name);
        match (same.next(), same.next()) {
            (Some(Arg { value: bare, .. }), None) if bare.is_none() => {
                *bare = Some(Cow::Owned(value.to_vec()));
            }
            (Some(_) | None, Some(_) | None) => self.push(name, Some(value)),
        }
    }

    /// Adds an argument at the end.
    pub(in crate::plugin) fn push(&mut self, name: &[u8], value: Option<&[u8]>) {
        self.0.push(Arg {
            name: Cow::Owned(name.to_vec()),
            value: value.map(|value| Cow::Owned(value.to_vec())),
        });
    }

    /// The arguments as text, in their order.
    pub(in crate::plugin) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for arg in &self.0 {
            arg.encode(&mut out);
        }
        out
    }

    /// The arguments as Kong writes a query: those of one name together, and the names in the order of what is written.
    pub(in crate::plugin) fn encode_sorted(&self) -> Vec<u8> {
        let mut args: Vec<&Arg<'_>> = self.0.iter().collect();
        args.sort_by(|a, b| a.name.cmp(&b.name));
        let of_one_name = args.chunk_by(|a, b| a.name == b.name);
        let mut groups: Vec<Vec<u8>> = of_one_name
            .map(|group| {
                let mut out = Vec::new();
                for arg in group {
                    arg.encode(&mut out);
                }
                out
            })
            .collect();
        groups.sort();
        groups.join(&b'&')
    }
}

impl Arg<'_> {
    /// Appends it, behind a separator if it is not the first.
    fn encode(&self, out: &mut Vec<u8>) {
        if !out.is_empty() {
            out.push(b'&');
        }
        encode(out, &self.name);
        if let Some(value) = &self.value {
            out.push(b'=');
            encode(out, value);
        }
    }
}

/// The arguments that have a name.
fn named(text: &[u8]) -> impl Iterator<Item = Arg<'_>> {
    let arguments = arguments(text).filter(|(name, _)| !name.is_empty());
    arguments.map(|(name, value)| Arg { name, value })
}

/// Escapes every byte but the unreserved ones of RFC 3986.
fn encode(out: &mut Vec<u8>, text: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.push(b'%');
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn arguments_are_decoded_and_written_with_few_bytes_left_as_they_are() {
        let args = Args::decode(b"a=1&b+c=%41%2f%zz%4&&=x&d&e=&f==%");
        let pairs: Vec<_> = args.iter().collect();
        assert_eq!(
            pairs,
            [
                (&b"a"[..], Some(&b"1"[..])),
                (b"b c", Some(b"A/%zz%4")),
                (b"d", None),
                (b"e", Some(b"")),
                (b"f", Some(b"=%")),
            ]
        );
        assert_eq!(text(args.encode()), "a=1&b%20c=A%2F%25zz%254&d&e=&f=%3D%25");
        assert_eq!(Args::find(b"x&%61=+&a=2", b"a").as_deref(), Some(&b" "[..]));
        assert_eq!(Args::find(b"x&a=2", b"x").as_deref(), Some(&b""[..]));
        assert_eq!(Args::find(b"x&a=2", b"y"), None);
    }

    #[test]
    fn a_query_is_written_in_the_order_of_its_names() {
        let args = Args::decode(b"q=2&b&a=1&q=1&a=%20");
        assert_eq!(text(args.encode_sorted()), "a=1&a=%20&b&q=2&q=1");
        assert!(Args::decode(b"&&=").encode_sorted().is_empty());
    }

    #[test]
    fn each_change_looks_at_what_is_there() {
        let mut args = Args::decode(b"a=1&b=2&a=3&bare");
        args.append(b"bare", b"x");
        args.append(b"bare", b"y");
        args.replace(b"a", b"r");
        args.replace(b"absent", b"r");
        args.add(b"b", b"no");
        args.add(b"c", b"yes");
        args.rename(b"b", b"c");
        args.rename(b"absent", b"c");
        args.rename(b"c", b"c");
        assert_eq!(text(args.encode()), "a=r&c=2&bare=x&bare=y");
        args.remove(b"bare");
        assert_eq!(text(args.encode()), "a=r&c=2");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let args = Args::decode(&raw);
            let written = args.encode();
            prop_assert!(written.len() <= raw.len() * 3);
            prop_assert_eq!(&Args::decode(&written), &args);
            let sorted = args.encode_sorted();
            prop_assert_eq!(sorted.len(), written.len());
            prop_assert_eq!(Args::decode(&sorted).encode_sorted(), sorted);
            prop_assert!(args.0.len() <= Args::count(&raw));
        }
    }
}
