//! What a client says of its signature: `hmac username="u", algorithm="hmac-sha256", headers="date request-line",
//! signature="base64"`, in this order.

use aws_lc_rs::hmac;

use crate::plugin::auth::scheme;

/// The parameters of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameters<'a> {
    pub(super) username: &'a [u8],
    pub(super) algorithm: &'a [u8],
    /// The names of what is signed, apart by spaces.
    pub(super) headers: &'a [u8],
    /// In base64.
    pub(super) signature: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// The parameters in a field's value; none if it says anything else, or less.
    pub(super) fn of(value: &'a [u8]) -> Option<Self> {
        let rest = scheme::after(value, "hmac")?;
        let (username, rest) = quoted(rest, "username=")?;
        let (algorithm, rest) = quoted(next(rest)?, "algorithm=")?;
        let (headers, rest) = quoted(next(rest)?, "headers=")?;
        let (signature, _) = quoted(next(rest)?, "signature=")?;
        Some(Self {
            username,
            algorithm,
            headers,
            signature,
        })
    }

    /// The names of what is signed.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .split(|&byte| byte == b' ')
            .filter(|name| !name.is_empty())
    }
}

/// The algorithm with this name.
pub(super) fn algorithm(name: &[u8]) -> Option<hmac::Algorithm> {
    match name {
        b"hmac-sha1" => Some(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        b"hmac-sha256" => Some(hmac::HMAC_SHA256),
        b"hmac-sha384" => Some(hmac::HMAC_SHA384),
        b"hmac-sha512" => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// What the quotes behind `name` hold, at least one byte, and what follows them.
fn quoted<'a>(text: &'a [u8], name: &str) -> Option<(&'a [u8], &'a [u8])> {
    let rest = text.strip_prefix(name.as_bytes())?.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', rest).filter(|&end| end > 0)?;
    Some((rest.get(..end)?, rest.get(end + 1..)?))
}

/// What follows a comma.
fn next(text: &[u8]) -> Option<&[u8]> {
    Some(text.strip_prefix(b",")?.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::any;
    use proptest::prop_assert_eq;
    use proptest::proptest;

    #[test]
    fn parameters_are_read_in_their_order() {
        let value = b"Hmac username=\"u\",algorithm=\"a\",   headers=\"date  x\", signature=\"s\"";
        let parameters = Parameters::of(value).unwrap();
        assert_eq!(parameters.username, b"u");
        assert_eq!(parameters.algorithm, b"a");
        assert_eq!(parameters.signature, b"s");
        assert!(parameters.names().eq([b"date".as_slice(), b"x"]));
        for value in [
            "",
            "hmac",
            "basic username=\"u\",algorithm=\"a\",headers=\"h\",signature=\"s\"",
            "hmac algorithm=\"a\",username=\"u\",headers=\"h\",signature=\"s\"",
            "hmac username=\"u\",algorithm=\"a\",headers=\"h\"",
            "hmac username=\"\",algorithm=\"a\",headers=\"h\",signature=\"s\"",
            "hmac username=\"u\",algorithm=\"a\",headers=\"h\",signature=\"s",
            "hmac username=u,algorithm=a,headers=h,signature=s",
        ] {
            assert_eq!(Parameters::of(value.as_bytes()), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(parts in proptest::collection::vec("[^\"]{1,6}", 4)) {
            let [user, algorithm, headers, signature] = parts.as_slice() else {
                unreachable!()
            };
            let value = format!(
                "hmac username=\"{user}\", algorithm=\"{algorithm}\", headers=\"{headers}\", signature=\"{signature}\""
            );
            let read = Parameters::of(value.as_bytes()).unwrap();
            prop_assert_eq!(read.username, user.as_bytes());
            prop_assert_eq!(read.headers, headers.as_bytes());
            prop_assert_eq!(read.signature, signature.as_bytes());
        }

        #[test]
        fn no_value_is_too_strange(value in any::<Vec<u8>>()) {
            let _ = Parameters::of(&value);
        }
    }
}
