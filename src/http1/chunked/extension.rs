//! Chunk extensions (RFC 9112 section 7.1.1): nobody uses them, so they are checked and dropped.

use crate::http1::scan::is_token;

/// Where in `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` the next byte stands. The white
/// space that the grammar allows in front of a first semicolon is refused with any other behind a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Extension {
    /// Behind a semicolon.
    #[default]
    Start,
    Name,
    /// In white space behind a name.
    NameEnd,
    /// Behind an equals sign.
    Equals,
    Token,
    Quoted,
    /// Behind a backslash in quotes.
    Escape,
    QuoteEnd,
    /// In white space behind a value.
    ValueEnd,
}

impl Extension {
    /// Whether the line may end here.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Token | Self::QuoteEnd)
    }

    /// The place behind `byte`; nothing if it may not stand here.
    pub(super) fn step(self, byte: u8) -> Option<Self> {
        let white = matches!(byte, b' ' | b'\t');
        let text = matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
        Some(match (self, byte) {
            (Self::Start | Self::Equals | Self::NameEnd | Self::ValueEnd, _) if white => self,
            (Self::Start | Self::Name, _) if is_token(byte) => Self::Name,
            (Self::Name | Self::NameEnd, b'=') => Self::Equals,
            (Self::Name, _) if white => Self::NameEnd,
            (Self::Equals | Self::Token, _) if is_token(byte) => Self::Token,
            (Self::Equals, b'"') => Self::Quoted,
            (Self::Token | Self::QuoteEnd, _) if white => Self::ValueEnd,
            (Self::Quoted, b'"') => Self::QuoteEnd,
            (Self::Quoted, b'\\') => Self::Escape,
            (Self::Quoted | Self::Escape, _) if text => Self::Quoted,
            (Self::Start | Self::Equals | Self::Quoted | Self::Escape, _) => return None,
            (_, b';') => Self::Start,
            (_, _) => return None,
        })
    }
}
