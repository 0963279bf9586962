//! Certificates and private keys, read for real: what a certificate says, and whether a key is its own.

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use aws_lc_rs::signature::ECDSA_P384_SHA384_ASN1_SIGNING;
use aws_lc_rs::signature::ECDSA_P521_SHA512_ASN1_SIGNING;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::signature::KeyPair;
use serde_json::Value;
use x509_parser::parse_x509_certificate;

use super::pem::Block;
use super::pem::blocks;

/// What is known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The SHA-256 of its DER, in lower-case hexadecimal digits.
    pub digest: String,
    /// The kind of its key, as an object identifier.
    pub algorithm: String,
    /// Its public key, as the bits in it.
    public_key: Vec<u8>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// When it ends, in seconds since the Unix epoch.
    pub not_after: i64,
}

/// One certificate, or several that lead to an authority's.
///
/// # Errors
/// What is wrong with the text.
pub fn certificate(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    facts(text).map(drop)
}

/// A private key.
///
/// # Errors
/// What is wrong with the text.
pub fn private_key(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    public_of(text).map(drop)
}

/// What the first certificate of a text says; the others must be certificates too.
///
/// # Errors
/// What is wrong with the text.
pub fn facts(pem: &str) -> Result<Facts, String> {
    let wrong = |what: &str| format!("invalid certificate: {what}");
    let blocks = blocks(pem).map_err(&wrong)?;
    let mut first = None;
    for block in blocks.iter().filter(|block| is_certificate(block)) {
        let facts = read(&block.der).ok_or_else(|| wrong("not a certificate in DER"))?;
        first.get_or_insert(facts);
    }
    first.ok_or_else(|| wrong(NO_CERTIFICATE))
}

/// Whether the private key is that of the first certificate.
///
/// # Errors
/// What is wrong with one of them.
pub fn belong_together(certificate: &str, key: &str) -> Result<bool, String> {
    Ok(facts(certificate)?.public_key == public_of(key)?)
}

fn is_certificate(block: &Block<'_>) -> bool {
    matches!(
        block.label,
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"
    )
}

fn read(der: &[u8]) -> Option<Facts> {
    let (rest, certificate) = parse_x509_certificate(der).ok()?;
    let constraints = certificate.basic_constraints().ok()?;
    let key = certificate.public_key();
    let digest = digest(&SHA256, der);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    rest.is_empty().then(|| Facts {
        digest: digits.collect(),
        algorithm: key.algorithm.algorithm.to_id_string(),
        public_key: key.subject_public_key.data.to_vec(),
        is_authority: constraints.is_some_and(|found| found.value.ca),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

/// The bits of the public key that belongs to a private one.
fn public_of(pem: &str) -> Result<Vec<u8>, String> {
    let wrong = |what: &str| format!("invalid key: {what}");
    let blocks = blocks(pem).map_err(&wrong)?;
    let is_key = |block: &&Block<'_>| block.label.ends_with("PRIVATE KEY");
    let block = blocks.iter().find(is_key).ok_or_else(|| wrong(NO_KEY))?;
    let der = &block.der;
    let public = match block.label {
        "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der).ok().map(bits),
        "EC PRIVATE KEY" => elliptic(der),
        "PRIVATE KEY" => rsa::KeyPair::from_pkcs8(der)
            .ok()
            .map(bits)
            .or_else(|| elliptic(der))
            .or_else(|| {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .ok()
                    .map(bits)
            }),
        _ => return Err(wrong("encrypted, or of a kind that is not supported")),
    };
    public.ok_or_else(|| {
        wrong("no RSA key of 2048 to 8192 bits, nor one of P-256, P-384, P-521 or Ed25519, in DER")
    })
}

fn elliptic(der: &[u8]) -> Option<Vec<u8>> {
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let mut keys = curves
        .into_iter()
        .map(|curve| EcdsaKeyPair::from_private_key_der(curve, der));
    keys.find_map(Result::ok).map(bits)
}

fn bits(key: impl KeyPair) -> Vec<u8> {
    key.public_key().as_ref().to_vec()
}

/// What Kong says of a text without a certificate, in the words of the library that it reads them with.
const NO_CERTIFICATE: &str = "x509.new: error:680008E:asn1 encoding routines:asn1_d2i_read_bio:not enough data:\
    crypto/asn1/a_d2i_fp.c:155:";
/// The same of a key.
const NO_KEY: &str = "pkey.new:load_key: error:1E08010C:DECODER routines:OSSL_DECODER_from_bio:unsupported:\
    crypto/encode_decode/decoder_lib.c:103:";

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! pem {
        ($name:literal) => {
            include_str!(concat!("../../../tests/tls/", $name, ".pem"))
        };
    }

    #[test]
    fn a_certificate_is_read_to_its_end() {
        let facts = facts(pem!("cert")).unwrap();
        // openssl x509 -outform DER | sha256sum
        let digest = "59b6bc67e80aeaab3bf2f45a34d2a693d4c54b0851318dcc8e492bca3f0caf75";
        assert_eq!(facts.digest, digest);
        assert!(facts.is_authority);
        assert_eq!(facts.not_after, 4_949_332_156);
        assert!(!super::facts(pem!("rsa-cert")).unwrap().is_authority);
    }

    #[test]
    fn each_key_fits_its_own_certificate() {
        let keys = [
            (pem!("cert"), pem!("key")),
            (pem!("cert"), pem!("key-sec1")),
            (pem!("rsa-cert"), pem!("rsa-key")),
            (pem!("rsa-cert"), pem!("rsa-key-pkcs1")),
            (pem!("ed25519-cert"), pem!("ed25519-key")),
        ];
        for (certificate, own) in keys {
            assert_eq!(belong_together(certificate, own), Ok(true));
            for (other, key) in keys {
                let fits = other == certificate;
                assert_eq!(belong_together(certificate, key), Ok(fits));
            }
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let certificate = |text: &str| certificate(&text.into()).unwrap_err();
        let key = |text: &str| private_key(&text.into()).unwrap_err();
        assert!(certificate("x").contains("not enough data"));
        assert!(certificate(pem!("key")).contains("not enough data"));
        assert!(key(pem!("cert")).contains("unsupported"));
        // A sequence of three bytes.
        let block =
            |label: &str| format!("-----BEGIN {label}-----\nMAMCAQU=\n-----END {label}-----\n");
        assert!(certificate(&block("CERTIFICATE")).ends_with("not a certificate in DER"));
        let chain = format!("{}{}", pem!("cert"), block("CERTIFICATE"));
        assert!(certificate(&chain).ends_with("not a certificate in DER"));
        assert!(key(&block("PRIVATE KEY")).ends_with("in DER"));
        assert!(key(&block("ENCRYPTED PRIVATE KEY")).contains("encrypted"));
        let cut = pem!("cert").replacen("MII", "MI", 1);
        assert!(certificate(&cut).starts_with("invalid certificate: "));
    }
}
