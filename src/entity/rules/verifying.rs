//! Whether a public key is one for the algorithm that it is given for.

use aws_lc_rs::signature as verify;
use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::signature::VerificationAlgorithm;

use super::pem::blocks;

/// What a key can be for: the names of the algorithms that it verifies, and how it is read.
const SORTS: [(&[&str], &dyn VerificationAlgorithm); 5] = [
    (
        &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        &verify::RSA_PKCS1_2048_8192_SHA256,
    ),
    (&["ES256"], &verify::ECDSA_P256_SHA256_FIXED),
    (&["ES384"], &verify::ECDSA_P384_SHA384_FIXED),
    (&["ES512"], &verify::ECDSA_P521_SHA512_FIXED),
    (&["EdDSA"], &verify::ED25519),
];

/// Whether a public key in PEM is known to be of another sort than an algorithm of JWT takes. One that cannot be told
/// is not.
pub fn is_for_another(algorithm: &str, pem: &str) -> bool {
    let Ok(blocks) = blocks(pem) else {
        return false;
    };
    let is_public = |label: &str| matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY");
    let Some(block) = blocks.iter().find(|block| is_public(block.label)) else {
        return false;
    };
    let mut sorts = SORTS.iter().filter(|(_, sort)| {
        let key = ParsedPublicKey::new(*sort, &block.der);
        key.is_ok()
    });
    let sort = sorts.next();
    sort.is_some_and(|(names, _)| !names.contains(&algorithm))
}
