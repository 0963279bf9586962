//! Paths as far as one may be seen to take all that another takes.

use std::borrow::Cow;

use crate::router::PathPattern;

/// What is known of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Path<'r> {
    /// A prefix.
    Prefix(&'r str),
    /// A regular expression that takes what a prefix would take.
    Literal(Cow<'r, str>),
    /// Any other expression, with what all paths begin with that it takes.
    Regex(&'r str, Cow<'r, str>),
}

impl<'r> Path<'r> {
    pub(super) fn of(pattern: &'r PathPattern) -> Self {
        match pattern {
            PathPattern::Prefix(prefix) => Self::Prefix(prefix),
            PathPattern::Regex(regex) => {
                let (head, whole) = literal_head(regex);
                if whole {
                    Self::Literal(head)
                } else {
                    Self::Regex(regex, head)
                }
            }
        }
    }

    /// What all paths begin with that it takes.
    pub(super) fn beginning(&self) -> &str {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Literal(head) | Self::Regex(_, head) => head,
        }
    }
}

/// The text that every path begins with which an expression takes, and whether that is all that it asks for.
fn literal_head(regex: &str) -> (Cow<'_, str>, bool) {
    if regex.contains('|') {
        return ("".into(), false);
    }
    // An expression is not anchored at its end.
    let regex = regex.strip_suffix(".*").unwrap_or(regex);
    if regex.bytes().all(is_plain) {
        return (regex.into(), true);
    }
    let mut head = String::new();
    let mut rest = regex.chars().peekable();
    while let Some(char) = rest.next() {
        let literal = match char {
            '\\' => match rest.next() {
                // Those two are ends of words.
                Some(escaped) if escaped.is_ascii_punctuation() && !"<>".contains(escaped) => {
                    escaped
                }
                _ => return (head.into(), false),
            },
            '?' | '*' | '{' => {
                // The character before it may be missing.
                head.pop();
                return (head.into(), false);
            }
            char if !char.is_ascii() || is_plain(char as u8) => char,
            _ => return (head.into(), false),
        };
        head.push(literal);
    }
    (head.into(), true)
}

/// Whether a byte stands for itself in an expression.
fn is_plain(byte: u8) -> bool {
    !br"\.+*?()|[]{}^$".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::literal_head;

    #[test]
    fn what_an_expression_begins_with_is_seen() {
        for (regex, head, whole) in [
            ("/", "/", true),
            ("/.*", "/", true),
            ("/a/b-c", "/a/b-c", true),
            (r"/a\.b", "/a.b", true),
            (r"/a/\d+", "/a/", false),
            ("/a/b?c", "/a/", false),
            ("/ab{2}", "/a", false),
            ("/ab+", "/ab", false),
            ("/é*", "/", false),
            ("/a|/b", "", false),
            ("/a(?i)b", "/a", false),
            ("/a$", "/a", false),
            (r"/a\", "/a", false),
        ] {
            assert_eq!(literal_head(regex), (head.into(), whole), "{regex}");
        }
    }
}
