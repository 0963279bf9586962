//! The formats, and what has changed between them.

use serde_json::Value;

/// A format of declarative documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.1
    V1,
    /// 2.1
    V2,
    /// 3.0: regex paths begin with `~`.
    V3,
}

impl Version {
    /// The format that `_format_version` names; any minor number of a major one is the same to us.
    ///
    /// # Errors
    /// Kong's text.
    pub fn of(value: Option<&Value>) -> Result<Self, String> {
        let text = match value {
            None => return Err("required field missing".to_owned()),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err("expected a string".to_owned()),
        };
        match text.split('.').next() {
            Some("1") => Ok(Self::V1),
            Some("2") => Ok(Self::V2),
            Some("3") => Ok(Self::V3),
            _ => Err(format!("expected one of: 1.1, 2.1, 3.0, not {text}")),
        }
    }

    /// A route's path as format 3.0 writes it: before it a path was a regex if it did not look like a plain one.
    pub fn path(self, path: &str) -> String {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%:@!$&'()*+,;=".contains(&byte);
        // Of what is legal in a path, Kong takes these for signs of a regex.
        let regex = |byte: u8| b"()*+$".contains(&byte);
        let is_regex = path.bytes().any(|byte| !plain(byte) || regex(byte));
        match self {
            Self::V3 => path.to_owned(),
            Self::V1 | Self::V2 if is_regex && !path.starts_with('~') => format!("~{path}"),
            Self::V1 | Self::V2 => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn old_paths_that_look_like_regexes_become_regexes() {
        for (old, new) in [
            ("/plain/path-1.0_~%20", "/plain/path-1.0_~%20"),
            ("/users/\\d+", "~/users/\\d+"),
            ("/a|/b", "~/a|/b"),
            ("/files/(.*)", "~/files/(.*)"),
            ("/end$", "~/end$"),
        ] {
            assert_eq!(Version::V1.path(old), new);
            assert_eq!(Version::V3.path(old), old);
        }
    }
}
