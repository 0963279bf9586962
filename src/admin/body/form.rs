//! `application/x-www-form-urlencoded`, in bodies and in queries.

use percent_encoding::percent_decode;
use serde_json::Value;

/// Most fields of one form or query: a plugin's configuration with all its lists has some hundred.
const FIELDS_MAX: usize = 1_000;

/// The fields in their order. One without `=` has no value at all, which is not the same as an empty one.
pub(in crate::admin) fn pairs(bytes: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let fields = bytes.split(|byte| *byte == b'&');
    let fields: Vec<&[u8]> = fields.filter(|field| !field.is_empty()).collect();
    if fields.len() > FIELDS_MAX {
        return Err(format!("more than {FIELDS_MAX} fields"));
    }
    fields.into_iter().map(pair).collect()
}

fn pair(field: &[u8]) -> Result<(String, Value), String> {
    match field.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            let (name, value) = field.split_at(at);
            let value = text(value.get(1..).unwrap_or_default())?;
            Ok((text(name)?, Value::String(value)))
        }
        None => Ok((text(field)?, Value::Null)),
    }
}

fn text(encoded: &[u8]) -> Result<String, String> {
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect())
        .map_err(|_| "a field is not valid UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::FIELDS_MAX;
    use super::pairs;

    fn read(bytes: &[u8]) -> Result<Vec<(String, Value)>, String> {
        pairs(bytes)
    }

    #[test]
    fn fields_are_decoded() {
        let read = read(b"a=1&&b%5B%5D=x+y%2Bz&c&d=&e=1=2").unwrap();
        let expected = [
            ("a", json!("1")),
            ("b[]", json!("x y+z")),
            ("c", Value::Null),
            ("d", json!("")),
            ("e", json!("1=2")),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_not_utf8_or_too_much_is_refused() {
        assert!(read(b"a=%ff").unwrap_err().contains("UTF-8"));
        assert!(read(b"\xff=1").unwrap_err().contains("UTF-8"));
        assert!(read("a=1&".repeat(FIELDS_MAX).as_bytes()).is_ok());
        assert!(read("a=1&".repeat(FIELDS_MAX + 1).as_bytes()).is_err());
    }
}
