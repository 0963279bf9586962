//! `silverback token new`: a token of the Admin API, and the lines of the configuration that know it.

use std::io;
use std::io::Write;

use super::cli::Format;
use super::cli::TokenRole;
use crate::admin;

/// Makes a token and prints it.
///
/// # Errors
/// Those of `out`.
pub fn print(name: &str, role: TokenRole, format: Format, out: &mut impl Write) -> io::Result<()> {
    let admin::Fresh { token, hash } = admin::fresh();
    let role = match role {
        TokenRole::Read => "read",
        TokenRole::Write => "write",
    };
    match format {
        Format::Text => {
            writeln!(out, "{token}\n")?;
            writeln!(
                out,
                "# Keep the token above: it is shown only once. This belongs into the configuration:"
            )?;
            // TOML's basic strings are JSON's.
            let name = serde_json::Value::from(name);
            writeln!(
                out,
                "[[admin.tokens]]\nname = {name}\nrole = \"{role}\"\nhash = \"{hash}\""
            )
        }
        Format::Json => {
            let fields =
                serde_json::json!({ "token": token, "name": name, "role": role, "hash": hash });
            writeln!(out, "{fields}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::print;
    use crate::app::cli::Format;
    use crate::app::cli::TokenRole;
    use crate::config;

    #[test]
    fn what_is_printed_belongs_into_the_configuration_as_it_stands() {
        let mut out = Vec::new();
        print("the \"ci\"", TokenRole::Read, Format::Text, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (token, section) = text.split_once('\n').unwrap();
        assert!(token.starts_with("sbk_") && token.len() == 68, "{token}");
        let model = config::parse_str("x.toml", &format!("[admin]\n{section}"))
            .unwrap()
            .model;
        assert_eq!(model.admin.unwrap().tokens[0].name, "the \"ci\"");
    }
}
