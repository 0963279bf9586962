//! Host patterns: `name`, `*.suffix` or `prefix.*`, each with an optional port.

use crate::router::PatternFault;

/// A host that a route asks for, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    /// How the name is compared.
    pub(crate) kind: HostKind,
    /// The name; for a wildcard what remains without the asterisk, its dot included.
    pub(crate) name: Box<str>,
    /// The port that the request must be for.
    pub(crate) port: Option<u16>,
}

/// The three ways in which a host is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HostKind {
    /// The whole host.
    Exact,
    /// The host's end: `*.example.com`, at any depth.
    Suffix,
    /// The host's beginning: `example.*`.
    Prefix,
}

impl HostPattern {
    /// Reads a host as Kong's `hosts` field takes it.
    ///
    /// # Errors
    /// A [`PatternFault`] with Kong's words.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        if text.matches('*').count() > 1 {
            return Err(PatternFault::HostWildcards);
        }
        let (name, port) = split_port(text)?;
        let (kind, name) = match name.split_once('*') {
            None => (HostKind::Exact, name),
            Some(("", rest)) if rest.starts_with('.') => (HostKind::Suffix, rest),
            Some((rest, "")) if rest.ends_with('.') => (HostKind::Prefix, rest),
            Some(_) => return Err(PatternFault::HostWildcardPlace),
        };
        let labels = match kind {
            HostKind::Exact => name,
            HostKind::Suffix => &name[1..],
            HostKind::Prefix => &name[..name.len() - 1],
        };
        if !is_address(labels) && !is_host_name(labels) {
            return Err(PatternFault::HostName(text.into()));
        }
        // Requests are compared without the trailing dot of a fully qualified name and without brackets.
        let name = match kind {
            HostKind::Exact | HostKind::Suffix => name.strip_suffix('.').unwrap_or(name),
            HostKind::Prefix => name,
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name = name.to_ascii_lowercase().into();
        Ok(Self { kind, name, port })
    }

    /// Whether the pattern has no wildcard; such hosts go before others.
    pub(crate) fn is_plain(&self) -> bool {
        self.kind == HostKind::Exact
    }

    /// Whether the pattern takes a host and port; the router's tables do this in another way, this one
    /// explains.
    pub(crate) fn matches(&self, host: &[u8], port: u16) -> bool {
        let name = self.name.as_bytes();
        let part = match self.kind {
            HostKind::Exact => Some(host),
            HostKind::Suffix => host.len().checked_sub(name.len()).map(|at| &host[at..]),
            HostKind::Prefix => host.get(..name.len()),
        };
        self.port.is_none_or(|wanted| wanted == port)
            && part.is_some_and(|part| part.eq_ignore_ascii_case(name))
    }
}

/// Takes the port off; an IPv6 address keeps its colons.
fn split_port(text: &str) -> Result<(&str, Option<u16>), PatternFault> {
    let bracket = text.rfind(']').unwrap_or(0);
    let Some(colon) = text[bracket..].find(':').map(|at| at + bracket) else {
        return Ok((text, None));
    };
    if bracket == 0 && is_address(text) {
        return Ok((text, None));
    }
    let (name, port) = (&text[..colon], &text[colon + 1..]);
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(PatternFault::HostName(text.into()));
    }
    let port = port.parse().map_err(|_| PatternFault::HostPort)?;
    Ok((name, Some(port)))
}

fn is_address(text: &str) -> bool {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse::<std::net::IpAddr>().is_ok()
}

/// Labels of letters, digits, hyphens and underscores; at most 253 bytes (RFC 1035 section 2.3.4).
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(known)
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::HostKind;
    use super::HostPattern;
    use crate::router::PatternFault;

    #[test]
    fn hosts_of_every_kind_are_read() {
        let cases = [
            ("Example.COM", HostKind::Exact, "example.com", None),
            ("example.com.", HostKind::Exact, "example.com", None),
            ("a_b:8080", HostKind::Exact, "a_b", Some(8080)),
            ("*.wild.test:81", HostKind::Suffix, ".wild.test", Some(81)),
            ("wild.*", HostKind::Prefix, "wild.", None),
            ("10.0.0.1", HostKind::Exact, "10.0.0.1", None),
            ("::1", HostKind::Exact, "::1", None),
            ("[::1]:80", HostKind::Exact, "::1", Some(80)),
        ];
        for (text, kind, name, port) in cases {
            let expected = HostPattern {
                kind,
                name: name.into(),
                port,
            };
            assert_eq!(HostPattern::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faulty_hosts_are_refused_in_kongs_words() {
        let many = "invalid wildcard: must have at most one wildcard";
        let place = "invalid wildcard: must be placed at leftmost or rightmost label";
        let cases = [
            ("*.a.*", many),
            ("**.a", many),
            ("*a.b", place),
            ("a.b*", place),
            ("a*b.c", place),
            ("*", place),
            ("a b", "invalid hostname: a b"),
            ("", "invalid hostname: "),
            (".a", "invalid hostname: .a"),
            ("a/b", "invalid hostname: a/b"),
            ("a:", "invalid hostname: a:"),
            ("a:99999", "invalid port number"),
        ];
        for (text, words) in cases {
            let fault = HostPattern::parse(text).unwrap_err();
            assert_eq!(fault.to_string(), words, "{text}");
        }
        assert_eq!(
            HostPattern::parse("*.a.*"),
            Err(PatternFault::HostWildcards)
        );
    }

    #[test]
    fn wildcards_take_whole_labels_at_any_depth() {
        let suffix = HostPattern::parse("*.wild.test").unwrap();
        assert!(suffix.matches(b"a.B.wild.TEST", 1));
        assert!(!suffix.matches(b"wild.test", 1));
        let prefix = HostPattern::parse("wild.*:81").unwrap();
        assert!(prefix.matches(b"wild.a.b", 81));
        assert!(!prefix.matches(b"wild.a.b", 80));
        assert!(!prefix.matches(b"wild", 81));
    }
}
