//! The value of `Authorization` and of its like: a scheme and what follows it.

/// What follows `scheme`, without surrounding white space; none if the value has another scheme. A scheme is
/// compared without case (RFC 9110 section 11.1).
pub(in crate::plugin) fn after<'a>(value: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (head, rest) = value.trim_ascii_start().split_at_checked(scheme.len())?;
    let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
    (ends && head.eq_ignore_ascii_case(scheme.as_bytes())).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn a_scheme_is_a_whole_word_in_any_case() {
        assert_eq!(after(b"Basic abc", "basic"), Some(&b"abc"[..]));
        assert_eq!(after(b"  BASIC \t abc ", "basic"), Some(&b"abc"[..]));
        assert_eq!(after(b"basic", "basic"), Some(&b""[..]));
        assert_eq!(after(b"basics abc", "basic"), None);
        assert_eq!(after(b"Bearer abc", "basic"), None);
        assert_eq!(after(b"", "basic"), None);
    }
}
