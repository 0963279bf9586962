//! Path patterns: a prefix `/like/this` or a regex `~/like/this`, and what Kong says about faulty ones.

use std::fmt;

use regex_automata::util::syntax;

use crate::http::path::canonicalize;

/// A path that a route asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Canonical bytes that the canonical path begins with; `/a` takes `/ab`.
    Prefix(Box<str>),
    /// A regular expression, anchored at the path's beginning and not at its end.
    Regex(Box<str>),
}

/// Why a pattern of a route is refused, in Kong's words where Kong has words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternFault {
    /// More than one asterisk in a host.
    HostWildcards,
    /// An asterisk that is not a host's whole first or last label.
    HostWildcardPlace,
    /// A host that is no name and no address; the host.
    HostName(Box<str>),
    /// A host's port above 65,535.
    HostPort,
    /// A path that begins neither with `/` nor with `~/`.
    PathStart,
    /// A path with `//`.
    PathEmptySegment,
    /// A percent sign without two hexadecimal digits; the sign and what follows it.
    PathEscape(Box<str>),
    /// A prefix that no canonical path begins with; what to write instead.
    PathNotCanonical(Box<str>),
    /// A prefix that has no canonical form.
    PathImpossible,
    /// A regular expression that does not parse; the expression and what is wrong with it.
    Regex(Box<str>, Box<str>),
    /// A regular expression whose program exceeds `limits::REGEX_PROGRAM_BYTES`; the expression.
    RegexTooLarge(Box<str>),
}

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostWildcards => "invalid wildcard: must have at most one wildcard",
            Self::HostWildcardPlace => {
                "invalid wildcard: must be placed at leftmost or rightmost label"
            }
            Self::HostName(host) => return write!(f, "invalid hostname: {host}"),
            Self::HostPort => "invalid port number",
            Self::PathStart => "should start with: / (fixed path) or ~/ (regex path)",
            Self::PathEmptySegment => "must not have empty segments",
            Self::PathEscape(escape) => {
                return write!(f, "invalid url-encoded value: '{escape}'");
            }
            Self::PathNotCanonical(path) => {
                return write!(f, "non-normalized path, consider use '{path}' instead");
            }
            Self::PathImpossible => "no request can have this path",
            Self::Regex(regex, reason) => {
                return write!(f, "invalid regex: '{regex}' ({reason})");
            }
            Self::RegexTooLarge(regex) => {
                return write!(
                    f,
                    "invalid regex: '{regex}' (it compiles to too large a program)"
                );
            }
        })
    }
}

impl std::error::Error for PatternFault {}

impl PatternFault {
    /// The fault of a regex that the parser refuses with `message`: its last line says what is wrong,
    /// those before it draw the place.
    pub(crate) fn of_regex(regex: &str, message: &str) -> Self {
        let line = message.lines().last().unwrap_or_default();
        Self::Regex(regex.into(), line.trim_start_matches("error: ").into())
    }
}

impl PathPattern {
    /// Reads a path as Kong's `paths` field takes it.
    ///
    /// # Errors
    /// A [`PatternFault`] with Kong's words.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        if !text.starts_with('/') && !text.starts_with("~/") {
            return Err(PatternFault::PathStart);
        }
        if text.contains("//") {
            return Err(PatternFault::PathEmptySegment);
        }
        match text.strip_prefix('~') {
            Some(regex) => {
                check_regex(regex)?;
                Ok(Self::Regex(regex.into()))
            }
            None => {
                check_prefix(text)?;
                Ok(Self::Prefix(text.into()))
            }
        }
    }

    /// Whether the pattern is a regular expression.
    pub(crate) fn is_regex(&self) -> bool {
        match self {
            Self::Prefix(_) => false,
            Self::Regex(_) => true,
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(path) => f.write_str(path),
            Self::Regex(regex) => write!(f, "~{regex}"),
        }
    }
}

/// Checks that a regular expression parses; its size is the compiler's affair.
fn check_regex(regex: &str) -> Result<(), PatternFault> {
    match syntax::parse_with(regex, &syntax::Config::new().utf8(false)) {
        Ok(_) => Ok(()),
        Err(error) => Err(PatternFault::of_regex(regex, &error.to_string())),
    }
}

fn check_prefix(text: &str) -> Result<(), PatternFault> {
    if let Some(escape) = bad_escape(text) {
        return Err(PatternFault::PathEscape(escape.into()));
    }
    let mut scratch = Vec::new();
    let path = canonicalize(text.as_bytes(), &mut scratch);
    let path = path.map_err(|_| PatternFault::PathImpossible)?;
    if path == text.as_bytes() {
        return Ok(());
    }
    let instead = String::from_utf8_lossy(path).into_owned();
    Err(PatternFault::PathNotCanonical(instead.into()))
}

/// The first percent sign without two digits, with up to two characters after it.
fn bad_escape(text: &str) -> Option<&str> {
    let mut signs = text.match_indices('%').map(|(at, _)| &text[at..]);
    let bad = signs.find(|rest| {
        let digits = rest.as_bytes().get(1..3).unwrap_or_default();
        digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit)
    })?;
    let end = bad.char_indices().nth(3).map_or(bad.len(), |(at, _)| at);
    Some(&bad[..end])
}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    #[test]
    fn prefixes_and_regexes_are_read() {
        let prefix = PathPattern::parse("/en c/%2F;v=1/café").unwrap();
        assert_eq!(prefix, PathPattern::Prefix("/en c/%2F;v=1/café".into()));
        let regex = PathPattern::parse("~/a/(?<id>\\d+)$").unwrap();
        assert_eq!(regex.to_string(), "~/a/(?<id>\\d+)$");
        assert!(regex.is_regex());
    }

    #[test]
    fn faulty_paths_are_refused_in_kongs_words() {
        let cases = [
            ("a", "should start with: / (fixed path) or ~/ (regex path)"),
            ("~a", "should start with: / (fixed path) or ~/ (regex path)"),
            ("/a//b", "must not have empty segments"),
            ("~/a//b", "must not have empty segments"),
            ("/a/%zz", "invalid url-encoded value: '%zz'"),
            ("/a/%", "invalid url-encoded value: '%'"),
            (
                "/%61/../b",
                "non-normalized path, consider use '/b' instead",
            ),
            ("/%2f", "non-normalized path, consider use '/%2F' instead"),
            ("/../b", "no request can have this path"),
            ("~/(bad", "invalid regex: '/(bad' (unclosed group)"),
        ];
        for (text, words) in cases {
            let fault = PathPattern::parse(text).unwrap_err();
            assert_eq!(fault.to_string(), words, "{text}");
        }
    }
}
