//! Rules about single values that several plugins' fields share, with Kong's texts.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::patterns::Pattern;

/// A network as Kong spells it: an address alone is itself, and host bits may be set.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

/// An address or a network.
pub(super) fn is_network(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if network(text).is_none() => Err(format!("invalid ip or cidr range: '{text}'")),
        Some(_) | None => Ok(()),
    }
}

/// A regular expression.
pub(super) fn is_regex(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if Pattern::within(text).is_err() => Err(format!("not a valid regex: {text}")),
        Some(_) | None => Ok(()),
    }
}

/// The name of a field.
pub(super) fn is_field_name(value: &Value) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match value.as_str() {
        Some(text) if !text.bytes().all(good) => Err(format!(
            "bad header name '{text}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
        )),
        Some(_) | None => Ok(()),
    }
}

/// A status that can end an exchange. Kong takes those below 200 too; a client would go on waiting after one
/// (RFC 9110 section 15.2).
pub(super) fn is_final_status(value: &Value) -> Result<(), String> {
    match value.as_i64() {
        Some(status) if status < 200 => Err("value should be between 200 and 599".to_owned()),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_and_networks_are_told_from_other_texts() {
        for good in [
            "10.0.0.1",
            "10.0.0.1/8",
            "::1",
            "2001:db8::/32",
            "::ffff:1.2.3.4",
        ] {
            assert_eq!(is_network(&json!(good)), Ok(()), "{good}");
        }
        for bad in [
            "300.1.1.1",
            "10.0.0.0/33",
            "10.0.0",
            "",
            "localhost",
            "::/129",
        ] {
            let said = format!("invalid ip or cidr range: '{bad}'");
            assert_eq!(is_network(&json!(bad)), Err(said));
        }
    }

    #[test]
    fn other_rules_say_what_kong_says() {
        assert_eq!(is_regex(&json!("a+(b|c)")), Ok(()));
        assert_eq!(
            is_regex(&json!("(evil")),
            Err("not a valid regex: (evil".into())
        );
        assert_eq!(is_field_name(&json!("X-Request_Id2")), Ok(()));
        assert_eq!(
            is_field_name(&json!("X Y")),
            Err("bad header name 'X Y', allowed characters are A-Z, a-z, 0-9, '_', and '-'".into())
        );
        assert!(is_final_status(&json!(199)).is_err());
        assert!(is_final_status(&json!(200)).is_ok());
    }
}
