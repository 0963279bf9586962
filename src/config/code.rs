//! The catalogue of what can be wrong with a configuration: one row for each fault, with a code that never
//! changes its meaning, so that editors, CI, and people can refer to it.
//!
//! `docs/configuration.md` shows the same rows; a test holds the two together. 01xx is about the text and its
//! shape, 02xx about what values mean, 03xx are warnings, which do not keep a configuration from loading.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the row of each variant documents it")]
pub enum Code {
    Syntax,
    UnknownKey,
    DuplicateKey,
    WrongType,
    OutOfRange,
    NotOneOf,
    Missing,
    BadDuration,
    KeysConflict,
    SectionTwice,
    Unreadable,
    BadInclude,
    TooMuch,
    BadName,
    DuplicateEntity,
    DanglingReference,
    BadUrl,
    BadHost,
    BadPath,
    BadRegex,
    NoCriterion,
    BadMethod,
    BadHeader,
    NotSupported,
    BadAddress,
    BadNetwork,
    ListenersConflict,
    BadTarget,
    BadHashing,
    BadTag,
    BadTemplate,
    BadId,
    BadPlugin,
    AdminExposed,
    BadTokenHash,
    BadCertificate,
    IncludeMatchesNothing,
    UpstreamUnused,
    UpstreamEmpty,
    TotalTooShort,
    CertificateOver,
}

/// What there is to know about a kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The kind.
    pub code: Code,
    /// Its number, `SB` and four digits.
    pub number: &'static str,
    /// What it means, for the documentation.
    pub meaning: &'static str,
}

const fn row(code: Code, number: &'static str, meaning: &'static str) -> CodeRow {
    CodeRow {
        code,
        number,
        meaning,
    }
}

impl Code {
    /// Every kind, by its number.
    pub const ALL: &[CodeRow] = &[
        row(Self::Syntax, "SB0101", "the text is not TOML"),
        row(
            Self::UnknownKey,
            "SB0102",
            "a key that the section does not have",
        ),
        row(
            Self::DuplicateKey,
            "SB0103",
            "a key stands twice in one table",
        ),
        row(
            Self::WrongType,
            "SB0104",
            "a value of another type than the key takes",
        ),
        row(
            Self::OutOfRange,
            "SB0105",
            "a number, or a length, beyond its bounds",
        ),
        row(
            Self::NotOneOf,
            "SB0106",
            "a word that is none of those the key takes",
        ),
        row(Self::Missing, "SB0107", "a required key is absent"),
        row(
            Self::BadDuration,
            "SB0108",
            "a duration that cannot be read",
        ),
        row(
            Self::KeysConflict,
            "SB0109",
            "two keys that exclude each other",
        ),
        row(
            Self::SectionTwice,
            "SB0110",
            "a section that may stand once stands in two places",
        ),
        row(
            Self::Unreadable,
            "SB0111",
            "a file cannot be read, or is not UTF-8",
        ),
        row(
            Self::BadInclude,
            "SB0112",
            "an include pattern is malformed, or files include each other in a circle",
        ),
        row(
            Self::TooMuch,
            "SB0113",
            "too many files or faults, or a file that is too large",
        ),
        row(
            Self::BadName,
            "SB0201",
            "a name with characters that names may not have",
        ),
        row(
            Self::DuplicateEntity,
            "SB0202",
            "two entities of a kind share a name, an id, or a target",
        ),
        row(
            Self::DanglingReference,
            "SB0203",
            "a reference to an entity that does not exist",
        ),
        row(Self::BadUrl, "SB0204", "a service URL that cannot be read"),
        row(
            Self::BadHost,
            "SB0205",
            "a host name, host pattern, or server name that is malformed",
        ),
        row(
            Self::BadPath,
            "SB0206",
            "a path or path pattern that is malformed",
        ),
        row(
            Self::BadRegex,
            "SB0207",
            "a regular expression that does not compile",
        ),
        row(
            Self::NoCriterion,
            "SB0208",
            "a route without anything to match by",
        ),
        row(
            Self::BadMethod,
            "SB0209",
            "a method that is not upper-case letters",
        ),
        row(
            Self::BadHeader,
            "SB0210",
            "a header name or header criterion that is malformed",
        ),
        row(
            Self::NotSupported,
            "SB0211",
            "a feature of Kong that this version does not have",
        ),
        row(
            Self::BadAddress,
            "SB0212",
            "an address that is not `ip:port`",
        ),
        row(
            Self::BadNetwork,
            "SB0213",
            "neither an IP address nor a network in CIDR notation",
        ),
        row(
            Self::ListenersConflict,
            "SB0214",
            "two listeners on one address",
        ),
        row(
            Self::BadTarget,
            "SB0215",
            "a target that is not `host:port`",
        ),
        row(
            Self::BadHashing,
            "SB0216",
            "hash settings that contradict each other",
        ),
        row(
            Self::BadTag,
            "SB0217",
            "a tag with characters that tags may not have",
        ),
        row(
            Self::BadTemplate,
            "SB0218",
            "a log template that is malformed or has an unknown variable",
        ),
        row(Self::BadId, "SB0219", "an id that is not a UUID"),
        row(
            Self::BadPlugin,
            "SB0220",
            "a plugin's configuration that the plugin does not take",
        ),
        row(
            Self::AdminExposed,
            "SB0221",
            "an admin listener that others can reach, without tokens",
        ),
        row(
            Self::BadTokenHash,
            "SB0222",
            "a token's hash that is not `sha256:` and 64 hexadecimal digits",
        ),
        row(
            Self::BadCertificate,
            "SB0223",
            "a certificate or key that cannot be used",
        ),
        row(
            Self::IncludeMatchesNothing,
            "SB0301",
            "warning: an include pattern matches no file",
        ),
        row(
            Self::UpstreamUnused,
            "SB0302",
            "warning: no service has this upstream's name as its host",
        ),
        row(
            Self::UpstreamEmpty,
            "SB0303",
            "warning: an upstream without a target that takes requests",
        ),
        row(
            Self::TotalTooShort,
            "SB0305",
            "warning: a total timeout ends before the timeout of a stage can",
        ),
        row(
            Self::CertificateOver,
            "SB0306",
            "warning: a certificate that has ended",
        ),
    ];

    /// The number that stands for this kind everywhere.
    pub fn number(self) -> &'static str {
        Self::ALL[self as usize].number
    }

    /// Whether a configuration with it still loads.
    pub fn is_warning(self) -> bool {
        self >= Self::IncludeMatchesNothing
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_kind_has_its_own_row_and_numbers_rise() {
        for (index, row) in Code::ALL.iter().enumerate() {
            assert_eq!(row.code as usize, index);
        }
        assert!(Code::ALL.is_sorted_by(|a, b| a.number < b.number));
        for row in Code::ALL {
            assert_eq!(row.code.is_warning(), row.number.starts_with("SB03"));
        }
    }
}
