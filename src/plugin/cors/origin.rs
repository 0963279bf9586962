//! Which origins are let in, by Kong's rules.
//!
//! An entry made of letters, digits, and `.:/-` alone is an origin; anything else is a regex that must match all of an
//! origin, or, if there is no colon in it, all of its host.

use crate::plugin::patterns::Pattern;

/// The origins of a configuration.
#[derive(Debug)]
pub(super) enum Origins {
    /// All of them.
    All,
    /// This one, which every answer names.
    One(Box<[u8]>),
    /// Those that one of the entries lets in.
    Listed {
        entries: Vec<Entry>,
        /// `*` is one of them.
        all: bool,
    },
}

#[derive(Debug)]
pub(super) enum Entry {
    Origin(Box<[u8]>),
    Regex(Pattern),
    HostRegex(Pattern),
}

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed<'a> {
    /// Whoever asks.
    Everybody,
    /// This origin.
    Origin(&'a [u8]),
    /// Not the one that asks.
    Nobody,
}

impl Origins {
    /// # Errors
    /// Why an entry is no regex.
    pub(super) fn new(entries: &[Box<str>]) -> Result<Self, String> {
        match entries {
            [] => return Ok(Self::All),
            [one] if &**one == "*" => return Ok(Self::All),
            [one] if is_plain(one) => return Ok(Self::One(one.as_bytes().into())),
            _ => {}
        }
        let all = entries.iter().any(|entry| &**entry == "*");
        let entries = entries.iter().filter(|entry| &***entry != "*");
        let entries = entries.map(|entry| Entry::new(entry));
        Ok(Self::Listed {
            entries: entries.collect::<Result<_, _>>()?,
            all,
        })
    }

    /// Whether different origins get different answers.
    pub(super) fn differ(&self) -> bool {
        match self {
            Self::All => false,
            Self::One(_) | Self::Listed { .. } => true,
        }
    }

    /// Who is let in by the answer to a request from this origin.
    pub(super) fn allow<'a>(&'a self, origin: Option<&'a [u8]>) -> Allowed<'a> {
        let (entries, all) = match self {
            Self::All => return Allowed::Everybody,
            Self::One(one) => return Allowed::Origin(one),
            Self::Listed { entries, all } => (entries, *all),
        };
        let Some(origin) = origin else {
            return Allowed::Nobody;
        };
        if all {
            return Allowed::Everybody;
        }
        let normal = Normal::of(origin);
        if entries.iter().any(|entry| entry.lets_in(&normal)) {
            Allowed::Origin(normal.whole)
        } else {
            Allowed::Nobody
        }
    }
}

/// Whether an entry is no regex.
fn is_plain(entry: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:/-".contains(&byte);
    entry.bytes().all(plain)
}

impl Entry {
    fn new(entry: &str) -> Result<Self, String> {
        if is_plain(entry) {
            return Ok(Self::Origin(Normal::of(entry.as_bytes()).whole.into()));
        }
        let pattern = Pattern::whole(unanchored(entry))?;
        Ok(if entry.contains(':') {
            Self::Regex(pattern)
        } else {
            Self::HostRegex(pattern)
        })
    }

    fn lets_in(&self, origin: &Normal<'_>) -> bool {
        match self {
            Self::Origin(own) => **own == *origin.whole,
            Self::Regex(pattern) => pattern.matches(origin.whole),
            Self::HostRegex(pattern) => pattern.matches(origin.host),
        }
    }
}

/// The expression without anchors of its own, which it is given anyway.
fn unanchored(regex: &str) -> &str {
    let regex = regex.strip_prefix('^').unwrap_or(regex);
    match regex.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => rest,
        Some(_) | None => regex,
    }
}

/// An origin without the port that its scheme has by default, and without what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Normal<'a> {
    whole: &'a [u8],
    host: &'a [u8],
}

impl<'a> Normal<'a> {
    fn of(origin: &'a [u8]) -> Self {
        Self::of_url(origin).unwrap_or(Self {
            whole: origin,
            host: origin,
        })
    }

    /// `None` for what has no host, like `null`, and for what names a user, which no browser does.
    fn of_url(origin: &'a [u8]) -> Option<Self> {
        let scheme = memchr::memmem::find(origin, b"://")?;
        let (scheme, rest) = (origin.get(..scheme)?, origin.get(scheme + 3..)?);
        let end = rest.iter().position(|byte| b"/?#".contains(byte));
        let authority = rest.get(..end.unwrap_or(rest.len()))?;
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        if authority.is_empty()
            || memchr::memchr(b'@', authority).is_some()
            || !scheme.iter().all(good)
        {
            return None;
        }
        let bracket = memchr::memrchr(b']', authority).unwrap_or(0);
        let colon = memchr::memrchr(b':', authority).filter(|colon| *colon > bracket);
        let host = authority.get(..colon.unwrap_or(authority.len()))?;
        let port = authority.get(host.len()..)?;
        let kept = match (scheme, port) {
            (b"http", b":80") | (b"https", b":443") | (_, b":") => host,
            _ => authority,
        };
        let whole = origin.get(..scheme.len() + 3 + kept.len())?;
        Some(Self { whole, host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(origin: &str) -> (&str, &str) {
        let normal = Normal::of(origin.as_bytes());
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        (text(normal.whole), text(normal.host))
    }

    #[test]
    fn origins_have_a_normal_form() {
        for (origin, whole, host) in [
            ("http://a.test", "http://a.test", "a.test"),
            ("http://a.test:80", "http://a.test", "a.test"),
            ("https://a.test:443/x?y", "https://a.test", "a.test"),
            ("https://a.test:80#z", "https://a.test:80", "a.test"),
            ("http://[::1]:8080", "http://[::1]:8080", "[::1]"),
            ("http://[::1]", "http://[::1]", "[::1]"),
            ("null", "null", "null"),
            ("http://u@a.test", "http://u@a.test", "http://u@a.test"),
            ("http://", "http://", "http://"),
            ("", "", ""),
        ] {
            assert_eq!(normal(origin), (whole, host), "{origin}");
        }
    }

    fn allows(entries: &[&str], origin: &str) -> bool {
        let entries: Vec<Box<str>> = entries.iter().map(|entry| (*entry).into()).collect();
        let origins = Origins::new(&entries).unwrap();
        origins.allow(Some(origin.as_bytes())) != Allowed::Nobody
    }

    #[test]
    fn an_entry_is_an_origin_or_a_regex_of_all_of_it() {
        let list = [
            "http://b.test:80",
            "^.*\\.re\\.test$",
            "https?://c.test|d.test:1",
        ];
        for good in [
            "http://b.test",
            "http://b.test:80",
            "https://x.re.test:99",
            "https://c.test",
            "http://c.test:80",
        ] {
            assert!(allows(&list, good), "{good}");
        }
        for bad in [
            "http://b.test:81",
            "http://re.test",
            "http://x.re.test.evil",
            "http://c.test.evil",
            "http://user@x.re.test.evil",
            "null",
            "",
        ] {
            assert!(!allows(&list, bad), "{bad}");
        }
        assert!(allows(&["http://a.test", "*"], "http://z.test"));
    }

    proptest! {
        #[test]
        fn any_origin_is_read_and_part_of_itself(origin in prop::collection::vec(any::<u8>(), 0..40)) {
            let normal = Normal::of(&origin);
            prop_assert!(origin.starts_with(normal.whole));
        }

        #[test]
        fn ports_and_paths_are_found(port in prop::option::of(any::<u16>()), tail in "(/[a-z]{0,3})?") {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let origin = format!("http://a.test{port}{tail}");
            let shown = if port == ":80" { "" } else { &port };
            let normal = Normal::of(origin.as_bytes());
            let expected = format!("http://a.test{shown}");
            prop_assert_eq!(normal.whole, expected.as_bytes());
            prop_assert_eq!(normal.host, &b"a.test"[..]);
        }
    }
}
