//! The arguments of a query or of a form, decoded one by one.

use std::borrow::Cow;

/// The arguments in order: a name, and a value if there is an equals sign.
pub(super) fn arguments(
    query: &[u8],
) -> impl Iterator<Item = (Cow<'_, [u8]>, Option<Cow<'_, [u8]>>)> {
    let parts = query.split(|&byte| byte == b'&');
    parts.filter(|part| !part.is_empty()).map(|part| {
        let equals = memchr::memchr(b'=', part);
        let (name, value) = part.split_at(equals.unwrap_or(part.len()));
        (
            decode(name),
            value.split_first().map(|(_, value)| decode(value)),
        )
    })
}

/// Undoes escapes; a plus sign is a space, and a percent sign without two digits is itself.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', &[high, low, ref after @ ..]) if let Some(byte) = escaped(high, low) => {
                out.push(byte);
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

/// The byte that two hexadecimal digits stand for.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(query: &str) -> Vec<String> {
        let arguments = arguments(query.as_bytes());
        arguments
            .map(|(name, value)| {
                let name = String::from_utf8_lossy(&name).into_owned();
                match value {
                    Some(value) => format!("{name}: {}", String::from_utf8_lossy(&value)),
                    None => name,
                }
            })
            .collect()
    }

    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(
            text("a=1&b&&c=&%64+e=%3d%&=f&g==%4"),
            ["a: 1", "b", "c: ", "d e: =%", ": f", "g: =%4"]
        );
        assert!(text("").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_arguments(query in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes: usize = arguments(&query)
                .map(|(name, value)| name.len() + value.map_or(0, |value| value.len()))
                .sum();
            prop_assert!(bytes <= query.len());
        }

        #[test]
        fn what_was_escaped_comes_back(value in prop::collection::vec(any::<u8>(), 0..20)) {
            let escaped: String = value.iter().map(|byte| format!("%{byte:02X}")).collect();
            let query = format!("x={escaped}");
            let found = arguments(query.as_bytes()).next().and_then(|(_, value)| value);
            prop_assert_eq!(found.unwrap(), value);
        }
    }
}
