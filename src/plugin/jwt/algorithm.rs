//! The algorithms that tokens are signed with (RFC 7518 section 3, RFC 8037), and the keys that verify them.
//!
//! Which one is used is the credential's to say; a token that names another is refused before it gets here. There is no
//! `none`.

use aws_lc_rs::hmac;
use aws_lc_rs::signature as verify;
use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::signature::VerificationAlgorithm;

use crate::plugin::auth::base64;

/// A way to verify a signature.
#[derive(Clone, Copy)]
pub(super) enum Algorithm {
    /// With a secret that both sides know.
    Secret(hmac::Algorithm),
    /// With a public key.
    Public(&'static dyn VerificationAlgorithm),
}

/// Why a signature is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// The key is none for the algorithm.
    Key,
    /// It is another signature.
    Signature,
}

impl Algorithm {
    /// The algorithm with this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Secret(hmac::HMAC_SHA256),
            "HS384" => Self::Secret(hmac::HMAC_SHA384),
            "HS512" => Self::Secret(hmac::HMAC_SHA512),
            "RS256" => Self::Public(&verify::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Self::Public(&verify::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Self::Public(&verify::RSA_PKCS1_2048_8192_SHA512),
            "ES256" => Self::Public(&verify::ECDSA_P256_SHA256_FIXED),
            "ES384" => Self::Public(&verify::ECDSA_P384_SHA384_FIXED),
            "ES512" => Self::Public(&verify::ECDSA_P521_SHA512_FIXED),
            "PS256" => Self::Public(&verify::RSA_PSS_2048_8192_SHA256),
            "PS384" => Self::Public(&verify::RSA_PSS_2048_8192_SHA384),
            "PS512" => Self::Public(&verify::RSA_PSS_2048_8192_SHA512),
            "EdDSA" => Self::Public(&verify::ED25519),
            _ => return None,
        })
    }

    /// Verifies a signature with a secret, or with a public key in PEM.
    pub(super) fn verify(
        self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Mismatch> {
        match self {
            Self::Secret(algorithm) => {
                let key = hmac::Key::new(algorithm, key);
                hmac::verify(&key, message, signature).map_err(|_| Mismatch::Signature)
            }
            Self::Public(algorithm) => {
                let der = der_of(key).ok_or(Mismatch::Key)?;
                let key = ParsedPublicKey::new(algorithm, der).map_err(|_| Mismatch::Key)?;
                let verified = key.verify_sig(message, signature);
                verified.map_err(|_| Mismatch::Signature)
            }
        }
    }
}

/// What the first public key in a PEM text holds (RFC 7468).
fn der_of(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let mut lines = text.lines().map(str::trim);
    let label = lines
        .by_ref()
        .find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .filter(|label| matches!(*label, "PUBLIC KEY" | "RSA PUBLIC KEY"))?;
    let mut encoded = String::new();
    for line in lines {
        if line.strip_prefix("-----END ") == Some(&format!("{label}-----")) {
            return base64::decode(encoded.as_bytes());
        }
        encoded.push_str(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::proptest;

    #[test]
    fn a_pem_text_holds_a_public_key_or_nothing() {
        let pem = "noise\n-----BEGIN PUBLIC KEY-----\r\n  YWJj\nZGVm\n-----END PUBLIC KEY-----\n";
        assert_eq!(der_of(pem.as_bytes()).unwrap(), b"abcdef");
        for other in [
            pem.replace("PUBLIC", "PRIVATE"),
            pem.replace("END", "FIN"),
            pem.replace("YWJj", "!"),
            pem.replace("-----END PUBLIC KEY", "-----END RSA PUBLIC KEY"),
            String::new(),
        ] {
            assert_eq!(der_of(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_key_is_too_strange(key in any::<Vec<u8>>(), body in "[A-Za-z0-9+/=\n]{0,80}", signature in any::<Vec<u8>>()) {
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
            for name in ["HS256", "RS256", "ES512", "PS384", "EdDSA"] {
                let algorithm = Algorithm::of(name).unwrap();
                prop_assert!(algorithm.verify(&key, b"m", &signature).is_err());
                prop_assert!(algorithm.verify(pem.as_bytes(), b"m", &signature).is_err());
            }
        }
    }
}
