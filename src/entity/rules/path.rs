//! Paths of services and routes.

use regex_automata::util::syntax;
use serde_json::Value;

use crate::http::path::PathFault;
use crate::http::path::canonicalize;

/// The path of a service, which begins with a slash and has no empty segments.
///
/// # Errors
/// Kong's text.
pub fn path(value: &Value) -> Result<(), String> {
    let Value::String(path) = value else {
        return Ok(());
    };
    if !path.chars().all(is_path_char) {
        return Err(format!(
            "invalid path: '{path}' (characters outside of the reserved list of RFC 3986 found)"
        ));
    }
    match broken_escape(path) {
        Some(escape) => Err(format!("invalid url-encoded value: '{escape}'")),
        None => Ok(()),
    }
}

/// A path of a route: a prefix in normal form, or a regular expression behind `~`.
///
/// # Errors
/// Kong's text.
pub fn router_path(value: &Value) -> Result<(), String> {
    let Value::String(path) = value else {
        return Ok(());
    };
    if let Some(pattern) = path.strip_prefix('~') {
        return regex(pattern);
    }
    if path.chars().all(is_path_char)
        && let Some(escape) = broken_escape(path)
    {
        return Err(format!("invalid url-encoded value: '{escape}'"));
    }
    let mut scratch = Vec::new();
    let normal = match canonicalize(path.as_bytes(), &mut scratch) {
        Ok(normal) => String::from_utf8_lossy(normal),
        Err(PathFault::AboveRoot) => "/".into(),
        Err(fault) => return Err(fault.to_string()),
    };
    if normal == *path {
        return Ok(());
    }
    Err(format!(
        "non-normalized path, consider use '{normal}' instead"
    ))
}

fn is_path_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~%:@!$&'()*+,;=".contains(c)
}

/// The first percent sign without two hexadecimal digits, with what follows.
fn broken_escape(path: &str) -> Option<String> {
    path.match_indices('%').find_map(|(at, _)| {
        let mut after = path.chars().skip(path[..at].chars().count() + 1);
        let is_hex = |c: Option<char>| c.is_some_and(|c| c.is_ascii_hexdigit());
        let whole = is_hex(after.next()) && is_hex(after.next());
        (!whole).then(|| path[at..].chars().take(3).collect())
    })
}

/// Kong compiles with PCRE, whose words it repeats; what PCRE knows and we do not is said in our own.
fn regex(pattern: &str) -> Result<(), String> {
    let config = syntax::Config::new().utf8(false);
    let Err(error) = syntax::parse_with(pattern, &config) else {
        return Ok(());
    };
    let report = error.to_string();
    let problem = report.lines().last().unwrap_or_default();
    let problem = problem.strip_prefix("error: ").unwrap_or(problem);
    let pcre = match problem {
        "unclosed group" => "missing closing parenthesis",
        "unopened group" => "unmatched closing parenthesis",
        "unclosed character class" => "missing terminating ] for character class",
        "repetition operator missing expression" => "quantifier does not follow a repeatable item",
        "incomplete escape sequence, reached end of pattern prematurely" => "\\ at end of pattern",
        problem => return Err(format!("invalid regex: '{pattern}' ({problem})")),
    };
    Err(format!(
        "invalid regex: '{pattern}' (PCRE returned: pcre2_compile() failed: {pcre} in \"{pattern}\")"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn refused(path: &str) -> String {
        router_path(&json!(path)).expect_err("it is refused")
    }

    #[test]
    fn prefixes_are_in_normal_form() {
        for path in ["/", "/a", "/a/", "/\\d+", "/a%2F", "/é"] {
            assert_eq!(router_path(&json!(path)), Ok(()), "{path}");
        }
        assert_eq!(
            refused("/a/../b"),
            "non-normalized path, consider use '/b' instead"
        );
        assert_eq!(
            refused("/%41"),
            "non-normalized path, consider use '/A' instead"
        );
        assert_eq!(refused("/a%2"), "invalid url-encoded value: '%2'");
    }

    #[test]
    fn regexes_are_compiled() {
        assert_eq!(router_path(&json!("~/(?<a>[a-z]+)/\\d$")), Ok(()));
        assert_eq!(
            refused("~/(bad"),
            "invalid regex: '/(bad' (PCRE returned: pcre2_compile() failed: missing closing \
             parenthesis in \"/(bad\")"
        );
        assert!(refused("~/(?=a)").contains("look-around"));
    }

    #[test]
    fn paths_of_services_keep_to_the_characters_of_urls() {
        assert_eq!(path(&json!("/a-b/%20?".trim_end_matches('?'))), Ok(()));
        assert_eq!(
            path(&json!("/a b")),
            Err(
                "invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found)"
                    .into()
            )
        );
    }
}
