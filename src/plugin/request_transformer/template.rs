//! Values with holes: `$(headers.host)` in a configured text stands for something of the request.
//!
//! Kong runs whatever Lua stands between the parentheses. Here it is one property of `headers`, `query_params` or
//! `uri_captures`, or a constant, and more of them behind `or`, of which the first that is there counts; anything else is
//! refused when the configuration is read.

use std::borrow::Cow;
use std::fmt;

/// A text with holes, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Box<[Part]>);

/// What a text is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    /// The first of these that is there, else nothing.
    Hole(Box<[Term]>),
}

/// What may stand in a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Constant(Box<[u8]>),
    Header(Box<[u8]>),
    QueryParam(Box<[u8]>),
    Capture(Box<str>),
}

/// Where a template's holes are filled from.
pub(super) trait Source {
    /// The first value of a field.
    fn header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
    /// The first value of a query parameter, decoded.
    fn query_param(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
    /// What a group of the route's path has matched, by its name or its number.
    fn capture(&self, group: &str) -> Option<Cow<'_, [u8]>>;
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What stands in the hole.
    hole: String,
    reason: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hole, reason } = self;
        write!(
            f,
            "{reason} in $({hole}); a template is headers.<name>, query_params.<name> or uri_captures.<name>, \
             with ['<name>'] for names of other characters and `or '<default>'` behind it"
        )
    }
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// The first hole that is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, hole, after)) = first_hole(rest) {
            if !before.is_empty() {
                parts.push(Part::Text(before.as_bytes().into()));
            }
            let terms = Terms::new(hole).parse().map_err(|reason| Fault {
                hole: hole.to_owned(),
                reason,
            })?;
            parts.push(Part::Hole(terms.into()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.as_bytes().into()));
        }
        Ok(Self(parts.into()))
    }

    /// Whether it is the same for every request.
    pub(super) fn is_constant(&self) -> bool {
        let constant = |part: &Part| matches!(part, Part::Text(_));
        self.0.iter().all(constant)
    }

    /// Whether it needs what the route's path has captured.
    pub(super) fn captures(&self) -> bool {
        self.0.iter().any(|part| match part {
            Part::Text(_) => false,
            Part::Hole(terms) => terms.iter().any(|term| matches!(term, Term::Capture(_))),
        })
    }

    /// The text with its holes filled.
    pub(super) fn render(&self, source: &dyn Source) -> Cow<'_, [u8]> {
        if let [Part::Text(text)] = &*self.0 {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::new();
        self.fill(source, |text, _filled| out.extend_from_slice(text));
        Cow::Owned(out)
    }

    /// Hands each piece of the text out, and whether it has filled a hole.
    pub(super) fn fill(&self, source: &dyn Source, mut put: impl FnMut(&[u8], bool)) {
        for part in &self.0 {
            match part {
                Part::Text(text) => put(text, false),
                Part::Hole(terms) => {
                    let found = terms.iter().find_map(|term| term.value(source));
                    put(&found.unwrap_or_default(), true);
                }
            }
        }
    }
}

impl Term {
    fn value<'s>(&'s self, source: &'s dyn Source) -> Option<Cow<'s, [u8]>> {
        match self {
            Self::Constant(text) => Some(Cow::Borrowed(text)),
            Self::Header(name) => source.header(name),
            Self::QueryParam(name) => source.query_param(name),
            Self::Capture(group) => source.capture(group),
        }
    }
}

/// The first hole of a text, with what stands before and behind it. Its parentheses are balanced; one that is not closed
/// is text.
fn first_hole(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let starts = memchr::memmem::find_iter(bytes, b"$(");
    for start in starts {
        let mut depth = 0_usize;
        let end = bytes
            .iter()
            .enumerate()
            .skip(start + 1)
            .find(|&(_, &byte)| {
                depth += usize::from(byte == b'(');
                depth -= usize::from(byte == b')');
                depth == 0
            });
        if let Some((end, _)) = end {
            return Some((
                text.get(..start)?,
                text.get(start + 2..end)?,
                text.get(end + 1..)?,
            ));
        }
    }
    None
}

/// What stands in a hole, term by term.
struct Terms<'t> {
    rest: &'t str,
}

impl<'t> Terms<'t> {
    fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    fn parse(mut self) -> Result<Vec<Term>, &'static str> {
        let mut terms = vec![self.term()?];
        loop {
            self.skip_space();
            if self.rest.is_empty() {
                return Ok(terms);
            }
            if self.word() != "or" {
                return Err("something else than `or`");
            }
            terms.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Term, &'static str> {
        self.skip_space();
        if self.rest.starts_with(['"', '\'']) {
            return Ok(Term::Constant(self.quoted()?.into_bytes().into()));
        }
        let word = self.word();
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Term::Constant(word.as_bytes().into()));
        }
        match word {
            "headers" => Ok(Term::Header(
                self.property()?.to_ascii_lowercase().into_bytes().into(),
            )),
            "query_params" => Ok(Term::QueryParam(self.property()?.into_bytes().into())),
            "uri_captures" => Ok(Term::Capture(self.property()?.into())),
            "" => Err("an expression"),
            _ => Err("an unknown name"),
        }
    }

    /// `.name`, `["name"]`, `['name']` or `[1]`.
    fn property(&mut self) -> Result<String, &'static str> {
        self.skip_space();
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.skip_space();
            let name = self.word();
            let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
            return is_name
                .then(|| name.to_owned())
                .ok_or("no name behind a dot");
        }
        let Some(rest) = self.rest.strip_prefix('[') else {
            return Err("a name without a property");
        };
        self.rest = rest;
        self.skip_space();
        let name = if self.rest.starts_with(['"', '\'']) {
            self.quoted()?
        } else {
            let number = self.word();
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number
                .then(|| number.to_owned())
                .ok_or("a computed property")?
        };
        self.skip_space();
        let rest = self.rest.strip_prefix(']').ok_or("a computed property")?;
        self.rest = rest;
        Ok(name)
    }

    /// A text in quotes, in which a backslash escapes a quote or a backslash.
    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut chars = self.rest.char_indices();
        let quote = chars.next().map(|(_, quote)| quote);
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                c if Some(c) == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(out);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('\\' | '"' | '\''))) => out.push(c),
                    Some(_) | None => return Err("an unknown escape"),
                },
                c => out.push(c),
            }
        }
        Err("a text that does not end")
    }

    /// Letters, digits and underscores.
    fn word(&mut self) -> &'t str {
        let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Fixed;

    impl Source for Fixed {
        fn header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
            (name == b"x-a").then_some(Cow::Borrowed(b"h"))
        }

        fn query_param(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
            (name == b"q").then_some(Cow::Borrowed(b""))
        }

        fn capture(&self, group: &str) -> Option<Cow<'_, [u8]>> {
            (group == "1" || group == "user").then_some(Cow::Borrowed(b"c"))
        }
    }

    fn rendered(text: &str) -> String {
        let template = Template::parse(text).unwrap();
        String::from_utf8(template.render(&Fixed).into_owned()).unwrap()
    }

    #[test]
    fn holes_are_filled_with_the_first_that_is_there() {
        for (text, expected) in [
            (
                "plain $ text $( that is none",
                "plain $ text $( that is none",
            ),
            ("", ""),
            ("a$(headers['X-A'])b$(headers[\"x-a\"])", "ahbh"),
            ("$(headers.gone)|$( uri_captures [ 1 ] )", "|c"),
            ("$(uri_captures[\"1\"])$(uri_captures.user)", "cc"),
            ("$(headers.gone or query_params.none or 'd\\'\\\\')", "d'\\"),
            ("$(query_params.q or 'empty is there')", ""),
            ("$(uri_captures[2] or 7)", "7"),
            ("$('$(uri_captures.user)')", "$(uri_captures.user)"),
            ("$(a $(headers['x-a'])", "$(a h"),
        ] {
            assert_eq!(rendered(text), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_it_is() {
        for (text, reason) in [
            ("$(1+1)", "something else than `or`"),
            ("$()", "an expression"),
            ("$(shared.x)", "an unknown name"),
            ("$(headers)", "a name without a property"),
            ("$(headers.)", "no name behind a dot"),
            ("$(headers[x])", "a computed property"),
            ("$(headers['x' .. 'y'])", "a computed property"),
            ("$(headers.x and 1)", "something else than `or`"),
            ("$(type(headers.x))", "an unknown name"),
            ("$('\\n')", "an unknown escape"),
            ("$('x)", "a text that does not end"),
            ("$(headers.x or)", "an expression"),
        ] {
            let fault = Template::parse(text).unwrap_err();
            assert_eq!(fault.reason, reason, "{text}");
            assert!(fault.to_string().contains(text), "{fault}");
        }
    }

    #[test]
    fn what_a_template_needs_is_known_before_there_is_a_request() {
        let parse = |text| Template::parse(text).unwrap();
        assert!(parse("x").is_constant() && !parse("x").captures());
        assert!(!parse("$(headers.x)").is_constant());
        assert!(parse("$(headers.x or uri_captures.y)").captures());
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "([$()\\[\\]'\"\\\\.]|headers|uri_captures|query_params|or| |é|1){0,16}") {
            if let Ok(template) = Template::parse(&text) {
                let _ = template.render(&Fixed);
            }
        }
    }
}
