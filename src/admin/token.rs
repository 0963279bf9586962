//! Tokens of the Admin API: made here, presented in a header, known by their hash alone.
//!
//! A token is 244 random bits, so its SHA-256 cannot be turned back by trying: what a slow hash such as argon2id buys for
//! passwords is already there, and its tens of milliseconds and megabytes would be a way for strangers to keep control
//! busy. Every hash is compared, each in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use uuid::Uuid;

use crate::config::model::AdminToken;

/// What a token begins with, so that those who scan for lost secrets can tell what they found.
const PREFIX: &str = "sbk_";

/// The header that Kong's clients know.
const OWN_HEADER: &str = "kong-admin-token";

/// A new token.
#[derive(Debug)]
pub struct Fresh {
    /// What is presented. It is kept nowhere.
    pub token: String,
    /// What belongs into the configuration.
    pub hash: String,
}

/// Makes a token from the system's randomness.
pub fn fresh() -> Fresh {
    let random = [Uuid::new_v4(), Uuid::new_v4()].map(|id| id.simple().to_string());
    let token = format!("{PREFIX}{}", random.concat());
    let digits = hash(&token).map(|byte| format!("{byte:02x}"));
    Fresh {
        hash: format!("sha256:{}", digits.concat()),
        token,
    }
}

/// The token that a request presents, if it does.
pub(super) fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(OWN_HEADER) {
        return value.to_str().ok();
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The known token that this is.
pub(super) fn known<'t>(tokens: &'t [AdminToken], presented: &str) -> Option<&'t AdminToken> {
    let hash = hash(presented);
    let mut found = None;
    for token in tokens {
        if verify_slices_are_equal(&token.hash, &hash).is_ok() {
            found = Some(token);
        }
    }
    found
}

fn hash(token: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    // A digest of this algorithm has this length.
    digest.as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::HeaderValue;

    use super::fresh;
    use super::known;
    use super::presented;
    use crate::config;

    #[test]
    fn a_fresh_token_is_known_by_what_is_printed_beside_it() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one.token, other.token);
        let text = format!(
            "[admin]\ntokens = [{{ name = \"ci\", role = \"write\", hash = \"{}\" }}]\n",
            one.hash
        );
        let tokens = config::parse_str("x.toml", &text)
            .unwrap()
            .model
            .admin
            .unwrap()
            .tokens;
        assert_eq!(
            known(&tokens, &one.token).map(|token| token.name.as_str()),
            Some("ci")
        );
        assert_eq!(known(&tokens, &other.token), None);
        assert_eq!(known(&tokens, ""), None);
        assert_eq!(known(&[], &one.token), None);
    }

    #[test]
    fn tokens_come_in_either_header() {
        let presented = |name: &'static str, value: &'static str| {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            presented(&headers).map(str::to_owned)
        };
        assert_eq!(presented("authorization", "Bearer x"), Some("x".to_owned()));
        assert_eq!(
            presented("authorization", "bearer  x"),
            Some("x".to_owned())
        );
        assert_eq!(presented("kong-admin-token", "x"), Some("x".to_owned()));
        assert_eq!(presented("authorization", "Basic x"), None);
        assert_eq!(presented("authorization", "x"), None);
        assert_eq!(presented("accept", "x"), None);
    }
}
