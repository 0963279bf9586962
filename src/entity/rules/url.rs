//! URLs, cut into parts the lenient way that Kong's parser has.

use serde_json::Value;

/// The parts of a URL; whatever is not there is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::entity) struct Parts<'a> {
    pub(in crate::entity) scheme: Option<&'a str>,
    pub(in crate::entity) host: Option<&'a str>,
    pub(in crate::entity) port: Option<&'a str>,
    pub(in crate::entity) path: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Any text has parts: what has neither scheme nor authority is a path.
    pub(in crate::entity) fn of(text: &'a str) -> Self {
        let text = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (authority, rest) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let path = rest
            .split(['?', ';'])
            .next()
            .filter(|path| !path.is_empty());
        let authority = authority.split('?').next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[after_bracket..].rfind(':') {
            Some(at) => {
                let (host, port) = authority.split_at(after_bracket + at);
                (host, port.strip_prefix(':'))
            }
            None => (authority, None),
        };
        Self {
            scheme,
            host: Some(host).filter(|host| !host.is_empty()),
            port: port.filter(|port| !port.is_empty()),
            path,
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// A URL with a scheme and a host.
///
/// # Errors
/// Kong's text.
pub fn url(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let parts = Parts::of(text);
    if parts.host.is_none() {
        return Err("missing host in url".to_owned());
    }
    if parts.scheme.is_none() {
        return Err("missing scheme in url".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> [Option<&str>; 4] {
        let parts = Parts::of(text);
        [parts.scheme, parts.host, parts.port, parts.path]
    }

    #[test]
    fn urls_are_cut_leniently() {
        let some = Some;
        assert_eq!(
            parts("http://u:p@a.test:81/b?c#d"),
            [some("http"), some("a.test"), some("81"), some("/b")]
        );
        assert_eq!(
            parts("https://[::1]:443"),
            [some("https"), some("[::1]"), some("443"), None]
        );
        assert_eq!(
            parts("https://a.test?x"),
            [some("https"), some("a.test"), None, None]
        );
        assert_eq!(parts("not a url"), [None, None, None, some("not a url")]);
    }
}
