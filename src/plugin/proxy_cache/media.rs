//! Media types as Kong compares them: type and subtype may be `*`, and parameters must be the same, all of them.

/// A media type with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    kind: Box<[u8]>,
    subtype: Box<[u8]>,
    /// Names in lower case with their values, sorted.
    parameters: Vec<Parameter>,
}

type Parameter = (Box<[u8]>, Box<[u8]>);

impl MediaType {
    /// What a value of Content-Type says; none if it says nothing of the kind.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let mut halves = parts.next()?.splitn(2, |&byte| byte == b'/');
        let (kind, subtype) = (halves.next()?, halves.next()?);
        if kind.is_empty() || subtype.is_empty() {
            return None;
        }
        let named = parts.filter(|part| !part.is_empty()).map(|part| {
            let mut halves = part.splitn(2, |&byte| byte == b'=');
            let name = halves.next().unwrap_or_default().trim_ascii();
            let value = halves.next().unwrap_or_default().trim_ascii();
            let unquoted = value
                .strip_prefix(b"\"")
                .and_then(|value| value.strip_suffix(b"\""));
            let value = unquoted.unwrap_or(value);
            (name.to_ascii_lowercase().into(), value.into())
        });
        let mut parameters: Vec<_> = named.collect();
        parameters.sort_unstable();
        Some(Self {
            kind: kind.to_ascii_lowercase().into(),
            subtype: subtype.to_ascii_lowercase().into(),
            parameters,
        })
    }

    /// Whether a type is of this sort.
    pub(super) fn takes(&self, other: &Self) -> bool {
        let same = |wanted: &[u8], given: &[u8]| wanted == b"*" || wanted == given;
        same(&self.kind, &other.kind)
            && same(&self.subtype, &other.subtype)
            && self.parameters == other.parameters
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    fn takes(wanted: &str, given: &str) -> bool {
        let of = |text: &str| MediaType::of(text.as_bytes()).unwrap();
        of(wanted).takes(&of(given))
    }

    #[test]
    fn types_are_compared_as_kong_compares_them() {
        assert!(takes("application/json", "Application/JSON"));
        assert!(!takes(
            "application/json",
            "application/json; charset=utf-8"
        ));
        assert!(takes(
            "application/json;charset=utf-8",
            "application/json; Charset=\"utf-8\""
        ));
        assert!(!takes(
            "application/json; charset=utf-8",
            "application/json; charset=UTF-8"
        ));
        assert!(!takes(
            "application/json; charset=utf-8",
            "application/json"
        ));
        assert!(takes("application/*", "application/xml"));
        assert!(takes("*/*", "image/png") && !takes("*/*", "text/plain; a=b"));
        for nothing in ["", "text", "/plain", "text/"] {
            assert_eq!(MediaType::of(nothing.as_bytes()), None);
        }
    }
}
