//! Base64 as clients send it: with or without padding, in either alphabet where a token may have either.

use ::base64::Engine;
use ::base64::alphabet;
use ::base64::engine::DecodePaddingMode;
use ::base64::engine::GeneralPurpose;
use ::base64::engine::GeneralPurposeConfig;

/// The bytes of a text in the usual alphabet.
pub(in crate::plugin) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The bytes of a text in the alphabet for URLs or in the usual one, as Kong takes the parts of tokens.
pub(in crate::plugin) fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    if memchr::memchr2(b'+', b'/', text).is_none() {
        return URL.decode(text).ok();
    }
    let standard = |&byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let text: Vec<u8> = text.iter().map(standard).collect();
    decode(&text)
}

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_alphabet_are_free() {
        assert_eq!(decode(b"YWw6cHc=").unwrap(), b"al:pw");
        assert_eq!(decode(b"YWw6cHc").unwrap(), b"al:pw");
        assert_eq!(decode(b"!!!"), None);
        assert_eq!(decode(b"-_8="), None);
        for text in [&b"-_8"[..], b"-_8=", b"+/8", b"+/8=", b"-/8"] {
            assert_eq!(decode_url(text).unwrap(), [0xfb, 0xff]);
        }
        assert_eq!(decode_url(b""), Some(Vec::new()));
        assert_eq!(decode_url(b"a"), None);
    }
}
