//! Hides the values of query parameters that carry credentials, before a line is written.
//!
//! Names compare without case, percent-encoding, `-` and `_`, because an origin (or a key-auth plugin)
//! would decode `%61pikey` before it looks. The list of usual names can be widened, say by the names that
//! key-auth plugins are configured with.

use std::borrow::Cow;

/// The names whose values are always hidden, without `-` and `_`.
const USUAL: &[&str] = &[
    "apikey",
    "key",
    "token",
    "accesstoken",
    "idtoken",
    "refreshtoken",
    "password",
    "passwd",
    "secret",
    "clientsecret",
    "jwt",
    "sig",
    "signature",
    "xamzsignature",
    "xamzsecuritytoken",
];

/// What stands for a hidden value.
const HIDDEN: &[u8] = b"***";

/// Longest name compared; a longer one is nobody's.
const NAME_BYTES: usize = 128;

/// The set of parameter names that are secret.
#[derive(Clone, Debug)]
pub struct Mask {
    /// In order.
    names: Vec<Box<[u8]>>,
}

impl Mask {
    /// The usual names.
    pub fn new() -> Self {
        Self::with(std::iter::empty())
    }

    /// The usual names and `more`.
    pub fn with<'a>(more: impl Iterator<Item = &'a str>) -> Self {
        let names = USUAL.iter().copied().chain(more);
        let names = names.map(|name| {
            let mut buffer = [0; NAME_BYTES];
            Box::from(canonical(name.as_bytes(), &mut buffer))
        });
        let mut names: Vec<Box<[u8]>> = names.collect();
        names.sort_unstable();
        names.dedup();
        Self { names }
    }

    /// `query` with secret values replaced by `***`; borrowed where there is none.
    pub fn query<'a>(&self, query: &'a [u8]) -> Cow<'a, [u8]> {
        let mut hidden = Vec::new();
        let mut kept = 0;
        let mut from = 0;
        while from < query.len() {
            let rest = &query[from..];
            let length = rest.iter().position(|b| matches!(b, b'&' | b';' | b'#'));
            let to = from + length.unwrap_or(rest.len());
            let equals = query[from..to].iter().position(|b| *b == b'=');
            if let Some(equals) = equals
                && from + equals + 1 < to
                && self.is_secret(&query[from..from + equals])
            {
                hidden.extend_from_slice(&query[kept..=from + equals]);
                hidden.extend_from_slice(HIDDEN);
                kept = to;
            }
            from = to + 1;
        }
        if kept == 0 {
            return Cow::Borrowed(query);
        }
        hidden.extend_from_slice(&query[kept..]);
        Cow::Owned(hidden)
    }

    /// A whole URL with its secret query and fragment values hidden.
    pub fn url<'a>(&self, url: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(at) = url.iter().position(|b| matches!(b, b'?' | b'#')) else {
            return Cow::Borrowed(url);
        };
        match self.query(&url[at + 1..]) {
            Cow::Borrowed(_) => Cow::Borrowed(url),
            Cow::Owned(query) => Cow::Owned([&url[..=at], &query].concat()),
        }
    }

    /// Whether what stands under this name is secret.
    pub fn is_secret(&self, name: &[u8]) -> bool {
        if name.len() > NAME_BYTES {
            return false;
        }
        let mut buffer = [0; NAME_BYTES];
        let name = canonical(name, &mut buffer);
        self.names
            .binary_search_by(|known| (**known).cmp(name))
            .is_ok()
    }
}

/// Whether what stands under this name is secret without anybody saying so.
pub fn is_usual(name: &[u8]) -> bool {
    let mut buffer = [0; NAME_BYTES];
    let name = canonical(name, &mut buffer);
    USUAL.iter().any(|usual| usual.as_bytes() == name)
}

impl Default for Mask {
    fn default() -> Self {
        Self::new()
    }
}

/// A name decoded, in lower case, without `-` and `_` and what else servers drop around names; cut where
/// the buffer ends.
fn canonical<'b>(name: &[u8], buffer: &'b mut [u8; NAME_BYTES]) -> &'b [u8] {
    let (mut at, mut length) = (0, 0);
    while let Some(&byte) = name.get(at) {
        let encoded = match name.get(at..at + 3) {
            Some(&[b'%', high, low]) => digit(high).zip(digit(low)),
            _ => None,
        };
        at += if encoded.is_some() { 3 } else { 1 };
        let byte = encoded.map_or(byte, |(high, low)| high * 16 + low);
        if matches!(byte, b'-' | b'_' | b'+' | b' ' | b'[' | b']') {
            continue;
        }
        let Some(place) = buffer.get_mut(length) else {
            break;
        };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    &buffer[..length]
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::Mask;

    fn masked(query: &str) -> String {
        let mask = Mask::with(["My-Key"].into_iter());
        String::from_utf8(mask.query(query.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn values_of_secret_parameters_are_hidden() {
        assert_eq!(masked("apikey=CANARY"), "apikey=***");
        assert_eq!(masked("a=1&Access_Token=C&b=2"), "a=1&Access_Token=***&b=2");
        assert_eq!(masked("%61pi%4bey=C;sig=C&x"), "%61pi%4bey=***;sig=***&x");
        assert_eq!(masked("my_key=C=C&jwt=C"), "my_key=***&jwt=***");
        assert_eq!(
            masked("api-key=C&&password=C&"),
            "api-key=***&&password=***&"
        );
    }

    #[test]
    fn other_queries_stay_as_they_are() {
        for query in [
            "", "&", "=", "page=2", "monkey=1", "key", "key=", "a=key=1", "%",
        ] {
            assert_eq!(masked(query), query);
        }
    }

    #[test]
    fn a_url_hides_query_and_fragment() {
        let url = Mask::new()
            .url(b"http://a/b?token=C#access_token=C")
            .into_owned();
        assert_eq!(url, b"http://a/b?token=***#access_token=***");
        assert_eq!(&*Mask::new().url(b"http://a/token=1"), b"http://a/token=1");
    }
}
