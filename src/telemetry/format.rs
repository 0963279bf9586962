//! How the operator wants the access log written: one of three named formats or a template, checked when
//! the configuration is read. Writing a line is `line`'s work.

use std::fmt;

use super::variable::Variable;

/// The format of an access-log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, keys as in [`Variable::row`].
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// Apache's and nginx's combined format.
    Combined,
    /// Text with `$name` or `${name}`; `$$` is a dollar sign.
    Template(Template),
}

/// A template taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(super) pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that stands for itself.
    Text(Box<str>),
    /// A value of the record.
    Value(Variable),
}

/// What is wrong with a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no such variable.
    VariableUnknown,
    /// A `${` without its `}`.
    BraceOpen,
    /// A `$` with no name behind it.
    NameMissing,
    /// A control character, which would break the line.
    Control,
    /// Neither a named format nor a template: there is no variable in it.
    FormatUnknown,
}

/// Where and why a format is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatFault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Byte offset of the culprit in the text.
    pub offset: usize,
    /// Its length in bytes.
    pub len: usize,
    /// The variable or format as written, or empty.
    pub variable: String,
    /// What may have been meant, the likeliest first, at most three.
    pub suggestions: Vec<&'static str>,
}

/// The formats that have a name.
const NAMED: [(&str, Format); 3] = [
    ("json", Format::Json),
    ("logfmt", Format::Logfmt),
    ("combined", Format::Combined),
];

impl Format {
    /// Reads a format's name or a template.
    ///
    /// # Errors
    /// A [`FormatFault`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, FormatFault> {
        if let Some((_, format)) = NAMED.into_iter().find(|(name, _)| *name == text) {
            return Ok(format);
        }
        if let Some((offset, character)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(fault(FaultKind::Control, offset, character.len_utf8()));
        }
        let pieces = pieces(text)?;
        if pieces.iter().any(|piece| matches!(piece, Piece::Value(_))) {
            return Ok(Self::Template(Template { pieces }));
        }
        Err(FormatFault {
            variable: text.to_owned(),
            suggestions: similar(text, NAMED.into_iter().map(|(name, _)| name)),
            ..fault(FaultKind::FormatUnknown, 0, text.len())
        })
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, FormatFault> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
        literal.push_str(&text[at..dollar]);
        let rest = &text[dollar + 1..];
        if rest.starts_with('$') {
            literal.push('$');
            at = dollar + 2;
            continue;
        }
        let (name, length) = name(rest, dollar)?;
        let Some(variable) = Variable::named(name) else {
            let names = Variable::ALL.into_iter().map(|v| v.row().name);
            return Err(FormatFault {
                variable: name.to_owned(),
                suggestions: similar(name, names),
                ..fault(FaultKind::VariableUnknown, dollar, length)
            });
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
        }
        pieces.push(Piece::Value(variable));
        at = dollar + length;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into()));
    }
    Ok(pieces)
}

/// The name behind a dollar sign at `dollar`, and how long the variable is with the sign and its braces.
fn name(rest: &str, dollar: usize) -> Result<(&str, usize), FormatFault> {
    if let Some(braced) = rest.strip_prefix('{') {
        return match braced.split_once('}') {
            Some(("", _)) => Err(fault(FaultKind::NameMissing, dollar, 3)),
            Some((name, _)) => Ok((name, name.len() + 3)),
            None => Err(fault(FaultKind::BraceOpen, dollar, rest.len() + 1)),
        };
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    match &rest[..end] {
        "" => Err(fault(FaultKind::NameMissing, dollar, 1)),
        name => Ok((name, end + 1)),
    }
}

fn similar(word: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let scored = names.map(|name| (strsim::jaro_winkler(word, name), name));
    let mut close: Vec<_> = scored.filter(|(score, _)| *score > 0.75).collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    close.into_iter().take(3).map(|(_, name)| name).collect()
}

fn fault(kind: FaultKind, offset: usize, len: usize) -> FormatFault {
    FormatFault {
        kind,
        offset,
        len,
        variable: String::new(),
        suggestions: Vec::new(),
    }
}

impl fmt::Display for FormatFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FaultKind::VariableUnknown => write!(f, "unknown variable ${}", self.variable)?,
            FaultKind::BraceOpen => f.write_str("${ without its closing brace")?,
            FaultKind::NameMissing => {
                f.write_str("$ without a variable behind it; $$ is a dollar sign")?;
            }
            FaultKind::Control => f.write_str("control character in a log format")?,
            FaultKind::FormatUnknown => {
                f.write_str("neither json, logfmt, combined nor a template with a $variable")?;
            }
        }
        match self.suggestions.first() {
            Some(name) => write!(f, "; did you mean {name}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FormatFault {}

#[cfg(test)]
mod tests {
    use super::FaultKind;
    use super::Format;
    use super::Piece;
    use super::Template;
    use crate::telemetry::variable::Variable;

    fn refused(text: &str) -> (FaultKind, &str, Vec<&'static str>) {
        let fault = Format::parse(text).unwrap_err();
        let culprit = &text[fault.offset..fault.offset + fault.len];
        (fault.kind, culprit, fault.suggestions)
    }

    #[test]
    fn a_template_is_text_and_variables() {
        let pieces = vec![
            Piece::Value(Variable::Status),
            Piece::Text("-US$ ".into()),
            Piece::Value(Variable::Path),
            Piece::Text("x".into()),
        ];
        let parsed = Format::parse("$status-US$$ ${path}x");
        assert_eq!(parsed, Ok(Format::Template(Template { pieces })));
        for variable in Variable::ALL {
            let text = format!("é${}é", variable.row().name);
            assert!(Format::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn faults_point_at_the_culprit() {
        use FaultKind as F;
        let (kind, culprit, suggestions) = refused("[$time_iso8601] $upstream_adr ok");
        assert_eq!((kind, culprit), (F::VariableUnknown, "$upstream_adr"));
        assert_eq!(suggestions[0], "upstream_addr");
        let named = refused("jsn");
        assert_eq!(
            (named.0, named.1, named.2[0]),
            (F::FormatUnknown, "jsn", "json")
        );
        assert_eq!(refused("${nope}$status").1, "${nope}");
        assert_eq!(refused("$status ${path"), (F::BraceOpen, "${path", vec![]));
        assert_eq!(refused("$status $"), (F::NameMissing, "$", vec![]));
        assert_eq!(refused("$status ${}"), (F::NameMissing, "${}", vec![]));
        assert_eq!(refused("$status\n"), (F::Control, "\n", vec![]));
        assert_eq!(refused(""), (F::FormatUnknown, "", vec![]));
        assert_eq!(refused("$é"), (F::NameMissing, "$", vec![]));
    }

    #[test]
    fn a_fault_reads_as_a_sentence() {
        let fault = Format::parse("$statis").unwrap_err();
        let text = "unknown variable $statis; did you mean status?";
        assert_eq!(fault.to_string(), text);
    }
}
