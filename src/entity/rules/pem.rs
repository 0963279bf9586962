//! Certificates and keys, looked at from outside: a PEM block of the right label around something that has the
//! shape of DER. Whether a certificate is valid, and whether a key fits it, is for the TLS library to say.

use serde_json::Value;

use crate::entity::base64;

/// One or more certificates.
///
/// # Errors
/// What is wrong with the text.
pub fn certificate(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    block(text, |label| {
        matches!(
            label,
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"
        )
    })
    .map_err(|problem| format!("invalid certificate: {problem}"))
}

/// A private key.
///
/// # Errors
/// What is wrong with the text.
pub fn private_key(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    block(text, |label| label.ends_with("PRIVATE KEY"))
        .map_err(|problem| format!("invalid key: {problem}"))
}

/// A public key; a certificate and a private key hold one too.
///
/// # Errors
/// What is wrong with the text.
pub fn public_key(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    block(text, |label| {
        label.ends_with("KEY") || label == "CERTIFICATE"
    })
    .map_err(|_| "invalid key".to_owned())
}

/// Finds the first block with a label that fits.
fn block(text: &str, fits: impl Fn(&str) -> bool) -> Result<(), &'static str> {
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let (label, body) = begun.split_once("-----").ok_or("no end of a PEM label")?;
        let end = format!("-----END {label}-----");
        let (body, after) = body.split_once(&end).ok_or("no end of a PEM block")?;
        if fits(label) {
            // An encrypted key has headers in front, and is no DER that could be read here.
            return if body.contains(':') || is_der(body) {
                Ok(())
            } else {
                Err("no DER in the PEM block")
            };
        }
        rest = after;
    }
    Err("no PEM block of this kind")
}

/// A sequence whose length is that of the bytes.
fn is_der(text: &str) -> bool {
    let digits: String = text.split_ascii_whitespace().collect();
    let Some(bytes) = base64::decode(&digits) else {
        return false;
    };
    match bytes[..] {
        [0x30, short, ..] if short < 0x80 => bytes.len() == usize::from(short) + 2,
        [0x30, 0x81, a, ..] => bytes.len() == usize::from(a) + 3,
        [0x30, 0x82, a, b, ..] => bytes.len() == (usize::from(a) << 8 | usize::from(b)) + 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn a_block_is_known_by_its_label_and_its_shape() {
        // A sequence of three bytes.
        let pem =
            |label: &str| format!("-----BEGIN {label}-----\nMAMCAQU=\n-----END {label}-----\n");
        assert_eq!(certificate(&json!(pem("CERTIFICATE"))), Ok(()));
        assert_eq!(private_key(&json!(pem("EC PRIVATE KEY"))), Ok(()));
        assert_eq!(public_key(&json!(pem("PUBLIC KEY"))), Ok(()));
        assert!(certificate(&json!(pem("PRIVATE KEY"))).is_err());
        assert!(certificate(&json!("x")).is_err());
        let cut = pem("CERTIFICATE").replace("MAMCAQU=", "MAMCAQ==");
        assert!(certificate(&json!(cut)).is_err());
    }
}
