//! Names and other words.

use serde_json::Value;

/// A name in ASCII.
///
/// # Errors
/// Kong's text.
pub fn name(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    if text.chars().all(is_name_char) {
        return Ok(());
    }
    Err(format!(
        "invalid value '{text}': it must only contain alphanumeric and '., -, _, ~' characters"
    ))
}

/// A name in any script.
///
/// # Errors
/// Kong's text.
pub fn utf8_name(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    if text.chars().all(|c| is_name_char(c) || !c.is_ascii()) {
        return Ok(());
    }
    Err(format!(
        "invalid value '{text}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
    ))
}

/// A tag.
///
/// # Errors
/// Kong's text.
pub fn tag(value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let fits =
        |c: char| !matches!(c, ',' | '/') && (c == ' ' || c.is_ascii_graphic() || !c.is_ascii());
    if text.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "invalid tag '{text}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
    ))
}

/// The name of a header.
///
/// # Errors
/// Kong's text.
pub fn header_name(value: &Value) -> Result<(), String> {
    token(value, "header")
}

/// The name of a cookie.
///
/// # Errors
/// Kong's text.
pub fn cookie_name(value: &Value) -> Result<(), String> {
    token(value, "cookie")
}

fn token(value: &Value, what: &str) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "bad {what} name '{text}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
    ))
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn names_may_be_of_any_script_but_not_hold_spaces() {
        assert_eq!(utf8_name(&json!("pétanque-1.x_~")), Ok(()));
        assert_eq!(
            utf8_name(&json!("bad name!")),
            Err("invalid value 'bad name!': the only accepted ascii characters are alphanumerics or ., -, _, and ~".into())
        );
        assert!(name(&json!("é")).is_err());
    }

    #[test]
    fn tags_may_hold_anything_printable_but_the_separators() {
        assert_eq!(tag(&json!("team one é!")), Ok(()));
        assert!(tag(&json!("a,b")).is_err());
        assert!(tag(&json!("a/b")).is_err());
        assert!(tag(&json!("a\tb")).is_err());
    }

    #[test]
    fn header_names_are_letters_digits_and_dashes() {
        assert_eq!(header_name(&json!("X-Key_1")), Ok(()));
        assert_eq!(
            header_name(&json!("a b")),
            Err("bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'".into())
        );
    }
}
