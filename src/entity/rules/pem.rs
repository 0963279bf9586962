//! PEM: blocks of DER with a label.

use serde_json::Value;

use crate::entity::base64;

/// A block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// What stands between `BEGIN` and the hyphens.
    pub(super) label: &'a str,
    /// Its bytes; none of an old encrypted key, which has headers in front.
    pub(super) der: Vec<u8>,
}

/// Every block of a text, in order.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, &'static str> {
    let (mut blocks, mut rest) = (Vec::new(), text);
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let (label, body) = begun.split_once("-----").ok_or("no end of a PEM label")?;
        let end = format!("-----END {label}-----");
        let (body, after) = body.split_once(&end).ok_or("no end of a PEM block")?;
        let digits: String = body.split_ascii_whitespace().collect();
        let der = match body.contains(':') {
            true => Vec::new(),
            false => base64::decode(&digits).ok_or("no base64 in a PEM block")?,
        };
        blocks.push(Block { label, der });
        rest = after;
    }
    Ok(blocks)
}

/// A public key; a certificate and a private key hold one too. It is looked at from outside: the plugin that uses it
/// says what it can use.
///
/// # Errors
/// What is wrong with the text.
pub fn public_key(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let fits = |block: &Block<'_>| {
        let is_key = block.label.ends_with("KEY") || block.label == "CERTIFICATE";
        is_key && is_der(&block.der)
    };
    let found = blocks(text).is_ok_and(|blocks| blocks.iter().any(fits));
    found.then_some(()).ok_or_else(|| "invalid key".to_owned())
}

/// A sequence whose length is that of the bytes.
fn is_der(bytes: &[u8]) -> bool {
    match *bytes {
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
    fn blocks_have_labels_and_bytes() {
        // A sequence of three bytes.
        let pem =
            |label: &str| format!("-----BEGIN {label}-----\nMAMCAQU=\n-----END {label}-----\n");
        let text = pem("A") + "between\n" + &pem("B C");
        let found = blocks(&text).unwrap();
        assert_eq!((found[0].label, found[1].label), ("A", "B C"));
        assert_eq!(found[1].der, [0x30, 3, 2, 1, 5]);
        assert_eq!(public_key(&json!(pem("PUBLIC KEY"))), Ok(()));
        assert!(public_key(&json!(pem("DATA"))).is_err());
        let cut = pem("PUBLIC KEY").replace("MAMCAQU=", "MAMCAQ==");
        assert!(public_key(&json!(cut)).is_err());
        for wrong in [
            "-----BEGIN A",
            "-----BEGIN A-----\nMAMCAQU=\n",
            "-----BEGIN A-----\n!\n-----END A-----",
        ] {
            assert!(blocks(wrong).is_err(), "{wrong}");
        }
        assert!(blocks("x").unwrap().is_empty());
    }
}
