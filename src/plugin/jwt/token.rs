//! A token (RFC 7515, RFC 7519) taken apart: three parts, two of them JSON, nothing verified yet.

use serde_json::Map;
use serde_json::Value;

use crate::plugin::auth::base64;

use super::algorithm::Algorithm;

/// A token's parts.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// What is signed: header and claims as received.
    pub(super) signed: &'a [u8],
    header: Map<String, Value>,
    claims: Map<String, Value>,
    pub(super) signature: Vec<u8>,
}

/// What is wrong with a token, in Kong's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    Json,
    Algorithm,
    Claims,
    Signature,
}

impl Bad {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "invalid JSON",
            Self::Algorithm => "invalid alg",
            Self::Claims => "invalid claims",
            Self::Signature => "invalid signature",
        }
    }
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, Bad> {
        let first = memchr::memchr(b'.', token).ok_or(Bad::Json)?;
        let (header, rest) = (&token[..first], &token[first + 1..]);
        let second = memchr::memchr(b'.', rest).ok_or(Bad::Json)?;
        let (claims, signature) = (&rest[..second], &rest[second + 1..]);
        let (header, claims) = (json(header)?, json(claims)?);
        let Value::Object(header) = header else {
            return Err(Bad::Algorithm);
        };
        let algorithm = header.get("alg").and_then(Value::as_str);
        algorithm.and_then(Algorithm::of).ok_or(Bad::Algorithm)?;
        let Value::Object(claims) = claims else {
            return Err(Bad::Claims);
        };
        Ok(Self {
            signed: &token[..first + 1 + second],
            header,
            claims,
            signature: base64::decode_url(signature).ok_or(Bad::Signature)?,
        })
    }

    /// The algorithm that it says it is signed with.
    pub(super) fn algorithm(&self) -> &str {
        let algorithm = self.header.get("alg").and_then(Value::as_str);
        algorithm.unwrap_or_default()
    }

    /// A claim, or what the header has under this name.
    pub(super) fn find(&self, name: &str) -> Option<&Value> {
        let is_there = |value: &&Value| **value != Value::Bool(false);
        let claim = self.claims.get(name).filter(is_there);
        claim.or_else(|| self.header.get(name).filter(is_there))
    }

    /// A claim that is a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.claims.get(name).and_then(Value::as_f64)
    }
}

fn json(part: &[u8]) -> Result<Value, Bad> {
    let text = base64::decode_url(part).ok_or(Bad::Json)?;
    serde_json::from_slice(&text).map_err(|_| Bad::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::Engine;
    use ::base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::any;
    use proptest::proptest;

    fn parse(header: &str, claims: &str, signature: &str) -> Result<String, Bad> {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let token = format!("{header}.{claims}.{signature}");
        Token::parse(token.as_bytes()).map(|token| token.algorithm().to_owned())
    }

    #[test]
    fn what_is_wrong_is_told_as_kong_does() {
        let good = r#"{"alg":"HS256"}"#;
        assert_eq!(parse(good, "{}", "").unwrap(), "HS256");
        assert_eq!(parse(good, "{}", "a"), Err(Bad::Signature));
        assert_eq!(parse(good, "{}", "aaaa.aaaa"), Err(Bad::Signature));
        assert_eq!(parse(good, "1", ""), Err(Bad::Claims));
        assert_eq!(parse(good, "{", ""), Err(Bad::Json));
        for header in [
            "{}",
            "[]",
            "1",
            r#"{"alg":"none"}"#,
            r#"{"alg":1}"#,
            r#"{"alg":"hs256"}"#,
        ] {
            assert_eq!(parse(header, "{}", ""), Err(Bad::Algorithm), "{header}");
        }
        for token in ["", ".", "..", "a.b.c", "e30.e30", "e30"] {
            assert_eq!(
                Token::parse(token.as_bytes()).err(),
                Some(Bad::Json),
                "{token}"
            );
        }
    }

    #[test]
    fn json_that_is_too_deep_is_no_json() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(parse(r#"{"alg":"HS256"}"#, &deep, ""), Err(Bad::Json));
    }

    #[test]
    fn claims_come_before_the_header() {
        let token = [
            r#"{"alg":"HS256","iss":"h","kid":"k","x":"h"}"#,
            r#"{"iss":"c","x":false,"exp":1.5,"nbf":"1"}"#,
        ]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".")
            + ".";
        let token = Token::parse(token.as_bytes()).unwrap();
        assert_eq!(token.find("iss").unwrap(), "c");
        assert_eq!(token.find("kid").unwrap(), "k");
        assert_eq!(token.find("x").unwrap(), "h");
        assert_eq!(token.find("y"), None);
        assert_eq!(token.number("exp"), Some(1.5));
        assert_eq!(token.number("nbf"), None);
    }

    proptest! {
        #[test]
        fn no_token_is_too_strange(noise in any::<Vec<u8>>(), text in "[A-Za-z0-9_.=-]{0,60}", parts in any::<[Vec<u8>; 2]>()) {
            let [header, claims] = parts.map(|part| URL_SAFE_NO_PAD.encode(part));
            let encoded = format!("{header}.{claims}.x");
            for token in [&noise[..], text.as_bytes(), encoded.as_bytes()] {
                let _ = Token::parse(token);
            }
        }
    }
}
