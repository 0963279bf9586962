//! Values that a route asks for in a field: literal, or a regex behind `~*`; neither heeds case.

use regex_automata::util::syntax;

use crate::router::PatternFault;

/// A value that a route asks for in a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeaderPattern {
    /// The whole value.
    Exact(Box<str>),
    /// A regular expression found anywhere in the value.
    Regex(Box<str>),
}

impl HeaderPattern {
    /// Reads a value as Kong's `headers` field takes it.
    ///
    /// # Errors
    /// [`PatternFault::Regex`] if what follows `~*` does not parse.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        let Some(regex) = text.strip_prefix("~*") else {
            return Ok(Self::Exact(text.into()));
        };
        let syntax = syntax::Config::new().utf8(false).case_insensitive(true);
        match syntax::parse_with(regex, &syntax) {
            Ok(_) => Ok(Self::Regex(regex.into())),
            Err(error) => Err(PatternFault::of_regex(regex, &error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderPattern;

    #[test]
    fn values_are_literal_or_regex() {
        let exact = HeaderPattern::parse("a~*b").unwrap();
        assert_eq!(exact, HeaderPattern::Exact("a~*b".into()));
        let regex = HeaderPattern::parse("~*^foo\\d+$").unwrap();
        assert_eq!(regex, HeaderPattern::Regex("^foo\\d+$".into()));
        assert!(HeaderPattern::parse("~*(").is_err());
    }
}
